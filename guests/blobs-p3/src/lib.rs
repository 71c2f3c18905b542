//! The guest `blobs` in WASI 0.3, over the interface with asynchronous functions.
//!
//! It takes the same requests but for `/whole` and `/misuse`; bodies are handed from stream to stream and never read
//! here. What the interface refuses is answered 422 with the name of the case.
//!
//! `POST /drop/C/O` writes a part of an object and lets go of the call, `POST /unread/C/O` asks for an object and does not read
//! it.

mod bindings;
mod http;
#[path = "../../shared/path_target.rs"]
mod target;

use std::future::poll_fn;
use std::task::Poll;

use serde_json::json;
use wasip3::http::types::{ErrorCode, Method, Request, Response};
use wasip3::wit_bindgen::spawn_local;
use wasip3::wit_stream;

use bindings::{Container, Error, ObjectId, blobstore};
use http::Answer;
use target::Target;

struct Blobs;

wasip3::http::service::export!(Blobs);

impl wasip3::exports::http::handler::Guest for Blobs {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = Target::parse(&request.get_path_with_query().unwrap_or_default());
        let answer = route(request, &target).await;
        Ok(answer.unwrap_or_else(|error| Answer::refused(told(&error))).into_response())
    }
}

fn told(error: &Error) -> String {
    match error {
        Error::NoSuchContainer => "no-such-container".into(),
        Error::ContainerAlreadyExists => "container-already-exists".into(),
        Error::NoSuchObject => "no-such-object".into(),
        Error::AccessDenied => "access-denied".into(),
        Error::Timeout => "timeout".into(),
        Error::StoreUnavailable => "store-unavailable".into(),
        Error::QuotaExceeded => "quota-exceeded".into(),
        Error::Other(reason) => format!("other: {reason}"),
    }
}

async fn route(request: Request, target: &Target) -> Result<Answer, Error> {
    let segments: Vec<&str> = target.segments.iter().map(String::as_str).collect();
    let open = async |name: &str| blobstore::get_container(name.to_owned()).await;
    match (request.get_method(), segments.as_slice()) {
        (method, ["container", name]) => container(&method, name).await,
        (method, ["object", container, name]) => {
            object(&method, &open(container).await?, (*name).into(), request, target).await
        }
        (Method::Get, ["info", container, name]) => info(&open(container).await?, name).await,
        (Method::Get, ["list", container]) => {
            let names: Vec<String> = open(container).await?.list_objects().await?.collect().await;
            Ok(Answer::json(&json!({ "names": names })))
        }
        (Method::Post, ["fill", container]) => {
            fill(&open(container).await?, target.number("from", 0), target.number("count", 1)).await
        }
        (Method::Post, ["delete", container]) => {
            let names = http::content(request).await;
            let names = names.lines().map(str::to_owned).collect();
            open(container).await?.delete_objects(names).await.map(|()| Answer::done())
        }
        (Method::Post, ["clear", container]) => open(container).await?.clear().await.map(|()| Answer::done()),
        (Method::Post, ["copy", from, object, to, copy]) => {
            blobstore::copy_object(place(from, object), place(to, copy)).await.map(|()| Answer::done())
        }
        (Method::Post, ["move", from, object, to, moved]) => {
            blobstore::move_object(place(from, object), place(to, moved)).await.map(|()| Answer::done())
        }
        (Method::Post, ["drop", container, name]) => give_up(&open(container).await?, name).await,
        (Method::Post, ["unread", container, name]) => {
            drop(open(container).await?.get_data((*name).into(), 0, u64::MAX).await?);
            Ok(Answer::done())
        }
        _ => Ok(Answer::nothing("no such path")),
    }
}

fn place(container: &str, object: &str) -> ObjectId {
    ObjectId { container: container.into(), object: object.into() }
}

async fn container(method: &Method, name: &str) -> Result<Answer, Error> {
    match method {
        Method::Put => blobstore::create_container(name.into()).await.map(|_| Answer::done()),
        Method::Head if blobstore::container_exists(name.into()).await? => Ok(Answer::done()),
        Method::Head => Ok(Answer::nothing("")),
        Method::Delete => blobstore::delete_container(name.into()).await.map(|()| Answer::done()),
        _ => {
            let container = blobstore::get_container(name.into()).await?;
            let info = container.info().await?;
            assert_eq!(container.name().await?, info.name);
            Ok(Answer::json(&json!({ "name": info.name, "created": info.created_at / 1_000_000_000 })))
        }
    }
}

async fn object(
    method: &Method,
    container: &Container,
    name: String,
    request: Request,
    target: &Target,
) -> Result<Answer, Error> {
    let (start, end) = target.range();
    match method {
        Method::Put => container.write_data(name, http::body(request)).await.map(|()| Answer::done()),
        Method::Head if container.has_object(name.clone()).await? => Ok(Answer::done()),
        Method::Delete => container.delete_object(name).await.map(|()| Answer::done()),
        Method::Get => container.get_data(name, start, end).await.map(Answer::stream),
        _ => Ok(Answer::nothing("")),
    }
}

async fn info(container: &Container, name: &str) -> Result<Answer, Error> {
    let info = container.object_info(name.into()).await?;
    let created = info.created_at / 1_000_000_000;
    let (name, container) = (info.name, info.container);
    Ok(Answer::json(&json!({ "name": name, "container": container, "created": created, "size": info.size })))
}

async fn fill(container: &Container, from: u64, count: u64) -> Result<Answer, Error> {
    for number in from..from + count {
        let (mut writer, reader) = wit_stream::new();
        spawn_local(async move {
            writer.write_all(b"x".to_vec()).await;
        });
        container.write_data(format!("{number:05}"), reader).await?;
    }
    Ok(Answer::done())
}

/// Writes a part of an object and lets go of the call, then of the stream, whose end would make the part look complete.
async fn give_up(container: &Container, name: &str) -> Result<Answer, Error> {
    let (mut writer, reader) = wit_stream::new();
    let mut call = Box::pin(container.write_data(name.into(), reader));
    let mut write = Box::pin(writer.write_all(vec![b'x'; 1 << 20]));
    poll_fn(|cx| match call.as_mut().poll(cx) {
        Poll::Ready(outcome) => Poll::Ready(outcome),
        Poll::Pending => write.as_mut().poll(cx).map(|_| Ok(())),
    })
    .await?;
    drop(call);
    Ok(Answer::done())
}
