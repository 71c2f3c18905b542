//! A bar for what takes a while, for people at a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;
use wattle_artifact::progress::Progress;

/// What takes less has none.
const AFTER: Duration = Duration::from_millis(300);
/// How often it is drawn anew.
const EVERY: Duration = Duration::from_millis(100);

/// Waits for `work`, and draws meanwhile how far `progress` is. Where stderr is no terminal nothing is drawn.
pub(super) async fn beside<T>(what: &'static str, progress: Progress, work: impl Future<Output = T>) -> T {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}");
    let bar = ProgressBar::new(0).with_message(what);
    bar.set_style(style.expect("invariant: the template is one"));
    let draw = async {
        let mut ticks = tokio::time::interval_at(Instant::now() + AFTER, EVERY);
        loop {
            ticks.tick().await;
            let moved = progress.now();
            if moved.of > 0 {
                bar.set_length(moved.of);
                bar.set_position(moved.done);
            }
        }
    };
    let done = tokio::select! {
        done = work => done,
        never = draw => never,
    };
    bar.finish_and_clear();
    done
}
