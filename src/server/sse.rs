//! A turn as server-sent events: `id`, `event` and `data`, and a comment every 15 s so that proxies
//! keep the connection.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;

use crate::chat::live::Reader;

/// The events of a turn from the reader's position on.
pub(crate) fn stream(reader: Reader) -> Response {
    let events = stream::unfold(reader, |mut reader| async move {
        let (id, event) = reader.next().await?;
        let event = SseEvent::default()
            .id(id.to_string())
            .event(event.name())
            .data(event.data());
        Some((Ok::<_, Infallible>(event), reader))
    });
    let keep_alive = KeepAlive::new()
        .interval(Duration::from_secs(15))
        .text("still here");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    // nginx would otherwise collect the words before it passes them on.
    response.headers_mut().insert(
        header::HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
