//! `docent mcp`: docent's tools for an assistant or an editor on this machine, on standard input and output.
//! Nothing but the protocol goes to standard output.

use docent_core::config::Config;
use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;

use super::Ended;
use super::serve::stop_signal;
use crate::mcp::Server;
use crate::mcp::stdio::Stdio;

pub(super) async fn run(config: Config) -> anyhow::Result<Ended> {
    let stdio = Stdio::new(config);
    let serving = Server::Stdio(stdio.clone()).serve(rmcp::transport::stdio());
    let ended = tokio::select! {
        ended = async {
            match Box::pin(serving).await {
                Ok(running) => running.waiting().await.map(drop).map_err(anyhow::Error::from),
                // A client that only looked whether the command is there.
                Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
                Err(error) => Err(error.into()),
            }
        } => ended,
        () = stop_signal() => Ok(()),
    };
    stdio.close().await;
    ended.map(|()| Ended::Done)
}
