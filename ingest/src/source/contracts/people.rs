//! Who answers for a contract or product, where to ask, and how far it may be relied on.

use docent_core::document::Status;
use serde_json::Value;

use super::shape::{CustomProperty, Member, Support, Team, Text, said};
use crate::source::prose::{and, code, one_line, sentence};

/// The owner as metadata.
#[derive(Debug, Clone, Default)]
pub(super) struct Owner {
    pub(super) name: Option<String>,
    pub(super) slack: Option<String>,
    pub(super) email: Option<String>,
}

impl Owner {
    /// The team by its name, else the member whose role is owner, else nobody.
    pub(super) fn of(team: Option<&Team>, support: &[Support]) -> Self {
        let owner = team.and_then(|team| present(team).find(|member| is_owner(member)));
        let by_team = team.and_then(|team| said(team.name.as_ref()));
        let name = by_team.or_else(|| owner.and_then(called));
        let address = owner
            .and_then(|member| said(member.username.as_ref()))
            .filter(|username| username.contains('@'));
        Self {
            name: name.map(str::to_owned),
            slack: support.iter().find_map(slack),
            email: support
                .iter()
                .find_map(mail)
                .or_else(|| address.map(str::to_owned)),
        }
    }
}

/// Members who have not left.
fn present(team: &Team) -> impl Iterator<Item = &Member> {
    team.members
        .iter()
        .filter(|member| said(member.date_out.as_ref()).is_none())
}

fn is_owner(member: &Member) -> bool {
    said(member.role.as_ref()).is_some_and(|role| role.to_lowercase().contains("owner"))
}

fn called(member: &Member) -> Option<&str> {
    said(member.name.as_ref()).or_else(|| said(member.username.as_ref()))
}

fn slack(support: &Support) -> Option<String> {
    let channel = said(support.channel.as_ref())?;
    let is_slack =
        said(support.tool.as_ref()).is_some_and(|tool| tool.eq_ignore_ascii_case("slack"));
    (is_slack && (channel.starts_with('#') || channel.starts_with('@'))).then(|| channel.to_owned())
}

fn mail(support: &Support) -> Option<String> {
    let address = said(support.url.as_ref())?.strip_prefix("mailto:")?;
    Some(address.split('?').next().unwrap_or(address).to_owned())
}

/// Sentences about the team and its support.
pub(super) fn sentences(subject: &str, team: Option<&Team>, support: &[Support]) -> Vec<String> {
    let subject = code(subject);
    let mut sentences = Vec::new();
    if let Some(team) = team {
        if let Some(name) = said(team.name.as_ref()) {
            sentences.push(format!("{subject} is owned by {name}, its owner to ask."));
        } else if let Some(owner) = present(team)
            .find(|member| is_owner(member))
            .and_then(called)
        {
            sentences.push(format!("{subject} is owned by {owner}, its owner to ask."));
        }
        if let Some(description) = said(team.description.as_ref()) {
            sentences.push(sentence(&one_line(description)));
        }
        let members: Vec<String> = present(team).filter_map(member).collect();
        if !members.is_empty() {
            sentences.push(format!("The team of {subject}: {}.", and(&members)));
        }
    }
    for support in support {
        let Some(channel) = said(support.channel.as_ref()).or_else(|| said(support.url.as_ref()))
        else {
            continue;
        };
        let tool =
            said(support.tool.as_ref()).map_or_else(String::new, |tool| format!(" ({tool})"));
        let url = said(support.url.as_ref())
            .filter(|url| *url != channel)
            .map_or_else(String::new, |url| format!(", {url} "));
        let scope =
            said(support.scope.as_ref()).map_or_else(String::new, |scope| format!(", for {scope}"));
        let about = said(support.description.as_ref())
            .map_or_else(String::new, |text| format!(": {}", one_line(text)));
        sentences.push(sentence(&format!(
            "Support for {subject} is at {channel}{tool}{url}{scope}{about}"
        )));
    }
    sentences
}

fn member(member: &Member) -> Option<String> {
    let name = called(member)?;
    let details: Vec<&str> = [
        said(member.role.as_ref()),
        said(member.description.as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect();
    Some(if details.is_empty() {
        name.to_owned()
    } else {
        format!("{name} ({})", one_line(&details.join(", ")))
    })
}

/// Deprecated or retired by its status; certified by a tag or custom property of that name.
pub(super) fn standing(
    status: Option<&str>,
    tags: &[Text],
    custom: &[CustomProperty],
) -> Option<Status> {
    let status = status.unwrap_or_default().to_lowercase();
    let says = |name: &str| {
        tags.iter()
            .any(|tag| tag.as_str().eq_ignore_ascii_case(name))
            || custom.iter().any(|custom| {
                let key = custom.property.as_str().to_lowercase();
                match &custom.value {
                    Value::Bool(flag) => *flag && key == name,
                    Value::String(value) => {
                        let value = value.to_lowercase();
                        (key == name && value == "true")
                            || (key.starts_with("certif") && value == name)
                    }
                    _ => false,
                }
            })
    };
    if matches!(status.as_str(), "deprecated" | "retired") || says("deprecated") {
        Some(Status::Deprecated)
    } else if status == "certified" || says("certified") {
        Some(Status::Certified)
    } else {
        None
    }
}
