//! `wattle host backup` and `wattle host restore`: what a host keeps, in one file.

use wattle_backend::disk::backup::{self, Volume};

use super::check::counted;
use super::{host, print};
use crate::app_file::ReadHost;
use crate::cli::HostBackup;
use crate::problem::Problem;

pub(super) fn back_up(arguments: &HostBackup) -> Result<(), Problem> {
    let (directory, file) = (directory(arguments)?, &arguments.file);
    let volume = backup::back_up(&directory, file)?;
    print(&format!("wrote {} of {} to {}\n", told(volume), directory.display(), file.display()))
}

pub(super) fn restore(arguments: &HostBackup) -> Result<(), Problem> {
    let directory = directory(arguments)?;
    let volume = backup::restore(&arguments.file, &directory)?;
    print(&format!("restored {} to {}\n", told(volume), directory.display()))
}

/// Where the host keeps what it keeps.
fn directory(HostBackup { place, .. }: &HostBackup) -> Result<std::path::PathBuf, Problem> {
    host::data_dir(place, &ReadHost::of(place.config.as_deref())?)
}

fn told(Volume { files, bytes }: Volume) -> String {
    let counted = |count: u64, what| counted(usize::try_from(count).unwrap_or(usize::MAX), what);
    format!("{}, {},", counted(files, "file"), counted(bytes, "byte"))
}
