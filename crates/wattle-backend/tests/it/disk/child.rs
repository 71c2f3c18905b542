//! Processes for tests: this test binary again, told by a variable what to be.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use wattle_backend::disk::DataDir;

const ROLE: &str = "WATTLE_TEST_ROLE";
const DATA: &str = "WATTLE_TEST_DATA";
/// What a line for the parent begins with: the test harness writes to the same place.
const MARK: &str = "wattle-test: ";

/// A child that is killed when the test is done with it.
pub(crate) struct Process {
    child: Child,
    lines: Box<dyn Iterator<Item = String>>,
}

/// Starts this binary as `role` on the data directory `data`, from the shell with `setup` before it.
pub(crate) fn start(role: &str, data: &Path, setup: &str) -> Process {
    let mut child = Command::new("sh")
        .args(["-c", &format!("{setup} exec \"$0\" --exact disk::child::play --nocapture --test-threads=1")])
        .arg(std::env::current_exe().expect("the path of this binary"))
        .env(ROLE, role)
        .env(DATA, data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let mut stdout = BufReader::new(child.stdout.take().expect("its output is piped"));
    // Only whole lines: the last may have been cut off with the process.
    let lines = std::iter::from_fn(move || {
        loop {
            let mut line = String::new();
            stdout.read_line(&mut line).expect("the child's output");
            let line = line.strip_suffix('\n')?;
            if let Some((_, said)) = line.split_once(MARK) {
                return Some(said.to_owned());
            }
        }
    });
    Process { child, lines: Box::new(lines) }
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line that the child says, or `None` when it has ended.
    pub(crate) fn line(&mut self) -> Option<String> {
        self.lines.next()
    }

    /// Kills it at once (SIGKILL) and gives back what it had said before.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("the child can be killed");
        self.child.wait().expect("the child ends");
        self.lines.by_ref().collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says a line to the parent.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub(crate) fn say(line: &str) {
    println!("{MARK}{line}");
}

/// What this process is to be, if it is a child.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// What a child runs. In the parent it is a test that does nothing.
#[tokio::test]
async fn play() {
    let Some(role) = role() else { return };
    let data = PathBuf::from(std::env::var_os(DATA).expect("the parent set it"));
    match role.as_str() {
        "hold" => hold(&data),
        "write" => super::crash::write(&data).await,
        "write-counted" => super::quotas::write(&data).await,
        "fill" => super::faults::fill(&data).await,
        "write-blobs" => super::blobs::crash::write(&data).await,
        "fill-blobs" => super::blobs::faults::fill(&data).await,
        "publish" => super::bus::crash::write(&data).await,
        "fill-bus" => super::bus::faults::fill(&data).await,
        role if role.starts_with("migrate-") => super::migration::migrate(&data),
        other => panic!("there is no role {other}"),
    }
}

/// Holds the data directory until it is killed.
fn hold(data: &Path) {
    let _held = Arc::new(DataDir::open(data).expect("the directory is free"));
    say("held");
    loop {
        std::thread::park();
    }
}
