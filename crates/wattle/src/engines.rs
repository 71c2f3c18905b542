//! The engines behind backends that this binary has.

mod disk;
mod nats;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;
use wattle_backend::disk::DataDir;
use wattle_backend::error::BackendError;
use wattle_backend::key_value::KeyValue;
use wattle_backend::memory::{MemoryBlobs, MemoryBus, MemoryKeyValue};
use wattle_backend::secrets::{EnvironmentSecrets, FileSecrets, Secrets};
use wattle_backend::stores::Stores;
use wattle_host::{BackendSource, ChoiceBook};
use wattle_spec::backend::EngineSpec;

use self::disk::Disk;
pub(crate) use self::disk::recorded;

/// The engines of one host.
pub(crate) struct Engines {
    memory: Stores,
    disk: Arc<Disk>,
    /// Where what is reached over a network waits.
    runtime: Handle,
}

impl Engines {
    /// Memory, and the disk in `directory`, of which `data` is what is open of it. Must be called within a Tokio runtime,
    /// on which connections live.
    pub(crate) fn open(directory: PathBuf, data: Option<Arc<DataDir>>) -> Result<Self, BackendError> {
        let memory = Stores {
            key_value: Some(Arc::new(MemoryKeyValue::default())),
            blobs: Some(Arc::new(MemoryBlobs::default())),
            bus: Some(Arc::new(MemoryBus::default())),
            ..Stores::default()
        };
        let disk = Arc::new(Disk::new(directory, data)?);
        Ok(Self { memory, disk, runtime: Handle::current() })
    }

    /// What keeps what the host itself must not forget, if a directory for it is open.
    pub(crate) fn kept(&self) -> Option<Arc<dyn KeyValue>> {
        self.disk.open_stores()?.key_value
    }

    /// Where it is recorded what backends apps keep their state in.
    pub(crate) fn choice_book(&self) -> Arc<dyn ChoiceBook> {
        self.disk.clone()
    }
}

/// Whether the files can be used that `engine` is reached with. It is not opened.
pub(crate) fn check_files(engine: &EngineSpec) -> Result<(), BackendError> {
    match engine {
        EngineSpec::Nats(spec) => nats::check_files(spec),
        EngineSpec::Memory | EngineSpec::Disk | EngineSpec::Environment { .. } | EngineSpec::Files { .. } => Ok(()),
    }
}

fn secrets(secrets: impl Secrets + 'static) -> Stores {
    Stores { secrets: Some(Arc::new(secrets)), ..Stores::default() }
}

impl BackendSource for Engines {
    fn open(&self, engine: &EngineSpec) -> Result<Option<Stores>, BackendError> {
        Ok(match engine {
            EngineSpec::Memory => Some(self.memory.clone()),
            EngineSpec::Disk => Some(self.disk.stores()?),
            EngineSpec::Environment { prefix } => Some(secrets(EnvironmentSecrets::new(prefix))),
            EngineSpec::Files { directory } => Some(secrets(FileSecrets::new(directory))),
            EngineSpec::Nats(spec) => Some(nats::open(spec, self.runtime.clone())?),
        })
    }
}
