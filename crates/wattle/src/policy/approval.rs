//! What was approved of each app, in the data directory of its host. It is written whether or not a host has that open:
//! somebody approves a new version while the old one runs.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use chrono::Utc;
use wattle_backend::disk::DataDirError;
use wattle_spec::app::App;
use wattle_spec::control::Moment;
use wattle_spec::name::AppId;
use wattle_spec::policy::{APPROVED_MAX_LEN, Approved, ApprovedError, Asks};

use crate::problem::Problem;
use crate::verb::harmless;
use crate::{data_dir, input, whole_file};

/// Where in a data directory it is recorded what was approved of apps.
const APPROVED: &str = "approved";

/// Why an app does not run that asks for more.
#[derive(Debug, thiserror::Error)]
#[error(
    "the app `{app}` asks for more than what was approved{}, and the policy of this host wants that approved:{}",
    since.map(|since| format!(" on {since}")).unwrap_or_default(),
    lines(.more)
)]
pub(crate) struct NotApproved {
    app: AppId,
    /// When something was approved, if it was.
    since: Option<Moment>,
    more: Vec<String>,
    file: PathBuf,
}

/// Some of it was made up by whoever shipped the app.
fn lines(more: &[String]) -> String {
    more.iter().map(|ask| format!("\n    + {}", harmless(ask))).collect()
}

impl NotApproved {
    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        let before = if self.since.is_some() { "; the version before still runs" } else { "" };
        let file = self.file.display();
        format!("to let it, run `wattle approve {file}` with the same `--config` and `--data-dir`{before}")
    }
}

/// What was approved of one app.
pub(crate) struct Kept {
    /// The data directory, which need not be there.
    directory: PathBuf,
    pub(crate) approved: Option<Approved>,
}

impl Kept {
    /// What is recorded of `app` in `directory`.
    ///
    /// # Errors
    ///
    /// If what is there is no such record.
    pub(crate) fn of(app: &AppId, directory: PathBuf) -> Result<Self, Problem> {
        let path = path(&directory, app);
        let approved = match input::small(&path, APPROVED_MAX_LEN as u64) {
            Ok(text) => Approved::parse(&text, app).map(Some),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(ApprovedError::Io(error)),
        };
        let approved = approved.map_err(|source| Problem::Approved { path, source })?;
        Ok(Self { directory, approved })
    }

    /// Lets an app that asks for `asks` run, or not. Of one that `is_shipped` not even the first version approves itself.
    pub(crate) fn check(&self, app: &App, asks: &Asks, is_shipped: bool, file: &Path) -> Result<(), NotApproved> {
        let (since, approved) = match &self.approved {
            Some(approved) => (Some(approved.since), approved.asks.clone()),
            None if is_shipped => (None, Asks::default()),
            None => return Ok(()),
        };
        let more = asks.beyond(&approved);
        match more.is_empty() {
            true => Ok(()),
            false => Err(NotApproved { app: app.id.clone(), since, more, file: file.into() }),
        }
    }

    /// Records that `app` runs now, which asks for `asks`.
    pub(crate) fn runs(&self, app: &App, asks: Asks) -> Result<(), Problem> {
        match &self.approved {
            Some(approved) if approved.asks == asks => Ok(()),
            _ => self.approve(app, asks).map(drop),
        }
    }

    /// Records that what `app` asks for is approved.
    pub(crate) fn approve(&self, app: &App, asks: Asks) -> Result<Approved, Problem> {
        let approved = Approved::new(app, asks, Moment(Utc::now()));
        match data_dir::open(&self.directory) {
            // It makes one, and a host that runs has one.
            Ok(_) | Err(DataDirError::InUse { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let path = path(&self.directory, &app.id);
        let directory = self.directory.join(APPROVED);
        let written = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        let written = written.and_then(|()| whole_file::write(&path, approved.text().as_bytes()));
        written.map_err(|source| Problem::File { operation: "write", path, source })?;
        Ok(approved)
    }
}

fn path(directory: &Path, app: &AppId) -> PathBuf {
    directory.join(APPROVED).join(Approved::file_name(app))
}
