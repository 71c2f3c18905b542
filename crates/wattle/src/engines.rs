//! The engines behind backends that this binary has.

mod nats;

use std::sync::Arc;

use tokio::runtime::Handle;
use wattle_backend::disk::{DataDir, DiskBlobs, DiskBus, DiskKeyValue, DiskOptions};
use wattle_backend::error::BackendError;
use wattle_backend::exchange::BusOptions;
use wattle_backend::key_value::KeyValue;
use wattle_backend::memory::{MemoryBlobs, MemoryBus, MemoryKeyValue};
use wattle_backend::secrets::{EnvironmentSecrets, FileSecrets, Secrets};
use wattle_backend::stores::Stores;
use wattle_host::BackendSource;
use wattle_spec::backend::EngineSpec;

/// The engines of one host.
pub(crate) struct Engines {
    memory: Stores,
    /// `None`: nothing is kept on disk.
    disk: Option<Stores>,
    /// Where what is reached over a network waits.
    runtime: Handle,
}

impl Engines {
    /// Memory, and the disk in `data` if there is such a directory. Must be called within a Tokio runtime, on which
    /// connections live.
    pub(crate) fn open(data: Option<Arc<DataDir>>) -> Result<Self, BackendError> {
        let memory = Stores {
            key_value: Some(Arc::new(MemoryKeyValue::default())),
            blobs: Some(Arc::new(MemoryBlobs::default())),
            bus: Some(Arc::new(MemoryBus::default())),
            ..Stores::default()
        };
        Ok(Self { memory, disk: data.map(disk).transpose()?, runtime: Handle::current() })
    }

    /// What keeps what the host itself must not forget, if there is a directory for it.
    pub(crate) fn kept(&self) -> Option<Arc<dyn KeyValue>> {
        self.disk.as_ref().and_then(|disk| disk.key_value.clone())
    }
}

fn disk(data: Arc<DataDir>) -> Result<Stores, BackendError> {
    let key_value = Arc::new(DiskKeyValue::open(data.clone(), DiskOptions::default())?);
    let blobs = Arc::new(DiskBlobs::open(data.clone(), DiskOptions::default())?);
    let bus = Arc::new(DiskBus::open(data, DiskOptions::default(), BusOptions::default())?);
    Ok(Stores { key_value: Some(key_value), blobs: Some(blobs), bus: Some(bus), ..Stores::default() })
}

fn secrets(secrets: impl Secrets + 'static) -> Stores {
    Stores { secrets: Some(Arc::new(secrets)), ..Stores::default() }
}

impl BackendSource for Engines {
    fn open(&self, engine: &EngineSpec) -> Result<Option<Stores>, BackendError> {
        Ok(match engine {
            EngineSpec::Memory => Some(self.memory.clone()),
            EngineSpec::Disk => self.disk.clone(),
            EngineSpec::Environment { prefix } => Some(secrets(EnvironmentSecrets::new(prefix))),
            EngineSpec::Files { directory } => Some(secrets(FileSecrets::new(directory))),
            EngineSpec::Nats(spec) => Some(nats::open(spec, self.runtime.clone())?),
        })
    }
}
