//! The last of what a host says, kept in memory for whoever comes to read it: the lines of its log, and its reports.
//!
//! Whoever writes never waits: a reader has a place in the ring and nothing else, and one that is slower than the lines come
//! is told how many it has lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Serialize;
use tokio::sync::watch;
use wattle_spec::name::{AppId, ComponentName};

/// How many are kept at most.
const KEPT_MAX: usize = 4096;

/// Bytes of text that are kept at most.
const BYTES_MAX: usize = 4 << 20;

/// How many a reader gets at a time.
const BATCH: usize = 256;

/// Something that a host says.
pub(crate) trait Said: Serialize + Send + Sync + 'static {
    /// What it is called where both are told.
    const EVENT: &'static str;

    /// Its number since the host began.
    fn number(&mut self) -> &mut u64;

    /// How many bytes it takes, about.
    fn size(&self) -> usize;

    /// The app that it is about.
    fn app(&self) -> Option<&AppId>;

    /// The component that it is about.
    fn component(&self) -> Option<&ComponentName>;
}

/// The last of what a host says.
pub(crate) struct Ring<T> {
    kept: Mutex<Kept<T>>,
    newest: watch::Sender<Newest>,
}

struct Kept<T> {
    said: VecDeque<Arc<T>>,
    bytes: usize,
    /// The number of the next.
    next: u64,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { kept: Mutex::new(Kept { said: VecDeque::new(), bytes: 0, next: 0 }), newest: watch::Sender::default() }
    }
}

/// What readers wait for.
#[derive(Debug, Clone, Copy, Default)]
struct Newest {
    next: u64,
    has_ended: bool,
}

/// What of it somebody wants.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// `None`: of all apps, and of none.
    pub(crate) app: Option<AppId>,
    /// `None`: of all its components, and of none.
    pub(crate) component: Option<ComponentName>,
}

/// A reader.
pub(crate) struct Reader<T> {
    ring: Arc<Ring<T>>,
    newest: watch::Receiver<Newest>,
    wanted: Wanted,
    next: u64,
    /// The number before which it ends. `None`: with the ring.
    until: Option<u64>,
}

/// Where a reader ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Behind what is there now.
    Now,
    /// With the ring.
    Never,
}

/// What a reader gets at a time.
pub(crate) struct Batch<T> {
    /// How many were no longer there, before those.
    pub(crate) lost: u64,
    pub(crate) said: Vec<Arc<T>>,
}

impl<T: Said> Ring<T> {
    fn kept(&self) -> MutexGuard<'_, Kept<T>> {
        self.kept.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// Adds one, whatever its number says, and lets go of the oldest.
    pub(crate) fn push(&self, mut said: T) {
        let next = {
            let mut kept = self.kept();
            *said.number() = kept.next;
            kept.next += 1;
            kept.bytes += said.size();
            kept.said.push_back(Arc::new(said));
            while kept.said.len() > KEPT_MAX || kept.bytes > BYTES_MAX {
                let Some(oldest) = kept.said.pop_front() else { break };
                kept.bytes -= oldest.size();
            }
            kept.next
        };
        // What several threads say may come here in another order.
        self.newest.send_if_modified(|newest| {
            let before = newest.next;
            newest.next = before.max(next);
            before < next
        });
    }

    /// Nothing will be said any more.
    pub(crate) fn end(&self) {
        self.newest.send_modify(|newest| newest.has_ended = true);
    }

    /// A reader that begins with the last `tail` of those that are `wanted`.
    pub(crate) fn read(self: &Arc<Self>, wanted: Wanted, tail: usize, end: End) -> Reader<T> {
        let newest = self.newest.subscribe();
        let (next, until) = {
            let kept = self.kept();
            let numbered = (0..kept.next).rev().zip(kept.said.iter().rev());
            let last = numbered.filter(|(_, said)| wanted.has(&***said)).take(tail).last();
            (last.map_or(kept.next, |(number, _)| number), (end == End::Now).then_some(kept.next))
        };
        Reader { ring: self.clone(), newest, wanted, next, until }
    }
}

impl Wanted {
    fn has(&self, said: &impl Said) -> bool {
        let is_wanted = self.app.is_none() || said.app() == self.app.as_ref();
        is_wanted && (self.component.is_none() || said.component() == self.component.as_ref())
    }
}

impl<T: Said> Reader<T> {
    /// What there is, waited for if there is nothing. `None`: that was all.
    pub(crate) async fn next(&mut self) -> Option<Batch<T>> {
        loop {
            let has_ended = self.newest.borrow_and_update().has_ended;
            let (batch, is_last) = self.take();
            if batch.lost > 0 || !batch.said.is_empty() {
                return Some(batch);
            }
            if is_last {
                if has_ended || self.until.is_some() {
                    return None;
                }
                self.newest.changed().await.ok()?;
            }
        }
    }

    /// The next of them, and whether there are no more of any kind.
    fn take(&mut self) -> (Batch<T>, bool) {
        let kept = self.ring.kept();
        let until = self.until.unwrap_or(kept.next);
        let first = kept.next - kept.said.len() as u64;
        let from = self.next.max(first.min(until));
        let lost = from - self.next;
        self.next = until.min(from + BATCH as u64);
        let places = (from.max(first) - first) as usize..(self.next.max(first) - first) as usize;
        let said = kept.said.range(places).filter(|said| self.wanted.has(&***said)).cloned().collect();
        (Batch { lost, said }, self.next == until)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::Utc;
    use futures::FutureExt;
    use wattle_spec::control::{LogLine, Moment, Speaker};

    use super::*;

    fn line(app: &str, message: &str) -> LogLine {
        LogLine {
            number: 0,
            time: Moment(Utc::now()),
            level: "info".into(),
            from: Speaker::Guest,
            app: app.parse().ok(),
            component: None,
            message: message.into(),
            fields: BTreeMap::new(),
        }
    }

    /// What a reader gets without waiting.
    #[derive(Debug, PartialEq, Eq)]
    enum Got {
        /// Lines that were lost, and messages.
        Some(u64, Vec<String>),
        /// That was all.
        End,
        /// It would have to wait.
        Nothing,
    }

    fn now(reader: &mut Reader<LogLine>) -> Got {
        match reader.next().now_or_never() {
            Some(Some(batch)) => Got::Some(batch.lost, batch.said.iter().map(|line| line.message.clone()).collect()),
            Some(None) => Got::End,
            None => Got::Nothing,
        }
    }

    /// How many lines are lost and got without waiting, and the first of them.
    fn count(reader: &mut Reader<LogLine>) -> (u64, usize, String) {
        let mut all = (0, 0, String::new());
        while let Got::Some(lost, lines) = now(reader) {
            if all.1 == 0 {
                all.2 = lines[0].clone();
            }
            all = (all.0 + lost, all.1 + lines.len(), all.2);
        }
        all
    }

    #[test]
    fn a_tail_and_what_follows() {
        let ring = Arc::new(Ring::default());
        ["a", "b", "c"].into_iter().for_each(|message| ring.push(line("shop", message)));
        ring.push(line("blog", "other"));
        let wanted = Wanted { app: "shop".parse().ok(), component: None };
        let mut reader = ring.read(wanted.clone(), 2, End::Never);
        let mut all = ring.read(Wanted::default(), 9, End::Now);
        assert_eq!(now(&mut reader), Got::Some(0, vec!["b".into(), "c".into()]));
        assert_eq!(now(&mut reader), Got::Nothing);
        ring.push(line("blog", "other"));
        assert_eq!(now(&mut reader), Got::Nothing, "it waits for its own");
        ring.push(line("shop", "d"));
        assert_eq!(now(&mut reader), Got::Some(0, vec!["d".into()]));
        assert_eq!(count(&mut all), (0, 4, "a".into()), "what came later is not told");
        assert_eq!(now(&mut all), Got::End);
        assert_eq!(now(&mut ring.read(wanted, 0, End::Now)), Got::End);
        ring.end();
        assert_eq!(now(&mut reader), Got::End);
    }

    #[test]
    fn what_is_lost_is_counted() {
        let ring = Arc::new(Ring::default());
        let fill = || (0..KEPT_MAX + 7).for_each(|number| ring.push(line("shop", &number.to_string())));
        let mut reader = ring.read(Wanted::default(), 0, End::Never);
        fill();
        let mut late = ring.read(Wanted::default(), 10, End::Now);
        assert_eq!(count(&mut reader), (7, KEPT_MAX, "7".into()));
        fill();
        assert_eq!(now(&mut late), Got::Some(10, Vec::new()), "all that it wanted");
        assert_eq!(now(&mut late), Got::End);
        assert_eq!(count(&mut reader), (7, KEPT_MAX, "7".into()));
        let large = "x".repeat(BYTES_MAX / 4);
        (0..9).for_each(|_| ring.push(line("shop", &large)));
        assert_eq!(count(&mut reader).1, 3, "bytes are bounded, too");
    }
}
