//! The log as server-sent events: `line` for each line, `lost` where the reader was too slow.

use std::convert::Infallible;
use std::fmt::Write;

use bytes::Bytes;
use futures::stream;
use http::Response;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use wattle_spec::control::Lost;

use super::answer::{Body, typed};
use crate::log::ring::{Batch, Reader};

/// The events of `reader`, until its end. `place` is given back then, or when whoever asked is gone.
pub(super) fn answer(reader: Reader, place: Option<OwnedSemaphorePermit>) -> Response<Body> {
    let events = stream::unfold((reader, place), async |(mut reader, place)| {
        let batch = reader.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(events(&batch))), (reader, place)))
    });
    typed("text/event-stream", StreamBody::new(events).boxed_unsync())
}

fn events(batch: &Batch) -> Bytes {
    let mut text = String::new();
    if batch.lost > 0 {
        event(&mut text, "lost", &Lost { lost: batch.lost });
    }
    for line in &batch.lines {
        event(&mut text, "line", &**line);
    }
    text.into()
}

/// JSON has no line ends of its own.
fn event(text: &mut String, name: &str, value: &impl Serialize) {
    let value = serde_json::to_string(value).expect("invariant: what we answer has string keys");
    let _ = write!(text, "event: {name}\ndata: {value}\n\n");
}
