//! What stands in a table for a number: with its unit, and no more digits than anybody reads.

use std::time::Duration;

use wattle_spec::control::{Instances, Rates, Requests};
use wattle_spec::units::{About, three_digits as number};

/// What is not known.
pub(super) fn none() -> String {
    "-".into()
}

/// Requests and failures for each second, in which time most requests end, and the share of a core.
pub(super) fn rates(rates: Option<&Rates>) -> [String; 4] {
    let Some(rates) = rates else { return std::array::from_fn(|_| none()) };
    let p99 = rates.p99_ms.map_or_else(none, millis);
    [number(rates.requests_per_second), number(rates.failed_per_second), p99, percent(rates.cpu_percent)]
}

/// The memory of all instances, how much of what one may hold the largest has held, how many there are, and their code.
pub(super) fn held(instances: Option<&Instances>, of_limit: Option<f64>, code_bytes: Option<u64>) -> [String; 4] {
    let memory = instances.map_or_else(none, |instances| bytes(instances.memory_bytes));
    let count = instances.map_or_else(none, |instances| instances.count.to_string());
    [memory, of_limit.map_or_else(none, percent), count, code_bytes.map_or_else(none, bytes)]
}

/// Those that ended, those of them that failed, and those under way.
pub(super) fn requests(requests: Option<&Requests>) -> [String; 3] {
    let number = |number: fn(&Requests) -> u64| requests.map_or_else(none, |all| number(all).to_string());
    [number(|all| all.served), number(|all| all.failed), number(|all| all.in_flight)]
}

/// The two largest units: `3d4h`, `5m10s`, `7s`.
pub(super) fn uptime(ms: u64) -> String {
    let seconds = Duration::from_millis(ms).as_secs();
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (0, hours, minutes, _) => format!("{hours}h{minutes}m"),
        (days, hours, ..) => format!("{days}d{hours}h"),
    }
}

/// In percent.
pub(super) fn percent(value: f64) -> String {
    match value {
        0.0 => "0 %".into(),
        ..0.1 => "<0.1 %".into(),
        ..9.95 => format!("{value:.1} %"),
        _ => format!("{value:.0} %"),
    }
}

/// About, in the largest unit of which there is one.
pub(super) fn bytes(bytes: u64) -> String {
    About(bytes).to_string()
}

fn millis(ms: f64) -> String {
    match ms < 999.5 {
        true => format!("{} ms", number(ms)),
        false => format!("{} s", number(ms / 1000.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (seconds, expected) in [(7, "7s"), (310, "5m10s"), (7_260, "2h1m"), (273_600, "3d4h")] {
            assert_eq!(uptime(seconds * 1000), expected);
        }
        for (ms, expected) in [(0.25, "0.25 ms"), (12.34, "12.3 ms"), (999.6, "1 s"), (30_000.0, "30 s")] {
            assert_eq!(millis(ms), expected);
        }
    }

    #[test]
    fn amounts() {
        let numbers = [(0.0, "0"), (0.004, "<0.01"), (0.5, "0.5"), (9.999, "10"), (99.96, "100"), (54_321.6, "54322")];
        for (value, expected) in numbers {
            assert_eq!(number(value), expected);
        }
        for (value, expected) in [(0.0, "0 %"), (0.02, "<0.1 %"), (1.0, "1.0 %"), (9.97, "10 %"), (187.3, "187 %")] {
            assert_eq!(percent(value), expected);
        }
        let sizes = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "0.98 KiB"),
            (1_114_112, "1.06 MiB"),
            (67_108_864, "64 MiB"),
            (1_073_741_824, "1 GiB"),
            (10_995_116_277_760, "10240 GiB"),
        ];
        for (value, expected) in sizes {
            assert_eq!(bytes(value), expected);
        }
    }
}
