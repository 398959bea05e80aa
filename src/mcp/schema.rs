//! JSON Schemas of what tools take and give, from the same descriptions as `/openapi.json`.

use rmcp::model::JsonObject;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Where `/openapi.json` keeps what is referred to, and where a schema by itself does.
const COMPONENTS: &str = "#/components/schemas/";
const DEFINITIONS: &str = "#/$defs/";

/// The schema of a type, with everything that it refers to.
pub(super) fn of<T: ToSchema>() -> JsonObject {
    let mut referred = Vec::new();
    T::schemas(&mut referred);
    let mut schema = json!(T::schema());
    let definitions: JsonObject = referred
        .into_iter()
        .map(|(name, schema)| (name, json!(schema)))
        .collect();
    if let Value::Object(schema) = &mut schema
        && !definitions.is_empty()
    {
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    relocate(&mut schema);
    match schema {
        Value::Object(schema) => schema,
        // Every type of a tool has named fields.
        _ => JsonObject::new(),
    }
}

fn relocate(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == "$ref"
                    && let Some(target) = value.as_str().and_then(|at| at.strip_prefix(COMPONENTS))
                {
                    *value = json!(format!("{DEFINITIONS}{target}"));
                } else {
                    relocate(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(relocate),
        _ => {}
    }
}
