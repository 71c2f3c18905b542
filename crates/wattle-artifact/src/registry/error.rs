//! What can go wrong between this machine and a registry.

use std::fmt;
use std::io;
use std::time::Duration;

use wattle_spec::digest::Digest;
use wattle_spec::reference::Repository;

use super::trust::Untrusted;
use super::wire::Failure;
use crate::credentials::{CredentialsError, Origin};
use crate::format::manifest::ManifestError;

/// The code of what is not believed to be what its digest says (OCI distribution specification 1.1, "Error Codes").
const DIGEST_INVALID: &str = "DIGEST_INVALID";

/// What was to be done with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// To read.
    Pull,
    /// To write.
    Push,
    /// To delete.
    Delete,
    /// To say who one is, of no repository.
    LogIn,
}

/// Why a registry did not do what it was asked.
///
/// `host` is who answered, or did not: the registry, a mirror of it, the authority that makes its tokens, or the
/// storage that it sends its clients to. No variant holds a query of an URL: those are often credentials.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It wants to know who asks, and was not told, or did not believe it.
    #[error("{}", Asks { repository, action: *action, origin: origin.as_ref() })]
    Unauthorized {
        /// Of what.
        repository: Repository,
        /// What was to be done.
        action: Action,
        /// Who has what it did not believe, or would have it.
        origin: Option<Origin>,
    },
    /// It knows who asks, and they may not.
    #[error("{} does not let us {action} {}: {message}", repository.registry, repository.path)]
    Denied {
        /// Of what.
        repository: Repository,
        /// What was to be done.
        action: Action,
        /// What it said of it.
        message: Failure,
    },
    /// There is no such thing there.
    #[error("there is no {what} in {repository}")]
    NotFound {
        /// Where.
        repository: Repository,
        /// A manifest's tag or digest, or a blob's digest.
        what: String,
    },
    /// It was asked too often, and too often again.
    #[error("{host} was asked too often{}", After(*after))]
    RateLimited {
        /// Who says so.
        host: String,
        /// How long it wants not to be asked.
        after: Option<Duration>,
    },
    /// It answered that it cannot.
    #[error("{host} answers {status}: {message}{}", After(*after))]
    Server {
        /// Who.
        host: String,
        /// The status of HTTP.
        status: u16,
        /// What it said of it.
        message: Failure,
        /// How long it wants not to be asked.
        after: Option<Duration>,
    },
    /// It does not do this at all.
    #[error("{} does not let anybody {action} {}", repository.registry, repository.path)]
    Unsupported {
        /// Of what.
        repository: Repository,
        /// What was to be done.
        action: Action,
    },
    /// There is no connection to it.
    #[error("cannot reach {host}")]
    Unreachable {
        /// Who.
        host: String,
        /// Why.
        source: Cause,
    },
    /// It cannot show that it is who it should be, or speaks another TLS.
    #[error("cannot speak TLS with {host}")]
    Tls {
        /// Who.
        host: String,
        /// Why.
        source: rustls::Error,
    },
    /// No authority that is trusted vouches for it.
    #[error("cannot trust the certificate of {host}")]
    Untrusted {
        /// Who.
        host: String,
        /// Why.
        source: Untrusted,
    },
    /// Its connection broke before the answer was whole.
    #[error("{host} did not answer to the end")]
    Cut {
        /// Who.
        host: String,
        /// Why, if the connection did not just end.
        source: Option<Cause>,
    },
    /// It said nothing for too long.
    #[error("{host} said nothing for {after:?}")]
    TimedOut {
        /// Who.
        host: String,
        /// How long.
        after: Duration,
    },
    /// It sent us to where we do not go.
    #[error("{host} sends us to where we do not go: {reason}")]
    Redirect {
        /// Who.
        host: String,
        /// Why we do not.
        reason: Refusal,
    },
    /// It asks who we are in a way that we do not know.
    #[error("{host} asks who we are in a way that cannot be answered: {reason}")]
    Challenge {
        /// Who.
        host: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The credentials for it cannot be had.
    #[error("cannot get what to log in to {registry} with")]
    Credentials {
        /// For whom.
        registry: String,
        /// Why.
        source: CredentialsError,
    },
    /// It answered something that the protocol does not know.
    #[error("{host} answers what makes no sense: {reason}")]
    Protocol {
        /// Who.
        host: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Its bytes are not those that were asked for, or those that it says they are.
    #[error("{host} sent {found} where {expected} was asked for or promised")]
    Digest {
        /// Who.
        host: String,
        /// What it should have been.
        expected: Digest,
        /// What it was.
        found: Digest,
    },
    /// An answer is longer than such an answer may be.
    #[error("{host} sent {what} of more than {limit} bytes")]
    TooLong {
        /// Who.
        host: String,
        /// What kind of an answer.
        what: &'static str,
        /// How many bytes it may have.
        limit: u64,
    },
    /// A blob is shorter or longer than its manifest says.
    #[error("{host} has {found} bytes of {digest}, which should have {expected}")]
    Length {
        /// Who.
        host: String,
        /// Which blob.
        digest: Digest,
        /// How many bytes it has in the manifest.
        expected: u64,
        /// How many it has there, or has sent when it was stopped.
        found: u64,
    },
    /// A list does not end.
    #[error("the list of {what} that {host} sends does not end")]
    Endless {
        /// Who.
        host: String,
        /// Of what.
        what: &'static str,
    },
    /// The list of what is about a manifest is none.
    #[error("what {repository} lists about {subject} cannot be read")]
    Referrers {
        /// Where.
        repository: Repository,
        /// About which manifest.
        subject: Digest,
        /// Why.
        source: ManifestError,
    },
    /// Others changed the list at the same time, again and again: what was to be added is not in it.
    #[error("the list about {subject} in {repository} is changed by others all the time, and lacks what was added")]
    Contended {
        /// Where.
        repository: Repository,
        /// About which manifest.
        subject: Digest,
    },
    /// What came cannot be kept here.
    #[error("cannot write what came of {digest}")]
    Sink {
        /// Which blob.
        digest: Digest,
        /// Why.
        source: io::Error,
    },
    /// Nobody can be asked over TLS: nobody is trusted.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// What is to be sent cannot be read here.
    #[error("cannot read what is to be sent of {digest}")]
    Source {
        /// Which blob.
        digest: Digest,
        /// Why.
        source: io::Error,
    },
}

/// What the transport below says; it never has the query of an URL in it.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why we do not go where a registry sends us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// We have been sent on too often.
    #[error("more than {0} redirects")]
    TooMany(usize),
    /// From where others cannot listen to where they can.
    #[error("from https to plain http on {0}")]
    Downgrade(String),
    /// In plain text to a host that nobody allowed it for.
    #[error("plain http to {0}, which is not allowed for it")]
    PlainHttp(String),
    /// To the neighbours on the wire, or to where a cloud hands out the credentials of its machines.
    #[error("{0} is a link-local or a metadata address")]
    LinkLocal(String),
    /// To no place.
    #[error("that is no address of a server")]
    NoUrl,
    /// To another host, where only the same one will do.
    #[error("{0} is another host")]
    OtherHost(String),
    /// A redirect of what writes.
    #[error("a request that writes is not repeated elsewhere")]
    Write,
}

/// Why registries cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Nobody is trusted.
    #[error("cannot tell whom to trust")]
    Roots(#[from] wattle_backend::roots::NoRoots),
    /// A file of certificates cannot be read.
    #[error("cannot read certificates from {}", path.display())]
    Certificates {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// A certificate is none, or there is none in the file.
    #[error("there is no usable certificate in {}", path.display())]
    NoCertificate {
        /// Which file.
        path: std::path::PathBuf,
    },
    /// The TLS library does not know its own versions.
    #[error("cannot set TLS up")]
    Tls(#[source] rustls::Error),
    /// The client cannot be made: a user agent that is no header value, a proxy that is no URL.
    #[error("cannot set a client up")]
    Client(#[source] reqwest::Error),
}

impl RegistryError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unauthorized { repository, origin, .. } => {
                let login = format!("wattle login {}", repository.registry);
                Some(match origin {
                    None => login,
                    Some(Origin::File(_) | Origin::Helper { .. }) => format!("log in again: {login}"),
                    Some(Origin::Missing { program, path }) => {
                        let file = path.display();
                        format!("install {program}, or take it out of `credsStore` in {file} and log in: {login}")
                    }
                })
            }
            Self::Credentials { source, .. } => source.hint(),
            Self::Denied { repository, .. } => {
                Some(format!("log in as somebody who may: wattle login {}", repository.registry))
            }
            Self::Redirect { reason: Refusal::PlainHttp(host), .. } => {
                Some(format!("allow plain http for {host}, if nobody can listen on the way"))
            }
            Self::RateLimited { .. } => Some("log in, or wait, or name a mirror".into()),
            Self::Tls { host, .. } => Some(format!("see whether {host} is the right name, and tell whoever runs it")),
            Self::Untrusted { host, source } => Some(source.hint(host)),
            Self::NotFound { repository, .. } => Some(format!(
                "look for a mistake in the name; some registries hide what only some may see: wattle login {}",
                repository.registry
            )),
            Self::Server { host, status: 500.., .. } => Some(format!("try again later, or tell whoever runs {host}")),
            Self::Unreachable { host, .. } | Self::TimedOut { host, .. } => {
                Some(format!("see whether {host} is the right name, and whether it is up"))
            }
            Self::Cut { .. } => Some("try again; a pull goes on where this one ended".into()),
            Self::Digest { host, .. } | Self::Length { host, .. } => {
                Some(format!("it is damaged in {host} or on the way: push it again, or pull it from elsewhere"))
            }
            Self::Contended { .. } => Some("try again, one at a time: this registry cannot keep writers apart".into()),
            Self::TooLong { what: "a manifest", .. } => Some("push it again with fewer annotations".into()),
            _ => None,
        }
    }

    /// Whether the same may go well a little later.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Unreachable { .. } | Self::Cut { .. } | Self::TimedOut { .. } => true,
            Self::Server { status, .. } => matches!(status, 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// Whether the registry says that bytes are not what their digest says. Distribution 2.8 says so of right ones, too,
    /// while others send the same: for a moment the place of a blob is an empty file, which is no digest.
    pub(super) fn is_disbelief(&self) -> bool {
        matches!(self, Self::Server { status: 400, message, .. } if message.is(DIGEST_INVALID))
    }

    /// Whether this says something of the way there, or of whether the registry answers us now, and nothing of what is
    /// in it.
    pub(crate) fn is_of_the_moment(&self) -> bool {
        self.is_passing()
            || matches!(self, Self::Unauthorized { .. } | Self::Denied { .. })
            || matches!(self, Self::Tls { .. } | Self::Untrusted { .. })
            || matches!(self, Self::Server { status: 500.., .. })
    }

    /// How long the registry wants not to be asked.
    pub(super) fn after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { after, .. } | Self::Server { after, .. } => *after,
            _ => None,
        }
    }
}

/// What a registry says that asks who we are.
struct Asks<'a> {
    repository: &'a Repository,
    action: Action,
    origin: Option<&'a Origin>,
}

impl fmt::Display for Asks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repository { registry, path } = self.repository;
        match self.origin {
            Some(Origin::File(file)) => write!(f, "{registry} refuses what {} has for it, and", file.display())?,
            Some(Origin::Helper { program, .. }) => write!(f, "{registry} refuses what {program} has for it, and")?,
            Some(Origin::Missing { .. }) | None => f.write_str(registry)?,
        }
        write!(f, " asks who wants to {} {path}", self.action)?;
        match self.origin {
            Some(Origin::Missing { program, path }) => {
                write!(f, "; {program}, which {} names as a helper, is not installed", path.display())
            }
            _ => Ok(()),
        }
    }
}

struct After(Option<Duration>);

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(after) if !after.is_zero() => write!(f, ", and wants to be left alone for {} s", after.as_secs()),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pull => "pull from",
            Self::Push => "push to",
            Self::Delete => "delete from",
            Self::LogIn => "log in to",
        })
    }
}
