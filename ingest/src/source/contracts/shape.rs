//! The YAML of data contracts and data products, as far as a document tells of it.
//!
//! ODCS 3.0 to 3.2 (<https://bitol-io.github.io/open-data-contract-standard/>) and ODPS 0.9 to 1.1
//! (<https://bitol-io.github.io/open-data-product-standard/>). Unknown keys are passed over; a key
//! with a value of the wrong kind is an error that names where it stands.

#![expect(
    clippy::struct_field_names,
    reason = "the names are those of the standard"
)]

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A text; YAML reads `1.0` and `true` as other things than text, so they are taken as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = Text;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.trim().to_owned()))
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Text, E> {
                Ok(Text(flag.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Text, E> {
                // `version: 1.0` is not version 1.
                Ok(Text(format!("{number:?}")))
            }
        }
        deserializer.deserialize_any(Scalar)
    }
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// An optional text that is not empty.
pub(super) fn said(text: Option<&Text>) -> Option<&str> {
    text.map(Text::as_str).filter(|text| !text.is_empty())
}

/// A data contract (`kind: DataContract`).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Contract {
    pub(super) api_version: Text,
    pub(super) id: Text,
    pub(super) version: Text,
    pub(super) name: Option<Text>,
    pub(super) status: Option<Text>,
    pub(super) domain: Option<Text>,
    pub(super) data_product: Option<Text>,
    #[serde(default)]
    pub(super) tags: Option<Vec<Text>>,
    #[serde(default)]
    pub(super) description: Option<Description>,
    #[serde(default)]
    pub(super) servers: Option<Vec<Server>>,
    #[serde(default)]
    pub(super) schema: Option<Vec<Property>>,
    #[serde(default)]
    pub(super) support: Option<Vec<Support>>,
    pub(super) price: Option<Price>,
    #[serde(default)]
    pub(super) team: Option<Team>,
    #[serde(default)]
    pub(super) roles: Option<Vec<Role>>,
    pub(super) sla_default_element: Option<Text>,
    #[serde(default)]
    pub(super) sla_properties: Option<Vec<Sla>>,
    #[serde(default)]
    pub(super) custom_properties: Option<Vec<CustomProperty>>,
    #[serde(default)]
    pub(super) authoritative_definitions: Option<Vec<Definition>>,
}

/// A data product (`kind: DataProduct`).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Product {
    pub(super) api_version: Text,
    pub(super) id: Text,
    pub(super) status: Text,
    pub(super) name: Option<Text>,
    pub(super) version: Option<Text>,
    pub(super) domain: Option<Text>,
    #[serde(default)]
    pub(super) tags: Option<Vec<Text>>,
    #[serde(default)]
    pub(super) description: Option<Description>,
    #[serde(default)]
    pub(super) input_ports: Option<Vec<Port>>,
    #[serde(default)]
    pub(super) output_ports: Option<Vec<Port>>,
    #[serde(default)]
    pub(super) management_ports: Option<Vec<Port>>,
    #[serde(default)]
    pub(super) support: Option<Vec<Support>>,
    #[serde(default)]
    pub(super) team: Option<Team>,
    #[serde(default)]
    pub(super) custom_properties: Option<Vec<CustomProperty>>,
    #[serde(default)]
    pub(super) authoritative_definitions: Option<Vec<Definition>>,
}

/// What the data is for, what it is not for, and how to use it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Description {
    pub(super) purpose: Option<Text>,
    pub(super) limitations: Option<Text>,
    pub(super) usage: Option<Text>,
}

/// Where the data lies. What else there is to say differs by type, so it stays as it is.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Server {
    pub(super) server: Text,
    #[serde(rename = "type")]
    pub(super) kind: Text,
    pub(super) description: Option<Text>,
    pub(super) environment: Option<Text>,
    #[serde(flatten)]
    pub(super) place: serde_json::Map<String, Value>,
}

/// What a value is, whatever its database calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogicalType {
    String,
    Date,
    Timestamp,
    Time,
    Number,
    Integer,
    Object,
    Array,
    Boolean,
    Map,
}

/// A table, a column, or a field inside of one.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Property {
    pub(super) name: Text,
    pub(super) physical_name: Option<Text>,
    pub(super) physical_type: Option<Text>,
    pub(super) logical_type: Option<LogicalType>,
    pub(super) business_name: Option<Text>,
    pub(super) description: Option<Text>,
    pub(super) data_granularity_description: Option<Text>,
    #[serde(default)]
    pub(super) tags: Option<Vec<Text>>,
    pub(super) primary_key: Option<bool>,
    pub(super) required: Option<bool>,
    pub(super) unique: Option<bool>,
    pub(super) partitioned: Option<bool>,
    pub(super) classification: Option<Text>,
    pub(super) critical_data_element: Option<bool>,
    #[serde(default)]
    pub(super) examples: Option<Vec<Value>>,
    #[serde(default)]
    pub(super) properties: Option<Vec<Property>>,
    /// What an array holds. It has no name of its own.
    pub(super) items: Option<Box<Items>>,
    #[serde(default)]
    pub(super) quality: Option<Vec<Quality>>,
    #[serde(default)]
    pub(super) relationships: Option<Vec<Relationship>>,
    pub(super) transform_description: Option<Text>,
    #[serde(default)]
    pub(super) transform_source_objects: Option<Vec<Text>>,
}

/// The elements of an array.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Items {
    pub(super) physical_type: Option<Text>,
    pub(super) logical_type: Option<LogicalType>,
    #[serde(default)]
    pub(super) properties: Option<Vec<Property>>,
}

/// How a rule is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum QualityType {
    Text,
    #[default]
    Library,
    Sql,
    Custom,
}

/// A rule that the data is held to.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Quality {
    #[serde(rename = "type", default)]
    pub(super) kind: QualityType,
    pub(super) name: Option<Text>,
    pub(super) description: Option<Text>,
    /// `rule` until 3.0.
    #[serde(alias = "rule")]
    pub(super) metric: Option<Text>,
    pub(super) query: Option<Text>,
    pub(super) engine: Option<Text>,
    pub(super) dimension: Option<Text>,
    pub(super) severity: Option<Text>,
    pub(super) unit: Option<Text>,
    pub(super) schedule: Option<Text>,
    /// `mustBe…`: what the measured value is compared with.
    #[serde(flatten)]
    pub(super) others: serde_json::Map<String, Value>,
}

/// A reference to another column.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Relationship {
    #[serde(default)]
    pub(super) from: Value,
    #[serde(default)]
    pub(super) to: Value,
}

/// Where to ask.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Support {
    pub(super) channel: Option<Text>,
    pub(super) url: Option<Text>,
    pub(super) description: Option<Text>,
    pub(super) tool: Option<Text>,
    pub(super) scope: Option<Text>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Price {
    pub(super) price_amount: Option<Text>,
    pub(super) price_currency: Option<Text>,
    pub(super) price_unit: Option<Text>,
}

/// Who may have which access, and who approves it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Role {
    pub(super) role: Text,
    pub(super) description: Option<Text>,
    pub(super) access: Option<Text>,
    pub(super) first_level_approvers: Option<Text>,
    pub(super) second_level_approvers: Option<Text>,
}

/// One promise of service.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sla {
    pub(super) property: Text,
    pub(super) value: Value,
    #[serde(default)]
    pub(super) value_ext: Value,
    pub(super) unit: Option<Text>,
    pub(super) element: Option<Text>,
    pub(super) driver: Option<Text>,
    pub(super) description: Option<Text>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CustomProperty {
    pub(super) property: Text,
    #[serde(default)]
    pub(super) value: Value,
}

/// A link to what says more.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Definition {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text>,
    pub(super) url: Option<Text>,
}

/// A port of a data product.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Port {
    pub(super) name: Text,
    pub(super) description: Option<Text>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Text>,
    pub(super) version: Option<Text>,
    pub(super) contract_id: Option<Text>,
    pub(super) content: Option<Text>,
    pub(super) url: Option<Text>,
}

/// Who answers for it: a team with members (from 3.1), or its members alone.
#[derive(Debug, Clone, Default)]
pub(super) struct Team {
    pub(super) name: Option<Text>,
    pub(super) description: Option<Text>,
    pub(super) members: Vec<Member>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Member {
    pub(super) username: Option<Text>,
    pub(super) name: Option<Text>,
    pub(super) role: Option<Text>,
    pub(super) description: Option<Text>,
    pub(super) date_out: Option<Text>,
}

impl<'de> Deserialize<'de> for Team {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Whole {
            name: Option<Text>,
            description: Option<Text>,
            #[serde(default)]
            members: Option<Vec<Member>>,
        }

        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Team;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a team, or a list of its members")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Team, A::Error> {
                let mut team = Team::default();
                while let Some(member) = list.next_element()? {
                    team.members.push(member);
                }
                Ok(team)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Team, A::Error> {
                let whole = Whole::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Team {
                    name: whole.name,
                    description: whole.description,
                    members: whole.members.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}
