//! A component on a host.

use std::sync::Arc;

use wattle_backend::nats::{NatsBus, NatsConnection, NatsLayout, NatsOptions};
use wattle_backend::stores::Stores;
use wattle_host::Host;
use wattle_testkit::guests;

use super::{Over, Way};
use crate::serving::{REUSED, serve};

/// Answers what is published for `lane`, for as long as the process runs.
pub(super) fn start(way: &Way, lane: &str, is_reused: bool) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = Box::leak(Box::new(runtime.expect("a runtime")));
    let connection = NatsConnection::new(NatsOptions::new([way.url.as_str()]), runtime.handle().clone());
    let bus = NatsBus::new(connection.expect("an address"), NatsLayout::default(), None);
    let scope = if way.over == Over::Core { "shared" } else { "app" };
    let instances = if is_reused { REUSED } else { "" };
    let manifest = format!(
        "{instances}\nlinks = {{ \"wasmcloud:messaging\" = \"world\" }}\n\
         [backends.world]\ntype = \"nats\"\nscope = {scope:?}\n\
         [[triggers.message]]\ncomponent = \"bench\"\nsubject = {:?}\nconcurrency = {}\n",
        way.subject(lane),
        way.places
    );
    let stores = Stores { bus: Some(Arc::new(bus)), ..Stores::default() };
    std::mem::forget(serve(Host::builder(), &guests::relay(), &manifest, stores));
}
