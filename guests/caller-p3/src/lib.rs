//! The guest `caller` in WASI 0.3, as far as it differs: it calls `async` functions, several at a time.
//!
//! | request | answer |
//! |---|---|
//! | `GET /add/LEFT/RIGHT` | the sum |
//! | `GET /attempt/HOW` | how the callee ended |
//! | `GET /attempts/COUNT/HOW/SIZE` | how many of so many that begin at the same time end well, asked with so many bytes, and the first other end |
//! | `GET /who` | who the callee is to itself, asked by eight at a time |

wasip3::wit_bindgen::generate!({
    inline: "
        package wattle:caller-p3;
        world imports { import wattle:crossing/values@0.1.0; }
    ",
    path: ["../wit/wattle-crossing-p3"],
    runtime_path: "wasip3::wit_bindgen::rt",
    generate_all,
});

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};
use wattle::crossing::values;

struct Caller;

wasip3::http::service::export!(Caller);

impl wasip3::exports::http::handler::Guest for Caller {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let number = |text: &str| text.parse().unwrap_or_default();
        let answer = match segments.as_slice() {
            ["add", left, right] => values::add(number(left), number(right)).await.to_string(),
            ["attempt", how] => format!("{:?}", values::attempt((*how).to_owned()).await),
            ["attempts", count, how, size] => {
                let text = (*how).to_owned() + &" ".repeat(number(size) as usize);
                let ends = all((0..number(count)).map(|_| values::attempt(text.clone()))).await;
                let (well, other): (Vec<_>, Vec<_>) = ends.into_iter().partition(Result::is_ok);
                format!("{} {:?}", well.len(), other.first())
            }
            ["who"] => all((0..8).map(|_| values::who())).await.join(", "),
            _ => "no such path".to_owned(),
        };
        Ok(text(answer))
    }
}

/// What calls return that are under way at the same time, in the order in which they do.
async fn all<T>(calls: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut asked: Vec<_> = calls.map(Box::pin).collect();
    let mut said = Vec::new();
    std::future::poll_fn(|cx| {
        asked.retain_mut(|one| match one.as_mut().poll(cx) {
            std::task::Poll::Ready(text) => {
                said.push(text);
                false
            }
            std::task::Poll::Pending => true,
        });
        if asked.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    said
}

fn text(content: String) -> Response {
    let headers = Fields::new();
    _ = headers.append("content-type", b"text/plain");
    let (mut body, body_reader) = wit_stream::new();
    let (_trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(body_reader), trailers_reader);
    wit_bindgen::spawn_local(async move {
        body.write_all(content.into_bytes()).await;
    });
    response
}
