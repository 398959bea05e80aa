//! `POST /v1/embeddings` as it stands on the wire, with what compatible servers leave out or change.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    pub(super) input: &'a [String],
    /// A quarter of the bytes and of the time to parse; absent for servers that do not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encoding_format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dimensions: Option<usize>,
}

#[derive(Deserialize)]
pub(super) struct Response {
    pub(super) data: Vec<Item>,
    #[serde(default)]
    usage: Option<Usage>,
}

impl Response {
    pub(super) fn tokens(&self) -> Option<u64> {
        let usage = self.usage.as_ref()?;
        usage
            .prompt_tokens
            .or(usage.total_tokens)
            .filter(|tokens| *tokens > 0)
    }
}

#[derive(Deserialize)]
pub(super) struct Item {
    #[serde(default)]
    pub(super) index: Option<usize>,
    pub(super) embedding: Vector,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    total_tokens: Option<u64>,
}

/// A list of numbers, or base64 of little-endian 32-bit floats, whatever was asked for.
pub(super) struct Vector(pub(super) Vec<f32>);

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Vector;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers or base64 of floats")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Vector, E> {
                let bytes = STANDARD.decode(text).map_err(E::custom)?;
                let (floats, rest) = bytes.as_chunks::<4>();
                if !rest.is_empty() {
                    return Err(E::custom("base64 of a broken number of floats"));
                }
                Ok(Vector(
                    floats
                        .iter()
                        .map(|four| f32::from_le_bytes(*four))
                        .collect(),
                ))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vector, A::Error> {
                let mut vector = Vec::with_capacity(list.size_hint().unwrap_or(1024));
                // `null` is how many servers write NaN.
                while let Some(x) = list.next_element::<Option<f32>>()? {
                    vector.push(x.unwrap_or(f32::NAN));
                }
                Ok(Vector(vector))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
