//! Why a request got no answer from outside, and which error of `wasi:http` the guest gets for it.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;

use hickory_resolver::net::{DnsError, NetError};
use hyper_util::client::legacy;
use rustls::AlertDescription;
use wasmtime_wasi_http::Error;
use wattle_spec::network::{AddressClass, Denied, Origin, OriginError};

use crate::invocation::CHAIN_MAX;

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// It goes nowhere.
    #[error("its target is no origin")]
    NoOrigin(#[source] OriginError),
    /// The component may not.
    #[error("the request to {0} was refused: {1}")]
    Denied(Origin, Denied),
    /// The name leads where the component may not go.
    #[error("the request to {name} was refused: {name} is {address}, a {class} address")]
    Prohibited { name: String, address: IpAddr, class: AddressClass },
    /// It goes to the routes of the app itself, which are not served.
    #[error("http://self are the routes of the app, and they are not served now")]
    NoRoutes,
    /// It may be without end: the app asks itself.
    #[error(
        "the request to http://self was refused: {CHAIN_MAX} requests of the app to itself led to it, one to the next"
    )]
    TooDeep,
    /// A limit of the app.
    #[error("too many outgoing requests (limit {0})")]
    TooMany(&'static str),
    /// TLS cannot be set up at all.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// What `wasi:http` has a word for.
    #[error(transparent)]
    Wasi(#[from] Error),
}

impl SendError {
    /// What to write where to make it work.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            SendError::Denied(origin, Denied::Origin) if origin.is_odd_self() => {
                Some("the routes of the app itself are at `http://self`, without a port".into())
            }
            SendError::Denied(origin, Denied::Origin) => {
                Some(format!("to allow it, write `allow = {{ http = [\"{origin}\"] }}` into the component's table"))
            }
            SendError::Denied(_, Denied::Address(class)) | SendError::Prohibited { class, .. } => match class {
                AddressClass::Public | AddressClass::Reserved => None,
                class => Some(format!("to allow it, add `networks = [\"{class}\"]` to the component's `allow`")),
            },
            _ => None,
        }
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::NoOrigin(_) => Error::HttpRequestUriInvalid,
            SendError::Denied(_, Denied::Origin) => Error::HttpRequestDenied,
            SendError::Denied(_, Denied::Address(_)) | SendError::Prohibited { .. } => Error::DestinationIpProhibited,
            SendError::NoRoutes => Error::DestinationUnavailable,
            SendError::TooDeep => Error::LoopDetected,
            SendError::TooMany(_) => Error::ConnectionLimitReached,
            SendError::Tls(_) => Error::ConfigurationError,
            SendError::Wasi(error) => error,
        }
    }
}

/// Why there is no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{name} is {address}, a {class} address")]
    Prohibited { name: String, address: IpAddr, class: AddressClass },
    #[error("the name cannot be resolved")]
    Name(#[source] NetError),
}

type Cause<'e> = &'e (dyn StdError + 'static);

/// The causes of an error, itself first.
fn causes(error: Cause<'_>) -> impl Iterator<Item = Cause<'_>> {
    std::iter::successors(Some(error), |error| cause_of(*error))
}

fn cause_of(error: Cause<'_>) -> Option<Cause<'_>> {
    match error.downcast_ref::<io::Error>() {
        // An I/O error that wraps another is that other: its `source` leaves it out.
        Some(wrapper) => wrapper.get_ref().map(|inner| inner as Cause<'_>),
        None => error.source(),
    }
}

/// What became of an exchange that failed before the head of its answer: the most telling of its causes.
pub(super) fn of_exchange(error: &legacy::Error) -> SendError {
    for cause in causes(error) {
        if let Some(ConnectError::Prohibited { name, address, class }) = cause.downcast_ref() {
            return SendError::Prohibited { name: name.clone(), address: *address, class: *class };
        }
    }
    causes(error)
        .find_map(known)
        .unwrap_or(match error.is_connect() {
            true => Error::DestinationUnavailable,
            false => Error::HttpProtocolError,
        })
        .into()
}

/// What became of the body of an answer.
pub(super) fn of_body(error: &hyper::Error) -> Error {
    match error.is_incomplete_message() {
        true => Error::HttpResponseIncomplete,
        false => causes(error).find_map(known).unwrap_or(Error::HttpProtocolError),
    }
}

/// The word of `wasi:http` for one cause, if there is one that says more than its own causes do.
fn known(cause: Cause<'_>) -> Option<Error> {
    if let Some(ConnectError::Name(error)) = cause.downcast_ref() {
        return Some(of_name(error));
    }
    if let Some(error) = cause.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    // What the bounds of the request's own body said.
    if let Some(Error::HttpRequestBodySize(size)) = cause.downcast_ref() {
        return Some(Error::HttpRequestBodySize(*size));
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        return match () {
            () if error.is_parse_too_large() => Some(Error::HttpResponseHeaderSectionSize(None)),
            () if error.is_incomplete_message() || error.is_closed() => Some(Error::ConnectionTerminated),
            () => None,
        };
    }
    match cause.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::ConnectionRefused => Some(Error::ConnectionRefused),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            Some(Error::ConnectionTerminated)
        }
        io::ErrorKind::TimedOut => Some(Error::ConnectionTimeout),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some(Error::DestinationIpUnroutable),
        _ => None,
    }
}

fn of_name(error: &NetError) -> Error {
    match error {
        NetError::Timeout => Error::DnsTimeout,
        NetError::Dns(DnsError::NoRecordsFound(found)) => {
            Error::DnsError { rcode: Some(found.response_code.to_string()), info_code: None }
        }
        _ => Error::DnsError { rcode: None, info_code: None },
    }
}

fn of_tls(error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Error::TlsCertificateError,
        rustls::Error::AlertReceived(alert) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{:?}", AlertDescription::from(u8::from(*alert)))),
        },
        _ => Error::TlsProtocolError,
    }
}
