//! The guest `fetch` in WASI 0.3: forwards a request to the target that its header `x-target` names, and the answer
//! back; what fails is answered 502 with the error's name. With `x-again` that field and `x-target` are passed on. With
//! `x-block` the whole instance waits for the answer, and with `x-leave` nobody ever reads it,
//! or, if that says `begun`, more than its first byte. With `x-forge` it says for whom it asks, as a proxy would.

#[path = "../../common/url_parts.rs"]
mod target;

use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::{wit_bindgen, wit_future, wit_stream};

use target::Target;

struct Fetch;

wasip3::http::service::export!(Fetch);

impl wasip3::exports::http::handler::Guest for Fetch {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        match fetch(request).await {
            Ok(answered) => Ok(pass_on(answered)),
            Err(failure) => Ok(refuse(failure)),
        }
    }
}

async fn fetch(request: Request) -> Result<Response, String> {
    let target = request.get_headers().get("x-target").into_iter().next().ok_or("no header x-target")?;
    let target = String::from_utf8(target).map_err(|_| "the target is not text")?;
    let target = Target::parse(&target);
    let headers = Fields::new();
    let (blocks, leaves) = (request.get_headers().has("x-block"), request.get_headers().get("x-leave").pop());
    let again = request.get_headers().has("x-again");
    for (name, value) in request.get_headers().copy_all() {
        let is_passed_on = matches!(name.as_str(), "accept" | "content-type" | "content-length" | "range");
        if is_passed_on || again && matches!(name.as_str(), "x-again" | "x-target") {
            _ = headers.append(&name, &value);
        }
    }
    if request.get_headers().has("x-forge") {
        _ = headers.append("x-forwarded-for", b"127.0.0.1");
    }
    let method = request.get_method();
    let (_taken, taken_reader) = wit_future::new(|| Ok(()));
    let (content, trailers) = Request::consume_body(request, taken_reader);
    let (outgoing, _sent) = Request::new(headers, Some(content), trailers, None);
    let scheme = match target.scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.into()),
    };
    outgoing.set_method(&method).map_err(|()| "method refused")?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| "scheme refused")?;
    outgoing.set_authority(Some(target.authority)).map_err(|()| "authority refused")?;
    outgoing.set_path_with_query(Some(target.path)).map_err(|()| "path refused")?;
    let answered = match blocks {
        true => wit_bindgen::block_on(client::send(outgoing)),
        false => client::send(outgoing).await,
    };
    let answered = answered.map_err(|code| format!("{code:?}"))?;
    if let Some(how) = leaves {
        leave(answered, how == b"begun").await;
        return Err("left".into());
    }
    Ok(answered)
}

/// Keeps an answer, and reads no more than its first byte.
async fn leave(answered: Response, begins: bool) {
    if !begins {
        return std::mem::forget(answered);
    }
    let (taken, taken_reader) = wit_future::new(|| Ok(()));
    let (mut content, trailers) = Response::consume_body(answered, taken_reader);
    _ = content.read(Vec::with_capacity(1)).await;
    std::mem::forget((content, trailers, taken));
}

fn pass_on(answered: Response) -> Response {
    let (status, headers) = (answered.get_status_code(), Fields::new());
    for (name, value) in answered.get_headers().copy_all() {
        _ = headers.append(&name, &value);
    }
    let (_taken, taken_reader) = wit_future::new(|| Ok(()));
    let (content, trailers) = Response::consume_body(answered, taken_reader);
    let (response, _sent) = Response::new(headers, Some(content), trailers);
    _ = response.set_status_code(status);
    response
}

fn refuse(failure: String) -> Response {
    let (mut body, body_reader) = wit_stream::new();
    let (_trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(body_reader), trailers_reader);
    _ = response.set_status_code(502);
    wit_bindgen::spawn_local(async move {
        body.write_all(failure.into_bytes()).await;
    });
    response
}
