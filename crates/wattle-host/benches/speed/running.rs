//! Processes that do what is measured, so that one can say what it costs them: this program, told what to be, or another
//! one.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use wattle_testkit::process::Process;

/// The argument before those that say what this program is to be.
pub(crate) const BE: &str = "be";

/// A process. It ends with this.
pub(crate) struct Running(Child);

impl Running {
    /// This program, told what to be by `arguments`, when it is [`ready`]; and what it said then.
    pub(crate) fn own(arguments: &[&str]) -> (Self, String) {
        let mut command = Command::new(std::env::current_exe().expect("this program has a name"));
        command.arg(BE).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("this program can be started");
        let said = child.stdout.as_mut().expect("it is piped");
        let mut line = String::new();
        let len = BufReader::new(said).read_line(&mut line).expect("it can be read");
        assert!(len > 0, "{arguments:?} ended before it was ready");
        (Self(child), line.trim().to_owned())
    }

    pub(crate) fn other(child: Child) -> Self {
        Self(child)
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.0.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is not to be ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Says `line` to whoever started this process, and waits until nobody needs it any more.
pub(crate) fn ready(line: &str) {
    println!("{line}");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
