//! Where a NATS is and how to get in: plain values.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::ServerAddr;

use super::opening;
use crate::error::BackendError;

/// How long a call takes at most, unless somebody says otherwise.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// Where a NATS is and how to get in. Files are read when the connection is opened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NatsOptions {
    /// The servers of one NATS, as `nats://host:port` or `tls://host:port`. Others are learned from these.
    pub servers: Vec<String>,
    /// Who connects.
    pub login: NatsLogin,
    /// How the connection is protected.
    pub tls: NatsTls,
    /// What the servers call the connection in their lists.
    pub name: String,
    /// How long a call takes at most, opening the connection included.
    pub deadline: Duration,
}

/// Who connects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum NatsLogin {
    /// Nobody in particular.
    #[default]
    Nobody,
    /// A user with a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: NatsSecret,
    },
    /// Whoever has this token.
    Token(NatsSecret),
    /// Who is in a file of credentials (a JWT and its key), as `nsc` writes it.
    CredentialsFile(PathBuf),
    /// Who has this seed of an nkey.
    NkeySeed(NatsSecret),
}

/// A text that nobody is to see.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum NatsSecret {
    /// This one.
    Text(String),
    /// The first line of a file.
    File(PathBuf),
}

/// How a connection is protected. A server that asks for TLS gets it in any case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct NatsTls {
    /// Whether a server that does not speak TLS is refused.
    pub required: bool,
    /// A file with the certificates that are trusted, as PEM, instead of those that the system trusts.
    pub authorities: Option<PathBuf>,
    /// The certificate shown to the server.
    pub identity: Option<NatsIdentity>,
}

/// A certificate of a client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NatsIdentity {
    /// The file with the chain of certificates, as PEM.
    pub certificate: PathBuf,
    /// The file with the private key, as PEM.
    pub key: PathBuf,
}

/// Why options cannot be used. No address is told, as it might hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NatsOptionsError {
    /// No server was named.
    #[error("no server of NATS is named")]
    NoServer,
    /// An address is none.
    #[error("address {0} of the servers of NATS is not like `nats://host:port`")]
    Address(usize),
    /// An address has a user in it.
    #[error("address {0} of the servers of NATS has a user in it, who belongs beside the address")]
    UserInAddress(usize),
}

impl NatsOptions {
    /// Those of the servers at these addresses, with nobody logged in and the usual deadline.
    pub fn new(servers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            servers: servers.into_iter().map(Into::into).collect(),
            login: NatsLogin::Nobody,
            tls: NatsTls::default(),
            name: "wattle".to_owned(),
            deadline: DEFAULT_DEADLINE,
        }
    }

    /// Whether the files that are named here are there and hold what they should. They are read now; a connection reads
    /// them again when it is opened.
    ///
    /// # Errors
    ///
    /// [`BackendError::Io`] if one cannot be read, [`BackendError::Unusable`] if it holds something else.
    pub fn check_files(&self) -> Result<(), BackendError> {
        opening::check_files(self)
    }

    /// The addresses, parsed.
    pub(super) fn addresses(&self) -> Result<Vec<ServerAddr>, NatsOptionsError> {
        let addresses = self.servers.iter().zip(1..).map(|(server, number)| {
            let address: ServerAddr = server.parse().map_err(|_| NatsOptionsError::Address(number))?;
            if address.host().is_empty() || !["nats", "tls"].contains(&address.scheme()) {
                return Err(NatsOptionsError::Address(number));
            }
            match address.username().is_some() || address.password().is_some() {
                true => Err(NatsOptionsError::UserInAddress(number)),
                false => Ok(address),
            }
        });
        let addresses: Vec<ServerAddr> = addresses.collect::<Result<_, _>>()?;
        match addresses.is_empty() {
            true => Err(NatsOptionsError::NoServer),
            false => Ok(addresses),
        }
    }
}

impl fmt::Debug for NatsSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NatsSecret::Text(_) => f.write_str("Text"),
            NatsSecret::File(path) => write!(f, "File({path:?})"),
        }
    }
}
