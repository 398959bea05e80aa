//! `docent slack manifest`: what to paste where a Slack app is made.

use anyhow::ensure;
use clap::{Args, Subcommand};
use docent_core::config::{Config, SlackMode};

use super::Ended;
use super::terminal::say;
use crate::slack::manifest::manifest;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the manifest of the Slack app, to paste at api.slack.com/apps ("From a manifest")
    Manifest {
        /// Where Slack reaches docent, with https (otherwise the one of `server.public_url`). Not for Socket Mode
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// For Socket Mode: no address is needed (otherwise as slack.mode says)
        #[arg(long)]
        socket: bool,
        /// What the app is called in Slack
        #[arg(long, default_value = "docent")]
        name: String,
    },
}

pub(super) fn run(mut config: Config, arguments: Arguments) -> anyhow::Result<Ended> {
    let What::Manifest { url, socket, name } = arguments.what;
    if socket {
        config.slack.mode = SlackMode::Socket;
    }
    let url = url.unwrap_or_else(|| config.server.public_url.clone());
    let url = url.trim_end_matches('/');
    ensure!(
        config.slack.mode == SlackMode::Socket || url.starts_with("https://"),
        "Slack sends events to an https address only: give it with --url https://docent.example.com (or \
         server.public_url), or take --socket, which needs none"
    );
    let suggestions = &config.server.suggestions;
    let manifest = manifest(&config.slack, &name, url, suggestions);
    say(serde_json::to_string_pretty(&manifest)?);
    Ok(Ended::Done)
}
