//! `docent init`: a starter configuration.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use docent_core::config::DEFAULTS;

use super::Ended;
use super::terminal::say;

/// `docent init`
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to write it
    #[arg(default_value = "docent.toml")]
    file: PathBuf,
    /// Print every setting with its default instead of writing a file
    #[arg(long)]
    all: bool,
}

const STARTER: &str = r##"# docent's configuration. `docent init --all` prints every setting with its default.

[[source]]
name = "docs"
kind = "folder"
path = "docs"
groups = ["everyone"]
# owner = "data-platform"
# owner_slack = "#data-help"
# owner_email = "data@example.com"
# uri = "https://docs.example.com/{path}"

# A chat model: set OPENAI_API_KEY, or name any server that speaks the OpenAI API.
# [chat]
# base_url = "http://localhost:11434/v1"
# model = "llama3.2"
"##;

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Ended> {
    if arguments.all {
        say(DEFAULTS.trim_end());
        return Ok(Ended::Done);
    }
    let path = arguments.file.display();
    let mut file = match std::fs::File::create_new(&arguments.file) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{path} is there already; nothing was changed")
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {path}")),
    };
    file.write_all(STARTER.as_bytes())
        .with_context(|| format!("cannot write {path}"))?;
    say(format!(
        "wrote {path}: set the source's path in it, then run `docent ingest` and `docent serve`"
    ));
    Ok(Ended::Done)
}
