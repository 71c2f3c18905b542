//! Messages through a component over NATS, against a bare subscriber of `async-nats`.
//!
//! A publisher keeps [`WINDOW`] messages under way; whoever is measured publishes the body of each again, about
//! [`DONE`], which the publisher counts. Over core NATS nothing is kept; over JetStream each message is settled when it
//! was handled.

mod bare;
mod publisher;

use std::sync::Arc;

use wattle_backend::key_value::KeyValue;
use wattle_backend::memory::MemoryKeyValue;
use wattle_backend::nats::{NatsBus, NatsConnection, NatsLayout, NatsOptions};
use wattle_backend::stores::Stores;
use wattle_testkit::{NatsServer, guests};

use crate::lanes::{Lane, Result, race};
use crate::serving::{REUSED, serve};

/// How many messages wait for their answers at a time.
const WINDOW: usize = 256;
/// What the answers are about.
const DONE: &str = "mill.done";
const STREAM: &str = "WORK";
const PROMISED: f64 = 0.60;

/// Where a lane hears of its work.
fn subject(lane: &str, stream: Option<&str>) -> String {
    format!("{}.{lane}", stream.unwrap_or("core"))
}

/// A lane whose work is done by a component on a host of its own.
fn component(url: &str, name: &'static str, lane: &str, stream: Option<&str>, instances: &str) -> Lane {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    // It lives as long as the process.
    let runtime = Box::leak(Box::new(runtime.expect("a runtime")));
    let options = NatsOptions::new([url]);
    let connection = NatsConnection::new(options, runtime.handle().clone()).expect("an address");
    let bus = NatsBus::new(connection, NatsLayout::default(), stream.map(Into::into));
    let subject = subject(lane, stream);
    let manifest = format!(
        "{instances}\nlinks = {{ \"wasmcloud:messaging\" = \"nats\", \"wasi:keyvalue\" = \"memory\" }}\n\
         [backends.nats]\ntype = \"nats\"\nscope = \"shared\"\n\
         [[triggers.message]]\ncomponent = \"bench\"\nsubject = {subject:?}\nconcurrency = {WINDOW}\n"
    );
    let key_value = Some(Arc::new(MemoryKeyValue::default()) as Arc<dyn KeyValue>);
    serve(&guests::mill(), &manifest, Stores { bus: Some(Arc::new(bus)), key_value, ..Stores::default() });
    Lane::new(name, publisher::work(url, subject))
}

/// What a component reaches over core NATS, or over a stream.
fn compare(url: &str, stream: Option<&str>) -> Result {
    let what = format!("messages over {}", if stream.is_some() { "JetStream" } else { "core NATS" });
    let alone = subject("alone", stream);
    bare::start(url, &alone, stream);
    let lanes = vec![
        Lane::new("a bare subscriber", publisher::work(url, alone)),
        component(url, "a component, fresh instance", "fresh", stream, ""),
        component(url, "a component, reused instance", "reused", stream, REUSED),
    ];
    let ratio = race(&what, "messages", lanes);
    Result { what, ratio, promised: PROMISED }
}

pub(crate) fn run() -> Vec<Result> {
    let Some(server) = NatsServer::builder().start() else { return Vec::new() };
    let url = server.url();
    bare::make_stream(&url, STREAM);
    vec![compare(&url, None), compare(&url, Some(STREAM))]
}
