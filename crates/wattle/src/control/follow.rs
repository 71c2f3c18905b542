//! What a host says as server-sent events: `line` for each line of the log, `report` for each report, `lost` where the reader
//! was too slow.

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
use crate::ring::{Batch, Reader, Said};

/// The events of `reader`, until its end. `place` is given back then, or when whoever asked is gone.
pub(super) fn answer<T: Said>(reader: Reader<T>, place: Option<OwnedSemaphorePermit>) -> Response<Body> {
    let events = stream::unfold((reader, place), async |(mut reader, place)| {
        let batch = reader.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(events(&batch))), (reader, place)))
    });
    typed("text/event-stream", StreamBody::new(events).boxed_unsync())
}

fn events<T: Said>(batch: &Batch<T>) -> Bytes {
    let mut text = String::new();
    if batch.lost > 0 {
        event(&mut text, "lost", &Lost { lost: batch.lost });
    }
    for said in &batch.said {
        event(&mut text, T::EVENT, &**said);
    }
    text.into()
}

/// Adds the event `name`. JSON has no line ends of its own.
pub(super) fn event(text: &mut String, name: &str, value: &impl Serialize) {
    let value = serde_json::to_string(value).expect("invariant: what we answer has string keys");
    let _ = write!(text, "event: {name}\ndata: {value}\n\n");
}
