//! The roles of the one binary, each in a file of its own.

pub mod ask;
pub mod backup;
mod demo;
pub mod doctor;
pub mod eval;
pub mod ingest;
mod init;
pub mod key;
mod log;
mod mcp;
mod migrate;
mod open;
pub mod purge;
pub mod report;
mod serve;
mod slack;
mod terminal;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use docent_core::config::{self, Config, Overrides};
use docent_core::process;

pub use open::{Access, open};
pub(crate) use serve::close;

/// Answers questions about your data products from your own documents.
#[derive(Debug, Parser)]
#[command(name = "docent", version, max_term_width = 100)]
struct Cli {
    /// The configuration file (otherwise docent.toml in the current folder, where there is one)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder: index, private Postgres, spool
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ingest the demo documents and serve the chat page
    Demo(demo::Arguments),
    /// Write a starter docent.toml
    Init(init::Arguments),
    /// Bring the index up to date with the sources
    Ingest(ingest::Arguments),
    /// Serve the chat page and the API
    Serve,
    /// Take one document out everywhere, for good
    Purge(purge::Arguments),
    /// Ask a question in the terminal
    Ask(ask::Arguments),
    /// Serve docent's tools to an assistant or an editor, by MCP on standard input and output
    Mcp,
    /// Make, list and revoke the keys of programs
    Key(key::Arguments),
    /// Measure what is found and answered against a question set
    Eval(eval::Arguments),
    /// What the Slack app is made from
    Slack(slack::Arguments),
    /// Say what the last days brought: use, gaps, cost, ingest
    Report(report::Arguments),
    /// Check every part and say what is wrong, with the way out
    Doctor,
    /// Bring the ledger's tables up to date
    Migrate,
    /// Write ledger and index to one file
    Backup(backup::Arguments),
    /// Read ledger and index from a backup into an empty docent
    Restore(backup::Arguments),
    /// Read risky files for the docent that started it
    #[command(hide = true)]
    ExtractWorker,
}

/// What a command came to, as the exit code tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// 0
    Done,
    /// 1: done, and something was left out or is wrong.
    WithFailures,
}

/// Runs the command of the command line.
pub fn main() -> ExitCode {
    // Two TLS providers are in the tree; rustls wants to be told which one to use.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse();
    if let Command::ExtractWorker = cli.command {
        return extract_worker();
    }
    process::raise_file_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::error(&anyhow::Error::from(error));
            return ExitCode::from(2);
        }
    };
    let result = runtime.block_on(run(cli));
    // Threads that still read a pipe or a socket must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match result {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::WithFailures) => ExitCode::from(1),
        Err(error) => {
            terminal::error(&error);
            ExitCode::from(2)
        }
    }
}

/// Before anything else of docent is set up: the less there is in this process, the better.
fn extract_worker() -> ExitCode {
    match docent_ingest::extract::worker::serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let hint = "docent starts this command by itself, over a socket";
            terminal::error(&anyhow::Error::from(error).context(hint));
            ExitCode::from(2)
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<Ended> {
    let overrides = Overrides {
        config: cli.config,
        data: cli.data,
        environment: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
    };
    if let Command::Init(arguments) = &cli.command {
        return init::run(arguments);
    }
    if let Command::Demo(arguments) = &cli.command {
        return Box::pin(demo::run(overrides, arguments)).await;
    }
    let config = config::load(&overrides)?;
    if let Command::Slack(arguments) = cli.command {
        return slack::run(config, arguments);
    }
    let short = !matches!(cli.command, Command::Serve);
    let traces = log::begin(&config, short);
    let ended = Box::pin(command(config, cli.command)).await;
    traces.end().await;
    ended
}

async fn command(config: Config, command: Command) -> anyhow::Result<Ended> {
    match command {
        Command::Serve => Box::pin(serve::run(config)).await,
        Command::Ingest(arguments) => Box::pin(ingest::command(config, arguments)).await,
        Command::Purge(arguments) => Box::pin(purge::command(config, arguments)).await,
        Command::Key(arguments) => Box::pin(key::command(config, arguments)).await,
        Command::Ask(arguments) => Box::pin(ask::command(config, arguments)).await,
        Command::Mcp => Box::pin(mcp::run(config)).await,
        Command::Eval(arguments) => Box::pin(eval::command(config, arguments)).await,
        Command::Report(arguments) => Box::pin(report::command(config, arguments)).await,
        Command::Doctor => Box::pin(doctor::run(config)).await,
        Command::Migrate => Box::pin(migrate::run(config)).await,
        Command::Backup(arguments) => Box::pin(backup::backup(config, arguments)).await,
        Command::Restore(arguments) => Box::pin(backup::restore(config, arguments)).await,
        Command::Slack(_) | Command::Demo(_) | Command::Init(_) | Command::ExtractWorker => {
            Ok(Ended::Done)
        }
    }
}
