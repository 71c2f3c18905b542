//! Uses what `weaver` gives. An instance counts its requests, so that one sees whether it lives on.
//!
//! | request | answer |
//! |---|---|
//! | `GET /sew/COLOUR/ONE/OTHER` | the colour, and how long two pieces of such lengths are together |
//! | `POST /measure` | how many bytes the weaver reads of the body |
//! | `GET /motto` | what the weaver's file holds, and what its own does |
//! | `GET /reach/AUTHORITY` | what the weaver finds there |
//! | `GET /say/LINE` | lets the weaver write a line |
//! | `GET /tear` | nothing: the weaver traps |
//! | `GET /count` | how many requests this instance has seen |

wit_bindgen::generate!({
    inline: "
        package wattle:tailor;
        world imports { import wattle:cloth/loom@0.1.0; }
    ",
    path: ["../wit/wasi-io", "../wit/wattle-cloth"],
    with: {
        "wasi:io/error@0.2.1": wasip2::io::error,
        "wasi:io/poll@0.2.1": wasip2::io::poll,
        "wasi:io/streams@0.2.1": wasip2::io::streams,
    },
    generate_all,
});

use std::sync::atomic::{AtomicU32, Ordering};

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wattle::cloth::loom::{self, Bolt};

static REQUESTS: AtomicU32 = AtomicU32::new(0);

struct Tailor;

wasip2::http::proxy::export!(Tailor);

impl wasip2::exports::http::incoming_handler::Guest for Tailor {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let seen = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
        let path = request.path_with_query().unwrap_or_default();
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let number = |text: &str| text.parse().unwrap_or_default();
        let answer = match segments.as_slice() {
            ["sew", colour, one, other] => sewn(colour, number(one), number(other)),
            ["measure"] => measured(&request),
            ["motto"] => {
                let own = std::fs::read_to_string("/own/motto").unwrap_or_else(|error| error.kind().to_string());
                format!("{}, {own}", loom::motto())
            }
            ["reach", authority] => loom::reach(authority),
            ["say", line] => {
                loom::say(line);
                println!("said");
                "said".to_owned()
            }
            ["tear"] => {
                loom::tear();
                "whole".to_owned()
            }
            ["count"] => seen.to_string(),
            _ => "no such path".to_owned(),
        };
        send(outparam, &answer);
    }
}

fn sewn(colour: &str, one: u32, other: u32) -> String {
    let bolt = Bolt::new(colour);
    bolt.weave(one);
    let rest = Bolt::new("any");
    rest.weave(other);
    let length = loom::sew(&bolt, rest);
    format!("{} {length}", bolt.colour())
}

fn measured(request: &IncomingRequest) -> String {
    let Ok(body) = request.consume() else { return "no body".to_owned() };
    body.stream().map_or_else(|()| "no stream".to_owned(), |stream| loom::measure(stream).to_string())
}

fn send(outparam: ResponseOutparam, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    let Ok(body) = response.body() else { return };
    ResponseOutparam::set(outparam, Ok(response));
    if let Ok(stream) = body.write() {
        _ = stream.blocking_write_and_flush(text.as_bytes());
    }
    _ = OutgoingBody::finish(body, None);
}
