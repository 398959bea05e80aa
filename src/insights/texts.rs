//! What of questions and answers a page may show: `insights.texts`.

use std::borrow::Cow;

use docent_core::config::{Config, Texts};
use docent_core::redaction::Redactor;
use uuid::Uuid;

/// The rule, as the configuration sets it.
pub(super) struct Reading {
    texts: Texts,
    redactor: Option<Redactor>,
}

impl Reading {
    pub(super) fn of(config: &Config) -> Self {
        let redactor = if config.insights.texts == Texts::Redacted {
            // Also where nothing is redacted for models; loading the configuration has read the patterns.
            let mut rules = config.redaction.clone();
            rules.enabled = true;
            Redactor::new(&rules).ok().flatten()
        } else {
            None
        };
        Self {
            texts: config.insights.texts,
            redactor,
        }
    }

    /// Whether there is any text to be seen.
    pub(super) fn any(&self) -> bool {
        match self.texts {
            Texts::All => true,
            Texts::Redacted => self.redactor.is_some(),
            Texts::None => false,
        }
    }

    /// A text as it may be shown; `None`: not at all.
    pub(super) fn shown<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        match (&self.texts, &self.redactor) {
            (Texts::All, _) => Some(Cow::Borrowed(text)),
            (Texts::Redacted, Some(redactor)) => Some(redactor.redact(text)),
            _ => None,
        }
    }

    /// A question, or, without its text, what tells it from others.
    pub(super) fn question(&self, text: &str, key: Uuid) -> String {
        match self.shown(text) {
            Some(text) => text.into_owned(),
            None => format!("question {}", &key.simple().to_string()[..8]),
        }
    }
}
