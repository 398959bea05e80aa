//! Metadata at the head of a document: YAML between `---` lines or TOML between `+++` lines.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use docent_core::document::{Curated, EVERYONE, Outcome, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest front matter that is parsed, in bytes; a longer one is taken for malformed.
const MAX_BYTES: usize = 65_536;
/// Sections whose keys count as if they stood at the top: where Zola and Hugo put keys of one's own.
const SECTIONS: [&str; 3] = ["docent", "extra", "params"];

/// What a document says about itself (unknown keys are passed over), or what its source knows about
/// it; see [`FrontMatter::over`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FrontMatter {
    pub title: Option<String>,
    pub asset: Option<String>,
    pub owner: Option<String>,
    pub owner_slack: Option<String>,
    pub owner_email: Option<String>,
    /// Who may read it; never empty. `None`: the source's groups hold.
    pub groups: Option<Vec<String>>,
    pub status: Option<Status>,
    /// `updated_at`, `updated`, `last_updated` or `date`.
    pub updated_at: Option<DateTime<Utc>>,
    /// When the data that it describes was last loaded.
    pub fresh_at: Option<DateTime<Utc>>,
    /// When they count as too old.
    pub stale_at: Option<DateTime<Utc>>,
    /// Where people open it: `uri` or `url`.
    pub uri: Option<String>,
    pub language: Option<String>,
    pub tags: Vec<String>,
    /// Names of the pages that it stands below in a wiki, outermost first: they are the outer
    /// headings of each of its chunks. Only a source knows them.
    pub above: Vec<String>,
    /// Of a curated answer: who gave it, and until when it holds. Only a source knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curated: Option<Curated>,
    /// Why the front matter, or a part of the document, was passed over: a note for people; the text
    /// is indexed all the same.
    pub problem: Option<String>,
}

impl FrontMatter {
    /// What the document says about itself, completed by what its source knows about it, which is in
    /// turn completed by the source's settings.
    ///
    /// The document wins, for its authors know it best, but for two things. An owner comes with
    /// their own contacts, or with none. And a permission is never widened: where the source
    /// restricts the document, only groups that both allow may read it.
    pub(crate) fn over(self, given: Self) -> Result<Self, Outcome> {
        let groups = match (self.groups, given.groups) {
            (Some(own), Some(given)) => Some(allowed_by_both(own, given)?),
            (own, given) => own.or(given),
        };
        let same_owner = self.owner.is_none() || self.owner == given.owner;
        let contact = |own: Option<String>, given: Option<String>| {
            own.or_else(|| given.filter(|_| same_owner))
        };
        Ok(Self {
            title: self.title.or(given.title),
            asset: self.asset.or(given.asset),
            owner_slack: contact(self.owner_slack, given.owner_slack),
            owner_email: contact(self.owner_email, given.owner_email),
            owner: self.owner.or(given.owner),
            groups,
            status: self.status.or(given.status),
            updated_at: self.updated_at.or(given.updated_at),
            // One goes with the other.
            stale_at: self
                .stale_at
                .or_else(|| given.stale_at.filter(|_| self.fresh_at.is_none())),
            fresh_at: self.fresh_at.or(given.fresh_at),
            uri: self.uri.or(given.uri),
            language: self.language.or(given.language),
            tags: [self.tags, given.tags].concat(),
            above: given.above,
            curated: given.curated,
            problem: self.problem.or(given.problem),
        })
    }
}

/// `everyone` restricts nothing; two other lists leave what they have in common.
fn allowed_by_both(own: Vec<String>, given: Vec<String>) -> Result<Vec<String>, Outcome> {
    let open = |groups: &[String]| groups.iter().any(|group| group == EVERYONE);
    if open(&own) {
        return Ok(given);
    }
    if open(&given) {
        return Ok(own);
    }
    let both: Vec<String> = own
        .iter()
        .filter(|group| given.contains(group))
        .cloned()
        .collect();
    if both.is_empty() {
        return Err(Outcome::Skipped(format!(
            "permission unknown: its own `groups` ({}) and those that its source allows ({}) have \
             none in common",
            own.join(", "),
            given.join(", ")
        )));
    }
    Ok(both)
}

/// Parts a text into front matter and body.
///
/// Front matter that cannot be parsed is passed over, unless it mentions `groups`: a document whose
/// permission is unknown is `Skipped`, never indexed with a wider one.
pub(crate) fn split(text: &str) -> Result<(FrontMatter, &str), Outcome> {
    let Some(block) = Block::of(text) else {
        return Ok((FrontMatter::default(), text));
    };
    match block.parse() {
        Ok(map) => Ok((read(&map)?, block.body)),
        Err(reason) => {
            if block.raw.lines().any(names_groups) {
                return Err(unknown_permission(&format!(
                    "its front matter cannot be read ({reason})"
                )));
            }
            let body = if block.closed { block.body } else { text };
            let front = FrontMatter {
                // An opening line alone is a ruler, not broken front matter.
                problem: block
                    .closed
                    .then(|| format!("its front matter was passed over: {reason}")),
                ..FrontMatter::default()
            };
            Ok((front, body))
        }
    }
}

fn unknown_permission(reason: &str) -> Outcome {
    Outcome::Skipped(format!(
        "permission unknown: {reason}; write `groups: [name]`, or take `groups` out to give it the \
         source's groups"
    ))
}

/// Whether a line of unreadable front matter seems to set `groups`.
fn names_groups(line: &str) -> bool {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || "\"'-{[,?".contains(c));
    let Some(rest) = line
        .get(..6)
        .filter(|head| head.eq_ignore_ascii_case("groups"))
        .map(|_| &line[6..])
    else {
        return line.contains("groups:") || line.contains("groups\":") || line.contains("groups =");
    };
    !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

struct Block<'a> {
    raw: &'a str,
    body: &'a str,
    is_toml: bool,
    closed: bool,
}

impl<'a> Block<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (fence, is_toml) = match text.lines().next()?.trim_end() {
            "---" => ("---", false),
            "+++" => ("+++", true),
            _ => return None,
        };
        let start = text.find('\n')? + 1;
        let mut end = start;
        for line in text[start..].split_inclusive('\n') {
            let bare = line.trim_end();
            if bare == fence || (!is_toml && bare == "...") {
                return Some(Self {
                    raw: &text[start..end],
                    body: &text[end + line.len()..],
                    is_toml,
                    closed: true,
                });
            }
            end += line.len();
        }
        let raw = &text[start..];
        let head = raw.char_indices().map(|(at, _)| at).nth(4_096);
        Some(Self {
            raw: &raw[..head.unwrap_or(raw.len())],
            body: text,
            is_toml,
            closed: false,
        })
    }

    fn parse(&self) -> Result<Map<String, Value>, String> {
        if !self.closed {
            return Err("its closing line is missing".to_owned());
        }
        if self.raw.len() > MAX_BYTES {
            return Err(format!("it is longer than {MAX_BYTES} bytes"));
        }
        if self.is_toml {
            let table: toml::Table = self
                .raw
                .parse()
                .map_err(|error: toml::de::Error| error.message().to_owned())?;
            return Ok(table
                .into_iter()
                .map(|(key, value)| (key, from_toml(value)))
                .collect());
        }
        if self.raw.trim().is_empty() {
            return Ok(Map::new());
        }
        let options = serde_saphyr::options! {
            // Front matter is small: anything near these limits is an attack or a mistake.
            budget: serde_saphyr::budget! {
                max_events: 10_000,
                max_nodes: 5_000,
                max_depth: 32,
                max_aliases: 100,
                max_anchors: 100,
                max_total_scalar_bytes: MAX_BYTES,
            },
            with_snippet: false,
        };
        match serde_saphyr::from_str_with_options(self.raw, options) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(Value::Null) => Ok(Map::new()),
            Ok(_) => Err("it is no list of keys and values".to_owned()),
            Err(error) => Err(error.to_string().replace('\n', " ")),
        }
    }
}

fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::from(number),
        toml::Value::Boolean(flag) => Value::Bool(flag),
        toml::Value::Datetime(at) => Value::String(at.to_string()),
        toml::Value::Array(values) => values.into_iter().map(from_toml).collect(),
        toml::Value::Table(table) => Value::Object(
            table
                .into_iter()
                .map(|(key, value)| (key, from_toml(value)))
                .collect(),
        ),
    }
}

fn read(map: &Map<String, Value>) -> Result<FrontMatter, Outcome> {
    let keys = Keys::of(map);
    let groups = keys
        .all("groups")
        .map(groups)
        .collect::<Result<Vec<_>, _>>()?;
    if groups.len() > 1 {
        return Err(unknown_permission("`groups` is given more than once"));
    }
    let status = keys
        .text(&["status"])
        .and_then(|status| match status.to_lowercase().as_str() {
            "certified" => Some(Status::Certified),
            "deprecated" => Some(Status::Deprecated),
            _ => None,
        });
    Ok(FrontMatter {
        title: keys
            .text(&["title"])
            .map(|title| super::title::tidy(&title)),
        asset: keys.text(&["asset"]),
        owner: keys.text(&["owner"]),
        owner_slack: keys.text(&["owner_slack"]),
        owner_email: keys.text(&["owner_email"]),
        groups: groups.into_iter().next(),
        status,
        updated_at: keys.date(&["updated_at", "updated", "last_updated", "date"]),
        fresh_at: keys.date(&["fresh_at"]),
        stale_at: keys.date(&["stale_at"]),
        uri: keys.text(&["uri", "url"]),
        language: keys
            .text(&["language", "lang"])
            .and_then(|tag| super::language::code(&tag)),
        tags: keys.list("tags"),
        above: Vec::new(),
        curated: None,
        problem: None,
    })
}

/// One name or several; anything else, and nothing at all, is not a permission.
fn groups(value: &Value) -> Result<Vec<String>, Outcome> {
    let names: Option<Vec<String>> = match value {
        Value::String(names) => Some(
            names
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect(),
        ),
        Value::Array(names) => names
            .iter()
            .map(|name| name.as_str().map(|name| name.trim().to_owned()))
            .collect(),
        _ => None,
    };
    match names {
        Some(names) if !names.is_empty() && names.iter().all(|name| !name.is_empty()) => Ok(names),
        _ => Err(unknown_permission("`groups` is empty or no list of names")),
    }
}

/// The keys of front matter, in lower case and with `_` for `-`.
struct Keys<'a>(Vec<(String, &'a Value)>);

impl<'a> Keys<'a> {
    fn of(map: &'a Map<String, Value>) -> Self {
        let mut keys = Vec::new();
        let mut add = |map: &'a Map<String, Value>| {
            keys.extend(
                map.iter()
                    .map(|(key, value)| (key.trim().to_lowercase().replace('-', "_"), value)),
            );
        };
        add(map);
        for section in SECTIONS {
            if let Some(Value::Object(inner)) = map.get(section) {
                add(inner);
            }
        }
        Self(keys)
    }

    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a Value> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| *value)
    }

    fn first<T>(&self, names: &[&'static str], read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        names.iter().find_map(|name| self.all(name).find_map(&read))
    }

    fn text(&self, names: &[&'static str]) -> Option<String> {
        self.first(names, scalar)
    }

    fn date(&self, names: &[&'static str]) -> Option<DateTime<Utc>> {
        self.first(names, |value| scalar(value).and_then(|text| date(&text)))
    }

    fn list(&self, name: &'static str) -> Vec<String> {
        self.first(&[name], |value| match value {
            Value::Array(values) => Some(values.iter().filter_map(scalar).collect()),
            Value::String(names) => Some(
                names
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .collect(),
            ),
            _ => None,
        })
        .unwrap_or_default()
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A day, or a time with or without a zone (then UTC), as YAML and TOML write them.
pub(crate) fn date(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let times = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
    ];
    for format in times {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, format) {
            return Some(at.and_utc());
        }
    }
    if let Ok(at) = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f %z") {
        return Some(at.to_utc());
    }
    ["%Y-%m-%d", "%Y/%m/%d"]
        .iter()
        .find_map(|format| NaiveDate::parse_from_str(text, format).ok())
        .and_then(|day| day.and_hms_opt(0, 0, 0))
        .map(|at| at.and_utc())
}
