//! The engines behind backends that this binary has.

use std::sync::Arc;

use wattle_backend::disk::{DataDir, DiskBlobs, DiskKeyValue, DiskOptions};
use wattle_backend::error::BackendError;
use wattle_backend::memory::{MemoryBlobs, MemoryKeyValue};
use wattle_backend::stores::Stores;
use wattle_host::BackendSource;
use wattle_spec::backend::EngineSpec;

/// The engines of one host.
pub(crate) struct Engines {
    memory: Stores,
    /// `None`: nothing is kept on disk.
    disk: Option<Stores>,
}

impl Engines {
    /// Memory, and the disk in `data` if there is such a directory.
    pub(crate) fn open(data: Option<Arc<DataDir>>) -> Result<Self, BackendError> {
        let (key_value, blobs) = (MemoryKeyValue::default(), MemoryBlobs::default());
        let memory = Stores { key_value: Some(Arc::new(key_value)), blobs: Some(Arc::new(blobs)), ..Stores::default() };
        Ok(Self { memory, disk: data.map(disk).transpose()? })
    }
}

fn disk(data: Arc<DataDir>) -> Result<Stores, BackendError> {
    let key_value = Arc::new(DiskKeyValue::open(data.clone(), DiskOptions::default())?);
    let blobs = Arc::new(DiskBlobs::open(data, DiskOptions::default())?);
    Ok(Stores { key_value: Some(key_value), blobs: Some(blobs), ..Stores::default() })
}

impl BackendSource for Engines {
    fn open(&self, engine: &EngineSpec) -> Result<Option<Stores>, BackendError> {
        Ok(match engine {
            EngineSpec::Memory => Some(self.memory.clone()),
            EngineSpec::Disk => self.disk.clone(),
            EngineSpec::Nats(_) | EngineSpec::Environment { .. } | EngineSpec::Files { .. } => None,
        })
    }
}
