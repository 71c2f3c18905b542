//! Answers that go wrong after their head.

use wasip2::http::types::ResponseOutparam;

use crate::answer::{Answer, plain};
use crate::time;

/// Sends a head and ten bytes.
fn begin(outparam: ResponseOutparam) -> Answer {
    let answer = Answer::begin(outparam, plain());
    answer.write(b"0123456789");
    answer
}

/// Panics in the middle of the body.
pub fn panic_after(outparam: ResponseOutparam) {
    let _answer = begin(outparam);
    panic!("this guest was asked to panic in the middle of an answer");
}

/// Hangs for an hour in the middle of the body.
pub fn hang_after(outparam: ResponseOutparam) {
    let _answer = begin(outparam);
    time::sleep_ms(time::HOUR_MS);
}

/// Writes until nobody takes it any more.
pub fn write_forever(outparam: ResponseOutparam) {
    let answer = Answer::begin(outparam, plain());
    let piece = [b'x'; 4096];
    while answer.write(&piece) {}
}

/// Declares a length, then sends ten bytes and ends.
pub fn declare(outparam: ResponseOutparam, length: &str) {
    let headers = plain();
    headers.append("content-length", length.as_bytes()).expect("this header is valid");
    let answer = Answer::begin(outparam, headers);
    if !answer.write(b"0123456789") {
        eprintln!("declared {length}: the write was refused");
    }
    if let Err(code) = answer.finish() {
        eprintln!("declared {length}: the end was refused: {code}");
    }
}
