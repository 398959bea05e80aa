//! `docent serve`: the chat service until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use docent_core::app::{App, OpenError};
use docent_core::config::Config;
use docent_core::data_folder::DataFolder;
use docent_core::ledger::Origin;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use uuid::Uuid;

use super::Ended;
use crate::server::{Service, public_url, serve};

/// How long a short command may hold the data folder before `serve` gives up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether a run, here or in another process, has changed the index.
const LOOK: Duration = Duration::from_secs(5);
/// How often the rarity of terms is read again although no run has ended: one may be under way.
const TERMS_EVERY: Duration = Duration::from_mins(1);

pub(super) async fn run(config: Config) -> anyhow::Result<Ended> {
    let service = open(config, Origin::Person).await?;
    listen(service, |url| tracing::info!("docent listens on {url}")).await?;
    Ok(Ended::Done)
}

/// Opens everything that the service needs; Postgres may come later. `origin` is what its questions count as.
pub(super) async fn open(config: Config, origin: Origin) -> anyhow::Result<Arc<Service>> {
    let data = DataFolder::open(&config.data)?;
    let ownership = if App::needs_ownership(&config) {
        Some(data.own("serve", PATIENCE).await?)
    } else {
        None
    };
    let app = Box::pin(App::open(config, data, ownership, true)).await?;
    let service = Service {
        origin,
        ..Service::new(app)?
    };
    Ok(Arc::new(service))
}

/// Listens, tells the address, and serves until SIGINT or SIGTERM.
pub(super) async fn listen(
    service: Arc<Service>,
    started: impl FnOnce(&str),
) -> anyhow::Result<()> {
    let server = &service.app.config.server;
    let listener = TcpListener::bind((server.host.as_str(), server.port))
        .await
        .with_context(|| {
            format!(
                "cannot listen on {}:{}; is another docent running? DOCENT_SERVER__PORT chooses \
                 another port",
                server.host, server.port
            )
        })?;
    let port = listener.local_addr()?.port();
    started(&public_url(&service.app.config, port));

    let ready = tokio::spawn(keep_ready(Arc::clone(&service.app)));
    serve(Arc::clone(&service), listener, stop_signal()).await?;
    ready.abort();
    let _ = ready.await;
    close(service).await;
    Ok(())
}

/// Keeps in memory what questions need: the rarity of terms, and the index as the last run left it. A
/// question that comes first waits for the terms ([`App::know_terms`]).
async fn keep_ready(app: Arc<App>) {
    let mut ready = None;
    let mut read = None;
    loop {
        if let Err(error) = get_ready(&app, &mut ready, &mut read).await {
            tracing::debug!(%error, "what questions need could not be read ahead");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A collection, as a run has left it.
type Seen = Option<(String, Option<Uuid>)>;

/// Reads what a run has changed since it was `ready`, and the terms where that is long ago.
async fn get_ready(
    app: &App,
    ready: &mut Seen,
    read: &mut Option<Instant>,
) -> Result<(), OpenError> {
    let now = match app.index.live().await? {
        Some(name) => {
            let generation = app.index.generation(&name).await?;
            Some((name, generation))
        }
        None => None,
    };
    // First what takes a moment; reading a large index ahead takes seconds.
    if *ready != now || read.is_none_or(|at| at.elapsed() >= TERMS_EVERY) {
        *read = None;
        app.load_terms().await?;
        *read = Some(Instant::now());
    }
    if *ready != now {
        if let Some((name, _)) = &now {
            let bytes = app.index.warm(name).await?;
            tracing::debug!(collection = %name, bytes, "the index is in memory");
        }
        *ready = now;
    }
    Ok(())
}

/// Gives back what this process holds, and closes the parts.
pub(crate) async fn close(service: Arc<Service>) {
    give_leases_back(&service.app).await;
    service.app.ledger.close().await;
    // The last holders are tasks that end on their own; Postgres stops when the parts are dropped.
    for _ in 0..20 {
        if Arc::strong_count(&service) == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    if let Some(service) = Arc::into_inner(service)
        && let Some(app) = Arc::into_inner(service.app)
    {
        app.close().await;
    }
}

/// What this process holds for runs that it stops in the middle. Left alone, the leases expire.
pub(super) async fn give_leases_back(app: &App) {
    let own = docent_core::process::identity();
    if let Err(error) = app.ledger.release_leases_of(&own).await {
        tracing::debug!(%error, "leases could not be given back; they expire");
    }
}

/// Waits for SIGINT (Ctrl-C) or SIGTERM.
pub(super) async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupt => {}
        () = terminate => {}
    }
}
