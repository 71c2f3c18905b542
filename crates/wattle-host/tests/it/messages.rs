//! Messages from a backend that refuses, or cannot be reached for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;
use wattle_backend::backend::Backend;
use wattle_backend::bucket::Owner;
use wattle_backend::bus::{Bus, Deliveries, Message, Subscription};
use wattle_backend::error::BackendError;
use wattle_backend::memory::{MemoryBus, MemoryKeyValue};
use wattle_backend::stores::Stores;
use wattle_host::{BackendSource, Host, StartError};
use wattle_spec::backend::EngineSpec;
use wattle_spec::message::MessageReport;
use wattle_spec::report::Report;

use crate::rig::resolved;

const MANIFEST: &str = r#"
    name = "post"
    [components.a]
    source = "courier.wasm"
    links = { "wasi:keyvalue" = "memory", "wasmcloud:messaging" = "memory" }
    [[triggers.message]]
    subject = "jobs"
    component = "a"
    concurrency = 1
"#;

/// Nobody can subscribe for the first few times.
struct Moody {
    bus: MemoryBus,
    refusals: AtomicU32,
    error: fn() -> BackendError,
}

impl Backend for Moody {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        self.bus.check()
    }
}

impl Bus for Moody {
    fn publish(&self, owner: &Owner, message: Message) -> BoxFuture<'static, Result<(), BackendError>> {
        self.bus.publish(owner, message)
    }

    fn request(
        &self,
        owner: &Owner,
        message: Message,
        patience: Duration,
    ) -> BoxFuture<'static, Result<Message, BackendError>> {
        self.bus.request(owner, message, patience)
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'static, Result<Deliveries, BackendError>> {
        let left = self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match left {
            Ok(_) => ready(Err((self.error)())).boxed(),
            Err(_) => self.bus.subscribe(subscription),
        }
    }

    fn keeps(&self) -> bool {
        self.bus.keeps()
    }
}

struct Source(Arc<Moody>);

impl BackendSource for Source {
    fn open(&self, _: &EngineSpec) -> Result<Option<Stores>, BackendError> {
        let key_value = Some(Arc::new(MemoryKeyValue::default()) as _);
        Ok(Some(Stores { key_value, bus: Some(self.0.clone()), ..Stores::default() }))
    }
}

/// A host whose bus refuses so often with `error`, and what it reports of messages.
fn host(refusals: u32, error: fn() -> BackendError) -> (Host, Arc<Moody>, UnboundedReceiver<MessageReport>) {
    let bus = Arc::new(Moody { bus: MemoryBus::default(), refusals: refusals.into(), error });
    let (sender, reports) = unbounded_channel();
    let host = Host::builder().backend_source(Source(bus.clone())).reports(move |report| {
        if let Report::Message(report) = report {
            let _ = sender.send(report);
        }
    });
    (host.build().unwrap(), bus, reports)
}

async fn next(reports: &mut UnboundedReceiver<MessageReport>) -> MessageReport {
    timeout(Duration::from_secs(20), reports.recv()).await.expect("a report comes").unwrap()
}

fn denied() -> BackendError {
    BackendError::Denied { backend: "the moody one".into(), what: "listening to jobs".into(), source: None }
}

fn unavailable() -> BackendError {
    BackendError::Unavailable { backend: "the moody one".into(), source: Arc::new(std::io::Error::other("it is down")) }
}

/// An app whose messages the backend refuses does not start, and the reason is told.
#[tokio::test]
async fn a_backend_that_refuses() {
    let (app, bytes) = resolved(MANIFEST);
    let (host, ..) = host(1, denied);
    let error = host.start(&app, &bytes).await.unwrap_err();
    assert_eq!(error.to_string(), "component a cannot hear of jobs");
    let StartError::Subscribe { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.to_string(), "the backend the moody one refuses listening to jobs");
    host.start(&app, &bytes).await.expect("nothing of it was left");
}

/// One that cannot be reached is asked again and again, which is told once, and then messages come.
#[tokio::test]
async fn a_backend_that_cannot_be_reached() {
    let (app, bytes) = resolved(MANIFEST);
    let (host, bus, mut reports) = host(3, unavailable);
    host.start(&app, &bytes).await.unwrap();
    let MessageReport::Lost { trigger, reason, .. } = next(&mut reports).await else { panic!("it is lost first") };
    assert_eq!(
        (trigger.as_str(), reason.as_str()),
        ("a on jobs", "the backend the moody one is unavailable: it is down")
    );
    assert!(matches!(next(&mut reports).await, MessageReport::Restored { .. }));
    let message = Message { subject: "jobs".parse().unwrap(), body: "err".into(), reply_to: None, headers: Vec::new() };
    bus.publish(&Owner::App(app.id.clone()), message).await.unwrap();
    let MessageReport::Failed { reason, .. } = next(&mut reports).await else { panic!("the guest fails") };
    assert_eq!(reason, "it returned the error: err");
    assert_eq!(host.drain().await, Ok(()));
}
