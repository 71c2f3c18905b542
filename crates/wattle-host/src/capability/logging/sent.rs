//! Log lines on a bus: one JSON object each, on a subject of their app and component.
//!
//! A guest never waits for it: lines wait in a bounded queue, and those that find it full are counted and told of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use wattle_backend::bucket::Owner;
use wattle_backend::bus::{Bus, Message};
use wattle_spec::name::{AppId, ComponentName};
use wattle_spec::subject::Subject;

use crate::invocation::RequestId;

/// Lines that wait to be sent, of one component.
const QUEUE_LEN: usize = 1000;

/// How long those that wait are still sent when their component is linked elsewhere, or is no more.
const LAST_LINES: Duration = Duration::from_secs(5);

/// Where the lines of one component are sent.
pub(crate) struct LogLink {
    queue: mpsc::Sender<serde_json::Value>,
    dropped: Arc<AtomicU64>,
    /// Closed when this is dropped.
    _here: oneshot::Sender<()>,
}

impl LogLink {
    /// Sends to `wattle.log.NAMESPACE.APP.COMPONENT` of what all share on `bus`. Must be called within a Tokio runtime,
    /// on which it sends.
    pub(crate) fn new(bus: Arc<dyn Bus>, app: &AppId, component: &ComponentName) -> Self {
        let subject = format!("wattle.log.{}.{}.{component}", app.namespace, app.name);
        let subject = subject.parse().expect("invariant: names are tokens of subjects");
        let (queue, lines) = mpsc::channel(QUEUE_LEN);
        let dropped = Arc::new(AtomicU64::new(0));
        let (here, gone) = oneshot::channel();
        let sending = send(bus, subject, lines, dropped.clone());
        tokio::spawn(async move {
            let over = async {
                let _ = gone.await;
                sleep(LAST_LINES).await;
            };
            tokio::select! {
                () = sending => {}
                () = over => {}
            }
        });
        Self { queue, dropped, _here: here }
    }

    pub(super) fn send(&self, level: &'static str, context: &str, message: &str, request: RequestId) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = json!({
            "time_unix_ms": since.as_millis() as u64,
            "level": level,
            "context": context,
            "message": message,
            "request": request.to_string(),
        });
        if self.queue.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn send(
    bus: Arc<dyn Bus>,
    subject: Subject,
    mut lines: mpsc::Receiver<serde_json::Value>,
    dropped: Arc<AtomicU64>,
) {
    while let Some(line) = lines.recv().await {
        let message =
            Message { subject: subject.clone(), body: line.to_string().into(), reply_to: None, headers: Vec::new() };
        if let Err(error) = bus.publish(&Owner::Shared, message).await {
            dropped.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(error = &error as &dyn std::error::Error, %subject, "a log line is not sent");
        }
        match dropped.swap(0, Ordering::Relaxed) {
            0 => {}
            lost => tracing::warn!(%subject, lost, "log lines were not sent"),
        }
    }
}
