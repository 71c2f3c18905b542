//! Too much or too strange output on stdout, stderr and `wasi:logging`.

use std::io::{self, Write};

use crate::answer::number;
use crate::bindings::logging::{Level, log};

/// Writes `n` lines (1,000,000) to stdout.
pub fn flood(query: &str) -> String {
    let lines = number(query, "n", 1_000_000);
    let mut stdout = io::stdout().lock();
    let written = (0..lines).take_while(|line| writeln!(stdout, "line {line} of a flood").is_ok()).count();
    format!("{written} lines\n")
}

/// Writes one line of `mib` MiB (100) to stderr, in `pieces` (0: in one).
pub fn long(query: &str) -> String {
    let length = number(query, "mib", 100) as usize * (1 << 20);
    let pieces = number(query, "pieces", 0).max(1) as usize;
    let piece = vec![b'x'; length / pieces];
    let mut stderr = io::stderr().lock();
    let written = (0..pieces).take_while(|_| stderr.write_all(&piece).is_ok()).count();
    _ = stderr.write_all(b"\n");
    format!("{written} pieces of {} bytes\n", piece.len())
}

/// Writes terminal escapes, a forged second line and bytes that are not UTF-8 to every log there is.
pub fn ansi() -> String {
    const NASTY: &str =
        "\x1b[2J\x1b[31mred\x1b]0;title\x07\u{202e}right to left\r\n2026-01-01T00:00:00Z ERROR forged\tline\0end";
    println!("{NASTY}");
    eprintln!("{NASTY}");
    _ = io::stdout().write_all(b"not \xff\xfe UTF-8\n");
    log(Level::Info, "\x1b[1mcontext\n", NASTY);
    "three logs were defaced\n".to_owned()
}

/// Logs one message of `mib` MiB (64).
pub fn giant(query: &str) -> String {
    let message = "x".repeat(number(query, "mib", 64) as usize * (1 << 20));
    log(Level::Info, "giant", &message);
    format!("{} bytes\n", message.len())
}
