//! Asks a served app for an answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The body of the answer to `GET target`, without a `transfer-encoding`.
pub(super) fn answer(wattle: &Path, app: &Path, target: &str) -> Result<String> {
    let mut up = Command::new(wattle);
    up.args(["up", "--listen", "127.0.0.1:0"]).current_dir(app).stdout(Stdio::piped());
    let mut server = Server(up.spawn().context("start `wattle up`")?);
    let mut line = String::new();
    // It either prints this line or ends: compiling has a limit.
    BufReader::new(server.0.stdout.take().context("its stdout is piped")?).read_line(&mut line)?;
    let Some(address) = line.trim().strip_prefix("http://") else { bail!("`wattle up` serves nothing") };
    let mut connection = TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    // Of HTTP/1.0, so that the body comes as it is.
    write!(connection, "GET {target} HTTP/1.0\r\nhost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).context("read the answer")?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.into()),
        _ => bail!("it answered {answer:?}"),
    }
}

/// `wattle up`. It is killed when this is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}
