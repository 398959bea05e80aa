//! `docent migrate`: brings the ledger's tables up to date.

use docent_core::config::{Config, Migrate};

use super::terminal::say;
use super::{Access, Ended, open};

pub(super) async fn run(mut config: Config) -> anyhow::Result<Ended> {
    config.ledger.migrate = Migrate::Auto;
    match open(config, "migrate").await? {
        Access::Owner(_) => say("a running docent owns the data folder; its tables are up to date"),
        Access::Own(app) => {
            let version = app.ledger.version().await?;
            say(format!("the ledger is at migration {version}"));
            app.close().await;
        }
    }
    Ok(Ended::Done)
}
