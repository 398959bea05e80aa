//! `POST /v1/embeddings`.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::stream;
use serde::Deserialize;
use serde_json::json;

use super::fault::{Fault, Route};
use super::load::Serving;
use super::made::{Work, text_tokens};
use super::script::Script;
use super::{Shared, error};

#[derive(Deserialize)]
pub(super) struct Request {
    model: String,
    input: Input,
    #[serde(default)]
    encoding_format: Option<String>,
    #[serde(default)]
    dimensions: Option<usize>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
}

pub(super) async fn embed(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Response {
    shared.embedding_requests.fetch_add(1, Ordering::Relaxed);
    let texts = match request.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
    };
    let script = shared.script.lock().clone();
    if script.keep {
        shared.embedding_bodies.lock().push(json!({
            "model": request.model,
            "texts": texts.len(),
            "encoding_format": request.encoding_format,
            "dimensions": request.dimensions,
        }));
        *shared.authorization.lock() = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok().map(str::to_owned));
    }
    let Some(_serving) = Serving::begin(&shared.load, script.max_at_once) else {
        let too_many = match script.retry_after {
            Some(seconds) => Fault::rate_limited(seconds),
            None => Fault::rate_limited_open(),
        };
        return too_many
            .response()
            .await
            .unwrap_or_else(|| StatusCode::TOO_MANY_REQUESTS.into_response());
    };
    let tokens = text_tokens(&script, &texts);
    let mut work = Work::on(&shared, Route::Embeddings, tokens);
    if !script.embedding_delay.is_zero() {
        tokio::time::sleep(script.embedding_delay).await;
    }
    let fault = shared.fault(Route::Embeddings);
    if let Some(fault) = &fault
        && let Some(response) = fault.response().await
    {
        work.refuse();
        return response;
    }
    if let Some(refusal) = refusal(&script, &texts, request.encoding_format.is_some()) {
        work.refuse();
        return refusal;
    }
    let base64 = request.encoding_format.as_deref() == Some("base64");
    let dimensions = request.dimensions.unwrap_or(script.dimensions);
    let usage = script.usage.then_some(tokens);
    let body = body(
        &texts,
        &request.model,
        dimensions,
        base64,
        usage,
        fault.as_ref(),
    );
    let is_whole = !matches!(fault, Some(Fault::Malformed | Fault::CutAfter(_)));
    work.made.reported = usage.is_some() && is_whole;
    if script.keep && is_whole {
        let sent = texts.len() - missing(fault.as_ref()).min(texts.len());
        shared
            .embedded_texts
            .lock()
            .extend(texts.into_iter().take(sent));
    }
    match fault {
        Some(Fault::Malformed) => json_response(Body::from(body[..body.len() / 2].to_owned())),
        Some(Fault::CutAfter(_)) => {
            let half = body[..body.len() / 2].to_owned();
            let broken = std::io::Error::other("cut");
            json_response(Body::from_stream(stream::iter([Ok(half), Err(broken)])))
        }
        _ => json_response(Body::from(body)),
    }
}

/// The answer to a request that is not accepted.
fn refusal(script: &Script, texts: &[String], encoded: bool) -> Option<Response> {
    if encoded && !script.base64 {
        let message = "Unrecognized request argument supplied: encoding_format";
        return Some(error(StatusCode::BAD_REQUEST, "unknown_parameter", message));
    }
    if let Some(limit) = script.max_input_words
        && let Some(long) = texts.iter().find(|text| words(text) > limit)
    {
        let message = format!(
            "This model's maximum context length is {limit} tokens, however you requested {} tokens",
            words(long)
        );
        return Some(error(
            StatusCode::BAD_REQUEST,
            "context_length_exceeded",
            &message,
        ));
    }
    if let Some(word) = &script.refused_word
        && texts.iter().any(|text| text.contains(word))
    {
        return Some(error(
            StatusCode::BAD_REQUEST,
            "invalid_input",
            "'$.input' is invalid.",
        ));
    }
    if texts.iter().any(String::is_empty) || texts.is_empty() {
        return Some(error(
            StatusCode::BAD_REQUEST,
            "invalid_input",
            "'$.input' is empty.",
        ));
    }
    None
}

fn json_response(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Written by hand: a tree of JSON values would take most of a benchmark's time.
fn body(
    texts: &[String],
    model: &str,
    dimensions: usize,
    base64: bool,
    usage: Option<usize>,
    fault: Option<&Fault>,
) -> String {
    let mut body = String::with_capacity(texts.len() * dimensions * 6 + 256);
    body.push_str(r#"{"object":"list","data":["#);
    let sent = texts.len() - missing(fault).min(texts.len());
    for position in 0..sent {
        let at = if fault == Some(&Fault::Reversed) {
            sent - 1 - position
        } else {
            position
        };
        let vector = match fault {
            Some(Fault::WrongLength(length)) => vector(&texts[at], *length),
            Some(Fault::Zeros) => vec![0.0; dimensions],
            Some(Fault::NotANumber) => vec![f32::NAN; dimensions],
            _ => vector(&texts[at], dimensions),
        };
        let index = if fault == Some(&Fault::WrongIndex) {
            0
        } else {
            at
        };
        let comma = if position > 0 { "," } else { "" };
        let _ = write!(
            body,
            r#"{comma}{{"object":"embedding","index":{index},"embedding":"#
        );
        if base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
            body.push('"');
            STANDARD.encode_string(bytes, &mut body);
            body.push('"');
        } else {
            body.push_str(&json!(vector).to_string());
        }
        body.push('}');
    }
    let _ = write!(body, r#"],"model":{}"#, json!(model));
    if let Some(tokens) = usage {
        let _ = write!(
            body,
            r#","usage":{{"prompt_tokens":{tokens},"total_tokens":{tokens}}}"#
        );
    }
    body.push('}');
    body
}

fn missing(fault: Option<&Fault>) -> usize {
    match fault {
        Some(Fault::MissingVectors(missing)) => *missing,
        _ => 0,
    }
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// The unit vector of a text: each word, without its case, adds to three places that its hash
/// chooses.
pub fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions.max(1)];
    let mut any = false;
    for word in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        any = true;
        // FNV-1a.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in word.bytes() {
            hash = (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3);
        }
        for turn in 0..3 {
            let bits = hash.rotate_left(turn * 21);
            let place = (bits >> 16) as usize % vector.len();
            vector[place] += if bits & 1 == 0 { 1.0 } else { -1.0 };
        }
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !any || length == 0.0 {
        vector[0] = 1.0;
        return vector;
    }
    for value in &mut vector {
        *value /= length;
    }
    vector
}
