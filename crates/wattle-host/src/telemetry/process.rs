//! What the process as a whole uses, as far as the system says.

use std::fs;

/// What a process uses.
pub(super) struct Usage {
    /// Memory that is in use, in bytes.
    pub(super) resident_bytes: i64,
    /// Processor time, in seconds.
    pub(super) cpu_seconds: f64,
}

/// Of this process. `None`: the system does not say (it is said in `/proc`, as on Linux).
pub(super) fn usage() -> Option<Usage> {
    let pages: i64 = fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    // The name of the process, in brackets, may have spaces in it.
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let user: f64 = fields.nth(11)?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    let ticks_per_second = rustix::param::clock_ticks_per_second() as f64;
    let resident_bytes = pages * i64::try_from(rustix::param::page_size()).ok()?;
    Some(Usage { resident_bytes, cpu_seconds: (user + system) / ticks_per_second })
}
