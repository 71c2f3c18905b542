//! How NATS is reached: servers, who the host is there, and TLS. Secrets are in files, never in a manifest.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::listen::CertificatePaths;
use crate::network::{Host, OriginError, host_and_port, read_port};

/// The server of a backend that names none.
pub const SERVER_DEFAULT: &str = "nats://127.0.0.1:4222";
/// The port of a server that says none.
const PORT: u16 = 4222;

/// A NATS system and who the host is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NatsSpec {
    /// The servers, of which any will do.
    pub servers: Vec<NatsServer>,
    /// Who the host is.
    pub auth: NatsAuth,
    /// How TLS is spoken.
    pub tls: NatsTls,
    /// How many servers keep each stream that is made.
    pub replicas: NonZeroU32,
    /// The JetStream stream that messages of a shared bus are read from and acknowledged by. `None`: core NATS.
    pub stream: Option<String>,
}

/// Who the host is to NATS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum NatsAuth {
    /// Nobody in particular.
    #[default]
    Nobody,
    /// A user with a password.
    Password {
        /// The user.
        user: String,
        /// The file with the password in its first line.
        file: PathBuf,
    },
    /// Who has the token in the first line of this file.
    Token(PathBuf),
    /// Who is named by this file of credentials: a JWT and the seed of its key.
    Credentials(PathBuf),
    /// Who has the seed of an nkey in this file.
    Nkey(PathBuf),
}

/// How TLS is spoken with NATS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct NatsTls {
    /// Whether the host speaks TLS also where the server does not ask for it.
    pub required: bool,
    /// The file with the certificates that servers are trusted by, in place of the public ones.
    pub ca: Option<PathBuf>,
    /// The host's own certificate.
    pub own: Option<CertificatePaths>,
}

/// A server of NATS: `nats://` or `tls://`, a host, and a port if it is not 4222.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NatsServer {
    /// Whether it is spoken to over TLS from the start or the server decides.
    pub tls: bool,
    /// The name or the address, an IPv6 address in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Why a text does not name a server of NATS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NatsServerError {
    /// Another scheme, or none.
    #[error("a server of NATS begins with nats:// or tls://")]
    Scheme,
    /// A user or a password in it.
    #[error("a server's address has no user, password or token in it")]
    Secret,
    /// Something behind the port.
    #[error("nothing follows the host and the port of a server")]
    Path,
    /// No host or no port.
    #[error(transparent)]
    Authority(#[from] OriginError),
}

impl NatsServerError {
    /// What to write instead.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            NatsServerError::Scheme => Some("write it as in `nats://nats.example.com:4222`"),
            NatsServerError::Secret => {
                Some("write `user` and `password-file`, `token-file`, `credentials` or `nkey` beside it")
            }
            NatsServerError::Path | NatsServerError::Authority(_) => None,
        }
    }
}

impl Default for NatsSpec {
    fn default() -> Self {
        let server = SERVER_DEFAULT.parse().expect("invariant: the default server is one");
        Self {
            servers: vec![server],
            auth: NatsAuth::default(),
            tls: NatsTls::default(),
            replicas: NonZeroU32::MIN,
            stream: None,
        }
    }
}

impl NatsSpec {
    /// The same with its relative paths starting from `base`.
    pub(super) fn based(&self, base: &Path) -> Self {
        let auth = match self.auth.clone() {
            NatsAuth::Nobody => NatsAuth::Nobody,
            NatsAuth::Password { user, file } => NatsAuth::Password { user, file: base.join(file) },
            NatsAuth::Token(file) => NatsAuth::Token(base.join(file)),
            NatsAuth::Credentials(file) => NatsAuth::Credentials(base.join(file)),
            NatsAuth::Nkey(file) => NatsAuth::Nkey(base.join(file)),
        };
        let own = |paths: &CertificatePaths| CertificatePaths::new(base.join(&paths.cert), base.join(&paths.key));
        let tls = NatsTls {
            required: self.tls.required,
            ca: self.tls.ca.as_ref().map(|ca| base.join(ca)),
            own: self.tls.own.as_ref().map(own),
        };
        Self { auth, tls, ..self.clone() }
    }
}

impl FromStr for NatsServer {
    type Err = NatsServerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (tls, authority) = match (text.strip_prefix("tls://"), text.strip_prefix("nats://")) {
            (Some(authority), _) => (true, authority),
            (_, Some(authority)) => (false, authority),
            _ => return Err(NatsServerError::Scheme),
        };
        if authority.contains('@') {
            return Err(NatsServerError::Secret);
        }
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?', '#']) {
            return Err(NatsServerError::Path);
        }
        let (host, port) = host_and_port(authority)?;
        let port = port.map(read_port).transpose()?.unwrap_or(PORT);
        let host = match host.parse()? {
            Host::Name(name) => name.as_str().to_owned(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
        };
        Ok(Self { tls, host, port })
    }
}

impl fmt::Display for NatsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "tls" } else { "nats" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}
