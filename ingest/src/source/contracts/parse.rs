//! From a YAML file to a contract or product, or to what is wrong with it and where.

use serde::de::DeserializeOwned;
use serde_json::Value;

use docent_core::document::Outcome;

use super::shape::{Contract, Product};

/// Most bytes of one file.
const MAX_BYTES: usize = 20_000_000;

/// What a YAML file holds.
#[derive(Debug)]
pub(super) enum Parsed {
    Contract(Box<Contract>),
    Product(Box<Product>),
}

/// Reads one file. `Skipped`: it is no contract or product; `Failed`: it is one that breaks its
/// standard, with the path inside the file (`schema[0].properties[2].logicalType: …`).
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, Outcome> {
    if bytes.len() > MAX_BYTES {
        return Err(Outcome::Skipped(format!("larger than {MAX_BYTES} bytes")));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Outcome::Failed(format!("it is no UTF-8 ({error})")))?;
    let value = yaml(text)?;
    let Value::Object(keys) = &value else {
        return Err(no_contract("it is no list of keys and values"));
    };
    match keys.get("kind").and_then(Value::as_str) {
        Some("DataContract") => {
            check_version(keys.get("apiVersion"), "ODCS", "v3")?;
            shaped(value).map(|contract| Parsed::Contract(Box::new(contract)))
        }
        Some("DataProduct") => {
            check_version(keys.get("apiVersion"), "ODPS", "v0 and v1")?;
            shaped(value).map(|product| Parsed::Product(Box::new(product)))
        }
        Some(other) => Err(no_contract(&format!(
            "kind: \"{other}\" is neither DataContract nor DataProduct"
        ))),
        // Contracts before 3.0 and half-written ones say what they are by their other keys.
        None if keys.contains_key("apiVersion")
            || keys.contains_key("dataContractSpecification") =>
        {
            Err(Outcome::Failed(
                "kind: missing; write `kind: DataContract` (ODCS) or `kind: DataProduct` (ODPS)"
                    .to_owned(),
            ))
        }
        None => Err(no_contract("it has no `kind`")),
    }
}

fn no_contract(reason: &str) -> Outcome {
    Outcome::Skipped(format!("no data contract or data product: {reason}"))
}

fn yaml(text: &str) -> Result<Value, Outcome> {
    let options = serde_saphyr::options! {
        // The largest contracts have some 100,000 values; aliases that expand to more are an attack.
        budget: serde_saphyr::budget! {
            max_events: 500_000,
            max_nodes: 250_000,
            max_depth: 64,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_total_scalar_bytes: MAX_BYTES,
        },
        with_snippet: false,
        // The unit `y` is years, not yes.
        strict_booleans: true,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let reason = error.to_string().replace('\n', " ");
        Outcome::Failed(format!("it is no YAML that can be read: {reason}"))
    })
}

fn check_version(version: Option<&Value>, standard: &str, read: &str) -> Result<(), Outcome> {
    let version = match version {
        Some(Value::String(version)) => version.trim(),
        Some(other) => {
            return Err(Outcome::Failed(format!(
                "apiVersion: {other} is no text such as \"v3.1.0\""
            )));
        }
        None => {
            return Err(Outcome::Failed(format!(
                "apiVersion: missing; docent reads {standard} {read}"
            )));
        }
    };
    let major = version.trim_start_matches('v').split('.').next();
    let known = match standard {
        "ODCS" => major == Some("3"),
        _ => matches!(major, Some("0" | "1")),
    };
    if known {
        return Ok(());
    }
    Err(Outcome::Failed(format!(
        "apiVersion: \"{version}\" cannot be read; docent reads {standard} {read}: migrate the file, \
         or update docent"
    )))
}

fn shaped<T: DeserializeOwned>(value: Value) -> Result<T, Outcome> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        // The whole file is called "." there.
        let place = if path == "." {
            String::new()
        } else {
            format!("{path}: ")
        };
        Outcome::Failed(format!("{place}{}", error.inner()))
    })
}
