//! How long a core works for the instances of a component: measured around each turn that one gets, not around each call of
//! the host. The engine is told of each turn, too.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::Series;
use super::shard::Shard;
use crate::cores::CoreId;
use crate::engine::Turn;

pin_project! {
    /// Work for an instance, whose turns are counted. What it waits for between them is not.
    pub(crate) struct Metered<F> {
        // `None`: nobody counts.
        shard: Option<Arc<Shard>>,
        #[pin]
        work: F,
    }
}

impl<F: Future> Metered<F> {
    /// `work` on `core` for an instance of the component with these numbers.
    pub(crate) fn new(series: Option<&Arc<Series>>, core: CoreId, work: F) -> Self {
        Self { shard: series.map(|series| series.on(core).clone()), work }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let turn = Turn::begin();
        let polled = this.work.poll(cx);
        let took = turn.end();
        if let Some(shard) = this.shard {
            shard.worked(took);
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::task::Waker;
    use std::time::{Duration, Instant, SystemTime};

    use super::*;

    /// A turn counts, waiting does not.
    #[test]
    fn turns_alone() {
        let series = Arc::new(Series::new(None, None, 1, (Instant::now(), SystemTime::now())));
        let (mut before, wait) = (true, Duration::from_millis(2));
        let work = std::future::poll_fn(|_| {
            let began = Instant::now();
            while began.elapsed() < wait {}
            match std::mem::take(&mut before) {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        });
        let mut work = std::pin::pin!(Metered::new(Some(&series), CoreId::ALONE, work));
        let mut context = Context::from_waker(Waker::noop());
        let counted = || Duration::from_nanos(series.on(CoreId::ALONE).cpu_ns.load(Ordering::Relaxed));
        assert!(work.as_mut().poll(&mut context).is_pending());
        let first = counted();
        assert!(first >= wait);
        assert_eq!(counted(), first, "nobody works");
        assert!(work.as_mut().poll(&mut context).is_ready());
        assert!(counted() >= first + wait);
    }
}
