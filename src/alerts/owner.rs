//! Whom an alert is addressed to: the owner in the metadata, or else the fallback.

use docent_core::config::Config;
use docent_core::index::Payload;

use crate::notify::{Recipient, reachable};

/// What `addressed_to` says where no owner can be reached.
pub(crate) const FALLBACK: &str = "fallback";

/// An owner as the metadata have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) owner: Option<String>,
    pub(crate) slack: Option<String>,
    pub(crate) email: Option<String>,
}

impl Contact {
    /// The owner of a configured source.
    pub(crate) fn of_source(config: &Config, name: &str) -> Self {
        let source = config.sources.iter().find(|source| source.name == name);
        source.map_or_else(Self::default, |source| Self {
            owner: source.owner.clone(),
            slack: source.owner_slack.clone(),
            email: source.owner_email.clone(),
        })
    }

    /// The owner of a document: as the index has it, or else as it was last cited (`owner`), or else of its
    /// source.
    pub(crate) fn of_document(
        config: &Config,
        payload: Option<&Payload>,
        owner: Option<&str>,
        source: &str,
    ) -> Self {
        let own = payload.map(|payload| Self {
            owner: payload.owner.clone(),
            slack: payload.owner_slack.clone(),
            email: payload.owner_email.clone(),
        });
        let cited = || {
            let owner = owner.filter(|owner| !owner.is_empty())?;
            let known = Self::of_source(config, source);
            if known.owner.as_deref() == Some(owner) {
                return Some(known);
            }
            Some(Self {
                owner: Some(owner.to_owned()),
                ..Self::default()
            })
        };
        own.filter(|own| *own != Self::default())
            .or_else(cited)
            .unwrap_or_else(|| Self::of_source(config, source))
    }

    /// What they are called.
    pub(crate) fn name(&self) -> Option<&str> {
        let known = [&self.owner, &self.slack, &self.email];
        known.into_iter().find_map(|known| known.as_deref())
    }

    /// The addresses that they can be reached at now; none: they cannot.
    pub(crate) fn recipients(&self, config: &Config) -> Vec<String> {
        let named = self
            .owner
            .as_ref()
            .and_then(|owner| config.notify.owners.get(owner));
        if let Some(named) = named {
            let named: Vec<String> = named
                .iter()
                .filter(|one| reachable(config, one))
                .cloned()
                .collect();
            if !named.is_empty() {
                return named;
            }
        }
        let own = |kind: &String| match kind.as_str() {
            "slack" => self
                .slack
                .as_deref()
                .map(|to| Recipient::Slack(to.to_owned())),
            "mail" => {
                let domains = &config.notify.mail_domains;
                let may = |mail: &&str| {
                    let domain = mail.rsplit('@').next().unwrap_or_default();
                    domains.is_empty() || domains.iter().any(|one| one.eq_ignore_ascii_case(domain))
                };
                let mail = self.email.as_deref().filter(may)?;
                Some(Recipient::Mail(mail.to_owned()))
            }
            _ => None,
        };
        let kinds = config.notify.prefer.iter();
        let first = kinds.filter_map(own).find(|to| to.reaches_owners(config));
        first.map(|to| to.to_string()).into_iter().collect()
    }

    /// The name and the addresses that an alert is sent to.
    pub(crate) fn addressed(&self, config: &Config) -> (String, Vec<String>) {
        let own = self.recipients(config);
        match self.name() {
            Some(name) if !own.is_empty() => (name.to_owned(), own),
            _ => (FALLBACK.to_owned(), fallback(config)),
        }
    }
}

/// The addresses of the fallback that something is configured for.
pub(crate) fn fallback(config: &Config) -> Vec<String> {
    let all = config.notify.fallback.iter();
    all.filter(|one| reachable(config, one)).cloned().collect()
}
