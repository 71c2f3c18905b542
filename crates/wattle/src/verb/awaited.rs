//! How far what somebody waits for is, on stderr: at a terminal one line that is drawn anew, elsewhere a line for each step.
//! What is done soon shows nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;

use indicatif::{ProgressBar, ProgressStyle};
use wattle_spec::control::{Action, ActionProgress, Done, Progress};

use super::{harmless, tell};
use crate::control::Asked;
use crate::problem::Problem;

/// What somebody waits for.
#[derive(Default)]
pub(super) struct Awaited(RefCell<State>);

#[derive(Default)]
struct State {
    next: u64,
    /// How far each of them is that said so.
    under_way: BTreeMap<u64, (String, Progress)>,
    /// The line. `None`: nothing is shown.
    line: Option<ProgressBar>,
}

/// One of them. It is shown no more when this is dropped.
struct One<'a> {
    all: &'a Awaited,
    number: u64,
}

impl Awaited {
    /// Has `host` do what somebody calls `name`, and shows how far it is.
    pub(super) async fn act(&self, host: &Asked, name: &str, action: &Action) -> Result<Done, Problem> {
        let client = &host.client;
        let done = match host.status.tells_progress {
            true => {
                let one = self.begin();
                client.act_and_tell(action, |progress| one.is(name, progress)).await
            }
            false => client.act(action, Some).await,
        };
        done.map_err(|error| client.problem(error))
    }

    /// Writes something else, without the line.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.0.borrow().line {
            Some(line) => line.suspend(write),
            None => write(),
        }
    }

    fn begin(&self) -> One<'_> {
        let mut state = self.0.borrow_mut();
        state.next += 1;
        One { all: self, number: state.next }
    }
}

impl One<'_> {
    fn is(&self, name: &str, ActionProgress { app, progress, .. }: &ActionProgress) {
        let name = harmless(&app.as_ref().map_or_else(|| name.to_owned(), ToString::to_string));
        let mut state = self.all.0.borrow_mut();
        let told = format!("{name}: {}\n", harmless(&progress.to_string()));
        let before = state.under_way.insert(self.number, (name, progress.clone()));
        let is_drawn = state.draw();
        if !is_drawn && before.is_none_or(|(_, before)| !before.is_same_step(progress)) {
            tell(&told);
        }
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        let mut state = self.all.0.borrow_mut();
        if state.under_way.remove(&self.number).is_some() {
            state.draw();
        }
    }
}

impl State {
    /// Draws the line anew, or takes it away. Whether there are lines here that are drawn.
    fn draw(&mut self) -> bool {
        if self.under_way.is_empty() {
            if let Some(line) = self.line.take() {
                line.finish_and_clear();
            }
            return false;
        }
        let one = |(name, progress): &(String, Progress)| format!("{name}: {}", harmless(&progress.to_string()));
        let text = self.under_way.values().map(one).collect::<Vec<_>>().join("; ");
        let line = self.line.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{wide_msg}");
            ProgressBar::no_length().with_style(style.expect("invariant: the template is one"))
        });
        line.set_message(text);
        !line.is_hidden()
    }
}
