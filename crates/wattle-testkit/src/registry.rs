//! A real registry for artifacts on a free port, its state in a temporary directory, that can be stopped and started
//! again.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpSocket;

use crate::installed::{self, write};
use crate::output::Lines;
use crate::tls::Pair;
use crate::wait::{PATIENCE, within};

/// Names the program, where it is not on the PATH.
const WATTLE_DOCKER_REGISTRY: &str = "WATTLE_DOCKER_REGISTRY";

/// A name that may log in where only some may.
pub const USER: &str = "somebody";
/// Their password.
pub const PASSWORD: &str = "let me in";
/// The same as the registry reads it (bcrypt).
const PASSWORD_HASH: &str = "$2y$05$abcdefghijklmnopqrstuu4h2R.N3/mVBA7Xh7aLzKSJDAsK61n52";

/// A registry that is about to be started.
pub struct RegistryBuilder {
    config: Value,
    dir: TempDir,
}

/// A registry that runs, or did. It is killed when this is dropped.
pub struct Registry {
    program: PathBuf,
    child: Child,
    config: Value,
    dir: TempDir,
    port: u16,
    /// Keeps its port while it does not run: nobody else may answer there.
    vacant: Option<TcpSocket>,
    /// What it said since it was started last.
    pub log: Lines,
}

impl RegistryBuilder {
    /// Lets only [`USER`] in, with [`PASSWORD`].
    #[must_use]
    pub fn with_password(mut self) -> Self {
        let path = self.file("htpasswd", &format!("{USER}:{PASSWORD_HASH}\n"));
        self.config["auth"] = json!({ "htpasswd": { "realm": "tests", "path": path } });
        self
    }

    /// Lets in who has a token that was signed with a certificate in `roots` (PEM), and sends everybody to `realm` for
    /// one.
    #[must_use]
    pub fn with_tokens(mut self, realm: &str, service: &str, issuer: &str, roots: &str) -> Self {
        let roots = self.file("roots.pem", roots);
        let token = json!({ "realm": realm, "service": service, "issuer": issuer, "rootcertbundle": roots });
        self.config["auth"] = json!({ "token": token });
        self
    }

    /// Speaks TLS with this certificate.
    #[must_use]
    pub fn tls(mut self, pair: &Pair) -> Self {
        let (cert, key) = (self.file("server.pem", &pair.cert), self.file("server.key", &pair.key));
        self.config["http"]["tls"] = json!({ "certificate": cert, "key": key });
        self
    }

    /// Starts it. `None` where there is no such program: the test says what it skips and ends.
    ///
    /// # Panics
    ///
    /// If it does not start, or if there is none and `WATTLE_REQUIRE_SERVERS` says that there must be.
    #[track_caller]
    pub fn start(self) -> Option<Registry> {
        let program = installed::program(WATTLE_DOCKER_REGISTRY, &["docker-registry", "registry"])?;
        let (child, log, port) = spawn(&program, &self.dir, &self.config, 0);
        Some(Registry { program, child, config: self.config, dir: self.dir, port, vacant: None, log })
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        write(&self.dir, name, content)
    }
}

impl Registry {
    /// One that lets everybody in, to be changed before it starts.
    ///
    /// # Panics
    ///
    /// If there can be no temporary directory.
    pub fn builder() -> RegistryBuilder {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let storage = json!({
            "filesystem": { "rootdirectory": dir.path().join("state") },
            "delete": { "enabled": true },
            "maintenance": { "uploadpurging": { "enabled": false } },
        });
        // With a secret of its own, an upload goes on after a restart.
        let http = json!({ "addr": "127.0.0.1:0", "secret": "tests" });
        let log = json!({ "level": "info", "formatter": "json", "accesslog": { "disabled": true } });
        RegistryBuilder { config: json!({ "version": "0.1", "log": log, "storage": storage, "http": http }), dir }
    }

    /// Starts one that lets everybody in.
    ///
    /// # Panics
    ///
    /// As [`RegistryBuilder::start`].
    #[track_caller]
    pub fn start() -> Option<Self> {
        Self::builder().start()
    }

    /// Its host and port, as in references.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A file beside its own, for what a client reads.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        write(&self.dir, name, content)
    }

    /// How many uploads it waits for.
    pub fn uploads(&self, repository: &str) -> usize {
        let root = self.dir.path().join("state/docker/registry/v2/repositories");
        let uploads = fs::read_dir(root.join(repository).join("_uploads")).into_iter().flatten().flatten();
        // One that was given up leaves an empty shell.
        uploads.filter(|upload| upload.path().join("startedat").exists()).count()
    }

    /// Kills it on the spot.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.vacant = vacant(self.port);
    }

    /// Starts it again where it was and with what it kept; kills it before, if it runs.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill();
        self.vacant = None;
        (self.child, self.log, self.port) = spawn(&self.program, &self.dir, &self.config, self.port);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A socket that has this port and does not listen: connections are refused.
fn vacant(port: u16) -> Option<TcpSocket> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.set_reuseaddr(true).ok()?;
    socket.bind(([127, 0, 0, 1], port).into()).ok()?;
    Some(socket)
}

/// Starts the program and waits until it listens; gives its port.
#[track_caller]
fn spawn(program: &PathBuf, dir: &TempDir, config: &Value, port: u16) -> (Child, Lines, u16) {
    let mut config = config.clone();
    config["http"]["addr"] = json!(format!("127.0.0.1:{port}"));
    // Its configuration is YAML, and so JSON will do.
    let config = write(dir, "config.yml", &config.to_string());
    let mut command = Command::new(program);
    command.arg("serve").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start the registry");
    let log = Lines::collect(child.stderr.take().expect("invariant: it is piped"));
    let ready = within(PATIENCE, || {
        let has_ended = child.try_wait().is_ok_and(|status| status.is_some());
        let port = listening(&log);
        (has_ended || port.is_some()).then_some(port)
    });
    match ready.flatten() {
        Some(port) => (child, log, port),
        None => {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the registry does not listen; its log:\n{}", log.text())
        }
    }
}

fn listening(log: &Lines) -> Option<u16> {
    let said =
        log.json().into_iter().find_map(|line| Some(line["msg"].as_str()?.strip_prefix("listening on ")?.to_owned()));
    let address = said?.split(',').next()?.to_owned();
    address.rsplit_once(':')?.1.parse().ok()
}
