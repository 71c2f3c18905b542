//! What a message asks for, by the first word of its body, and the record of what was seen.

use std::hint::black_box;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::bindings::{atomics, store};

const BUCKET: &str = "seen";

/// Counts what was seen. How often that has been.
fn record(text: &str) -> Result<u64, String> {
    let bucket = store::open(BUCKET).map_err(|error| error.to_string())?;
    atomics::increment(&bucket, text, 1).map_err(|error| error.to_string())
}

/// Records a message by what it is about, its body and what else is known of it, and does what it asks for, unless it is a
/// dead letter.
pub fn perform(subject: &str, body: &str, more: &str) -> Result<(), String> {
    let name = std::env::var("NAME").unwrap_or_default();
    let times = record(format!("{name} {subject} {body} {more}").trim())?;
    match body.split(' ').next().unwrap_or_default() {
        _ if subject.starts_with("dead") => Ok(()),
        "err" => Err(body.to_owned()),
        "trap" => panic!("a message asked for it"),
        "spin" => loop {
            black_box(());
        },
        "slow" => Ok(std::thread::sleep(Duration::from_millis(200))),
        "late" => Ok(std::thread::sleep(Duration::from_secs(600))),
        "third" if times < 3 => Err(format!("this was time {times}")),
        _ => Ok(()),
    }
}

/// What was seen, and how often.
pub fn seen() -> Result<Value, String> {
    let bucket = store::open(BUCKET).map_err(|error| error.to_string())?;
    let mut seen = Map::new();
    let mut cursor = None;
    loop {
        let page = bucket.list_keys(cursor).map_err(|error| error.to_string())?;
        for key in page.keys {
            let times = bucket.get(&key).map_err(|error| error.to_string())?.unwrap_or_default();
            seen.insert(key, String::from_utf8_lossy(&times).parse::<u64>().unwrap_or_default().into());
        }
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(seen.into()),
        }
    }
}
