//! `POST /rerank`, in the three forms: TEI (`texts`), Cohere and Jina (`documents`).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Shared;
use super::fault::{Fault, Route};

/// What a text with the preferred word scores; the others have less, the earlier the more.
const PREFERRED: f64 = 0.97;
const OTHER: f64 = 0.4;

pub(super) async fn rerank(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    let script = shared.script.lock().clone();
    shared.rerank_requests.lock().push(request.clone());
    *shared.authorization.lock() = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok().map(str::to_owned));
    let fault = shared.fault(Route::Rerank);
    if let Some(fault) = &fault
        && let Some(response) = fault.response().await
    {
        return response;
    }
    let tei = request.get("texts").is_some();
    let jina = request.get("return_documents").is_some();
    let texts = request["texts"]
        .as_array()
        .or(request["documents"].as_array());
    let texts: Vec<&str> = texts
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut scores: Vec<(usize, Value)> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let preferred = script.preferred.as_deref();
            let score = if preferred.is_some_and(|word| text.contains(word)) {
                PREFERRED
            } else {
                OTHER / (index + 1) as f64
            };
            (index, json!(score))
        })
        .collect();
    // As the servers do: best first.
    scores.sort_by(|a, b| {
        b.1.as_f64()
            .unwrap_or(0.0)
            .total_cmp(&a.1.as_f64().unwrap_or(0.0))
    });
    match fault {
        Some(Fault::MissingVectors(missing)) => {
            scores.truncate(scores.len().saturating_sub(missing));
        }
        Some(Fault::WrongIndex) => scores.iter_mut().for_each(|(index, _)| *index = 0),
        Some(Fault::NotANumber) => scores
            .iter_mut()
            .for_each(|(_, score)| *score = Value::Null),
        Some(Fault::Malformed) => return "{\"results\": [{\"index\": 0, \"rel".into_response(),
        _ => {}
    }
    let name = if tei { "score" } else { "relevance_score" };
    let results: Vec<Value> = scores
        .iter()
        .map(|(index, score)| json!({ "index": index, name: score }))
        .collect();
    let words = texts.iter().map(|text| text.split_whitespace().count());
    let words: usize = words.sum();
    Json(if tei {
        json!(results)
    } else if jina {
        json!({ "model": request["model"], "usage": { "total_tokens": words }, "results": results })
    } else {
        json!({
            "id": "rerank-1",
            "results": results,
            "meta": { "api_version": { "version": "2" }, "billed_units": { "search_units": 1 } },
        })
    })
    .into_response()
}
