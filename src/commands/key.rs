//! `docent key`: the keys of programs, made, listed and revoked here or in the process that owns the
//! data folder.

use anyhow::{Context, bail};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, SubsecRound, Utc};
use docent_core::app::App;
use docent_core::config::Config;
use docent_core::ledger::{Act, ApiKey, Audit, Role};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::terminal::say;
use super::{Access, Ended, open};
use crate::chat::turn::TERMINAL;
use crate::server::access::NewKey;

/// `docent key`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    task: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    /// Make a key; it is shown once
    Create {
        /// Whose it is: letters, digits, `-`, `_` and `.`
        name: String,
        /// A group whose documents it may read (again for more)
        #[arg(long = "group", value_name = "GROUP", default_value = "everyone")]
        groups: Vec<String>,
        /// `user` asks; `admin` starts runs as well
        #[arg(long, value_name = "ROLE", default_value = "user")]
        role: String,
        /// When it ends: a number of days (90d) or a date (2027-01-31)
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
    },
    /// Show the keys that there are
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// End a key, at once
    Revoke {
        /// Its name, or its first characters as `docent key list` shows them
        key: String,
    },
}

/// What is asked, also over the owner's socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRequest {
    Create {
        name: String,
        groups: Vec<String>,
        role: Role,
        expires_at: Option<DateTime<Utc>>,
    },
    List,
    Revoke(String),
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// The key itself is here and nowhere else.
    Created {
        key: String,
        shown: ApiKey,
    },
    /// Another key has this name.
    NameTaken,
    Listed(Vec<ApiKey>),
    Revoked(Vec<ApiKey>),
}

pub(super) async fn command(config: Config, arguments: Arguments) -> anyhow::Result<Ended> {
    let (request, as_json) = request(arguments.task)?;
    let done = match open(config, "key").await? {
        Access::Owner(owner) => owner.key(&request).await?,
        Access::Own(app) => {
            let done = run(&app, &request).await;
            app.close().await;
            done?
        }
    };
    show(&request, done, as_json)?;
    Ok(Ended::Done)
}

fn request(task: Subcommand) -> anyhow::Result<(KeyRequest, bool)> {
    Ok(match task {
        Subcommand::Create {
            name,
            groups,
            role,
            expires,
        } => {
            let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
            anyhow::ensure!(
                !name.is_empty() && name.chars().count() <= 100 && name.chars().all(fits),
                "a key's name has up to 100 letters, digits, `-`, `_` and `.`"
            );
            anyhow::ensure!(
                groups.iter().all(|group| !group.trim().is_empty()),
                "a group has a name; `--group everyone` is what all may read"
            );
            let role = match role.as_str() {
                "user" => Role::User,
                "admin" => Role::Admin,
                other => bail!("there is no role `{other}`; there are `user` and `admin`"),
            };
            let expires_at = expires.map(|when| end(&when, Utc::now())).transpose()?;
            let create = KeyRequest::Create {
                name,
                groups,
                role,
                expires_at,
            };
            (create, false)
        }
        Subcommand::List { json } => (KeyRequest::List, json),
        Subcommand::Revoke { key } => (KeyRequest::Revoke(key), false),
    })
}

/// The moment that `90d` or `2027-01-31` (its end, UTC) means.
fn end(when: &str, now: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
    let days = when
        .strip_suffix('d')
        .and_then(|days| days.parse::<u32>().ok());
    let end = match days {
        Some(days) => now.checked_add_days(Days::new(days.into())),
        None => when
            .parse::<NaiveDate>()
            .ok()
            .and_then(|day| day.checked_add_days(Days::new(1)))
            .map(|day| day.and_time(NaiveTime::MIN).and_utc()),
    };
    let end = end.with_context(|| {
        format!("--expires {when}: write a number of days (90d) or a date (2027-01-31)")
    })?;
    anyhow::ensure!(end > now, "--expires {when} is over already");
    Ok(end)
}

/// Does it over opened parts.
pub async fn run(app: &App, request: &KeyRequest) -> anyhow::Result<Done> {
    let ledger = &app.ledger;
    let note = |act, key: &ApiKey| {
        let target = format!("{} {}", key.name, key.prefix);
        ledger.writer().write(Audit::now(TERMINAL, act, target));
    };
    match request {
        KeyRequest::List => Ok(Done::Listed(ledger.keys().await?)),
        KeyRequest::Revoke(named) => {
            let revoked = ledger.revoke_key(named).await?;
            for key in &revoked {
                note(Act::KeyRevoked, key);
            }
            Ok(Done::Revoked(revoked))
        }
        KeyRequest::Create {
            name,
            groups,
            role,
            expires_at,
        } => {
            let new = NewKey::make();
            let shown = ApiKey {
                id: Uuid::now_v7(),
                name: name.clone(),
                prefix: new.prefix,
                groups: groups.clone(),
                role: *role,
                // As precise as Postgres keeps it.
                created_at: Utc::now().trunc_subsecs(6),
                expires_at: *expires_at,
                revoked_at: None,
            };
            if !ledger.create_key(&shown, &new.hash).await? {
                return Ok(Done::NameTaken);
            }
            note(Act::KeyCreated, &shown);
            Ok(Done::Created {
                key: new.key,
                shown,
            })
        }
    }
}

fn show(request: &KeyRequest, done: Done, as_json: bool) -> anyhow::Result<()> {
    match done {
        Done::Created { key, shown } => {
            say(&key);
            super::terminal::note(format!(
                "the key of {} is shown this once; send it as `Authorization: Bearer KEY`. It reads \
                 what {} may read.",
                shown.name,
                shown.groups.join(", ")
            ));
        }
        Done::NameTaken => {
            let KeyRequest::Create { name, .. } = request else {
                bail!("the running docent is of another version; restart it");
            };
            bail!(
                "there is a key named `{name}`; revoke it first (`docent key revoke {name}`), or \
                 choose another name"
            );
        }
        Done::Listed(keys) if as_json => say(serde_json::to_string_pretty(&keys)?),
        Done::Listed(keys) if keys.is_empty() => {
            say("there are no keys; `docent key create NAME` makes one");
        }
        Done::Listed(keys) => keys.iter().for_each(|key| say(line(key, Utc::now()))),
        Done::Revoked(keys) if keys.is_empty() => {
            bail!("no key that could be revoked is called that; `docent key list` shows them")
        }
        Done::Revoked(keys) => {
            for key in keys {
                say(format!(
                    "revoked {} ({}…); a process that has just seen it takes it for five seconds more",
                    key.name, key.prefix
                ));
            }
        }
    }
    Ok(())
}

fn line(key: &ApiKey, now: DateTime<Utc>) -> String {
    let role = match key.role {
        Role::User => "user",
        Role::Admin => "admin",
    };
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", at.format("%Y-%m-%d")),
        (None, Some(at)) if at <= now => format!("expired {}", at.format("%Y-%m-%d")),
        (None, Some(at)) => format!("until {}", at.format("%Y-%m-%d")),
        (None, None) => "no end".to_owned(),
    };
    format!(
        "{}…  {}  {role}  {}  made {}  {state}",
        key.prefix,
        key.name,
        key.groups.join(","),
        key.created_at.format("%Y-%m-%d")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_number_of_days_or_a_day() {
        let now: DateTime<Utc> = "2026-11-26T13:00:00Z".parse().unwrap();
        let shown = |when: &str| end(when, now).map(|end| end.to_rfc3339());
        assert_eq!(shown("90d").unwrap(), "2027-02-24T13:00:00+00:00");
        assert_eq!(shown("2026-11-26").unwrap(), "2026-11-27T00:00:00+00:00");
        insta::assert_snapshot!(shown("2026-11-25").unwrap_err(), @"--expires 2026-11-25 is over already");
        insta::assert_snapshot!(shown("soon").unwrap_err(), @"--expires soon: write a number of days (90d) or a date (2027-01-31)");
    }
}
