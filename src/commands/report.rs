//! `docent report`: what the last days brought, read here or by the process that owns the data folder.

use anyhow::bail;
use chrono::Utc;
use docent_core::app::App;
use docent_core::config::Config;
use serde::{Deserialize, Serialize};

use super::terminal::{safe, say};
use super::{Access, Ended, open};
use crate::report::{self, Report};

/// Longest span, in days.
const LONGEST: u32 = 3660;

/// `docent report`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How far back: a number of days, today included
    #[arg(long, value_name = "DAYS", default_value = "30d")]
    since: String,
    /// Only what concerns documents of this owner
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Print it as JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print it as Markdown
    #[arg(long)]
    markdown: bool,
}

/// What is asked, also over the owner's socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReportRequest {
    pub days: u32,
    pub owner: Option<String>,
}

pub(super) async fn command(config: Config, arguments: Arguments) -> anyhow::Result<Ended> {
    let request = ReportRequest {
        days: days(&arguments.since)?,
        owner: arguments.owner,
    };
    let report = match open(config, "report").await? {
        Access::Owner(owner) => owner.report(&request).await?,
        Access::Own(app) => {
            let report = run(&app, &request).await;
            app.close().await;
            report?
        }
    };
    if arguments.json {
        say(serde_json::to_string_pretty(&report)?);
    } else if arguments.markdown {
        say(safe(report::markdown(&report).trim_end()));
    } else {
        say(safe(&report::text(&report)));
    }
    Ok(Ended::Done)
}

/// Reads it over opened parts.
pub async fn run(app: &App, request: &ReportRequest) -> anyhow::Result<Report> {
    app.ledger.flush().await;
    let until = report::tomorrow(Utc::now());
    Ok(report::read(app, until, request.days, request.owner.clone()).await?)
}

/// `30d`, `4w`.
fn days(since: &str) -> anyhow::Result<u32> {
    let (number, unit) =
        since.split_at(since.len() - since.chars().last().map_or(0, char::len_utf8));
    let days = match (number.parse::<u32>(), unit) {
        (Ok(number), "d") => Some(number),
        (Ok(number), "w") => number.checked_mul(7),
        _ => None,
    };
    match days {
        Some(days) if (1..=LONGEST).contains(&days) => Ok(days),
        _ => bail!("--since {since}: write a number of days (30d) or weeks (4w), up to ten years"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_of_days_or_weeks() {
        assert_eq!(days("30d").unwrap(), 30);
        assert_eq!(days("4w").unwrap(), 28);
        for wrong in ["", "d", "0d", "30", "-3d", "1y", "99999d", "한"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
