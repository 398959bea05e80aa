//! Keys and passwords: those that are known by their form, and what is assigned to a name such as
//! `password`. The forms are those that the providers publish for secret scanners.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Forms that are secrets wherever they stand.
const FORMS: [&str; 18] = [
    r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
    r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*",
    r"\bsk-[A-Za-z0-9_\-]*[0-9][A-Za-z0-9_\-]{15,}",
    r"\b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{16,}",
    r"\bgh[pousr]_[A-Za-z0-9]{20,}",
    r"\bgithub_pat_[A-Za-z0-9_]{20,}",
    r"\bglpat-[A-Za-z0-9_\-]{16,}",
    r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}",
    r"\bxapp-[A-Za-z0-9\-]{10,}",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\bAIza[A-Za-z0-9_\-]{35}",
    r"\bya29\.[A-Za-z0-9_\-]{20,}",
    r"\b(?:npm_|hf_)[A-Za-z0-9]{30,}",
    r"\bpypi-[A-Za-z0-9_\-]{30,}",
    r"\bdapi[0-9a-f]{32}\b",
    r"\bSG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",
    r"\bdop_v1_[0-9a-f]{64}\b",
    r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_\-]+",
];

static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&FORMS.join("|")).ok());

/// `://user:password@`.
static IN_ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(://[^\s/@:]*:)([^\s/@]+)(@)").ok());

/// `Authorization: Bearer …`.
static BEARER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(\b(?:bearer|basic)\s+)([A-Za-z0-9._~+/\-]{16,}=*)()").ok());

/// `password = "…"`, `api_key: …`.
static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)((?:password|passwd|passphrase|pwd|secret|api[_\-]?key|access[_\-]?key|"#,
        r#"secret[_\-]?key|private[_\-]?key|token|비밀번호|암호)["'`]?\s*[:=]\s*["'`]?)"#,
        r#"([^\s"'`,;|]{6,})()"#,
    ))
    .ok()
});

/// The text with `[key]` in place of each; `None`: there is none.
pub(super) fn replace(text: &str) -> Option<String> {
    let mut replaced: Option<String> = None;
    if let Some(form) = FORM.as_ref()
        && let Cow::Owned(next) = form.replace_all(text, "[key]")
    {
        replaced = Some(next);
    }
    for (regex, accept) in [
        (&*IN_ADDRESS, any as fn(&str) -> bool),
        (&*BEARER, is_mixed),
        (&*ASSIGNED, is_mixed),
    ] {
        let Some(regex) = regex else {
            continue;
        };
        let shown = replaced.as_deref().unwrap_or(text);
        let next = regex.replace_all(shown, |found: &Captures<'_>| {
            if accept(&found[2]) {
                format!("{}[key]{}", &found[1], &found[3])
            } else {
                found[0].to_owned()
            }
        });
        if let Cow::Owned(next) = next
            && next != shown
        {
            replaced = Some(next);
        }
    }
    replaced
}

fn any(_: &str) -> bool {
    true
}

/// Words are no secrets: `token: required`, `password = ${DB_PASSWORD}`.
fn is_mixed(value: &str) -> bool {
    let is_reference = value.starts_with(['$', '{', '<', '[', '%']);
    let has = |of: fn(&char) -> bool| value.chars().any(|c| of(&c));
    !is_reference && has(char::is_ascii_digit) && has(|c| c.is_alphabetic())
}
