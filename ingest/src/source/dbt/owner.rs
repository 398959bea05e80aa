//! Who answers for a resource, and how far it may be relied on.

use chrono::{DateTime, Utc};
use docent_core::document::Status;
use serde_json::{Map, Value};

use super::freshness::parse_time;
use super::lenient::scalar;
use super::manifest::Manifest;
use super::node::Node;

/// A team or person and ways to reach it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) name: Option<String>,
    pub(super) slack: Option<String>,
    pub(super) email: Option<String>,
}

impl Owner {
    /// What `meta` says, then the exposure's owner, then the group's. Contacts that one of them lacks
    /// are taken from the next only where it is the same owner.
    pub(super) fn of(manifest: &Manifest, node: &Node) -> Self {
        let of_meta = node.metas().map(of_meta);
        let of_exposure = of_owner(&node.owner);
        let group = node.group();
        let of_group = manifest
            .groups
            .iter()
            .find(|known| group.is_some() && known.name.as_deref() == group)
            .map(|group| {
                let mut owner = of_owner(&group.owner);
                // A group without a named owner is itself the best name there is.
                owner.name = owner.name.or_else(|| group.name.clone());
                owner
            })
            .unwrap_or_default();
        let mut owner = Self::default();
        for other in of_meta.into_iter().chain([of_exposure, of_group]) {
            owner = owner.or(other);
        }
        // A mail address is better than nobody.
        owner.name = owner
            .name
            .or_else(|| owner.slack.clone())
            .or_else(|| owner.email.clone());
        owner
    }

    fn or(self, other: Self) -> Self {
        let same = match (&self.name, &other.name) {
            (Some(own), Some(other)) => own.eq_ignore_ascii_case(other),
            _ => true,
        };
        if !same {
            return self;
        }
        Self {
            name: self.name.or(other.name),
            slack: self.slack.or(other.slack),
            email: self.email.or(other.email),
        }
    }

    /// `Finance Data (#finance-data, finance@example.com)`; `None`: nobody is known.
    pub(super) fn in_words(&self) -> Option<String> {
        let name = self.name.as_deref()?;
        let ways: Vec<&str> = [self.slack.as_deref(), self.email.as_deref()]
            .into_iter()
            .flatten()
            .filter(|way| *way != name)
            .collect();
        Some(if ways.is_empty() {
            name.to_owned()
        } else {
            format!("{name} ({})", ways.join(", "))
        })
    }
}

/// `meta.owner` as a name, a list of names or an object, and contacts beside it.
fn of_meta(meta: &Map<String, Value>) -> Owner {
    let mut owner = match meta.get("owner").or_else(|| meta.get("owners")) {
        Some(Value::Object(owner)) => of_owner(owner),
        Some(Value::Array(owners)) => {
            let names: Vec<String> = owners
                .iter()
                .filter_map(|owner| match owner {
                    Value::Object(owner) => of_owner(owner).name,
                    other => scalar(other),
                })
                .collect();
            Owner {
                name: (!names.is_empty()).then(|| names.join(", ")),
                ..Owner::default()
            }
        }
        Some(other) => named(scalar(other)),
        None => Owner::default(),
    };
    owner.slack = owner.slack.or_else(|| slack(meta));
    owner.email = owner
        .email
        .or_else(|| first(meta, &["owner_email", "contact_email"]));
    owner
}

fn of_owner(owner: &Map<String, Value>) -> Owner {
    let name = named(first(owner, &["name", "team"]));
    Owner {
        slack: slack(owner).or(name.slack),
        email: first(owner, &["email"]).or(name.email),
        name: name.name,
    }
}

/// A name that is a channel or an address is a contact as well.
fn named(name: Option<String>) -> Owner {
    Owner {
        slack: name.clone().filter(|name| name.starts_with('#')),
        email: name
            .clone()
            .filter(|name| name.contains('@') && !name.starts_with('@') && !name.contains(' ')),
        name,
    }
}

fn slack(map: &Map<String, Value>) -> Option<String> {
    let channel = first(
        map,
        &[
            "owner_slack",
            "slack",
            "slack_channel",
            "slack_channel_name",
        ],
    )?;
    // Written without its mark it would not be taken for a channel.
    let is_plain = channel
        .chars()
        .all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    Some(if is_plain {
        format!("#{channel}")
    } else {
        channel
    })
}

fn first(map: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| map.get(*name).and_then(scalar))
}

/// Certified or deprecated, and since when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) status: Option<Status>,
    /// The date from which a model is or will be deprecated.
    pub(super) deprecated_from: Option<DateTime<Utc>>,
    /// What `meta` says of a replacement.
    pub(super) replaced_by: Option<String>,
}

impl Standing {
    /// A deprecation date, `meta` (`deprecated: true`, `certified: true`, `status: certified` …) and
    /// tags of those names; deprecated wins.
    pub(super) fn of(node: &Node) -> Self {
        let date = node.deprecation_date.as_deref();
        let said = |name: &str| node.metas().iter().any(|meta| says(meta, name));
        let tagged = |name: &str| {
            node.all_tags()
                .iter()
                .any(|tag| tag.eq_ignore_ascii_case(name))
        };
        let holds = |name: &str| said(name) || tagged(name);
        let status = if date.is_some() || holds("deprecated") {
            Some(Status::Deprecated)
        } else if holds("certified") {
            Some(Status::Certified)
        } else {
            None
        };
        Self {
            status,
            deprecated_from: date.and_then(day_or_time),
            replaced_by: node
                .metas()
                .iter()
                .find_map(|meta| first(meta, &["replaced_by", "replacement", "superseded_by"])),
        }
    }
}

fn says(meta: &Map<String, Value>, name: &str) -> bool {
    let flag = meta.get(name).and_then(scalar);
    let by_flag = flag.is_some_and(|flag| !matches!(flag.to_lowercase().as_str(), "false" | "no"));
    by_flag
        || [
            "status",
            "certification",
            "certification_status",
            "lifecycle",
            "data_status",
        ]
        .iter()
        .filter_map(|key| meta.get(*key).and_then(scalar))
        .any(|value| value.eq_ignore_ascii_case(name))
}

fn day_or_time(text: &str) -> Option<DateTime<Utc>> {
    parse_time(text).or_else(|| {
        let day = text.get(..10)?.parse::<chrono::NaiveDate>().ok()?;
        Some(day.and_hms_opt(0, 0, 0)?.and_utc())
    })
}
