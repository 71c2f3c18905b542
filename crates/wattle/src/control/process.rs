//! The process that answers, for whoever waits for its end.

#[cfg(target_os = "linux")]
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::time::Duration;

#[cfg(target_os = "linux")]
use tokio::net::UnixStream;
use tokio::time::sleep;

#[cfg(target_os = "linux")]
use super::client::Way;
use super::client::{AskError, Client};

/// How often it is looked whether it is still there.
const GLANCE: Duration = Duration::from_millis(20);

/// A process that answers.
pub(crate) struct HostProcess {
    client: Client,
    /// `None`: it cannot be seen from here.
    #[cfg(target_os = "linux")]
    process: Option<OwnedFd>,
}

impl Client {
    /// The process that answers.
    ///
    /// # Errors
    ///
    /// If nobody does.
    pub(crate) async fn process(&self) -> Result<HostProcess, AskError> {
        #[cfg(target_os = "linux")]
        if let Way::Socket(path) = &self.way {
            let stream = UnixStream::connect(path).await.map_err(AskError::Connect)?;
            return Ok(HostProcess { client: self.clone(), process: held(&stream).ok() });
        }
        Ok(HostProcess {
            client: self.clone(),
            #[cfg(target_os = "linux")]
            process: None,
        })
    }
}

/// The process at the other end, by the number that it has for us, if it has one: no other process can be taken for it.
#[cfg(target_os = "linux")]
fn held(stream: &UnixStream) -> io::Result<OwnedFd> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let pid = stream.peer_cred()?.pid().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

impl HostProcess {
    /// Waits until it has ended; where it cannot be seen, until nobody answers there any more.
    pub(crate) async fn ended(&self) {
        while self.is_there().await {
            sleep(GLANCE).await;
        }
    }

    async fn is_there(&self) -> bool {
        #[cfg(target_os = "linux")]
        if let Some(process) = &self.process {
            use rustix::event::{PollFd, PollFlags, Timespec, poll};
            // It can be read when the process has ended, also if nobody has asked yet how.
            let ended = poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&Timespec::default()));
            return !matches!(ended, Ok(1..));
        }
        self.client.is_there().await
    }
}
