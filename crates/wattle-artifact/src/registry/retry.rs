//! Trying again: how often, when, and what a registry has to say about it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::error::RegistryError;
use super::settings::Retries;

/// The longest wait that a registry is granted; who wants a longer one is not asked again.
const GRANTED: Duration = Duration::from_secs(60);

/// Numbers that differ (SplitMix64).
#[derive(Debug)]
pub(super) struct Chance(AtomicU64);

/// How often something was tried.
pub(super) struct Attempts<'a> {
    chance: &'a Chance,
    retries: Retries,
    failed: u32,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A time between these.
    pub(super) fn between(&self, least: Duration, most: Duration) -> Duration {
        least + most.saturating_sub(least).mul_f64(self.draw())
    }

    /// From 0 to 1.
    fn draw(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The 53 bits that a float keeps.
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl<'a> Attempts<'a> {
    pub(super) fn new(retries: Retries, chance: &'a Chance) -> Self {
        Self { chance, retries, failed: 0 }
    }

    /// Waits until what failed with `error` may be tried again.
    ///
    /// # Errors
    ///
    /// `error`, if that is no use, or was of none often enough.
    pub(super) async fn again(&mut self, error: RegistryError) -> Result<(), RegistryError> {
        let is_passing = error.is_passing();
        self.again_if(is_passing, error).await
    }

    /// The same for what is written under a digest that we have made of its bytes ourselves.
    ///
    /// # Errors
    ///
    /// As [`Attempts::again`].
    pub(super) async fn write_again(&mut self, error: RegistryError) -> Result<(), RegistryError> {
        let is_passing = error.is_passing() || error.is_disbelief();
        self.again_if(is_passing, error).await
    }

    async fn again_if(&mut self, is_passing: bool, error: RegistryError) -> Result<(), RegistryError> {
        self.failed += 1;
        let asked = error.after().unwrap_or_default();
        if !is_passing || self.failed >= self.retries.attempts || asked > GRANTED {
            return Err(error);
        }
        let wait = self.wait().max(asked);
        tracing::debug!(%error, attempt = self.failed, ?wait, "a registry is asked again");
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Tells that there is progress: what failed before does not count.
    pub(super) fn begin_anew(&mut self) {
        self.failed = 0;
    }

    /// Anything up to what the back-off says ("full jitter"): clients that failed together come back apart.
    fn wait(&self) -> Duration {
        self.retries.backoff.delay(self.failed - 1, 0.0).mul_f64(self.chance.draw())
    }
}

/// How long the server wants not to be asked: seconds, or a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_server_says_when_in_seconds_or_as_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let after = |text: &str| {
            let headers = [(RETRY_AFTER, text.parse().expect("a header"))].into_iter().collect();
            retry_after(&headers, now).map(|after| after.as_secs())
        };
        assert_eq!(after("7"), Some(7));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0));
        assert_eq!(after("soon"), None);
        assert_eq!(after("-1"), None);
        assert_eq!(after("99999999999999999999999"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn waits_grow_and_are_left_to_chance() {
        let chance = Chance::new(7);
        let mut attempts = Attempts::new(Retries::default(), &chance);
        let mut longest = Vec::new();
        for failed in [1, 3, 30] {
            attempts.failed = failed;
            longest.push((0..200).map(|_| attempts.wait().as_millis()).max().unwrap_or_default());
        }
        assert!((150..=200).contains(&longest[0]), "{longest:?}");
        assert!((600..=800).contains(&longest[1]), "{longest:?}");
        assert!((8_000..=10_000).contains(&longest[2]), "{longest:?}");
    }
}
