//! `[[source]]` entries: what every source may say, and what each kind of source may.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::value::Error as FieldsError;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use toml::{Table, Value};

use super::Secret;
use super::kinds::{Confluence, Folder, Git, Slack, Website};
use super::load::nearest;
use super::products::Dbt;
use super::schedule::Schedule;

/// One `[[source]]` entry.
#[derive(Debug, Clone, Deserialize)]
pub struct Source {
    pub name: String,
    /// Its kind with that kind's own settings; read apart, see [`entries`].
    #[serde(skip)]
    pub kind: SourceKind,
    #[serde(default = "everyone")]
    pub groups: Vec<String>,
    pub owner: Option<String>,
    pub owner_slack: Option<String>,
    pub owner_email: Option<String>,
    /// Where people open a document; `{path}` stands for its path.
    #[serde(default)]
    pub uri: String,
    /// When `docent serve` runs it by itself.
    pub schedule: Option<Schedule>,
    /// What tidies its documents besides the rules.
    pub clean: Option<CleanedBy>,
    /// Answers from documents older than this say so, in days. `None`: `grounding.stale_after_days`.
    pub stale_after_days: Option<u32>,
}

/// What tidies documents besides the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CleanedBy {
    /// The chat model.
    Model,
}

/// What a source is.
///
/// A new kind is a struct of its settings, a variant here, a line in each method below, and an arm
/// in `ingest/src/source/mod.rs`. Which keys there are is read from the structs.
#[derive(Debug, Clone)]
pub enum SourceKind {
    Folder(Folder),
    Git(Git),
    Website(Website),
    Confluence(Confluence),
    Slack(Slack),
    Dbt(Dbt),
    /// Data contracts and data products: YAML files in a folder.
    Contracts(Folder),
    /// The curated answers of the ledger. Not configured: a run adds it where there are any.
    Answers,
}

impl Default for SourceKind {
    fn default() -> Self {
        Self::Folder(Folder::new(PathBuf::new()))
    }
}

impl SourceKind {
    /// As `kind = "…"` writes them.
    const NAMES: [&'static str; 7] = [
        "folder",
        "git",
        "website",
        "confluence",
        "slack",
        "dbt",
        "contracts",
    ];

    /// As `kind = "…"` writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Folder(_) => "folder",
            Self::Git(_) => "git",
            Self::Website(_) => "website",
            Self::Confluence(_) => "confluence",
            Self::Slack(_) => "slack",
            Self::Dbt(_) => "dbt",
            Self::Contracts(_) => "contracts",
            Self::Answers => "answers",
        }
    }

    /// Where the documents are: a path or an address, for people.
    pub fn location(&self) -> String {
        match self {
            Self::Folder(folder) | Self::Contracts(folder) => folder.path.display().to_string(),
            Self::Git(git) => git.url.clone(),
            Self::Website(website) => website.url.clone(),
            Self::Confluence(wiki) if wiki.export.as_os_str().is_empty() => wiki.url.clone(),
            Self::Confluence(wiki) => wiki.export.display().to_string(),
            Self::Slack(slack) => slack.path.display().to_string(),
            Self::Dbt(dbt) if dbt.url.is_empty() => dbt.path.display().to_string(),
            Self::Dbt(dbt) => dbt.url.clone(),
            Self::Answers => String::new(),
        }
    }

    /// Paths that are taken from the folder of the configuration file. Empty ones are not set.
    fn paths(&mut self) -> Vec<&mut PathBuf> {
        match self {
            Self::Folder(folder) | Self::Contracts(folder) => vec![&mut folder.path],
            Self::Git(git) => vec![&mut git.token_file],
            Self::Website(website) => vec![&mut website.token_file],
            Self::Confluence(confluence) => {
                vec![&mut confluence.token_file, &mut confluence.export]
            }
            Self::Slack(slack) => vec![&mut slack.path],
            Self::Dbt(dbt) => vec![&mut dbt.path, &mut dbt.token_file],
            Self::Answers => Vec::new(),
        }
    }

    /// Where its token comes from, where it has one.
    fn token(&mut self) -> Option<(&mut Secret, &str, &Path)> {
        Some(match self {
            Self::Folder(_) | Self::Slack(_) | Self::Contracts(_) | Self::Answers => return None,
            Self::Git(git) => (&mut git.token, &git.token_env, &git.token_file),
            Self::Website(site) => (&mut site.token, &site.token_env, &site.token_file),
            Self::Confluence(wiki) => (&mut wiki.token, &wiki.token_env, &wiki.token_file),
            Self::Dbt(dbt) => (&mut dbt.token, &dbt.token_env, &dbt.token_file),
        })
    }

    fn fields(kind: &str) -> Option<&'static [&'static str]> {
        Some(match kind {
            "folder" | "contracts" => fields_of::<Folder>(),
            "git" => fields_of::<Git>(),
            "website" => fields_of::<Website>(),
            "confluence" => fields_of::<Confluence>(),
            "slack" => fields_of::<Slack>(),
            "dbt" => fields_of::<Dbt>(),
            _ => return None,
        })
    }

    fn read(kind: &str, settings: Table) -> Result<Self, String> {
        match kind {
            "folder" => settings_of(settings).map(Self::Folder),
            "git" => settings_of(settings).map(Self::Git),
            "website" => settings_of(settings).map(Self::Website),
            "confluence" => settings_of(settings).map(Self::Confluence),
            "slack" => settings_of(settings).map(Self::Slack),
            "dbt" => settings_of(settings).map(Self::Dbt),
            "contracts" => settings_of(settings).map(Self::Contracts),
            _ => Err(format!("there is no source kind \"{kind}\"")),
        }
    }
}

/// The name of the source of curated answers, which no other source may have.
pub const ANSWERS: &str = "curated-answers";

impl Source {
    /// The curated answers.
    pub fn answers() -> Self {
        Self::new(ANSWERS.to_owned(), SourceKind::Answers)
    }

    /// A source of a kind, with the defaults that all kinds share.
    pub fn new(name: String, kind: SourceKind) -> Self {
        Self {
            name,
            kind,
            groups: everyone(),
            owner: None,
            owner_slack: None,
            owner_email: None,
            uri: String::new(),
            schedule: None,
            clean: None,
            stale_after_days: None,
        }
    }

    /// A folder named on the command line, without an entry of its own in the configuration.
    pub fn folder(name: String, path: PathBuf) -> Self {
        Self::new(name, SourceKind::Folder(Folder::new(path)))
    }

    /// The path of a folder source.
    pub fn folder_path(&self) -> Option<&Path> {
        match &self.kind {
            SourceKind::Folder(folder) => Some(&folder.path),
            _ => None,
        }
    }

    /// Makes relative paths start at `base`, and reads the token. One that is missing is no error
    /// here, for it is needed by runs only: the source says so when it is used.
    pub(super) fn resolve(&mut self, base: &Path, environment: &BTreeMap<String, String>) {
        for path in self.kind.paths() {
            if !path.as_os_str().is_empty() {
                *path = base.join(&*path);
            }
        }
        if let Some((token, variable, file)) = self.kind.token() {
            let text = environment
                .get(variable)
                .cloned()
                .or_else(|| std::fs::read_to_string(file).ok());
            if let Some(text) = text {
                *token = Secret::new(text.trim());
            }
        }
    }
}

/// Reads the `[[source]]` entries. serde's own flattening cannot refuse unknown keys, so an entry is
/// parted by hand into what all kinds share and what its kind may say.
pub(super) fn entries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Source>, D::Error> {
    Vec::<Table>::deserialize(deserializer)?
        .into_iter()
        .map(|entry| read(entry).map_err(D::Error::custom))
        .collect()
}

fn read(mut entry: Table) -> Result<Source, String> {
    let name = match entry.get("name") {
        Some(Value::String(name)) => format!("source \"{name}\""),
        _ => return Err("a [[source]] has no `name`".to_owned()),
    };
    let Some(Value::String(kind)) = entry.remove("kind") else {
        return Err(format!(
            "{name} needs `kind`, one of: {}",
            SourceKind::NAMES.join(", ")
        ));
    };
    let Some(own) = SourceKind::fields(&kind) else {
        let near = nearest(&kind, SourceKind::NAMES.into_iter())
            .map(|near| format!("did you mean \"{near}\"? "))
            .unwrap_or_default();
        return Err(format!(
            "{name}: there is no source kind \"{kind}\"; {near}docent knows {}",
            SourceKind::NAMES.join(", ")
        ));
    };
    let shared = fields_of::<Source>();
    let (mut settings, mut common) = (Table::new(), Table::new());
    for (key, value) in entry {
        if shared.contains(&key.as_str()) {
            common.insert(key, value);
        } else if own.contains(&key.as_str()) {
            settings.insert(key, value);
        } else {
            let hint = match nearest(&key, shared.iter().chain(own).copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("a {kind} may say {}", [own, shared].concat().join(", ")),
            };
            return Err(format!(
                "unknown setting `source.{key}` of a {kind}; {hint}"
            ));
        }
    }
    let mut source: Source = settings_of(common).map_err(|reason| format!("{name}: {reason}"))?;
    source.kind =
        SourceKind::read(&kind, settings).map_err(|reason| format!("{name}: {reason}"))?;
    Ok(source)
}

fn settings_of<T: DeserializeOwned>(settings: Table) -> Result<T, String> {
    Value::Table(settings)
        .try_into()
        .map_err(|error: toml::de::Error| {
            // The key in question stands on a line of its own.
            error.to_string().trim().replace('\n', " ")
        })
}

/// The keys that a struct is read from.
fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Fields<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Fields<'_> {
        type Error = FieldsError;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, FieldsError> {
            Err(FieldsError::custom("only the fields are asked for"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, FieldsError> {
            *self.0 = fields;
            self.deserialize_any(visitor)
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut fields: &'static [&'static str] = &[];
    let _ = T::deserialize(Fields(&mut fields));
    fields
}

fn everyone() -> Vec<String> {
    vec![crate::document::EVERYONE.to_owned()]
}
