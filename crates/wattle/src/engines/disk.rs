//! The data directory of one host, opened, and taken, when somebody needs it: the stores in it, and what is recorded of
//! apps.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use wattle_backend::disk::{DataDir, DataDirError, DiskBlobs, DiskBus, DiskKeyValue, DiskOptions};
use wattle_backend::error::BackendError;
use wattle_backend::exchange::BusOptions;
use wattle_backend::stores::Stores;
use wattle_host::ChoiceBook;
use wattle_spec::choices::{CHOICES_MAX_LEN, Choices, ChoicesError};
use wattle_spec::name::AppId;

use crate::problem::Problem;
use crate::{data_dir, input};

/// Where in a data directory it is recorded what backends apps keep their state in.
const CHOICES: &str = "choices";

/// A data directory.
pub(crate) struct Disk {
    directory: PathBuf,
    open: Mutex<Option<Opened>>,
}

/// One that is open, with its stores.
struct Opened {
    data: Arc<DataDir>,
    stores: Stores,
}

impl Disk {
    /// That in `directory`, of which `data` is what is open of it.
    pub(super) fn new(directory: PathBuf, data: Option<Arc<DataDir>>) -> Result<Self, BackendError> {
        Ok(Self { directory, open: Mutex::new(data.map(Opened::new).transpose()?) })
    }

    /// What is there. A link that is set while the app runs may be the first that needs it.
    pub(super) fn stores(&self) -> Result<Stores, BackendError> {
        let mut open = self.lock();
        if let Some(opened) = &*open {
            return Ok(opened.stores.clone());
        }
        let unavailable = |error: DataDirError| {
            let backend = format!("the data directory {}", self.directory.display());
            BackendError::Unavailable { backend, source: Arc::new(error) }
        };
        let data = data_dir::open(&self.directory).map_err(unavailable)?;
        Ok(open.insert(Opened::new(Arc::new(data))?).stores.clone())
    }

    /// What is there, if the directory is open.
    pub(super) fn open_stores(&self) -> Option<Stores> {
        self.lock().as_ref().map(|opened| opened.stores.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Opened>> {
        self.open.lock().expect("invariant: nothing panics while it holds this lock")
    }
}

impl Opened {
    fn new(data: Arc<DataDir>) -> Result<Self, BackendError> {
        let key_value = Arc::new(DiskKeyValue::open(data.clone(), DiskOptions::default())?);
        let blobs = Arc::new(DiskBlobs::open(data.clone(), DiskOptions::default())?);
        let bus = Arc::new(DiskBus::open(data.clone(), DiskOptions::default(), BusOptions::default())?);
        let stores = Stores { key_value: Some(key_value), blobs: Some(blobs), bus: Some(bus), ..Stores::default() };
        Ok(Self { data, stores })
    }
}

/// What is recorded of `app` in the data directory `directory`, which need not be there, and is not taken.
///
/// # Errors
///
/// If what is there is not what was recorded.
pub(crate) fn recorded(directory: &Path, app: &AppId) -> Result<Choices, Problem> {
    let path = directory.join(CHOICES).join(Choices::file_name(app));
    let read = match input::small(&path, CHOICES_MAX_LEN as u64) {
        Ok(text) => Choices::parse(&text, app),
        // Whether it can be made, whoever writes to it finds out.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Choices::default())
        }
        Err(error) => Err(ChoicesError::Io(error)),
    };
    read.map_err(|source| Problem::Choices { path, source })
}

/// A directory that no process keeps open is taken for as long as it takes to write a record.
impl ChoiceBook for Disk {
    fn read(&self, app: &AppId) -> io::Result<Choices> {
        recorded(&self.directory, app).map_err(io::Error::other)
    }

    fn write(&self, app: &AppId, choices: &Choices) -> io::Result<()> {
        let open = self.lock();
        let data = match &*open {
            Some(opened) => opened.data.clone(),
            None => Arc::new(data_dir::open(&self.directory).map_err(io::Error::other)?),
        };
        let name = Choices::file_name(app);
        let text = choices.text(app);
        if text.len() > CHOICES_MAX_LEN {
            return Err(io::Error::other(format!("it would have more than {CHOICES_MAX_LEN} bytes")));
        }
        data.write(CHOICES, &name, text.as_bytes()).map_err(io::Error::other)
    }
}
