//! Asks a program that serves for an answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The body of the answer to `GET target`, without a `transfer-encoding`, of `program`, which prints where it serves. It is
/// killed then.
pub(crate) fn answer(program: &mut Command, target: &str) -> Result<String> {
    let mut server = Server(program.stdout(Stdio::piped()).spawn().context("start the server")?);
    let mut printed = BufReader::new(server.0.stdout.take().context("its stdout is piped")?).lines();
    // It either prints this line or ends: compiling has a limit.
    let address = loop {
        let Some(line) = printed.next() else { bail!("it serves nothing") };
        if let Some(address) = line?.trim().strip_prefix("http://") {
            break address.to_owned();
        }
    };
    let mut connection = TcpStream::connect(&address).with_context(|| format!("connect to {address}"))?;
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

/// A program that serves. It is killed when this is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}
