//! Open files, of which the system allows a process so many: connections are some, and so is the memory image of each
//! component that is awake.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wattle_spec::limits::HostLimits;

/// What the host needs itself: for the control protocol, its data, compilers, backends and connections to elsewhere. Of few
/// that is half of them.
const OWN: u32 = 512;

/// These limits as far as this process may have files open, of which it may have as many from now on as it can have allowed.
pub(crate) fn within(limits: HostLimits) -> HostLimits {
    let files = raised();
    let fitting = fitting(limits, files);
    if fitting != limits {
        tracing::warn!(
            files,
            connections = fitting.connections,
            connections_per_address = fitting.connections_per_address,
            awake_components = fitting.awake_components,
            "fewer files may be open than the limits of this host need (`ulimit -n`, `LimitNOFILE` of systemd): it takes \
             fewer connections, and keeps fewer components awake"
        );
    }
    fitting
}

/// How many files may be open, when it are as many as this process can allow itself.
fn raised() -> u32 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let is_raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let files = if is_raised { maximum } else { current };
    files.map_or(u32::MAX, |files| u32::try_from(files).unwrap_or(u32::MAX))
}

/// The same limits for so many files: if they are too few, half of them for connections, a quarter for components.
fn fitting(limits: HostLimits, files: u32) -> HostLimits {
    let free = files - OWN.min(files / 2);
    if limits.connections.saturating_add(limits.awake_components) <= free {
        return limits;
    }
    let connections = limits.connections.min(free / 2).max(1);
    HostLimits {
        connections,
        // No address alone takes all of them.
        connections_per_address: limits.connections_per_address.min(connections / 2).max(1),
        awake_components: limits.awake_components.min(free / 4).max(1),
        ..limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_files() {
        let limits = HostLimits::default();
        let of = |files| {
            let HostLimits { connections, connections_per_address, awake_components, .. } = fitting(limits, files);
            (connections, connections_per_address, awake_components)
        };
        let all = (limits.connections, limits.connections_per_address, limits.awake_components);
        assert_eq!(of(u32::MAX), all);
        assert_eq!(of(limits.connections + limits.awake_components + OWN), all);
        assert_eq!(of(1024), (256, 128, 128));
        assert_eq!(of(64), (16, 8, 8));
        assert_eq!(of(0), (1, 1, 1));
        let modest = HostLimits { connections: 100, awake_components: 50, ..limits };
        assert_eq!(fitting(modest, 1024), modest);
    }
}
