//! Redaction: mail addresses, phone numbers, keys, and patterns of one's own are taken out of a text
//! before it is sent to a model that is not local. What is stored, searched by words and quoted is
//! the text as it stands.

mod local;
mod phone;
mod secret;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use crate::config::{ConfigError, Redaction};
use crate::document::text_hash;
pub use local::is_local;

/// Raise it when the built-in patterns change: what was embedded is embedded anew then.
const VERSION: u32 = 1;

/// Local part and domain with a dot in it (RFC 5322 allows more, people write this).
static MAIL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"[\p{L}\p{N}._%+\-]+@(?:[\p{L}\p{N}](?:[\p{L}\p{N}\-]*[\p{L}\p{N}])?\.)+[\p{L}]{2,}",
    )
    .ok()
});

/// What is taken out. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Redactor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    mail: bool,
    phone: bool,
    keys: bool,
    /// Name and pattern.
    own: Vec<(String, Regex)>,
    everywhere: bool,
    local_hosts: Vec<String>,
    fingerprint: String,
}

impl Redactor {
    /// Builds what the settings describe; `None`: nothing is redacted. The error names the pattern
    /// that cannot be read.
    pub fn new(settings: &Redaction) -> Result<Option<Self>, ConfigError> {
        let mut own = Vec::new();
        let mut fingerprint = format!(
            "{VERSION} {} {} {}",
            settings.mail, settings.phone, settings.keys
        );
        for (name, pattern) in &settings.patterns {
            let regex = Regex::new(pattern).map_err(|error| {
                ConfigError(format!(
                    "redaction.patterns.{name} is no regular expression: {error}"
                ))
            })?;
            if regex.is_match("") {
                return Err(ConfigError(format!(
                    "redaction.patterns.{name} = \"{pattern}\" matches nothing at all, and so everywhere"
                )));
            }
            let _ = write!(fingerprint, "\n{name}={pattern}");
            own.push((name.clone(), regex));
        }
        if !settings.enabled {
            return Ok(None);
        }
        Ok(Some(Self(Arc::new(Inner {
            mail: settings.mail,
            phone: settings.phone,
            keys: settings.keys,
            own,
            everywhere: settings.everywhere,
            local_hosts: settings.local_hosts.clone(),
            fingerprint: text_hash(&fingerprint)[..12].to_owned(),
        }))))
    }

    /// Whether texts for this server are redacted; an empty address is a provider's own.
    pub fn is_for(&self, base_url: &str) -> bool {
        self.0.everywhere || !is_local(base_url, &self.0.local_hosts)
    }

    /// Tells rules apart: vectors of texts that were redacted otherwise do not fit together.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// The text without what is to be taken out: `[key]`, `[mail]`, `[phone]`, or the name of the
    /// pattern stands in its place.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        if self.0.keys {
            text = over(text, secret::replace);
        }
        for (name, regex) in &self.0.own {
            text = over(text, |text| {
                let replaced =
                    regex.replace_all(text, |_: &regex::Captures<'_>| format!("[{name}]"));
                match replaced {
                    Cow::Borrowed(_) => None,
                    Cow::Owned(text) => Some(text),
                }
            });
        }
        if self.0.mail {
            text = over(text, mail);
        }
        if self.0.phone {
            text = over(text, phone::replace);
        }
        text
    }
}

/// A step that answers `None` where it changes nothing.
fn over(text: Cow<'_, str>, step: impl FnOnce(&str) -> Option<String>) -> Cow<'_, str> {
    match step(&text) {
        Some(changed) => Cow::Owned(changed),
        None => text,
    }
}

fn mail(text: &str) -> Option<String> {
    if !text.contains('@') {
        return None;
    }
    match MAIL.as_ref()?.replace_all(text, "[mail]") {
        Cow::Borrowed(_) => None,
        Cow::Owned(text) => Some(text),
    }
}

/// Replaces what a pattern finds and `accept` agrees to: it answers how many of the bytes that were
/// found are replaced, and is shown the text and where they begin.
fn replace_accepted(
    text: &str,
    regex: &Regex,
    with: &str,
    accept: impl Fn(&str, std::ops::Range<usize>) -> Option<std::ops::Range<usize>>,
) -> Option<String> {
    let mut replaced: Option<String> = None;
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = regex.find_at(text, at) {
        if let Some(range) = accept(text, found.range()) {
            let out = replaced.get_or_insert_with(String::new);
            out.push_str(&text[copied..range.start]);
            out.push_str(with);
            copied = range.end;
            at = range.end.max(found.start() + 1);
        } else {
            at = found.start() + 1;
        }
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    let mut replaced = replaced?;
    replaced.push_str(&text[copied..]);
    Some(replaced)
}

#[cfg(test)]
mod tests;
