//! `wattle up` and `wattle host` as a test sees them: started on a free port, its lines collected, ended with the test.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::app::App;
use crate::client::Connection;
use crate::output::Lines;
use crate::process::{Process, Signal};
use crate::program::{Program, Ran, cleaned, ended};
use crate::response::Response;
use crate::wait::{PATIENCE, within};

/// How long a start may take: a component is compiled in it, by a program that is not optimised.
const STARTS: Duration = Duration::from_secs(60);

/// A server that is about to be started.
pub struct Up<'a> {
    program: Program,
    app: &'a App,
    /// The verb, and what it is about.
    asked: Vec<OsString>,
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
    open_files: Option<u32>,
    own_root: bool,
}

/// A server that runs. It is killed when this is dropped.
pub struct Server {
    child: Child,
    addresses: Vec<SocketAddr>,
    stdout: Lines,
    /// Its log.
    pub log: Lines,
}

impl<'a> Up<'a> {
    pub(crate) fn new(program: Program, app: &'a App) -> Self {
        Self::asked(program, app, &["up", "."])
    }

    /// A host of many apps, which keeps what it must not forget in the directory of `app`.
    pub(crate) fn host(program: Program, app: &'a App) -> Self {
        Self::asked(program, app, &["host"])
    }

    fn asked(program: Program, app: &'a App, asked: &[&str]) -> Self {
        Self {
            program,
            app,
            asked: asked.iter().map(Into::into).collect(),
            arguments: Vec::new(),
            environment: Vec::new(),
            open_files: None,
            own_root: false,
        }
    }

    /// Runs this instead of the app's folder.
    #[must_use]
    pub fn path(mut self, path: impl Into<OsString>) -> Self {
        self.asked = vec!["up".into(), path.into()];
        self
    }

    /// Adds arguments. With `--listen` among them, the usual `--listen 127.0.0.1:0` is left out.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable. There are no others.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Limits how many files and sockets the server may have open.
    #[must_use]
    pub fn open_files(mut self, limit: u32) -> Self {
        self.open_files = Some(limit);
        self
    }

    /// Makes the app's directory the root of the server's file system, in which the program is found, too.
    #[must_use]
    pub fn own_root(mut self) -> Self {
        self.own_root = true;
        self
    }

    /// Starts it and waits for its addresses.
    ///
    /// # Panics
    ///
    /// If it ends, or prints none.
    #[track_caller]
    pub fn start(self) -> Server {
        let mut server = self.spawn();
        let listening = self.arguments.iter().filter(|argument| *argument == "--listen").count().max(1);
        let printed = || {
            let lines = server.stdout.all();
            lines.iter().filter_map(|line| line.split_once("://")?.1.parse().ok()).collect::<Vec<SocketAddr>>()
        };
        let started = within(STARTS, || {
            let (addresses, ended) = (printed(), server.child.try_wait().expect("ask for the server's status"));
            (addresses.len() >= listening || ended.is_some()).then_some((addresses, ended))
        });
        let (addresses, ended) = started.unwrap_or_default();
        if addresses.len() < listening {
            let state = match ended {
                Some(status) => {
                    server.log.wait_for_end(PATIENCE);
                    format!("ended ({status})")
                }
                None => format!("does not serve after {STARTS:?}"),
            };
            panic!("the server {state}; its log:\n{}", server.log.text());
        }
        server.addresses = addresses;
        server
    }

    /// Runs it to its end, for what should not start at all.
    ///
    /// # Panics
    ///
    /// If it does not end.
    #[track_caller]
    pub fn refused(self) -> Ran {
        let mut server = self.spawn();
        server.wait().cleaned(self.app)
    }

    /// Starts it and waits for nothing: it has no address yet.
    pub fn spawn(&self) -> Server {
        let mut command = match self.open_files {
            None if self.own_root => {
                // Whoever is not root becomes it in a namespace.
                let mut unshare = Command::new("unshare");
                unshare.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
                unshare.args(["--map-root-user", "chroot"]).arg(self.app.path()).arg(self.program.path());
                unshare
            }
            None => self.program.command(self.app),
            Some(limit) => {
                let mut shell = Command::new("/bin/sh");
                shell
                    .env_clear()
                    .env("XDG_CACHE_HOME", self.app.cache_dir())
                    .env("XDG_RUNTIME_DIR", self.app.runtime_dir())
                    .current_dir(self.app.path())
                    .stdin(Stdio::null());
                shell.arg("-c").arg(format!("ulimit -n {limit} && exec \"$0\" \"$@\"")).arg(self.program.path());
                shell
            }
        };
        command.args(&self.asked).args(&self.arguments).envs(self.environment.iter().cloned());
        if !self.arguments.iter().any(|argument| argument == "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start the server");
        let stdout = Lines::collect(child.stdout.take().expect("invariant: it is piped"));
        let log = Lines::collect(child.stderr.take().expect("invariant: it is piped"));
        Server { child, addresses: Vec::new(), stdout, log }
    }
}

impl Server {
    /// Its first address.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// All its addresses, in the order of `--listen`.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// A connection to its first address.
    #[track_caller]
    pub fn connect(&self) -> Connection {
        Connection::open(self.address())
    }

    /// `GET`, on a connection of its own.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.connect().call("GET", target, b"")
    }

    /// `method` with a body, on a connection of its own.
    #[track_caller]
    pub fn call(&self, method: &str, target: &str, body: impl AsRef<[u8]>) -> Response {
        self.connect().call(method, target, body.as_ref())
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    ///
    /// If it does not.
    #[track_caller]
    pub fn wait(&mut self) -> Ran {
        let Some(status) = ended(&mut self.child) else {
            panic!("the server does not end; its log:\n{}", self.log.text());
        };
        self.stdout.wait_for_end(PATIENCE);
        self.log.wait_for_end(PATIENCE);
        Ran { code: status.code(), stdout: self.stdout.text(), stderr: self.log.text() }
    }

    /// Asks it to end in good order, and waits.
    ///
    /// # Panics
    ///
    /// If it does not end.
    #[track_caller]
    pub fn stop(mut self) -> Ran {
        self.process().signal(Signal::Terminate);
        self.wait()
    }

    /// Kills it on the spot.
    pub fn kill(mut self) {
        self.process().signal(Signal::Kill);
        let _ = self.child.wait();
    }

    /// Its log so far, cleaned for a snapshot.
    pub fn cleaned_log(&self, app: &App) -> String {
        cleaned(&self.log.text(), app)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
