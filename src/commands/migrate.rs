//! `docent migrate`: brings the ledger's tables up to date.

use anyhow::ensure;
use docent_core::config::{Config, Migrate};
use docent_core::ledger::Ledger;

use super::terminal::say;
use super::{Access, Ended, open};

pub(super) async fn run(mut config: Config) -> anyhow::Result<Ended> {
    config.ledger.migrate = Migrate::Auto;
    match open(config, "migrate").await? {
        Access::Owner(owner) => {
            let version = owner.migrate().await?.version;
            let newest = Ledger::newest_migration();
            ensure!(
                version >= newest,
                "the ledger is at migration {version}, which is all that the running docent knows; \
                 this one knows {newest}: stop it and start this one"
            );
            say(format!(
                "the ledger is at migration {version} (a running docent owns the data folder)"
            ));
        }
        Access::Own(app) => {
            let version = app.ledger.version().await;
            app.close().await;
            say(format!("the ledger is at migration {}", version?));
        }
    }
    Ok(Ended::Done)
}
