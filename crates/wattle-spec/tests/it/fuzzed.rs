//! The fuzz targets, called as a fuzzer would: with their seeds, and with what chance makes of these.

#[expect(unreachable_pub, reason = "it is a library, too")]
#[path = "../../../../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// What chance makes of each target's seeds.
const CASES: u32 = 4096;

/// What has a meaning somewhere.
const WORDS: [&str; 14] =
    ["\"", "{", "}", "[", "]", ",", ":", "null", "-1", "1e400", "18446744073709551616", "\\u0000", "\n\n", "data: "];

/// A change of a part of some bytes.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Insert(Index, &'static str),
    /// From here on, so many bytes.
    Remove(Index, usize),
    /// They come a second time.
    Repeat(Index, usize),
    Cut(Index),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Self::Set(at, byte)),
            (any::<Index>(), prop::sample::select(&WORDS[..])).prop_map(|(at, word)| Self::Insert(at, word)),
            (any::<Index>(), 1..32_usize).prop_map(|(at, count)| Self::Remove(at, count)),
            (any::<Index>(), 1..64_usize).prop_map(|(at, count)| Self::Repeat(at, count)),
            any::<Index>().prop_map(Self::Cut),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: &Index| at.index(bytes.len() + 1);
        let end = |start: usize, count: &usize| bytes.len().min(start + count);
        match self {
            Self::Set(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Set(..) => {}
            Self::Insert(at, word) => {
                let at = place(at);
                bytes.splice(at..at, word.bytes());
            }
            Self::Remove(at, count) => {
                let start = place(at);
                bytes.drain(start..end(start, count));
            }
            Self::Repeat(at, count) => {
                let start = place(at);
                let part = bytes[start..end(start, count)].to_vec();
                bytes.splice(start..start, part);
            }
            Self::Cut(at) => bytes.truncate(place(at)),
        }
    }
}

/// The seeds that are committed, by their names; a fuzzer may have put more beside them.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let seeds = entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
    let mut seeds: Vec<_> = seeds.filter(|(name, _)| name.len() < 40).collect();
    seeds.sort();
    seeds
}

fn check(name: &str, target: fn(&[u8]) -> bool) {
    let seeds = seeds(name);
    for (file, bytes) in &seeds {
        assert!(target(bytes), "nothing is read of the seed {file}");
    }
    let texts: Vec<_> = seeds.into_iter().map(|(_, bytes)| bytes).collect();
    let mutated = (prop::sample::select(texts), prop::collection::vec(Change::any(), 1..8));
    let mutated = mutated.prop_map(|(mut bytes, changes)| {
        changes.iter().for_each(|change| change.apply(&mut bytes));
        bytes
    });
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let ran = TestRunner::new(config).run(&mutated, |bytes| {
        target(&bytes);
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn action() {
    check("action", targets::action);
}

#[test]
fn answer() {
    check("answer", targets::answer);
}

#[test]
fn events() {
    check("events", targets::events);
}

#[test]
fn query() {
    check("query", targets::query);
}
