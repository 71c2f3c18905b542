//! Small blobs, which are read at once and not kept.

use wattle_spec::digest::Digest;
use wattle_spec::reference::Repository;

use crate::format::manifest::Descriptor;
use crate::registry::{Registries, RegistryError, Sink};

/// The bytes of a blob, which are what they should be. The caller has looked how many they are.
pub(crate) async fn read(
    registries: &Registries,
    repository: &Repository,
    blob: &Descriptor,
) -> Result<Vec<u8>, RegistryError> {
    let sink = InMemory { bytes: Vec::new(), digest: blob.digest };
    let (InMemory { bytes, .. }, fetched) = registries.fetch(repository, blob, sink).await;
    fetched.map(|()| bytes)
}

struct InMemory {
    bytes: Vec<u8>,
    digest: Digest,
}

impl Sink for InMemory {
    fn have(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn restart(&mut self) -> std::io::Result<()> {
        self.bytes.clear();
        Ok(())
    }

    fn check(&mut self) -> Result<(), Digest> {
        match Digest::of(&self.bytes) {
            found if found == self.digest => Ok(()),
            found => Err(found),
        }
    }
}
