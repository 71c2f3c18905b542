//! Apps of one host, of which one does its worst: what the others notice. A program of its own, as its tests keep every core
//! busy, which tests of other things would notice, too.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod apart;
#[path = "../common/asking.rs"]
mod asking;
#[path = "../common/bombs.rs"]
mod bombs;
mod ends;
mod room;
mod starts;

use wattle_testkit::Program;

const WATTLE: Program = Program::new(env!("CARGO_BIN_EXE_wattle"));
