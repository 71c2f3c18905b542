//! The blobs of an artifact on their way to a registry, a few at a time: only what it does not have, and what another of
//! its repositories has it is asked to take from there.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use wattle_spec::digest::Digest;
use wattle_spec::reference::Repository;

use super::Options;
use crate::format::component::Packed;
use crate::format::manifest::Descriptor;
use crate::progress::Progress;
use crate::registry::{Content, Mounted, Registries, RegistryError, Session, Source};

/// How many blobs are asked about or sent at a time.
pub(super) const AT_A_TIME: usize = 4;

/// How many bytes of blobs had to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sent {
    pub(super) sent: u64,
    pub(super) present: u64,
}

/// Where blobs go.
struct Way<'a> {
    registries: &'a Registries,
    repository: &'a Repository,
    options: &'a Options,
}

/// Sends the blobs of `members`, each once, however many have it.
pub(super) async fn send(
    registries: &Registries,
    repository: &Repository,
    members: &[Packed],
    options: &Options,
) -> Result<Sent, RegistryError> {
    let way = &Way { registries, repository, options };
    let blobs = members.iter().flat_map(|member| &member.blobs);
    let blobs: BTreeMap<Digest, (Descriptor, Bytes)> = blobs.map(|blob| (blob.0.digest, blob.clone())).collect();
    let all = blobs.values().map(|(blob, _)| blob.size).sum::<u64>();
    // First what is missing, so that it is known how much goes before the first of it does.
    let asked = stream::iter(blobs.into_values()).map(|blob| way.missing(blob)).buffer_unordered(AT_A_TIME);
    let missing: Vec<_> = asked.try_filter_map(async |missing| Ok(missing)).try_collect().await?;
    let sending = stream::iter(missing).map(|blob| way.blob(blob)).buffer_unordered(AT_A_TIME);
    let sent = sending.try_fold(0, async |sent, more| Ok(sent + more)).await?;
    Ok(Sent { sent, present: all - sent })
}

impl Way<'_> {
    /// The blob, if the registry does not have it.
    async fn missing(&self, blob: (Descriptor, Bytes)) -> Result<Option<(Descriptor, Bytes)>, RegistryError> {
        let is_there = self.registries.has_blob(self.repository, blob.0.digest).await?;
        if let (false, Some(progress)) = (is_there, &self.options.progress) {
            progress.expect(&blob.0);
        }
        Ok((!is_there).then_some(blob))
    }

    /// Lets the registry have a blob, and says how many bytes had to be sent for that.
    async fn blob(&self, (blob, bytes): (Descriptor, Bytes)) -> Result<u64, RegistryError> {
        let Self { registries, repository, options } = *self;
        let session = match self.mounted(&blob).await? {
            Mounted::Yes => {
                if let Some(progress) = &options.progress {
                    progress.at(&blob.digest, blob.size);
                }
                return Ok(0);
            }
            Mounted::No(session) => session,
        };
        let content = match &options.progress {
            Some(progress) => Counted { bytes, digest: blob.digest, progress: progress.clone() }.into(),
            None => bytes.into(),
        };
        registries.upload(repository, &blob, &content, session).await?;
        Ok(blob.size)
    }

    /// Asks for it to be taken from where it may be; what the last refusal left is used for sending it.
    async fn mounted(&self, blob: &Descriptor) -> Result<Mounted, RegistryError> {
        let mut last: Option<Session> = None;
        for from in self.options.may_have.iter().filter(|from| *from != self.repository) {
            if let Some(session) = last.take() {
                self.registries.cancel(session).await;
            }
            match self.registries.mount(self.repository, blob.digest, from).await? {
                Mounted::Yes => return Ok(Mounted::Yes),
                Mounted::No(session) => last = session,
            }
        }
        Ok(Mounted::No(last))
    }
}

/// Bytes of which it is told how many were taken.
struct Counted {
    bytes: Bytes,
    digest: Digest,
    progress: Progress,
}

impl From<Counted> for Content {
    fn from(counted: Counted) -> Self {
        Self::Source(Arc::new(counted))
    }
}

impl Source for Counted {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let Self { bytes, digest, progress } = self;
        Ok(Box::new(Counting { left: bytes.clone(), len: bytes.len(), digest: *digest, progress: progress.clone() }))
    }
}

struct Counting {
    left: Bytes,
    len: usize,
    digest: Digest,
    progress: Progress,
}

impl Read for Counting {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let len = to.len().min(self.left.len());
        self.left.copy_to_slice(&mut to[..len]);
        self.progress.at(&self.digest, (self.len - self.left.len()) as u64);
        Ok(len)
    }
}
