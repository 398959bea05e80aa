//! The export of a Slack workspace, as a zip or unpacked: a thread is one document, and the messages
//! of a channel and day that are in no thread are one.
//!
//! Public channels have the source's groups. A private channel has those that the configuration
//! names, or is left out (and taken out, where it was in). Direct messages are never read.

mod export;
mod text;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use docent_core::config;
use docent_core::document::{Outcome, text_hash};
use ignore::gitignore::Gitignore;

use self::export::{Channel, Message, User};
use self::text::Directory;
use super::package::Package;
use super::{Content, Context, Form, Found, Listing, Problem, SourceError, walk};
use crate::extract::FrontMatter;

/// Longest title, in characters.
const TITLE: usize = 80;

/// Lists threads and days.
pub(super) async fn list(
    context: &Context<'_>,
    slack: &config::Slack,
) -> Result<Listing, SourceError> {
    let name = context.source.name.clone();
    let refused = move |reason: String| SourceError::Refused { name, reason };
    let export = Export {
        include: walk::globs(context.source, "include", &slack.include)?,
        exclude: walk::globs(context.source, "exclude", &slack.exclude)?,
        groups: context.source.groups.clone(),
        slack: slack.clone(),
        made: context.cache.join("made"),
    };
    tokio::task::spawn_blocking(move || export.list())
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
        .map_err(refused)
}

/// Whether the export can be read.
pub(super) fn check(context: &Context<'_>, slack: &config::Slack) -> Result<String, SourceError> {
    let opened = || {
        let mut package = Package::open(&slack.path)?;
        let channels = package.json::<Vec<Channel>>("channels.json")?;
        let channels = channels.ok_or_else(|| not_an_export(&slack.path))?;
        let path = slack.path.display();
        Ok(format!(
            "{path} can be read, {} public channels",
            channels.len()
        ))
    };
    opened().map_err(|reason| SourceError::Refused {
        name: context.source.name.clone(),
        reason,
    })
}

fn not_an_export(path: &Path) -> String {
    format!(
        "{} has no channels.json; name the zip that Slack exports, or the folder it unpacks to",
        path.display()
    )
}

struct Export {
    slack: config::Slack,
    groups: Vec<String>,
    include: Gitignore,
    exclude: Gitignore,
    /// Where documents are written.
    made: PathBuf,
}

/// A channel that may be read, and by whom.
struct Readable {
    channel: Channel,
    groups: Vec<String>,
}

impl Export {
    fn list(&self) -> Result<Listing, String> {
        std::fs::create_dir_all(&self.made)
            .map_err(|error| format!("cannot write {}: {error}", self.made.display()))?;
        let mut package = Package::open(&self.slack.path)?;
        let mut listing = Listing::default();
        let users: Vec<User> = match package.json("users.json")? {
            Some(users) => users,
            None => package.json("org_users.json")?.unwrap_or_default(),
        };
        let bots: HashSet<String> = users
            .iter()
            .filter(|user| user.is_bot)
            .map(|user| user.id.clone())
            .collect();
        let public: Vec<Channel> = package
            .json("channels.json")?
            .ok_or_else(|| not_an_export(&self.slack.path))?;
        let private: Vec<Channel> = package.json("groups.json")?.unwrap_or_default();
        let directory = Directory {
            people: users
                .iter()
                .map(|user| (user.id.clone(), user.shown()))
                .collect(),
            channels: public
                .iter()
                .chain(&private)
                .map(|channel| (channel.id.clone(), channel.name.clone()))
                .collect(),
        };
        let mut days: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in package.names() {
            if let Some((channel, day)) = name.split_once('/')
                && Path::new(day).extension().is_some_and(|end| end == "json")
                && !day.contains('/')
            {
                days.entry(channel.to_owned()).or_default().push(name);
            }
        }
        let names: HashSet<String> = days.keys().cloned().collect();
        for readable in self.readable(public, private, &names, &mut listing) {
            let Some(files) = days.get(&readable.channel.name) else {
                continue;
            };
            let mut talk = Talk::default();
            let read = files.iter().try_for_each(|file| {
                let messages = package.json::<Vec<serde_json::Value>>(file)?;
                talk.add(messages.unwrap_or_default(), &bots);
                Ok(())
            });
            match read {
                Ok(()) => self.write(&readable, talk, &directory, &mut listing),
                // Threads may go on in that file: the channel stays as it is.
                Err(reason) => listing.problems.push(Problem {
                    path: format!("{}/", readable.channel.name),
                    outcome: Outcome::Failed(reason),
                }),
            }
        }
        Ok(listing)
    }

    /// The channels that are to be read, each with its groups.
    fn readable(
        &self,
        public: Vec<Channel>,
        private: Vec<Channel>,
        folders: &HashSet<String>,
        listing: &mut Listing,
    ) -> Vec<Readable> {
        let mut unknown = folders.clone();
        let mut readable = Vec::new();
        let wanted = |name: &str| {
            !self.exclude.matched(name, false).is_ignore()
                && (self.include.is_empty() || self.include.matched(name, false).is_ignore())
        };
        // A name in both lists is private.
        let hidden: HashSet<String> = private.iter().map(|channel| channel.name.clone()).collect();
        let public = public.into_iter().filter(|one| !hidden.contains(&one.name));
        let channels =
            public
                .map(|channel| (channel, Some(&self.groups)))
                .chain(private.into_iter().map(|channel| {
                    let groups = self.slack.private.get(&channel.name);
                    (channel, groups.filter(|groups| !groups.is_empty()))
                }));
        for (channel, groups) in channels.filter(|(channel, _)| wanted(&channel.name)) {
            unknown.remove(&channel.name);
            if let Some(groups) = groups {
                readable.push(Readable {
                    channel,
                    groups: groups.clone(),
                });
            } else {
                let reason = format!(
                    "permission unknown: a private channel; say who may read it, private = {{ {} = \
                     [\"group\"] }}, or exclude it",
                    channel.name
                );
                withdraw(listing, &channel.name, reason);
            }
        }
        for name in unknown.into_iter().filter(|name| wanted(name)) {
            if is_direct(&name) {
                let kind = "direct messages".to_owned();
                *listing.ignored.entry(kind).or_default() += 1;
                listing.withdrawn.insert(format!("{name}/"));
            } else {
                let reason = "permission unknown: neither channels.json nor groups.json names it";
                withdraw(listing, &name, reason.to_owned());
            }
        }
        readable
    }

    fn write(&self, readable: &Readable, talk: Talk, directory: &Directory, listing: &mut Listing) {
        let channel = &readable.channel;
        for (thread, messages) in talk.threads {
            let title = title(&messages, directory);
            let title = format!("#{}: {title}", channel.name);
            self.document(readable, &thread, title, messages, directory, listing);
        }
        if self.slack.unthreaded {
            for (day, messages) in talk.days {
                let title = format!("#{} on {day}", channel.name);
                self.document(readable, &day, title, messages, directory, listing);
            }
        }
    }

    fn document(
        &self,
        readable: &Readable,
        name: &str,
        title: String,
        mut messages: Vec<Message>,
        directory: &Directory,
        listing: &mut Listing,
    ) {
        messages.sort_by(|a, b| a.ts.cmp(&b.ts));
        messages.dedup_by(|a, b| a.ts == b.ts);
        let path = format!("{}/{name}", readable.channel.name);
        let Some(first) = messages.first() else {
            return;
        };
        let uri = self.permalink(&readable.channel.id, &first.ts);
        let mut markdown = String::new();
        for message in &messages {
            let who = message.user.as_deref().unwrap_or_default();
            let at = message
                .at()
                .map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string());
            markdown.push_str(&format!(
                "**{}** ({}):\n\n{}\n\n",
                directory.person(who),
                at.unwrap_or_default(),
                text::markdown(&message.text, directory)
            ));
            for file in &message.files {
                let name = file.name.as_deref().unwrap_or("a file");
                match &file.permalink {
                    Some(link) => markdown.push_str(&format!("Attached: [{name}]({link})\n\n")),
                    None => markdown.push_str(&format!("Attached: {name}\n\n")),
                }
            }
        }
        let file = self.made.join(format!("{}.md", text_hash(&path)));
        if let Err(error) = std::fs::write(&file, &markdown) {
            let outcome = Outcome::Failed(format!("cannot be kept: {error}"));
            listing.problems.push(Problem { path, outcome });
            return;
        }
        listing.found.push(Found {
            path,
            bytes: markdown.len() as u64,
            content: Content::Kept(file, Form::Made),
            given: Some(Box::new(FrontMatter {
                title: Some(title),
                uri,
                groups: Some(readable.groups.clone()),
                updated_at: messages.last().and_then(Message::at),
                ..FrontMatter::default()
            })),
        });
    }

    fn permalink(&self, channel: &str, ts: &str) -> Option<String> {
        let workspace = self.slack.workspace.trim_end_matches('/');
        (!workspace.is_empty())
            .then(|| format!("{workspace}/archives/{channel}/p{}", ts.replace('.', "")))
    }
}

/// A channel's messages, by what they become.
#[derive(Default)]
struct Talk {
    threads: BTreeMap<String, Vec<Message>>,
    days: BTreeMap<String, Vec<Message>>,
}

impl Talk {
    fn add(&mut self, messages: Vec<serde_json::Value>, bots: &HashSet<String>) {
        for message in messages {
            // What is no message as documented is none that a person wrote.
            let Ok(message) = serde_json::from_value::<Message>(message) else {
                continue;
            };
            if !message.is_said(|user| bots.contains(user)) {
                continue;
            }
            if let Some(thread) = message.thread().map(str::to_owned) {
                self.threads.entry(thread).or_default().push(message);
            } else if let Some(at) = message.at() {
                let day = at.format("%Y-%m-%d").to_string();
                self.days.entry(day).or_default().push(message);
            }
        }
    }
}

/// The first line that says something.
fn title(messages: &[Message], directory: &Directory) -> String {
    let first = messages
        .iter()
        .min_by(|a, b| a.ts.cmp(&b.ts))
        .map(|message| text::words(&message.text, directory))
        .unwrap_or_default();
    if first.chars().count() <= TITLE {
        return first;
    }
    let cut: String = first.chars().take(TITLE).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{} …", cut[..end].trim_end())
}

/// Slack names the folders of direct messages by their ids (`D…`), those of several people `mpdm-…`.
fn is_direct(folder: &str) -> bool {
    let is_id = folder.len() >= 9
        && folder.starts_with('D')
        && folder
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    is_id || folder.starts_with("mpdm-")
}

fn withdraw(listing: &mut Listing, channel: &str, reason: String) {
    listing.withdrawn.insert(format!("{channel}/"));
    listing.problems.push(Problem {
        path: channel.to_owned(),
        outcome: Outcome::Skipped(reason),
    });
}
