//! Telling a collector: a thread of its own takes what has ended from the queue, a batch at a time, and sends it.
//!
//! The data path never waits for it. While a collector is slow or away the queue fills, and what finds no room is dropped
//! and counted.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::client::{Client, Sent};
use super::otlp::Sender;
use super::tracer::Finished;
use super::{Telemetry, snapshot};

/// Spans in one request to the collector.
const BATCH: usize = 512;

/// How long a batch waits to become larger.
const GATHER: Duration = Duration::from_millis(200);

/// How long it takes at most to tell the rest when the host stops.
const FLUSH: Duration = Duration::from_secs(2);

/// How long to wait before each further try to send the same.
const RETRIES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// The thread that tells a collector. It ends, on the spot, when this is dropped.
pub(crate) struct Exporter {
    flush: mpsc::Sender<oneshot::Sender<()>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread works with.
pub(super) struct Work {
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) spans: mpsc::Receiver<Finished>,
    pub(super) client: Client,
    pub(super) sender: Sender,
    /// How often numbers are told.
    pub(super) interval: Duration,
}

impl Exporter {
    pub(super) fn start(work: Work) -> std::io::Result<Self> {
        let (flush, flushes) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("wattle-telemetry".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = work.run(flushes) => {}
                    _ = stopped => {}
                }
            });
            // A name that is being looked up must not keep the host from ending.
            runtime.shutdown_background();
        })?;
        Ok(Self { flush, stop: Some(stop), thread: Some(thread) })
    }

    /// Tells what there is, but for no longer than [`FLUSH`].
    pub(crate) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        let all = async {
            let _ = self.flush.send(done).await;
            let _ = flushed.await;
        };
        if timeout(FLUSH, all).await.is_err() {
            tracing::warn!("the host ends before its collector has taken all that there was to tell");
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Work {
    async fn run(mut self, mut flushes: mpsc::Receiver<oneshot::Sender<()>>) {
        let mut ticks = interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once, and there is nothing to tell yet.
        ticks.tick().await;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                Some(done) = flushes.recv() => {
                    self.flush(&mut batch).await;
                    let _ = done.send(());
                }
                _ = ticks.tick() => self.tell_numbers().await,
                _ = self.spans.recv_many(&mut batch, BATCH) => {
                    let more = async {
                        while batch.len() < BATCH {
                            let room = BATCH - batch.len();
                            self.spans.recv_many(&mut batch, room).await;
                        }
                    };
                    let _ = timeout(GATHER, more).await;
                    self.tell_spans(&mut batch).await;
                }
            }
        }
    }

    async fn flush(&mut self, batch: &mut Vec<Finished>) {
        while let Ok(span) = self.spans.try_recv() {
            batch.push(span);
            if batch.len() == BATCH {
                self.tell_spans(batch).await;
            }
        }
        self.tell_spans(batch).await;
        self.tell_numbers().await;
    }

    async fn tell_spans(&mut self, batch: &mut Vec<Finished>) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len();
        let message = self.sender.traces(std::mem::take(batch));
        if self.send("traces", message).await == Sent::Lost
            && let Some(tracer) = &self.telemetry.tracer
        {
            tracer.lose(count);
        }
    }

    /// Numbers that are lost come again with the next, and newer.
    async fn tell_numbers(&mut self) {
        let message = self.sender.metrics(&snapshot::take(&self.telemetry), SystemTime::now());
        self.send("metrics", message).await;
    }

    async fn send(&mut self, signal: &'static str, message: Vec<u8>) -> Sent {
        let message = bytes::Bytes::from(message);
        for pause in RETRIES {
            match self.client.send(signal, message.clone()).await {
                Sent::Later => tokio::time::sleep(pause).await,
                done => return done,
            }
        }
        match self.client.send(signal, message).await {
            Sent::Later => Sent::Lost,
            done => done,
        }
    }
}
