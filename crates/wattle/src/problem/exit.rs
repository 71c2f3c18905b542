//! With which code each failure ends.

use std::process::ExitCode;

use clap::ValueEnum;
use wattle_artifact::publish::SbomError;
use wattle_backend::disk::BackupError;
use wattle_host::{CommandError, HostError, StartError, TelemetryError};
use wattle_spec::control::RefusalCode;

use super::Problem;

/// How `wattle` ends, if not well. Help and documentation show the first line of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It could not be done; of `diff --config`: the policy would not let it
    Failed = 1,
    /// What was given is wrong: the command line, a manifest, a component
    BadInput = 2,
    /// Something outside is in the way: a port, a directory, another process
    Blocked = 3,
    /// It was told to end, and something did not end in time and was cut
    Cut = 4,
    /// A command was still running at its deadline
    ///
    /// As `timeout` ends.
    Deadline = 124,
    /// A verb other than `up` was interrupted (SIGINT)
    ///
    /// This and those below are what a shell makes of the signal.
    Interrupted = 130,
    /// A command trapped
    ///
    /// As `abort` ends.
    Trapped = 134,
    /// Nobody read the output of a command any more
    ReaderGone = 141,
    /// A verb other than `up` was told to end (SIGTERM)
    Terminated = 143,
}

impl Exit {
    /// A table of all, for people.
    pub(crate) fn table() -> String {
        let line = |exit: &Self| {
            let meaning = exit.to_possible_value().and_then(|value| value.get_help().map(ToString::to_string));
            format!("\n  {:<4} {}", *exit as u8, meaning.unwrap_or_default())
        };
        Self::value_variants().iter().map(line).collect()
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

impl Problem {
    /// The code that it ends with.
    pub(crate) fn exit_code(&self) -> Exit {
        match self {
            Problem::NoManifest(_)
            | Problem::UnknownFile(_)
            | Problem::Faults(_)
            | Problem::Shape { .. }
            | Problem::Text { .. }
            | Problem::TooLarge { .. }
            | Problem::NoWit(_)
            | Problem::Wit { .. }
            | Problem::Unreadable { .. }
            | Problem::NotAFile { .. }
            | Problem::Name { .. }
            | Problem::Certificate { .. }
            | Problem::CertificateFile { .. }
            | Problem::NoCertificate(_)
            | Problem::Telemetry(_)
            | Problem::Host(HostError::Telemetry(TelemetryError::Header { .. }))
            | Problem::ManyHosts { .. }
            | Problem::WhichHost { .. }
            | Problem::SeveralHosts { .. }
            | Problem::ListenTwice(_) => Exit::BadInput,
            Problem::Refused(refusal) | Problem::RefusedOf { refusal, .. } => match refusal.code {
                RefusalCode::Overlap
                | RefusalCode::TooManyFollowers
                | RefusalCode::TooManyActions
                | RefusalCode::BackendUnusable
                | RefusalCode::AppBlocked
                | RefusalCode::AddressUnusable
                | RefusalCode::NotWritten
                | RefusalCode::NotRunning
                | RefusalCode::Stopping => Exit::Blocked,
                RefusalCode::MoveFailed | RefusalCode::AppFailed | RefusalCode::AppStopped => Exit::Failed,
                _ => Exit::BadInput,
            },
            Problem::Command(CommandError::NoEntry { .. } | CommandError::Call { .. })
            | Problem::ManyComponents { .. }
            | Problem::NotThere { .. }
            | Problem::NotText { .. }
            | Problem::Elsewhere { .. } => Exit::BadInput,
            Problem::Lock { .. }
            | Problem::ShippedLock { .. }
            | Problem::Policy(_)
            | Problem::NotApproved(_)
            | Problem::NotLocked { .. }
            | Problem::NoPassword
            | Problem::NoComponent { .. }
            | Problem::OtherDigest { .. }
            | Problem::TooLate
            | Problem::PackApp { .. }
            | Problem::AppToStdout
            | Problem::OfComponent { .. }
            | Problem::Sbom { source: SbomError::Form { .. }, .. }
            | Problem::NoLayer { .. }
            | Problem::Key { .. } => Exit::BadInput,
            Problem::Fetch(error) if error.is_bad_input() => Exit::BadInput,
            Problem::Folder(error) if error.is_bad_input() => Exit::BadInput,
            Problem::Fetch(_)
            | Problem::Folder(_)
            | Problem::KeptFolders(_)
            | Problem::Sbom { .. }
            | Problem::Look(_)
            | Problem::WrongPassword { .. }
            | Problem::Login { .. }
            | Problem::Push { .. }
            | Problem::Verify { .. }
            | Problem::Unjudged { .. }
            | Problem::Registries(_)
            | Problem::Store(_)
            | Problem::NoCacheDir
            | Problem::NoStateDir
            | Problem::Desired(_)
            | Problem::Credentials(_) => Exit::Blocked,
            Problem::NotSigned { .. }
            | Problem::NotReplaced { .. }
            | Problem::Sign { .. }
            | Problem::DamagedCache { .. }
            | Problem::DamagedInUse { .. } => Exit::Failed,
            Problem::Start(StartError::NoRoom(_)) => Exit::Blocked,
            Problem::Trap { .. } => Exit::Trapped,
            Problem::Deadline { .. } => Exit::Deadline,
            Problem::Listen { .. }
            | Problem::ListenFor { .. }
            | Problem::PassedSocket { .. }
            | Problem::ControlSocket(_)
            | Problem::Reach(_)
            | Problem::Token(_)
            | Problem::DataDir(_)
            | Problem::Backup(BackupError::DataDir(_) | BackupError::NotEmpty { .. } | BackupError::Io { .. })
            | Problem::Choices { .. }
            | Problem::Approved { .. }
            | Problem::CodeCache(_)
            | Problem::NoRoomForApp(_)
            | Problem::Occupied(_) => Exit::Blocked,
            Problem::File { operation: "read", .. } | Problem::Backup(_) => Exit::BadInput,
            Problem::Cut(_) | Problem::CutThere { .. } | Problem::EndedUntold { .. } | Problem::Interrupted => {
                Exit::Cut
            }
            Problem::Stopped(exit) => *exit,
            Problem::File { .. }
            | Problem::NoPlace { .. }
            | Problem::NoHost
            | Problem::Ask { .. }
            | Problem::Lingers { .. }
            | Problem::RunFailed { .. }
            | Problem::Data(_)
            | Problem::Host(_)
            | Problem::Start(_)
            | Problem::Command(_)
            | Problem::System { .. }
            | Problem::Build { .. }
            | Problem::NotBuilt { .. }
            | Problem::Compile(_) => Exit::Failed,
        }
    }
}
