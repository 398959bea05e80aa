//! `POST /v1/chat/completions`, streamed and whole.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::fault::{Fault, Route};
use super::made::{Work, answer_tokens, prompt_tokens};
use super::script::{Answer, Script};
use super::{Shared, error};

pub(super) async fn complete(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    let script = shared.script.lock().clone();
    if script.keep {
        shared.chat_requests.lock().push(request.clone());
        *shared.authorization.lock() = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok().map(str::to_owned));
    }
    shared.chat_count.fetch_add(1, Ordering::Relaxed);
    let fault = shared.fault(Route::Chat);
    let prompt = prompt_tokens(&request, &script);
    let mut work = Work::on(&shared, Route::Chat, prompt);
    if let Some(fault) = &fault
        && let Some(response) = fault.response().await
    {
        work.refuse();
        return response;
    }
    let refused = script.refused_parameters.iter();
    if let Some(name) = refused
        .clone()
        .find(|name| request.get(name.as_str()).is_some())
    {
        let other = if name == "max_tokens" {
            " Use 'max_completion_tokens' instead."
        } else {
            ""
        };
        work.refuse();
        let message = format!("Unsupported parameter: '{name}' is not supported.{other}");
        return error(StatusCode::BAD_REQUEST, "unsupported_parameter", &message);
    }
    let text = match &script.answer {
        Answer::Text(text) => text.clone(),
        Answer::Made(make) => make(&request),
        Answer::Raw(body) => {
            work.refuse();
            return ([(header::CONTENT_TYPE, "text/event-stream")], body.clone()).into_response();
        }
    };
    let tokens: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
    let usage = script.usage.then(|| usage(prompt, &script, &text));
    if request["stream"] == true {
        let usage = usage.filter(|_| request["stream_options"]["include_usage"] == true);
        return streamed(&script, tokens, usage, fault, work);
    }
    work.made.output = answer_tokens(&script, &text);
    sleep(script.first_token + script.gap * tokens.len() as u32).await;
    if matches!(fault, Some(Fault::Malformed | Fault::CutAfter(_))) {
        return (
            [(header::CONTENT_TYPE, "application/json")],
            r#"{"choices":[{"#,
        )
            .into_response();
    }
    let mut answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": request["model"],
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": text}}],
    });
    work.made.reported = usage.is_some();
    if let Some(usage) = usage {
        answer["usage"] = usage;
    }
    Json(answer).into_response()
}

fn usage(prompt: usize, script: &Script, text: &str) -> Value {
    let tokens = answer_tokens(script, text);
    json!({
        "prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens,
        "prompt_tokens_details": {"cached_tokens": script.cached_tokens},
    })
}

/// Tells when a stream's reader goes away before its end.
struct Watch {
    work: Work,
    finished: bool,
    script: Script,
    sent: String,
}

impl Watch {
    fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.finished {
            let stopped = &self.work.shared().stopped_streams;
            stopped.fetch_add(1, Ordering::Relaxed);
        }
        self.work.made.output = answer_tokens(&self.script, &self.sent);
    }
}

/// What an event of a stream is.
enum Piece {
    Token(String),
    Usage,
    Other,
}

fn streamed(
    script: &Script,
    tokens: Vec<String>,
    usage: Option<Value>,
    fault: Option<Fault>,
    work: Work,
) -> Response {
    let watch = Watch {
        work,
        finished: false,
        script: script.clone(),
        sent: String::new(),
    };
    let mut events: VecDeque<(Piece, String)> = VecDeque::with_capacity(tokens.len() + 4);
    events.push_back((
        Piece::Other,
        event(&json!({"role": "assistant", "content": ""}), None),
    ));
    for token in tokens {
        let told = event(&json!({"content": token}), None);
        events.push_back((Piece::Token(token), told));
    }
    events.push_back((Piece::Other, event(&json!({}), Some("stop"))));
    if let Some(usage) = usage {
        let chunk = json!({"object": "chat.completion.chunk", "choices": [], "usage": usage});
        events.push_back((Piece::Usage, format!("data: {chunk}\n\n")));
    }
    events.push_back((Piece::Other, "data: [DONE]\n\n".to_owned()));
    let state = (events, watch, 0_usize);
    let (first_token, gap) = (script.first_token, script.gap);
    let body = stream::unfold(state, move |(mut events, mut watch, sent)| {
        let fault = fault.clone();
        async move {
            match fault {
                Some(Fault::CutAfter(after)) if sent >= after => {
                    watch.finish();
                    events.clear();
                    // Or else the break overtakes what was sent.
                    sleep(Duration::from_millis(20)).await;
                    return Some((Err(io::Error::other("cut")), (events, watch, 0)));
                }
                Some(Fault::EndAfter(after)) if sent >= after => {
                    watch.finish();
                    return None;
                }
                Some(Fault::StallAfter(after)) if sent >= after => pending().await,
                Some(Fault::Malformed) if sent >= 1 => {
                    events.clear();
                    watch.finish();
                    let broken = Ok("data: {\"choices\": [{\n\n".to_owned());
                    return Some((broken, (events, watch, 0)));
                }
                _ => {}
            }
            let Some((piece, event)) = events.pop_front() else {
                watch.finish();
                return None;
            };
            let is_token = matches!(piece, Piece::Token(_));
            let wait = if sent == 0 { first_token } else { gap };
            if is_token && !wait.is_zero() {
                sleep(wait).await;
            }
            match piece {
                Piece::Token(token) => watch.sent.push_str(&token),
                Piece::Usage => watch.work.made.reported = true,
                Piece::Other => {}
            }
            Some((Ok(event), (events, watch, sent + usize::from(is_token))))
        }
    });
    let body = Body::from_stream(body);
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

fn event(delta: &Value, finish_reason: Option<&str>) -> String {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    });
    format!("data: {chunk}\n\n")
}
