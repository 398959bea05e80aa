//! The tools: what they are called, what they take and give, and which function each is.

use std::sync::{Arc, LazyLock};

use axum::http::StatusCode;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ContentBlock, JsonObject, MetaObject, Tool,
    ToolAnnotations,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ask::{self, AskArguments};
use super::asset::{self, Asset, AssetArguments};
use super::search::{self, Found, SearchArguments};
use super::{Progress, schema};
use crate::chat::{Answer, Caller};
use crate::server::AppState;
use crate::server::problem::Problem;

const ASK: &str = "ask";
const SEARCH: &str = "search_docs";
const ASSET: &str = "get_asset";

/// A call of a tool that there is, as the socket of the data folder's owner takes it as well.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ToolCall {
    name: String,
    arguments: JsonObject,
}

impl ToolCall {
    pub(super) fn of(request: CallToolRequestParams) -> Result<Self, ErrorData> {
        if !list().iter().any(|tool| tool.name == request.name) {
            let text = format!("docent has no tool named \"{}\"", request.name);
            return Err(ErrorData::invalid_params(text, None));
        }
        Ok(Self {
            name: request.name.into_owned(),
            arguments: request.arguments.unwrap_or_default(),
        })
    }
}

/// All tools.
pub(super) fn list() -> Vec<Tool> {
    static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
        vec![
            tool::<AskArguments, Answer>(
                ASK,
                "Ask about data products",
                "Answers a question about the company's data products from its own documents, with numbered \
                 citations, or says that the documents do not answer it and whom to ask. Costs a model call \
                 where docent has a chat model. Send `conversation_id` of an earlier answer to follow up on it.",
            ),
            tool::<SearchArguments, Found>(
                SEARCH,
                "Search the documents",
                "Finds the passages of the company's documents that fit a question or key words best, and \
                 returns them word for word, without an answer. Use it to read for yourself.",
            ),
            tool::<AssetArguments, Asset>(
                ASSET,
                "Look up a data product",
                "Everything documented of one table, model, dashboard or metric, by its exact name: owner and \
                 contact, status, freshness, address, and the text of its documents with columns and lineage. \
                 Names the nearest ones where there is none of that name.",
            ),
        ]
    });
    TOOLS.clone()
}

fn tool<A: ToSchema, R: ToSchema>(name: &'static str, title: &str, description: &str) -> Tool {
    // Questions are recorded, but nothing that a client could see changes.
    let annotations = ToolAnnotations::with_title(title)
        .read_only(true)
        .destructive(false)
        .idempotent(name != ASK)
        .open_world(false);
    let description = description.to_owned();
    Tool::new(name, description, Arc::new(schema::of::<A>()))
        .with_title(title)
        .with_raw_output_schema(Arc::new(schema::of::<R>()))
        .with_annotations(annotations)
}

/// Calls a tool. Whatever keeps it from answering is told in its result, where a client's model reads it.
pub(crate) async fn call(
    service: &AppState,
    caller: Caller,
    call: ToolCall,
    progress: &Progress,
) -> CallToolResult {
    let arguments = call.arguments;
    let result = match call.name.as_str() {
        ASK => match read(arguments) {
            Ok(arguments) => ask::ask(service, caller, arguments, progress).await,
            Err(problem) => Err(problem),
        },
        SEARCH => match read(arguments) {
            Ok(arguments) => search::search(service, caller, arguments).await,
            Err(problem) => Err(problem),
        },
        _ => match read(arguments) {
            Ok(arguments) => asset::asset(service, &caller, arguments).await,
            Err(problem) => Err(problem),
        },
    };
    result.unwrap_or_else(|problem| failed(&problem))
}

fn read<A: DeserializeOwned>(arguments: JsonObject) -> Result<A, Problem> {
    serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            format!("these are not the tool's arguments: {error}"),
        )
    })
}

/// A result as data, and as text for clients that show it to a person or know no structured results.
pub(super) fn given(structured: &impl Serialize, text: String) -> Result<CallToolResult, Problem> {
    let structured = serde_json::to_value(structured).map_err(|error| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            error.to_string(),
        )
    })?;
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(structured);
    Ok(result)
}

/// A problem as a tool's result; its code, and when to come back, for programs.
pub(crate) fn failed(problem: &Problem) -> CallToolResult {
    let mut result = CallToolResult::error(vec![ContentBlock::text(problem.detail())]);
    let mut meta = JsonObject::new();
    meta.insert("docent/code".to_owned(), json!(problem.code()));
    if let Some(seconds) = problem.seconds_to_wait() {
        meta.insert("docent/retry_after".to_owned(), json!(seconds));
    }
    result.meta = Some(MetaObject(meta));
    result
}
