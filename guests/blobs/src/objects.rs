//! Objects: written, read, listed and removed.

use serde_json::json;
use wasip2::http::types::{IncomingRequest, Method};

use crate::Told;
use crate::bindings::{Container, IncomingValue, OutgoingValue, blobstore};
use crate::http::{self, Answer};

/// Streams the body of a request into an object.
pub fn put(request: &IncomingRequest, container: &str, name: &str, order: &str) -> Told<Answer> {
    let container = blobstore::get_container(container)?;
    let value = OutgoingValue::new_outgoing_value();
    let stream = value.outgoing_value_write_body().expect("the stream is taken once");
    let mut written = Ok(());
    let mut write = || http::body(request, |body| written = http::forward(body, &stream));
    if order == "body-first" {
        write();
        container.write_data(name, &value)?;
    } else {
        container.write_data(name, &value)?;
        write();
    }
    // A value that is not finished is not kept.
    written.map_err(http::told)?;
    // Its stream is still there, as it is in guests that others have written.
    OutgoingValue::finish(value)?;
    Ok(Answer::done())
}

/// Writes a small object.
pub fn write(container: &Container, name: &str, content: &[u8]) -> Told<()> {
    let value = OutgoingValue::new_outgoing_value();
    container.write_data(name, &value)?;
    {
        let stream = value.outgoing_value_write_body().expect("the stream is taken once");
        content.chunks(4096).try_for_each(|piece| stream.blocking_write_and_flush(piece)).map_err(http::told)?;
    }
    OutgoingValue::finish(value)
}

pub fn get(container: &str, name: &str, (start, end): (u64, u64)) -> Told<Answer> {
    let value = blobstore::get_container(container)?.get_data(name, start, end)?;
    IncomingValue::incoming_value_consume_async(value).map(Answer::stream)
}

pub fn whole(container: &str, name: &str, (start, end): (u64, u64)) -> Told<Answer> {
    let value = blobstore::get_container(container)?.get_data(name, start, end)?;
    let size = value.size();
    let bytes = IncomingValue::incoming_value_consume_sync(value)?;
    assert_eq!(size, bytes.len() as u64);
    Ok(Answer::bytes(bytes))
}

pub fn info(container: &str, name: &str) -> Told<Answer> {
    let info = blobstore::get_container(container)?.object_info(name)?;
    let (name, container) = (info.name, info.container);
    let found = json!({ "name": name, "container": container, "created": info.created_at, "size": info.size });
    Ok(Answer::json(&found))
}

pub fn other(method: &Method, container: &str, name: &str) -> Told<Answer> {
    let container = blobstore::get_container(container)?;
    match method {
        Method::Head if container.has_object(name)? => Ok(Answer::done()),
        Method::Delete => container.delete_object(name).map(|()| Answer::done()),
        _ => Ok(Answer::nothing("")),
    }
}

pub fn list(container: &str, skip: u64, page: u64) -> Told<Answer> {
    let list = blobstore::get_container(container)?.list_objects()?;
    let (skipped, mut ended) = list.skip_stream_object_names(skip)?;
    let (mut names, mut pages) = (Vec::new(), Vec::new());
    while !ended {
        let (some, last) = list.read_stream_object_names(page)?;
        pages.push(some.len());
        names.extend(some);
        ended = last;
    }
    Ok(Answer::json(&json!({ "skipped": skipped, "pages": pages, "names": names })))
}

pub fn fill(container: &str, from: u64, count: u64) -> Told<Answer> {
    let container = blobstore::get_container(container)?;
    (from..from + count).try_for_each(|number| write(&container, &format!("{number:05}"), b"x"))?;
    Ok(Answer::done())
}
