//! Keys and values from a component, against the bare store.
//!
//! A component reads and writes [`COUNT`] entries of 1 KiB per request, one half each as in workload A of YCSB; the bare
//! lane does the same with the backend itself. Both have [`CLIENTS`] clients at a time, on two threads. Reading alone and
//! writing alone are shown beside it.

mod bare;

use std::sync::Arc;
use std::time::Duration;

use wattle_backend::disk::{DataDir, DiskKeyValue, DiskOptions};
use wattle_backend::key_value::KeyValue;
use wattle_backend::memory::MemoryKeyValue;
use wattle_backend::stores::Stores;
use wattle_host::Host;
use wattle_testkit::figures::{Bound, Table};
use wattle_testkit::guests;

use self::bare::{KEYS, Verb};
use crate::lanes::{Lane, RATIO, race};
use crate::load::closed;
use crate::serving::{ROUTE, serve};

/// As many clients as are served at a time.
const CLIENTS: usize = 32;
/// How many operations one request is.
const COUNT: u32 = 500;
/// Whatever backend is named, it is the one that is measured.
const LINKS: &str = "links = { \"wasi:keyvalue\" = \"memory\" }";
const PROMISED: f64 = 0.50;

const COMPONENT: &str = "a component";

/// What a component reaches of a store of its own kind, which `open` opens: for the mix, which has a promise.
fn compare(backend: &str, verb: Verb, open: impl Fn() -> Arc<dyn KeyValue>) -> Table {
    let (alone, behind) = (open(), open());
    let stores = Stores { key_value: Some(behind), ..Stores::default() };
    let serving = serve(Host::builder(), &guests::mill(), &format!("{LINKS}\n{ROUTE}"), stores);
    // So that there is something to read.
    bare::run(&alone, Verb::Set, KEYS, CLIENTS, Duration::ZERO);
    closed::run(serving.address(), &format!("/set/{KEYS}"), CLIENTS, Duration::from_millis(1));
    let what = format!("{} on {backend}", verb.as_str());
    let path = format!("/{}/{COUNT}", verb.as_str());
    let lanes = vec![
        Lane::new("the bare store", move |round| bare::run(&alone, verb, COUNT, CLIENTS, round)),
        Lane::new(COMPONENT, move |round| closed::run(serving.address(), &path, CLIENTS, round) * f64::from(COUNT)),
    ];
    let table = race(what, "operations/s", lanes);
    if verb == Verb::Mix { table.promise(COMPONENT, RATIO, Bound::AtLeast(PROMISED)) } else { table }
}

pub(crate) fn run() -> Vec<Table> {
    let place = tempfile::tempdir().expect("a temporary directory");
    let mut tables = Vec::new();
    for verb in [Verb::Mix, Verb::Get, Verb::Set] {
        tables.push(compare("memory", verb, || Arc::new(MemoryKeyValue::default())));
        tables.push(compare("disk", verb, || {
            let dir = tempfile::tempdir_in(&place).expect("a directory").keep();
            let dir = Arc::new(DataDir::open(&dir).expect("a data directory"));
            Arc::new(DiskKeyValue::open(dir, DiskOptions::default()).expect("a store"))
        }));
    }
    tables
}
