//! Reading JSON that several dbt versions wrote: what has another shape than expected counts as
//! not said, and never fails the file.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A text; numbers and truth values as they are written. Empty and blank count as not said.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(scalar(&Value::deserialize(deserializer)?))
}

/// A list of texts; one text is a list of one.
pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(strings(&Value::deserialize(deserializer)?))
}

/// Any type, or its default where the value has another shape.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// What [`text`] makes of a value.
pub(super) fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    };
    (!text.is_empty()).then_some(text)
}

/// What [`texts`] makes of a value.
pub(super) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter_map(scalar).collect(),
        other => scalar(other).into_iter().collect(),
    }
}

/// A JSON object in the order in which it was written.
#[derive(Debug, Clone)]
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }

            fn visit_unit<E>(self) -> Result<Ordered<T>, E> {
                Ok(Ordered::default())
            }
        }
        deserializer.deserialize_any(Entries(PhantomData))
    }
}

/// A map of resources of which one that cannot be read does not spoil the others.
#[derive(Debug)]
pub(super) struct Entries<T> {
    pub(super) read: BTreeMap<String, T>,
    /// By id: where in the entry, and what is wrong there.
    pub(super) unreadable: BTreeMap<String, String>,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self {
            read: BTreeMap::new(),
            unreadable: BTreeMap::new(),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut entries = Self::default();
        for (id, value) in Ordered::<Value>::deserialize(deserializer)?.0 {
            match serde_path_to_error::deserialize(value) {
                Ok(entry) => {
                    entries.read.insert(id, entry);
                }
                Err(error) => {
                    let reason = format!("{}: {}", error.path(), error.inner());
                    entries.unreadable.insert(id, reason);
                }
            }
        }
        Ok(entries)
    }
}
