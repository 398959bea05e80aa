//! Who does the work of a command: this process, or the one that owns the data folder.

use std::time::Duration;

use docent_core::app::App;
use docent_core::config::Config;
use docent_core::data_folder::DataFolder;

use crate::owner::client::OwnerClient;

/// How long a command waits for another short one to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// The way to the parts.
pub enum Access {
    /// This process opened them.
    Own(Box<App>),
    /// A running `docent serve` did.
    Owner(OwnerClient),
}

/// Opens the parts, or finds the process that has.
pub async fn open(config: Config, command: &str) -> anyhow::Result<Access> {
    let data = DataFolder::open(&config.data)?;
    if !App::needs_ownership(&config) {
        let app = Box::pin(App::open(config, data, None, false)).await?;
        return Ok(Access::Own(Box::new(app)));
    }
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let ownership = loop {
        match data.try_own(command)? {
            Ok(ownership) => break ownership,
            Err(_) if tokio::time::Instant::now() >= deadline => {
                break data.own(command, Duration::ZERO).await?;
            }
            Err(_) => {
                if let Some(owner) = OwnerClient::connect(&data.private_socket()?).await {
                    return Ok(Access::Owner(owner));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    let app = Box::pin(App::open(config, data, Some(ownership), false)).await?;
    Ok(Access::Own(Box::new(app)))
}
