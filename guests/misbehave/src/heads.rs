//! Answers whose head is wrong or too big.

use std::fmt::Write;

use wasip2::http::types::{Fields, OutgoingResponse, ResponseOutparam};

use crate::answer::{self, Answer, number, plain};

/// Headers that would break the framing of the answer or another header.
const BAD: [(&str, &[u8]); 6] = [
    ("x-value", b"a\r\nx-smuggled: 1"),
    ("x-value", b"a\nb"),
    ("x-value", b"a\0b"),
    ("x-name\r\nx-smuggled", b"1"),
    ("x name", b"1"),
    ("", b"1"),
];

/// Headers that belong to the connection and not to the guest.
const FORBIDDEN: [&str; 9] = [
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Tries headers with line breaks and the like, and tells what came of each.
pub fn bad_header() -> String {
    BAD.iter().map(|(name, value)| attempt(name, value)).collect()
}

/// Tries headers that belong to the connection, and tells what came of each.
pub fn forbidden_header() -> String {
    FORBIDDEN.iter().map(|name| attempt(name, b"close")).collect()
}

fn attempt(name: &str, value: &[u8]) -> String {
    let outcome = match Fields::new().append(name, value) {
        Ok(()) => "accepted".to_owned(),
        Err(error) => format!("{error:?}"),
    };
    format!("{name:?}: {:?}: {outcome}\n", String::from_utf8_lossy(value))
}

/// Answers with the status `code`; without one, tells which impossible ones are taken.
pub fn bad_status(outparam: ResponseOutparam, query: &str) {
    let code = number(query, "code", 0);
    if code != 0 {
        let response = OutgoingResponse::new(plain());
        let outcome = response.set_status_code(u16::try_from(code).unwrap_or(u16::MAX));
        let answer = Answer::send(outparam, response);
        answer.write(format!("{code}: {outcome:?}\n").as_bytes());
        _ = answer.finish();
        return;
    }
    let mut report = String::new();
    for code in [0, 99, 600, 999, 1000, u16::MAX] {
        let outcome = OutgoingResponse::new(Fields::new()).set_status_code(code);
        _ = writeln!(report, "{code}: {outcome:?}");
    }
    answer::text(outparam, &report);
}

/// Answers with `n` headers (40,000), or tells which one was refused.
pub fn many_headers(outparam: ResponseOutparam, query: &str) {
    let headers = plain();
    for number in 0..number(query, "n", 40_000) {
        if let Err(error) = headers.append(&format!("x-{number}"), b"1") {
            return answer::text(outparam, &format!("header {number}: {error:?}\n"));
        }
    }
    send(outparam, headers);
}

/// Answers with one header of `n` bytes (1 MiB), or tells that it was refused.
pub fn big_header(outparam: ResponseOutparam, query: &str) {
    let headers = plain();
    let length = number(query, "n", 1 << 20) as usize;
    match headers.append("x-big", &vec![b'x'; length]) {
        Ok(()) => send(outparam, headers),
        Err(error) => answer::text(outparam, &format!("{length} bytes: {error:?}\n")),
    }
}

fn send(outparam: ResponseOutparam, headers: Fields) {
    let answer = Answer::begin(outparam, headers);
    answer.write(b"the head was taken\n");
    _ = answer.finish();
}
