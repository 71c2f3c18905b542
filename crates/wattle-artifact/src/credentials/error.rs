//! Why credentials cannot be had or kept.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Why credentials cannot be had or kept. None of these has a secret in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The file cannot be read or written.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no JSON.
    #[error("{} is no JSON", path.display())]
    Json {
        /// Which file.
        path: PathBuf,
        /// Where it is none. Tells no text of the file.
        source: serde_json::Error,
    },
    /// The file is JSON, and not what Docker or Podman write.
    #[error("{} is no file of credentials: {what} {expected}", path.display())]
    Shape {
        /// Which file.
        path: PathBuf,
        /// Which part of it.
        what: String,
        /// What that should be.
        expected: &'static str,
    },
    /// Another process changes the file for longer than we wait.
    #[error("another process has locked {}", path.display())]
    Locked {
        /// The directory of the file.
        path: PathBuf,
    },
    /// There is no place to keep credentials in.
    #[error("there is no directory to keep credentials in")]
    NoPlace,
    /// This is no registry.
    #[error("{0:?} is no registry")]
    Registry(String),
    /// Nobody can log in with this.
    #[error("nobody can log in so: {0}")]
    Unfit(&'static str),
    /// What the file calls a helper is no name of one.
    #[error("{} names {name:?} as a helper, which is no name of a program", path.display())]
    HelperName {
        /// Which file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// The helper is not installed.
    #[error("{program}, which {} names as a helper, is not installed", path.display())]
    HelperMissing {
        /// Which file names it.
        path: PathBuf,
        /// The program.
        program: String,
    },
    /// The helper cannot be run.
    #[error("cannot run {program}")]
    HelperRun {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The helper did not end in time. It was killed.
    #[error("{program} {operation} did not end within {} s", deadline.as_secs_f32())]
    HelperTimeout {
        /// The program.
        program: String,
        /// What it was asked to do.
        operation: &'static str,
        /// How long it had.
        deadline: Duration,
    },
    /// The helper ended with a failure.
    #[error("{program} {operation} failed ({status}){}", after_colon(told))]
    HelperFailed {
        /// The program.
        program: String,
        /// What it was asked to do.
        operation: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// What it said, cut, and without secrets that we know of.
        told: String,
    },
    /// What the helper answered is of no use.
    #[error("{program} gave an answer of no use: {reason}")]
    HelperAnswer {
        /// The program.
        program: String,
        /// Why.
        reason: &'static str,
    },
}

impl CredentialsError {
    /// What to do about it, if anything.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Json { path, .. } | Self::Shape { path, .. } => {
                Some(format!("mend {}, or move it away and log in again", path.display()))
            }
            Self::NoPlace => Some("set HOME, or DOCKER_CONFIG to a directory".into()),
            Self::Registry(_) => Some("write its host name, as in `ghcr.io` or `localhost:5000`".into()),
            Self::HelperMissing { path, program } => Some(format!(
                "install {program}, or take it out of `credsStore` and `credHelpers` in {}",
                path.display()
            )),
            Self::HelperName { path, .. } => Some(format!(
                "mend `credsStore` and `credHelpers` in {}: `x` means docker-credential-x",
                path.display()
            )),
            _ => None,
        }
    }
}

fn after_colon(told: &str) -> String {
    match told.is_empty() {
        true => String::new(),
        false => format!(": {told}"),
    }
}
