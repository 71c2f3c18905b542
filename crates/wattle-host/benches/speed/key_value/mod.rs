//! Keys and values from a component, against the bare store.
//!
//! A component reads or writes [`COUNT`] entries per request; the bare lane does the same with the backend itself. Both
//! have [`CLIENTS`] clients at a time, on two threads.

mod bare;

use std::sync::Arc;
use std::time::Duration;

use wattle_backend::bus::Bus;
use wattle_backend::disk::{DataDir, DiskKeyValue, DiskOptions};
use wattle_backend::key_value::KeyValue;
use wattle_backend::memory::{MemoryBus, MemoryKeyValue};
use wattle_backend::stores::Stores;
use wattle_testkit::guests;

use self::bare::{KEYS, Verb};
use crate::lanes::{Lane, Result, race};
use crate::load;
use crate::serving::serve;

/// As many clients as are served at a time.
const CLIENTS: usize = 32;
/// How many operations one request is.
const COUNT: u32 = 200;
/// Whatever backend is named, it is the one that is measured.
const LINKS: &str = "links = { \"wasi:keyvalue\" = \"memory\", \"wasmcloud:messaging\" = \"memory\" }";
const PROMISED: f64 = 0.50;

/// What a component reaches of a store of its own kind, which `open` opens.
fn compare(backend: &str, verb: Verb, open: impl Fn() -> Arc<dyn KeyValue>) -> Result {
    let (alone, behind) = (open(), open());
    let bus = Some(Arc::new(MemoryBus::default()) as Arc<dyn Bus>);
    let stores = Stores { key_value: Some(behind), bus, ..Stores::default() };
    let address = serve(&guests::mill(), LINKS, stores);
    // So that there is something to read.
    bare::run(&alone, Verb::Set, KEYS, CLIENTS, Duration::ZERO);
    load::run(address, &format!("/set/{KEYS}"), CLIENTS, Duration::from_millis(1));
    let what = format!("{} on {backend}", verb.as_str());
    let path = format!("/{}/{COUNT}", verb.as_str());
    let lanes = vec![
        Lane::new("the bare store", move |round| bare::run(&alone, verb, COUNT, CLIENTS, round)),
        Lane::new("a component", move |round| load::run(address, &path, CLIENTS, round) * f64::from(COUNT)),
    ];
    let ratio = race(&what, "operations", lanes);
    Result { what, ratio, promised: PROMISED }
}

pub(crate) fn run() -> Vec<Result> {
    let place = tempfile::tempdir().expect("a temporary directory");
    let mut results = Vec::new();
    for verb in [Verb::Get, Verb::Set] {
        results.push(compare("memory", verb, || Arc::new(MemoryKeyValue::default())));
        results.push(compare("disk", verb, || {
            let dir = tempfile::tempdir_in(&place).expect("a directory").keep();
            let dir = Arc::new(DataDir::open(&dir).expect("a data directory"));
            Arc::new(DiskKeyValue::open(dir, DiskOptions::default()).expect("a store"))
        }));
    }
    results
}
