//! The binary under test: a verb run to its end, with what it said made fit for a snapshot.

use std::ffi::OsStr;
use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use crate::app::App;
use crate::guests;
use crate::server::Up;
use crate::wait::{PATIENCE, within};

/// The binary under test, by its path. A test gives it: `Program::new(env!("CARGO_BIN_EXE_wattle"))`.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    path: &'static str,
}

/// How a process ended and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The exit code; `None`: a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Program {
    /// The binary at `path`.
    pub const fn new(path: &'static str) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(self) -> &'static Path {
        Path::new(self.path)
    }

    /// A command in the directory of `app`, without this process's environment.
    pub fn command(self, app: &App) -> Command {
        let mut command = Command::new(self.path);
        command.env_clear().env("XDG_CACHE_HOME", app.cache_dir()).env("XDG_RUNTIME_DIR", app.runtime_dir());
        command.env("XDG_STATE_HOME", app.state_dir());
        command.current_dir(app.path()).stdin(Stdio::null());
        command
    }

    /// Runs a verb to its end.
    ///
    /// # Panics
    ///
    /// If it does not end.
    #[track_caller]
    pub fn run<A: AsRef<OsStr>>(self, app: &App, arguments: impl IntoIterator<Item = A>) -> Ran {
        let mut command = self.command(app);
        Ran::of(command.args(arguments)).cleaned(app)
    }

    /// `wattle host` in the app's folder, to be changed before it starts.
    pub fn host(self, app: &App) -> Up<'_> {
        Up::host(self, app)
    }

    /// `wattle up` on the app's folder, to be changed before it starts.
    pub fn up(self, app: &App) -> Up<'_> {
        Up::new(self, app)
    }
}

impl Ran {
    /// Runs a command to its end.
    ///
    /// # Panics
    ///
    /// If it cannot be started, or does not end.
    #[track_caller]
    pub fn of(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start the command");
        Self::to_its_end(child, "")
    }

    /// Runs a command to its end, with a text on its standard input.
    ///
    /// # Panics
    ///
    /// As [`Ran::of`].
    #[track_caller]
    pub fn with_input(command: &mut Command, input: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::to_its_end(command.spawn().expect("start the command"), input)
    }

    #[track_caller]
    fn to_its_end(mut child: Child, input: &str) -> Self {
        if let Some(mut stdin) = child.stdin.take() {
            // Who does not read it has a reason, and says it.
            let _ = stdin.write_all(input.as_bytes());
        }
        let stdout = child.stdout.take().map(whole);
        let stderr = child.stderr.take().map(whole);
        let status = ended(&mut child);
        let text = |reader: Option<thread::JoinHandle<String>>| {
            reader.map(|reader| reader.join().expect("a thread that reads a pipe")).unwrap_or_default()
        };
        let (stdout, stderr) = (text(stdout), text(stderr));
        match status {
            Some(status) => Self { code: status.code(), stdout, stderr },
            None => panic!("the command did not end within {PATIENCE:?}; it said:\n{stdout}{stderr}"),
        }
    }

    /// The same, with what differs from run to run replaced: paths, ports, process ids.
    #[must_use]
    pub fn cleaned(self, app: &App) -> Self {
        Self { stdout: cleaned(&self.stdout, app), stderr: cleaned(&self.stderr, app), ..self }
    }

    /// Whether it ended well.
    pub fn is_ok(&self) -> bool {
        self.code == Some(0)
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit: {code}")?,
            None => writeln!(f, "ended by a signal")?,
        }
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                writeln!(f, "----- {name}\n{}", text.trim_end_matches('\n'))?;
            }
        }
        Ok(())
    }
}

/// How `child` ended. `None`: it did not, and was killed.
pub(crate) fn ended(child: &mut Child) -> Option<ExitStatus> {
    let status = within(PATIENCE, || child.try_wait().expect("wait for the process"));
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    status
}

fn whole(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// `text` without what differs from run to run.
pub fn cleaned(text: &str, app: &App) -> String {
    let directory = app.path().display().to_string();
    let mut text = text.replace(&directory, "DIR");
    let built = guests::hello();
    if let Some(directory) = built.parent() {
        text = text.replace(&directory.display().to_string(), "GUESTS");
    }
    let text = without_number(&text, "127.0.0.1:", "PORT");
    without_number(&text, "process ", "PID")
}

/// Replaces the number after each `prefix`; 0 stays, which means something.
fn without_number(text: &str, prefix: &str, name: &str) -> String {
    let mut pieces = text.split(prefix);
    let mut clean = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &piece[..piece.len() - rest.len()];
        clean += prefix;
        clean += if matches!(number, "" | "0") { number } else { name };
        clean += rest;
    }
    clean
}
