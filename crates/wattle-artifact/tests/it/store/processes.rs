//! Processes that share a store, and one that is killed.
//!
//! The other process is this program, told to run [`other_process`] alone.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use wattle_artifact::store::{Begun, Store};
use wattle_spec::digest::Digest;
use wattle_testkit::PATIENCE;

use super::{AT_ONCE, Fixture, begin, is_present};

const STORE: &str = "WATTLE_TEST_STORE";
const BYTES: &[u8] = &[7; 200_000];
const HALF: usize = BYTES.len() / 2;

/// What the other process does: writes half, says so, and finishes when it is told to.
#[test]
fn other_process() {
    let Some(directory) = env::var_os(STORE) else { return };
    let mut writer = begin(&Store::open(directory).unwrap(), BYTES);
    writer.write(&BYTES[..HALF]).unwrap();
    crate::say("half");
    io::stdin().read_line(&mut String::new()).unwrap();
    writer.write(&BYTES[HALF..]).unwrap();
    writer.finish().unwrap();
}

/// A process that has written half of a blob.
struct Other {
    child: Child,
    _stdout: BufReader<ChildStdout>,
}

impl Other {
    fn start(store: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "store::processes::other_process", "--nocapture"])
            .env(STORE, store)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line.trim() != "half" {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "it ended");
        }
        Self { child, _stdout: stdout }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn finish(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

/// Killed in the middle: nothing is there under the digest, nothing is locked, and what it wrote is used.
#[test]
fn killed() {
    let fixture = Fixture::new();
    Other::start(fixture.store.directory()).kill();
    assert!(!fixture.store.contains(&Digest::of(BYTES)).unwrap());
    let mut writer = begin(&fixture.store, BYTES);
    assert_eq!(writer.have(), HALF as u64);
    writer.write(&BYTES[HALF..]).unwrap();
    writer.finish().unwrap();
    assert!(is_present(&fixture.store, BYTES));
}

/// Two processes write the same blob; neither waits, and both are done.
#[test]
fn both_write() {
    let fixture = Fixture::new();
    let other = Other::start(fixture.store.directory());
    let mut writer = begin(&fixture.store, BYTES);
    assert_eq!(writer.have(), 0, "what the other has written is not ours");
    super::keeping::sweep(&fixture.store, AT_ONCE);
    writer.write(BYTES).unwrap();
    writer.finish().unwrap();
    other.finish();
    assert_eq!(fixture.store.read(&Digest::of(BYTES), 1 << 20).unwrap().unwrap(), BYTES);
    assert_eq!(fixture.names("partial"), [""; 0]);
}

/// One waits for the other, and finds what that has written.
#[test]
fn one_waits() {
    let fixture = Fixture::new();
    let other = Other::start(fixture.store.directory());
    let begun = std::thread::scope(|scope| {
        let waits = scope.spawn(|| fixture.store.begin(&Digest::of(BYTES), BYTES.len() as u64, PATIENCE).unwrap());
        other.finish();
        waits.join().unwrap()
    });
    assert!(matches!(begun, Begun::Present));
}
