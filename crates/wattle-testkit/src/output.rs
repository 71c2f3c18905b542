//! What a process writes, collected line by line in the background.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::wait::PATIENCE;

/// The lines that came from a pipe so far.
#[derive(Clone)]
pub struct Lines(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    /// Collects what comes from `pipe` until it ends.
    pub fn collect(pipe: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let lines = Self(shared.clone());
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).into_owned();
                shared.lock().lines.push(text);
                shared.changed.notify_all();
                line.clear();
            }
            shared.lock().ended = true;
            shared.changed.notify_all();
        });
        lines
    }

    /// Everything so far.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().lines.clone()
    }

    /// Everything so far, as one text.
    pub fn text(&self) -> String {
        self.all().iter().map(|line| format!("{line}\n")).collect()
    }

    /// The lines so far that are JSON objects: what `--log-format json` writes.
    pub fn json(&self) -> Vec<Value> {
        self.all().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for the first line that `is_it` takes, one that came already included.
    ///
    /// # Panics
    ///
    /// If there is none within [`PATIENCE`], or before the pipe ends.
    #[track_caller]
    pub fn wait_for(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        match self.find(PATIENCE, is_it) {
            Some(line) => line,
            None => panic!("no line with {what} came; there are:\n{}", self.text()),
        }
    }

    /// Waits for the first line of JSON that `is_it` takes.
    ///
    /// # Panics
    ///
    /// As [`Lines::wait_for`].
    #[track_caller]
    pub fn wait_for_json(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let line = self.wait_for(what, |line| serde_json::from_str(line).is_ok_and(|value| is_it(&value)));
        serde_json::from_str(&line).expect("invariant: it was JSON a moment ago")
    }

    /// The first line that `is_it` takes, if it comes within `patience` and before the pipe ends.
    pub fn find(&self, patience: Duration, is_it: impl Fn(&str) -> bool) -> Option<String> {
        let deadline = Instant::now() + patience;
        let mut state = self.0.lock();
        let mut seen = 0;
        loop {
            if let Some(line) = state.lines[seen..].iter().find(|line| is_it(line)) {
                return Some(line.clone());
            }
            seen = state.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return None;
            }
            state = self.0.changed.wait_timeout(state, left).expect("invariant: no holder of this lock panics").0;
        }
    }

    /// Waits until the pipe ends, for at most `patience`.
    pub fn wait_for_end(&self, patience: Duration) {
        let ended = self.0.changed.wait_timeout_while(self.0.lock(), patience, |state| !state.ended);
        drop(ended.expect("invariant: no holder of this lock panics"));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("invariant: no holder of this lock panics")
    }
}
