//! When an entry ends, in the headers of its message: for the server, which removes it, and for whoever changes it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::{HeaderMap, header};

/// When the entry ends, in milliseconds since 1970 by the clock of the host that wrote it.
const ENDS: &str = "Wattle-Ends";

/// When an entry ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending(SystemTime);

impl Ending {
    /// That of an entry that is written now; `None`: later than any clock shows.
    pub(super) fn after(lifetime: Duration) -> Option<Self> {
        SystemTime::now().checked_add(lifetime).map(Self)
    }

    /// What is left until then, and nothing when it has passed.
    pub(super) fn left(self) -> Duration {
        self.0.duration_since(SystemTime::now()).unwrap_or_default()
    }

    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let since: u64 = headers.get(ENDS)?.as_str().parse().ok()?;
        UNIX_EPOCH.checked_add(Duration::from_millis(since)).map(Self)
    }

    /// The server is told how many whole seconds are left, at least one.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        let left = self.left();
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        // The server counts nanoseconds in 63 bits.
        let seconds = seconds.clamp(1, i64::MAX.unsigned_abs() / 1_000_000_000);
        headers.insert(header::NATS_MESSAGE_TTL, format!("{seconds}s"));
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        headers.insert(ENDS, since.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lifetime: Duration, expected: &str) {
        let ending = Ending::after(lifetime).expect("within the clock");
        let mut headers = HeaderMap::new();
        ending.write(&mut headers);
        assert_eq!(headers.get(header::NATS_MESSAGE_TTL).map(|ttl| ttl.as_str()), Some(expected), "{lifetime:?}");
        let read = Ending::read(&headers).expect("it was written");
        assert!(ending.0.duration_since(read.0).is_ok_and(|lost| lost < Duration::from_millis(1)), "{lifetime:?}");
    }

    #[test]
    fn lifetimes_are_rounded_up_to_seconds_and_come_back() {
        check(Duration::ZERO, "1s");
        check(Duration::from_millis(1500), "2s");
        check(Duration::from_secs(3600), "3600s");
        check(Duration::from_secs(1 << 40), "9223372036s");
        assert_eq!(Ending::after(Duration::MAX), None);
    }
}
