//! Running a program of somebody else: with a deadline, and with bounds on what it says.
//!
//! Its pipes are looked at in turns and never waited for: what it started may hold them open for longer than it lives.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal};
use zeroize::Zeroizing;

/// The most bytes that are kept of what it writes.
const OUTPUT_MAX_LEN: usize = 64 << 10;
const PIECE: usize = 8 << 10;
/// How long we rest when nothing happens, at first and at last.
const RESTS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// What a program left.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
}

/// What it wrote to one pipe.
pub(super) struct Output {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// More was written than is kept.
    pub(super) is_cut: bool,
}

/// Why a program did not end by itself.
pub(super) enum Failure {
    /// It could not be started or watched.
    Io(io::Error),
    /// It took too long.
    Timeout,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

/// Runs `command` with `input`. At the deadline it is killed, with all that it started and that did not leave its
/// group.
pub(super) fn run(mut command: Command, input: &[u8], deadline: Duration) -> Result<Ended, Failure> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let began = Instant::now();
    let mut running = Running { child: command.spawn()?, has_ended: false };
    let mut pipes = Pipes::of(&mut running.child, input)?;
    let mut rest = RESTS.0;
    loop {
        let moved = pipes.turn()?;
        if let Some(status) = running.child.try_wait()? {
            running.has_ended = true;
            // What it wrote last is still to be read.
            while began.elapsed() < deadline && pipes.turn()? {}
            return Ok(Ended { status, stdout: pipes.stdout.output, stderr: pipes.stderr.output });
        }
        if began.elapsed() >= deadline {
            return Err(Failure::Timeout);
        }
        rest = if moved { RESTS.0 } else { RESTS.1.min(rest * 2) };
        if !moved {
            thread::sleep(rest.min(deadline.saturating_sub(began.elapsed())));
        }
    }
}

/// A program that is killed if nobody sees its end.
struct Running {
    child: Child,
    has_ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            let _ = rustix::process::kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// The three pipes, none of which is waited for.
struct Pipes<'a> {
    /// `None`: it has all of its input, or does not want more.
    stdin: Option<(ChildStdin, &'a [u8])>,
    stdout: Reading,
    stderr: Reading,
}

impl<'a> Pipes<'a> {
    fn of(child: &mut Child, input: &'a [u8]) -> io::Result<Self> {
        let piped = "invariant: all three are pipes";
        let stdin = child.stdin.take().expect(piped);
        do_not_wait(&stdin)?;
        Ok(Self {
            stdin: Some((stdin, input)),
            stdout: Reading::of(child.stdout.take().expect(piped))?,
            stderr: Reading::of(child.stderr.take().expect(piped))?,
        })
    }

    /// Moves what can be moved now, and says whether that was anything.
    fn turn(&mut self) -> io::Result<bool> {
        Ok(self.write()? | self.stdout.read()? | self.stderr.read()?)
    }

    fn write(&mut self) -> io::Result<bool> {
        let Some((stdin, input)) = &mut self.stdin else { return Ok(false) };
        let written = match input.is_empty() {
            true => Some(0),
            false => now(stdin.write(input), ErrorKind::BrokenPipe)?,
        };
        match written {
            None => return Ok(false),
            // Closing it is what tells the program that this is all.
            Some(0) => self.stdin = None,
            Some(len) => *input = &input[len..],
        }
        Ok(true)
    }
}

/// A pipe that is read.
struct Reading {
    /// `None`: it has ended.
    from: Option<Box<dyn Read>>,
    output: Output,
}

impl Reading {
    fn of(from: impl Read + AsFd + 'static) -> io::Result<Self> {
        do_not_wait(&from)?;
        // As large as it can get: a secret is not left behind where it was copied from.
        let bytes = Zeroizing::new(Vec::with_capacity(OUTPUT_MAX_LEN));
        Ok(Self { from: Some(Box::new(from)), output: Output { bytes, is_cut: false } })
    }

    fn read(&mut self) -> io::Result<bool> {
        let Some(from) = &mut self.from else { return Ok(false) };
        let mut piece = Zeroizing::new([0; PIECE]);
        match now(from.read(&mut *piece), ErrorKind::UnexpectedEof)? {
            None => return Ok(false),
            Some(0) => self.from = None,
            Some(len) => {
                let kept = len.min(OUTPUT_MAX_LEN - self.output.bytes.len());
                self.output.bytes.extend_from_slice(&piece[..kept]);
                self.output.is_cut |= kept < len;
            }
        }
        Ok(true)
    }
}

/// How many bytes were moved; `None`: it is not the time. The error `end` means that no more ever are.
fn now(moved: io::Result<usize>, end: ErrorKind) -> io::Result<Option<usize>> {
    match moved {
        Ok(len) => Ok(Some(len)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) if error.kind() == end => Ok(Some(0)),
        Err(error) => Err(error),
    }
}

fn do_not_wait(pipe: &impl AsFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(pipe)?;
    Ok(rustix::fs::fcntl_setfl(pipe, flags | OFlags::NONBLOCK)?)
}
