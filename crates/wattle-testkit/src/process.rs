//! What the system knows about a process: its memory, files and processor time; and signals to it.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, kill_process};

/// A signal that tests send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, as from Control-C.
    Interrupt,
    /// SIGTERM, as from a supervisor.
    Terminate,
    /// SIGKILL: nothing can be done about it.
    Kill,
    /// SIGSTOP: it does nothing until it is told to go on.
    Stop,
    /// SIGCONT: it goes on.
    Continue,
}

/// A process by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    fn proc(self, name: &str) -> PathBuf {
        format!("/proc/{}/{name}", self.0).into()
    }

    /// Sends a signal. Whether there was such a process.
    pub fn signal(self, signal: Signal) -> bool {
        let signal = match signal {
            Signal::Interrupt => rustix::process::Signal::INT,
            Signal::Terminate => rustix::process::Signal::TERM,
            Signal::Kill => rustix::process::Signal::KILL,
            Signal::Stop => rustix::process::Signal::STOP,
            Signal::Continue => rustix::process::Signal::CONT,
        };
        let pid = i32::try_from(self.0).ok().and_then(Pid::from_raw);
        pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
    }

    /// The memory that it really has, in bytes. A process that has ended has none.
    pub fn resident_bytes(self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
        kib.map_or(0, |kib: u64| kib << 10)
    }

    /// How many files and sockets it has open.
    pub fn open_files(self) -> usize {
        fs::read_dir(self.proc("fd")).map_or(0, Iterator::count)
    }

    /// The files that are mapped into its memory as code. One that has been removed ends in ` (deleted)`.
    pub fn code_files(self) -> Vec<PathBuf> {
        let maps = fs::read_to_string(self.proc("maps")).unwrap_or_default();
        let of_line = |line: &str| {
            let path = line.find('/')?;
            line[..path].contains("r-xp").then(|| line[path..].into())
        };
        maps.lines().filter_map(of_line).collect()
    }

    /// How much its threads have computed, those that have ended left out.
    pub fn computed(self) -> Duration {
        let tasks = fs::read_dir(self.proc("task")).into_iter().flatten().flatten();
        let nanos = tasks.filter_map(|task| {
            let statistics = fs::read_to_string(task.path().join("schedstat")).ok()?;
            statistics.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanos.sum())
    }

    /// How much its threads compute in this span of time, which passes meanwhile.
    pub fn computes_in(self, span: Duration) -> Duration {
        let before = self.computed();
        thread::sleep(span);
        self.computed().saturating_sub(before)
    }

    /// Its child processes.
    pub fn children(self) -> Vec<Process> {
        let tasks = fs::read_dir(self.proc("task")).into_iter().flatten().flatten();
        let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let all: Vec<String> = lists.collect();
        all.iter().flat_map(|list| list.split_whitespace()).filter_map(|pid| pid.parse().ok().map(Process)).collect()
    }
}
