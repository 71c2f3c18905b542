//! Drives a blobstore over HTTP, with bodies that stream: for tests of capabilities.
//!
//! Every call of the interface is one request. Names in paths are percent-encoded; one that a path cannot hold is written
//! as `?name=` in place of the last segment.
//!
//! | request | answer |
//! |---|---|
//! | `PUT`, `GET`, `HEAD`, `DELETE /container/C` | makes it; what is known of it; whether it exists; removes it |
//! | `PUT`, `GET`, `HEAD`, `DELETE /object/C/O` | the object as it is; `?start=N&end=N` of `GET` is a part of it |
//! | `PUT /object/C/O?order=body-first` | the same, but the content is written before it is said where it goes |
//! | `GET /whole/C/O` | the same as `GET /object/C/O`, but read at once |
//! | `GET /info/C/O` | `{"name": .., "container": .., "created": SECONDS, "size": N}` |
//! | `GET /list/C?skip=N&page=N` | `{"skipped": N, "pages": [N ..], "names": [..]}` |
//! | `POST /fill/C?from=N&count=N` | writes so many objects, called `00000`, `00001` and so on |
//! | `POST /delete/C` | takes names, one a line, and removes these objects |
//! | `POST /clear/C` | removes all objects |
//! | `POST /copy/C/O/C/O`, `POST /move/C/O/C/O` | copies or moves an object |
//! | `POST /misuse/WHAT/C` | what the interface answers to a guest that does not do as it should: see `misuse` |
//!
//! What the interface refuses is answered 422 with its text.

mod bindings;
mod http;
mod misuse;
mod objects;
#[path = "../../shared/path_target.rs"]
mod target;

use wasip2::http::types::{IncomingRequest, Method, ResponseOutparam};

use bindings::{ObjectId, blobstore};
use http::Answer;
use target::Target;

/// What the interface answered.
type Told<T> = Result<T, String>;

struct Blobs;

wasip2::http::proxy::export!(Blobs);

impl wasip2::exports::http::incoming_handler::Guest for Blobs {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let target = Target::parse(&request.path_with_query().unwrap_or_default());
        let answer = route(&request, &target).unwrap_or_else(Answer::refused);
        answer.send(outparam);
    }
}

fn route(request: &IncomingRequest, target: &Target) -> Told<Answer> {
    let segments: Vec<&str> = target.segments.iter().map(String::as_str).collect();
    match (request.method(), segments.as_slice()) {
        (method, ["container", name]) => container(&method, name),
        (Method::Put, ["object", container, name]) => {
            objects::put(request, container, name, target.query.get("order").map_or("", String::as_str))
        }
        (Method::Get, ["object", container, name]) => objects::get(container, name, target.range()),
        (Method::Get, ["whole", container, name]) => objects::whole(container, name, target.range()),
        (Method::Get, ["info", container, name]) => objects::info(container, name),
        (method, ["object", container, name]) => objects::other(&method, container, name),
        (Method::Get, ["list", container]) => {
            objects::list(container, target.number("skip", 0), target.number("page", 1000))
        }
        (Method::Post, ["fill", container]) => {
            objects::fill(container, target.number("from", 0), target.number("count", 1))
        }
        (Method::Post, ["delete", container]) => {
            let names = http::content(request);
            let names: Vec<String> = names.lines().map(str::to_owned).collect();
            blobstore::get_container(container)?.delete_objects(&names).map(|()| Answer::done())
        }
        (Method::Post, ["clear", container]) => blobstore::get_container(container)?.clear().map(|()| Answer::done()),
        (Method::Post, ["copy", places @ ..]) => two(places, blobstore::copy_object),
        (Method::Post, ["move", places @ ..]) => two(places, blobstore::move_object),
        (Method::Post, ["misuse", what, container]) => misuse::of(what, &blobstore::get_container(container)?),
        _ => Ok(Answer::nothing("no such path")),
    }
}

fn container(method: &Method, name: &str) -> Told<Answer> {
    match method {
        Method::Put => blobstore::create_container(name).map(|_| Answer::done()),
        Method::Head if blobstore::container_exists(name)? => Ok(Answer::done()),
        Method::Head => Ok(Answer::nothing("")),
        Method::Delete => blobstore::delete_container(name).map(|()| Answer::done()),
        _ => {
            let container = blobstore::get_container(name)?;
            let info = container.info()?;
            assert_eq!(container.name()?, info.name);
            Ok(Answer::json(&serde_json::json!({ "name": info.name, "created": info.created_at })))
        }
    }
}

/// Does something with the two objects of a path.
fn two(places: &[&str], operation: fn(&ObjectId, &ObjectId) -> Told<()>) -> Told<Answer> {
    let [from_container, from, to_container, to] = places else { return Ok(Answer::nothing("no such path")) };
    let place = |container: &str, object: &str| ObjectId { container: container.into(), object: object.into() };
    operation(&place(from_container, from), &place(to_container, to)).map(|()| Answer::done())
}
