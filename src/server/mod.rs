//! The chat service. [`router`] shows every route, by who calls it.

pub(crate) mod access;
mod alerts;
pub(crate) mod answers;
mod chat;
mod conversations;
mod feedback;
mod guard;
mod handoff;
mod health;
mod ingest_runs;
mod knowledge;
mod openai;
mod openapi;
mod page;
pub mod problem;
mod said;
pub(crate) mod sse;
mod told;
mod ui_message;
mod widget;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{delete, get, patch, post};
use docent_core::app::App;
use docent_core::config::Config;
use docent_core::ledger::Origin;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::trace::TraceLayer;

pub(crate) use alerts::link as alert_link;
pub(crate) use chat::{Asked, begin, turn};

use crate::chat::live::LiveTurns;
use crate::chat::{Chat, Conversations, Prompts};
use crate::metrics::{self, Metrics};
use crate::notify::Channels;
use crate::slack::{self, Bridge};
use crate::{insights, mcp, owner, retention, runs, traces};

/// How much longer a request with a whole conversation may be than one with a question.
const CONVERSATION: usize = 16;

/// Everything a handler may need.
pub struct Service {
    pub app: Arc<App>,
    pub chat: Arc<Chat>,
    pub live: LiveTurns,
    pub access: access::Access,
    pub(crate) mcp: mcp::Calls,
    /// `None`: Slack is not configured.
    pub slack: Option<Arc<Bridge>>,
    pub(crate) channels: Channels,
    pub metrics: Arc<Metrics>,
    /// What questions that come in count as: people's, unless it is all a demo.
    pub origin: Origin,
    /// Cancelled when the service stops.
    pub stopping: CancellationToken,
}

/// What handlers hold.
pub type AppState = Arc<Service>;

impl Service {
    /// The service over opened parts.
    pub fn new(app: App) -> anyhow::Result<Self> {
        let config = &app.config;
        let counter = docent_core::models::TokenCounter::named(&config.chat.tokenizer)
            .map_err(anyhow::Error::msg)?;
        let chat = Chat {
            prompts: Prompts::load(&config.chat.prompts, counter)?,
            conversations: Conversations::default(),
        };
        let live = LiveTurns::new(
            config.server.max_answers,
            Duration::from_secs(config.server.answer_seconds),
            Duration::from_secs(config.server.resume_seconds),
        );
        let slack = Bridge::new(&app)?;
        let channels = Channels::new(config)?;
        let metrics = Metrics::new();
        let counting = Arc::clone(&metrics);
        app.ledger
            .writer()
            .tap(Box::new(move |record| counting.count(record)));
        Ok(Self {
            app: Arc::new(app),
            chat: Arc::new(chat),
            live,
            access: access::Access::default(),
            mcp: mcp::Calls::default(),
            slack,
            channels,
            metrics,
            origin: Origin::Person,
            stopping: CancellationToken::new(),
        })
    }
}

/// Every route.
pub fn router(service: AppState) -> Router {
    let config = &service.app.config;
    let body_limit = DefaultBodyLimit::max(config.server.max_body_bytes);
    let own = middleware::from_fn_with_state(Arc::clone(&service), guard::own);
    let for_widget = middleware::from_fn_with_state(Arc::clone(&service), guard::widget);
    let traced = |route: &'static str| middleware::from_fn_with_state(route, traces::request);
    // Programs, the chat page, and the widget on pages of others.
    let asking = Router::new()
        .route("/v1/chat", post(chat::ask).route_layer(traced("/v1/chat")))
        .route("/v1/chat/stop", post(chat::stop))
        .route("/v1/conversations", get(conversations::list))
        .route("/v1/conversations/{id}", get(conversations::read))
        .route("/v1/conversations/{id}", patch(conversations::retitle))
        .route("/v1/conversations/{id}", delete(conversations::remove))
        .route("/v1/feedback", post(feedback::rate))
        .route("/v1/handoff", post(handoff::hand_off))
        .route("/v1/sources", get(knowledge::list))
        .route("/v1/sources/{name}", get(knowledge::read))
        .route("/v1/widget/sessions", post(access::widget::begin))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(body_limit)
        .layer(for_widget.clone());
    // Front ends and programs that speak another protocol. They send the whole conversation each time.
    let conversation_limit = DefaultBodyLimit::max(config.server.max_body_bytes * CONVERSATION);
    let front_ends = Router::new()
        .route(
            "/v1/ui-message",
            post(ui_message::ask).route_layer(traced("/v1/ui-message")),
        )
        .route("/v1/ui-message/{chat}/stream", get(ui_message::resume))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(conversation_limit)
        .layer(for_widget.clone());
    let openai = Router::new()
        .route(
            "/v1/chat/completions",
            post(openai::complete).route_layer(traced("/v1/chat/completions")),
        )
        .route("/v1/models", get(openai::models))
        .route("/v1/models/{model}", get(openai::model))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(conversation_limit)
        .layer(for_widget)
        .layer(middleware::from_fn(problem::in_openai_form));
    // Whoever answers for something.
    let answers = Router::new()
        .route("/v1/answers", post(answers::create))
        .route("/v1/answers", get(answers::list))
        .route("/v1/answers/{id}", get(answers::read))
        .route("/v1/answers/{id}", patch(answers::change))
        .route("/v1/answers/{id}", delete(answers::remove))
        .layer(body_limit)
        .layer(own.clone());
    // Orchestrators.
    let runs = Router::new()
        .route("/v1/ingest/runs", post(ingest_runs::start))
        .route("/v1/ingest/runs/{id}", get(ingest_runs::read))
        .layer(body_limit)
        .layer(own.clone());
    // Assistants and editors.
    let tools = Router::new()
        .route("/mcp", post(mcp::http::serve).route_layer(traced("/mcp")))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(own.clone());
    // Whoever was told of an alert.
    let alerts = Router::new()
        .route("/v1/alerts", get(alerts::list))
        .route("/v1/alerts/{id}/acknowledge", post(alerts::acknowledge))
        .route("/v1/alerts/{id}/mute", post(alerts::mute))
        .layer(body_limit)
        .layer(own.clone())
        .route("/alerts/{id}", get(alerts::ask));
    // People.
    let base = config.server.base_path();
    let mut pages = page::routes();
    if !base.is_empty() {
        // Nesting serves `/docent`, but not `/docent/`.
        pages = pages.route(&format!("{base}/"), get(page::index));
    }
    // And the data team.
    let pages = pages
        .merge(knowledge::routes())
        .merge(access::oidc::login::routes())
        .merge(insights::routes().layer(body_limit))
        .layer(own);
    // Pages of others.
    let scripts = widget::routes();
    // Whoever watches over the process.
    let health = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/openapi.json", get(openapi::describe));

    let routes = asking
        .merge(front_ends)
        .merge(openai)
        .merge(answers)
        .merge(runs)
        .merge(tools)
        .merge(alerts)
        .merge(pages)
        .merge(scripts)
        .merge(slack::events::routes(&service))
        .merge(health)
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed);
    served(service, routes)
}

/// Routes as they are served: under the path of the address that people use, and watched.
fn served(service: AppState, routes: Router<AppState>) -> Router {
    let base = service.app.config.server.base_path();
    // A proxy may strip the path that it puts docent under, or leave it.
    let routes = if base.is_empty() {
        routes
    } else {
        Router::new().nest(&base, routes.clone()).merge(routes)
    };
    let observe = middleware::from_fn_with_state(Arc::clone(&service), metrics::observe);
    routes
        .layer(observe)
        .layer(TraceLayer::new_for_http())
        .with_state(service)
}

/// Serves until `shutdown`, then lets open answers finish within `server.shutdown_seconds`. Sources
/// with a schedule are run meanwhile. While this process owns the data folder, other commands are served on its socket.
pub async fn serve(
    service: AppState,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let limit = Duration::from_secs(service.app.config.server.shutdown_seconds);
    let stopping = service.stopping.clone();
    let socket = owner::socket::bind(&service)?;
    let mut tasks = tokio::task::JoinSet::new();
    if let Some(socket) = socket {
        let router = owner::socket::router(Arc::clone(&service));
        let stopping = stopping.clone();
        tasks.spawn(async move {
            axum::serve(socket, router)
                .with_graceful_shutdown(stopping.cancelled_owned())
                .await
        });
    }
    let routes = router(Arc::clone(&service)).into_make_service_with_connect_info::<SocketAddr>();
    let http =
        axum::serve(listener, routes).with_graceful_shutdown(stopping.clone().cancelled_owned());
    tasks.spawn(async move { http.await });

    if let Some(address) = service.app.config.metrics.address() {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("metrics.listen: cannot listen on {address}"))?;
        let router = metrics::router(Arc::clone(&service));
        let stopping = stopping.clone().cancelled_owned();
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopping);
        tasks.spawn(async move { serving.await });
    }

    tokio::spawn(runs::keep_schedules(Arc::clone(&service)));
    tokio::spawn(retention::keep(Arc::clone(&service)));
    tokio::spawn(crate::alerts::keep(Arc::clone(&service)));
    tokio::spawn(insights::keep::keep(Arc::clone(&service)));
    tokio::spawn(runs::keep_answers(Arc::clone(&service)));

    let slack = service.slack.clone();
    let slack = slack.map(|bridge| tokio::spawn(slack::work::run(Arc::clone(&service), bridge)));

    shutdown.await;
    tracing::info!("stopping: open answers may finish");
    service.live.close();
    stopping.cancel();
    let answered_in_slack = async {
        if let Some(working) = slack {
            let _ = tokio::time::timeout(limit + Duration::from_secs(2), working).await;
        }
    };
    tokio::join!(service.live.finish(limit), answered_in_slack);
    // Readers have their last events by now; a connection that lingers is no reason to.
    let _ = tokio::time::timeout(Duration::from_secs(2), async {
        while tasks.join_next().await.is_some() {}
    })
    .await;
    owner::socket::remove(&service.app.data);
    Ok(())
}

/// The address that people use.
pub fn public_url(config: &Config, port: u16) -> String {
    if config.server.public_url.is_empty() {
        let host = match config.server.host.as_str() {
            "0.0.0.0" | "::" => "127.0.0.1",
            host => host,
        };
        if host.contains(':') {
            format!("http://[{host}]:{port}")
        } else {
            format!("http://{host}:{port}")
        }
    } else {
        config.server.public_url.trim_end_matches('/').to_owned()
    }
}
