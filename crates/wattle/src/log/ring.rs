//! The last lines of the log, kept in memory for whoever comes to read them.
//!
//! Whoever writes never waits: a reader has a place in the ring and nothing else, and one that is slower than the lines come
//! is told how many it has lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;
use wattle_spec::control::LogLine;
use wattle_spec::name::{AppId, ComponentName};

/// Lines that are kept at most.
const LINES_MAX: usize = 4096;

/// Bytes of text that are kept at most.
const BYTES_MAX: usize = 4 << 20;

/// What a line counts for beside its text.
const LINE_BYTES: usize = 128;

/// Lines that a reader gets at a time.
const BATCH: usize = 256;

/// The last lines of the log.
#[derive(Default)]
pub(crate) struct Ring {
    kept: Mutex<Kept>,
    newest: watch::Sender<Newest>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<Arc<LogLine>>,
    bytes: usize,
    /// The number of the next line.
    next: u64,
}

/// What readers wait for.
#[derive(Debug, Clone, Copy, Default)]
struct Newest {
    next: u64,
    has_ended: bool,
}

/// Which lines somebody wants.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// `None`: of all apps, and of none.
    pub(crate) app: Option<AppId>,
    /// `None`: of all its components, and of none.
    pub(crate) component: Option<ComponentName>,
}

/// A reader.
pub(crate) struct Reader {
    ring: Arc<Ring>,
    newest: watch::Receiver<Newest>,
    wanted: Wanted,
    next: u64,
    /// The number of the line before which it ends. `None`: with the ring.
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
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Lines that were no longer there, before those.
    pub(crate) lost: u64,
    pub(crate) lines: Vec<Arc<LogLine>>,
}

impl Ring {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// Adds a line, whatever its number says, and lets go of the oldest.
    pub(crate) fn push(&self, mut line: LogLine) {
        let next = {
            let mut kept = self.kept();
            line.number = kept.next;
            kept.next += 1;
            kept.bytes += size(&line);
            kept.lines.push_back(Arc::new(line));
            while kept.lines.len() > LINES_MAX || kept.bytes > BYTES_MAX {
                let Some(oldest) = kept.lines.pop_front() else { break };
                kept.bytes -= size(&oldest);
            }
            kept.next
        };
        // Lines of several threads may come here in another order.
        self.newest.send_if_modified(|newest| {
            let before = newest.next;
            newest.next = before.max(next);
            before < next
        });
    }

    /// No line will come any more.
    pub(crate) fn end(&self) {
        self.newest.send_modify(|newest| newest.has_ended = true);
    }

    /// A reader that begins with the last `tail` of the lines that are `wanted`.
    pub(crate) fn read(self: &Arc<Self>, wanted: Wanted, tail: usize, end: End) -> Reader {
        let newest = self.newest.subscribe();
        let (next, until) = {
            let kept = self.kept();
            let last = kept.lines.iter().rev().filter(|line| wanted.has(line)).take(tail).last();
            (last.map_or(kept.next, |line| line.number), (end == End::Now).then_some(kept.next))
        };
        Reader { ring: self.clone(), newest, wanted, next, until }
    }
}

impl Wanted {
    fn has(&self, line: &LogLine) -> bool {
        let is_wanted = self.app.is_none() || line.app == self.app;
        is_wanted && (self.component.is_none() || line.component == self.component)
    }
}

impl Reader {
    /// What there is, waited for if there is nothing. `None`: that was all.
    pub(crate) async fn next(&mut self) -> Option<Batch> {
        loop {
            let has_ended = self.newest.borrow_and_update().has_ended;
            let (batch, is_last) = self.take();
            if batch != Batch::default() {
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

    /// The next lines, and whether there are no more of any kind.
    fn take(&mut self) -> (Batch, bool) {
        let kept = self.ring.kept();
        let until = self.until.unwrap_or(kept.next);
        let first = kept.next - kept.lines.len() as u64;
        let from = self.next.max(first.min(until));
        let lost = from - self.next;
        self.next = until.min(from + BATCH as u64);
        let places = (from.max(first) - first) as usize..(self.next.max(first) - first) as usize;
        let lines = kept.lines.range(places).filter(|line| self.wanted.has(line)).cloned().collect();
        (Batch { lost, lines }, self.next == until)
    }
}

fn size(line: &LogLine) -> usize {
    let fields = line.fields.iter().map(|(name, value)| name.len() + value.len() + LINE_BYTES / 2);
    LINE_BYTES + line.message.len() + fields.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::Utc;
    use futures::FutureExt;
    use wattle_spec::control::{Moment, Speaker};

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

    fn now(reader: &mut Reader) -> Got {
        match reader.next().now_or_never() {
            Some(Some(batch)) => Got::Some(batch.lost, batch.lines.iter().map(|line| line.message.clone()).collect()),
            Some(None) => Got::End,
            None => Got::Nothing,
        }
    }

    /// How many lines are lost and got without waiting, and the first of them.
    fn count(reader: &mut Reader) -> (u64, usize, String) {
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
        let fill = || (0..LINES_MAX + 7).for_each(|number| ring.push(line("shop", &number.to_string())));
        let mut reader = ring.read(Wanted::default(), 0, End::Never);
        fill();
        let mut late = ring.read(Wanted::default(), 10, End::Now);
        assert_eq!(count(&mut reader), (7, LINES_MAX, "7".into()));
        fill();
        assert_eq!(now(&mut late), Got::Some(10, Vec::new()), "all that it wanted");
        assert_eq!(now(&mut late), Got::End);
        assert_eq!(count(&mut reader), (7, LINES_MAX, "7".into()));
        let large = "x".repeat(BYTES_MAX / 4);
        (0..9).for_each(|_| ring.push(line("shop", &large)));
        assert_eq!(count(&mut reader).1, 3, "bytes are bounded, too");
    }
}
