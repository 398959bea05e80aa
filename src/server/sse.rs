//! A turn as server-sent events, with a comment every 15 s so that proxies keep the connection.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};

use crate::chat::Event;
use crate::chat::live::Reader;

/// The events of a turn from the reader's position on: `id`, `event` and `data`.
pub(crate) fn stream(reader: Reader) -> Response {
    respond(events(reader).map(|(id, event)| {
        SseEvent::default()
            .id(id.to_string())
            .event(event.name())
            .data(event.data())
    }))
}

/// What another protocol makes of the events of a turn: those that were `read` already, then the rest. Each
/// line is the `data` of an event without a name.
pub(super) fn translated(
    read: Vec<Event>,
    reader: Reader,
    mut translate: impl FnMut(Event) -> Vec<String> + Send + 'static,
) -> Response {
    let all = stream::iter(read).chain(events(reader).map(|(_, event)| event));
    let lines = all.flat_map(move |event| stream::iter(translate(event)));
    respond(lines.map(|line| SseEvent::default().data(line)))
}

fn events(reader: Reader) -> impl Stream<Item = (usize, Event)> + Send {
    stream::unfold(reader, |mut reader| async move {
        let next = reader.next().await?;
        Some((next, reader))
    })
}

fn respond(events: impl Stream<Item = SseEvent> + Send + 'static) -> Response {
    let keep_alive = KeepAlive::new()
        .interval(Duration::from_secs(15))
        .text("still here");
    let mut response = Sse::new(events.map(Ok::<_, Infallible>))
        .keep_alive(keep_alive)
        .into_response();
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
