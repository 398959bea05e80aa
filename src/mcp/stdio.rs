//! `docent mcp`: a client's calls over standard input and output, each done where the data are: by the
//! `docent serve` that owns the data folder, or here. A client leaves this running for days, so nothing is
//! held open between calls: another command can have the folder, and a `serve` that comes or goes breaks
//! nothing. Without a folder to own (Postgres and Qdrant are servers), the parts stay open.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use docent_core::app::App;
use docent_core::config::Config;
use rmcp::ErrorData;
use rmcp::model::CallToolResult;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::tools::{self, ToolCall};
use super::{Progress, cancelled, unless_cancelled};
use crate::commands::{Access, close, open};
use crate::owner::client::OwnerClient;
use crate::owner::socket::terminal;
use crate::server::problem::Problem;
use crate::server::{AppState, Service};

/// How long a turn that was stopped may take to write down what it cost.
const LAST_RECORDS: Duration = Duration::from_secs(5);

/// The way of this process's calls to the tools.
#[derive(Clone)]
pub(crate) struct Stdio(Arc<Inner>);

struct Inner {
    config: Config,
    open: Mutex<Open>,
    calls: TaskTracker,
    stopping: CancellationToken,
}

/// What this process has opened, and how many calls need it.
#[derive(Default)]
struct Open {
    service: Option<AppState>,
    users: usize,
}

/// Who does a call.
enum Doer {
    Owner(OwnerClient),
    Here(AppState),
}

impl Stdio {
    pub(crate) fn new(config: Config) -> Self {
        Self(Arc::new(Inner {
            config,
            open: Mutex::default(),
            calls: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }))
    }

    pub(super) async fn call(
        &self,
        call: ToolCall,
        progress: Progress,
        stop: &CancellationToken,
    ) -> Result<CallToolResult, ErrorData> {
        let (inner, stop) = (Arc::clone(&self.0), stop.clone());
        // What was opened is closed, whatever becomes of whoever waits.
        let calling = self
            .0
            .calls
            .spawn(async move { Box::pin(inner.call(call, progress, &stop)).await });
        calling
            .await
            .unwrap_or_else(|error| Err(ErrorData::internal_error(error.to_string(), None)))
    }

    /// Stops the calls under way and closes what is open.
    pub(crate) async fn close(&self) {
        self.0.stopping.cancel();
        self.0.calls.close();
        self.0.calls.wait().await;
        let mut open = self.0.open.lock().await;
        if let Some(service) = open.service.take() {
            shut(service).await;
        }
    }
}

impl Inner {
    async fn call(
        &self,
        call: ToolCall,
        progress: Progress,
        stop: &CancellationToken,
    ) -> Result<CallToolResult, ErrorData> {
        let stop = [stop, &self.stopping];
        let doer = match unless_cancelled(Box::pin(self.enter()), &stop).await {
            None => return Err(cancelled()),
            Some(Err(error)) => return Ok(failed(&error)),
            Some(Ok(doer)) => doer,
        };
        match doer {
            Doer::Owner(owner) => {
                let work = owner.tool(&call, |step| progress.tell(step));
                let done = unless_cancelled(work, &stop).await.ok_or_else(cancelled)?;
                Ok(done.unwrap_or_else(|error| failed(&error)))
            }
            Doer::Here(service) => {
                let caller = terminal(&service.app);
                let work = tools::call(&service, caller, call, &progress);
                let done = unless_cancelled(work, &stop).await.ok_or_else(cancelled);
                drop(service);
                self.leave().await;
                done
            }
        }
    }

    async fn enter(&self) -> anyhow::Result<Doer> {
        let mut open_now = self.open.lock().await;
        if let Some(service) = &open_now.service {
            let service = Arc::clone(service);
            open_now.users += 1;
            return Ok(Doer::Here(service));
        }
        let app = match open(self.config.clone(), "mcp").await? {
            Access::Owner(owner) => return Ok(Doer::Owner(owner)),
            Access::Own(app) => app,
        };
        let service = Arc::new(Service::new(*app)?);
        if let Err(error) = service.app.load_terms().await {
            tracing::warn!(%error, "the terms' rarity could not be read");
        }
        *open_now = Open {
            service: Some(Arc::clone(&service)),
            users: 1,
        };
        Ok(Doer::Here(service))
    }

    async fn leave(&self) {
        let mut open = self.open.lock().await;
        open.users -= 1;
        let keeps_others_out = App::needs_ownership(&self.config);
        if open.users == 0
            && keeps_others_out
            && let Some(service) = open.service.take()
        {
            shut(service).await;
        }
    }
}

async fn shut(service: AppState) {
    service.live.finish(LAST_RECORDS).await;
    close(service).await;
}

/// What kept a call from being done at all, as its result.
fn failed(error: &anyhow::Error) -> CallToolResult {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    tools::failed(&Problem::new(status, "unavailable", format!("{error:#}")))
}
