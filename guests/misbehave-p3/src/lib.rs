//! Does wrong what a WASI 0.3 guest can do wrong, by path.
//!
//! The host may run many requests at once in one instance, so a misdeed here can hurt its neighbours.

mod answer;
mod count;

use std::time::Duration;

use wasip3::clocks::monotonic_clock;
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::wit_bindgen;

use answer::{begin, text};

/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3600);

struct Misbehave;

wasip3::http::service::export!(Misbehave);

impl Guest for Misbehave {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let _counted = count::enter();
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let delay = milliseconds(query);
        match path {
            "/" => Ok(text("this guest misbehaves: see its paths\n")),
            "/loop" => loop {
                std::hint::spin_loop();
            },
            "/hang" => {
                sleep(HOUR).await;
                Ok(text("an hour is over\n"))
            }
            "/sleep" => {
                sleep(delay).await;
                Ok(text(&format!("slept {} ms\n", delay.as_millis())))
            }
            "/count" => {
                sleep(delay).await;
                Ok(text(&count::report()))
            }
            "/panic" => panic!("this guest was asked to panic"),
            "/panic-after" => Ok(panic_after()),
            "/hang-after" => Ok(hang_after()),
            "/write-forever" => Ok(write_forever()),
            "/stream-unread" => Ok(stream_unread()),
            "/ignore-upload" => Ok(text("the upload was not read\n")),
            "/error" => Err(ErrorCode::InternalError(Some("this guest was asked for an error".to_owned()))),
            _ => Ok(text(&format!("no misdeed is called {path}\n"))),
        }
    }
}

/// The number `ms` of a query, 0 if there is none.
fn milliseconds(query: &str) -> Duration {
    let given = query.split('&').find_map(|pair| pair.strip_prefix("ms="));
    Duration::from_millis(given.and_then(|digits| digits.parse().ok()).unwrap_or(0))
}

async fn sleep(duration: Duration) {
    if !duration.is_zero() {
        monotonic_clock::wait_for(duration.as_nanos() as u64).await;
    }
}

/// Panics when the answer has begun, which may be in the middle of other requests.
fn panic_after() -> Response {
    let (response, mut body) = begin();
    wit_bindgen::spawn_local(async move {
        body.write_all(b"0123456789".to_vec()).await;
        panic!("this guest was asked to panic in the middle of an answer");
    });
    response
}

/// Hangs for an hour when the answer has begun.
fn hang_after() -> Response {
    let (response, mut body) = begin();
    wit_bindgen::spawn_local(async move {
        body.write_all(b"0123456789".to_vec()).await;
        sleep(HOUR).await;
    });
    response
}

/// Writes until nobody takes it any more.
fn write_forever() -> Response {
    let (response, mut body) = begin();
    wit_bindgen::spawn_local(async move { while body.write_all(vec![b'x'; 4096]).await.is_empty() {} });
    response
}

/// Returns a body that nobody will ever write or close.
fn stream_unread() -> Response {
    let (response, body) = begin();
    std::mem::forget(body);
    response
}
