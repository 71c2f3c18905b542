//! When an entry ends: a lifetime that was asked for becomes a moment, and a moment passes.

use std::time::{Duration, SystemTime};

use crate::key_value::{Entry, Put};

/// A moment of the system's clock, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX))
    }

    /// What is left until then, and nothing when it has passed.
    pub(crate) fn left(self) -> Duration {
        Duration::from_millis(self.0).saturating_sub(since_1970())
    }

    /// The moment that is `lifetime` from now, rounded up.
    pub(crate) fn after(lifetime: Duration) -> Self {
        let nanos = since_1970().saturating_add(lifetime).as_nanos();
        Self(u64::try_from(nanos.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

fn since_1970() -> Duration {
    // A clock before 1970 is one that was never set: nothing ends then.
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// An entry, and when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) entry: Entry,
    pub(crate) ends: Option<Moment>,
}

impl Kept {
    /// It as it has to be put elsewhere.
    pub(crate) fn to_put(&self) -> Put {
        Put { value: self.entry.value.clone(), lifetime: self.ends.map(Moment::left) }
    }

    /// Whether it is still there for whoever asks.
    pub(crate) fn is_living(&self) -> bool {
        is_living(self.ends)
    }
}

/// Whether what ends then is still there.
pub(crate) fn is_living(ends: Option<Moment>) -> bool {
    ends.is_none_or(|ends| Moment::now() < ends)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_lifetime_is_never_cut_short_and_never_overflows() {
        let now = Moment::now();
        assert!(Moment::after(Duration::from_nanos(1)) > now);
        assert!(Moment::after(Duration::from_secs(1)).0 >= now.0 + 1000);
        assert_eq!(Moment::after(Duration::MAX), Moment(u64::MAX));
        let begin = Instant::now();
        let ends = Moment::after(Duration::from_millis(3));
        while is_living(Some(ends)) {}
        assert!(begin.elapsed() >= Duration::from_millis(3));
    }

    #[test]
    fn what_ends_now_has_ended() {
        assert!(!is_living(Some(Moment::now())));
        assert!(is_living(Some(Moment::after(Duration::from_secs(3600)))));
        assert!(is_living(None));
    }
}
