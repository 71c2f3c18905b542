//! Calls another component as a request asks for it. An instance counts its requests, so that one sees whether it lives on.
//!
//! | request | answer |
//! |---|---|
//! | `GET /mirror` | `same`, if a value of all types comes back as it was |
//! | `GET /add/LEFT/RIGHT` | the sum |
//! | `GET /adds/COUNT` | how many nanoseconds each of so many sums took |
//! | `GET /nows/COUNT` | the same for looks at the clock, which is the host's |
//! | `GET /bytes/SIZE/COUNT` | the same for so many bytes there and back |
//! | `GET /attempt/HOW`, `/cases/HOW`, `/insist/HOW` | how the callee ended, and how many requests this instance has seen |
//! | `GET /who` | who the callee is to itself |

wit_bindgen::generate!({
    inline: "
        package wattle:caller;
        world imports { import wattle:crossing/values@0.1.0; }
    ",
    path: ["../wit/wattle-crossing"],
    generate_all,
});

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use wattle::crossing::values::{self, Colour, Everything, Problem, Rights, Shape};
use wstd::http::{Body, Error, Request, Response};

static REQUESTS: AtomicU32 = AtomicU32::new(0);

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let seen = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
    let path = request.uri().path().trim_matches('/').to_owned();
    let segments: Vec<&str> = path.split('/').collect();
    let number = |text: &str| text.parse().unwrap_or_default();
    let answer = match segments.as_slice() {
        ["mirror"] => {
            if is_same() {
                "same".to_owned()
            } else {
                "another".to_owned()
            }
        }
        ["add", left, right] => values::add(number(left), number(right)).to_string(),
        ["adds", count] => each(number(count), || assert_eq!(values::add(1, 2), 3)),
        ["nows", count] => each(number(count), || _ = black_box(Instant::now())),
        ["bytes", size, count] => {
            let content = vec![7; number(size) as usize];
            each(number(count), || assert_eq!(values::bytes(&content).len(), content.len()))
        }
        ["attempt", how] => format!("{:?} {seen}", values::attempt(how)),
        ["cases", how] => match values::attempt_cases(how) {
            Ok(text) => format!("ok {text} {seen}"),
            Err(Problem::Denied(text)) => format!("denied {text} {seen}"),
            Err(Problem::Other(text)) => format!("other {text} {seen}"),
        },
        ["insist", how] => format!("{} {seen}", values::insist(how)),
        ["who"] => values::who(),
        _ => return Ok(Response::builder().status(404).body("no such path\n".to_owned().into())?),
    };
    Ok(Response::new(answer.into()))
}

fn is_same() -> bool {
    let value = || Everything {
        yes: true,
        small: -128,
        large: u64::MAX,
        real: 0.5,
        letter: 'ß',
        text: "Grüße, \u{1f980}".to_owned(),
        bytes: vec![0, 255, 7],
        pair: (7, "seven".to_owned()),
        maybe: Some(String::new()),
        outcome: Err("no".to_owned()),
        colour: Colour::Green,
        rights: Rights::READ | Rights::WRITE,
        shapes: vec![Shape::Point, Shape::Circle(1.5), Shape::Named("square".to_owned())],
    };
    format!("{:?}", values::mirror(&value())) == format!("{:?}", value())
}

/// How many nanoseconds each of `count` calls took.
fn each(count: u32, call: impl Fn()) -> String {
    let started = Instant::now();
    (0..count).for_each(|_| call());
    (started.elapsed().as_nanos() / u128::from(count.max(1))).to_string()
}
