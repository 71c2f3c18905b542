//! Load generators, and what they send.

pub(crate) mod closed;
pub(crate) mod open;

/// A request for `path`.
fn request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench.example\r\n\r\n").into_bytes()
}

/// Whether an answer says that all is well.
fn is_good(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 200")
}

/// Whether these bytes are a whole answer.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    const LENGTH: &[u8] = b"content-length: ";
    match answer[..head].windows(LENGTH.len()).position(|window| window.eq_ignore_ascii_case(LENGTH)) {
        Some(at) => {
            let digits = answer[at + LENGTH.len()..].iter().take_while(|digit| digit.is_ascii_digit());
            let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
            answer.len() >= head + 4 + length
        }
        None => answer.ends_with(b"0\r\n\r\n"),
    }
}
