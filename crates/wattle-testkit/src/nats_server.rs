//! A real nats-server on a free port, its state in a temporary directory, that can be stopped, killed and started again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::installed::{self, write};
use crate::output::Lines;
use crate::process::{Process, Signal};
use crate::tls::Pair;
use crate::wait::{PATIENCE, within};

/// Names the program, where it is not on the PATH.
const WATTLE_NATS_SERVER: &str = "WATTLE_NATS_SERVER";

/// A server that is about to be started.
pub struct NatsServerBuilder {
    jetstream: Option<String>,
    config: String,
    dir: TempDir,
}

/// A server that runs, or did. It is killed when this is dropped.
pub struct NatsServer {
    program: PathBuf,
    child: Child,
    config: String,
    dir: TempDir,
    port: u16,
    /// What it said since it was started last.
    pub log: Lines,
}

impl NatsServerBuilder {
    /// Switches JetStream off.
    #[must_use]
    pub fn without_jetstream(mut self) -> Self {
        self.jetstream = None;
        self
    }

    /// Adds lines to the section on JetStream.
    #[must_use]
    pub fn jetstream(mut self, lines: &str) -> Self {
        self.jetstream = self.jetstream.map(|text| text + lines + "\n");
        self
    }

    /// Takes messages of at most so many bytes, headers included.
    #[must_use]
    pub fn max_payload(self, bytes: usize) -> Self {
        // The server does not take more in a message than it lets wait for a client.
        self.config(&format!("max_payload: {bytes}\nmax_pending: {}", bytes.max(64 << 20)))
    }

    /// Speaks TLS with this certificate, and where there is an authority asks clients for one that it vouches for.
    ///
    /// # Panics
    ///
    /// If the files cannot be written.
    #[must_use]
    pub fn tls(self, pair: &Pair, clients: Option<&str>) -> Self {
        let (cert, key) = (self.file("server.pem", &pair.cert), self.file("server.key", &pair.key));
        let clients = clients.map(|root| format!("ca_file: {:?}, verify: true", self.file("clients.pem", root)));
        self.config(&format!("tls {{ cert_file: {cert:?}, key_file: {key:?}, {} }}", clients.unwrap_or_default()))
    }

    /// Adds lines to the file of configuration: users, permissions, accounts.
    #[must_use]
    pub fn config(mut self, lines: &str) -> Self {
        self.config += lines;
        self.config.push('\n');
        self
    }

    /// Starts it. `None` where there is no nats-server: the test says what it skips and ends.
    ///
    /// # Panics
    ///
    /// If it does not start, or if there is none and `WATTLE_REQUIRE_SERVERS` says that there must be.
    #[track_caller]
    pub fn start(self) -> Option<NatsServer> {
        let program = installed::program(WATTLE_NATS_SERVER, &["nats-server"])?;
        let state = self.dir.path().join("state");
        let jetstream =
            self.jetstream.map(|lines| format!("jetstream {{ store_dir: {state:?}\n{lines} }}")).unwrap_or_default();
        let config = format!("{jetstream}\n{}", self.config);
        let (child, log, port) = spawn(&program, &self.dir, &config, None);
        Some(NatsServer { program, child, config, dir: self.dir, port, log })
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        write(&self.dir, name, content)
    }
}

impl NatsServer {
    /// One with JetStream, to be changed before it starts.
    ///
    /// # Panics
    ///
    /// If there can be no temporary directory.
    pub fn builder() -> NatsServerBuilder {
        let dir = tempfile::tempdir().expect("a temporary directory");
        NatsServerBuilder { jetstream: Some(String::new()), config: String::new(), dir }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port that it listens on, also after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// A file beside its own, for what a client reads.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        write(&self.dir, name, content)
    }

    /// Kills it on the spot.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again where it was and with what it kept; kills it before, if it runs.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill();
        let port = Some(self.port);
        (self.child, self.log, self.port) = spawn(&self.program, &self.dir, &self.config, port);
    }

    /// Restarts it with other lines in its configuration than before.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    pub fn restart_with(&mut self, replaced: &str, by: &str) {
        assert!(self.config.contains(replaced), "there is no {replaced:?} in the configuration");
        self.config = self.config.replace(replaced, by);
        self.restart();
    }

    /// Lets it do nothing, with its connections open, until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.process().signal(Signal::Stop);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.process().signal(Signal::Continue);
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the program and waits until it is ready; gives its port.
#[track_caller]
fn spawn(program: &Path, dir: &TempDir, config: &str, port: Option<u16>) -> (Child, Lines, u16) {
    let port = port.map_or("-1".to_owned(), |port| port.to_string());
    let config = write(dir, "nats.conf", &format!("listen: \"127.0.0.1:{port}\"\n{config}"));
    let mut command = Command::new(program);
    command.arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start the nats-server");
    let log = Lines::collect(child.stderr.take().expect("invariant: it is piped"));
    let ready = within(PATIENCE, || {
        let has_ended = child.try_wait().is_ok_and(|status| status.is_some());
        let port = log.all().iter().any(|line| line.ends_with("Server is ready")).then(|| listening(&log.all()));
        (has_ended || port.is_some()).then_some(port.flatten())
    });
    match ready.flatten() {
        Some(port) => (child, log, port),
        None => {
            let _ = child.kill();
            panic!("the nats-server is not ready; its log:\n{}", log.text())
        }
    }
}

fn listening(log: &[String]) -> Option<u16> {
    let address = log.iter().find_map(|line| line.split_once("Listening for client connections on ")?.1.into())?;
    address.rsplit_once(':')?.1.parse().ok()
}
