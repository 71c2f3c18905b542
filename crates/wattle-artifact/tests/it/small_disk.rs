//! A disk of one megabyte in memory, which a child of ours mounts where nobody else sees it. The child is this program,
//! told to run one test alone.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

const DISK: &str = "WATTLE_TEST_DISK";

/// Where the disk is, in the child.
pub(crate) fn here() -> Option<PathBuf> {
    env::var_os(DISK).map(PathBuf::from)
}

/// Runs `test` where there is such a disk; it says `said` at its end. Where none can be mounted, that is told.
#[track_caller]
pub(crate) fn run(test: &str, said: &str) {
    let directory = TempDir::new().unwrap();
    let mount = "mount -t tmpfs -o size=1m,mode=700 tmpfs \"$WATTLE_TEST_DISK\" || exit 99; \
                 exec \"$0\" --exact \"$1\" --nocapture";
    let ran = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", mount])
        .arg(env::current_exe().unwrap())
        .arg(test)
        .env(DISK, directory.path())
        .output();
    let skipped = match &ran {
        Err(error) => Some(format!("unshare cannot be run: {error}")),
        Ok(ran) if ran.status.code() == Some(99) || ran.stdout.is_empty() => {
            Some(String::from_utf8_lossy(&ran.stderr).into_owned())
        }
        Ok(_) => None,
    };
    if let Some(reason) = skipped {
        crate::say(&format!("skipped, as no disk could be mounted: {reason}"));
        return;
    }
    let ran = ran.unwrap();
    let stdout = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && stdout.contains(said), "{stdout}{}", String::from_utf8_lossy(&ran.stderr));
}
