//! Why nobody is trusted at the other end of TLS, and what to do about it.

use std::io;

use rustls::{CertificateError, Error};

use crate::verb::harmless;

/// How the library calls a certificate of an authority that a server shows as its own. It has no value of its own for that.
const AUTHORITY: &str = "CaUsedAsEndEntity";

/// The most names of a certificate that are told.
const NAMES_MAX: usize = 8;

/// Why nobody is trusted there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Distrust {
    #[error("its certificate is one of an authority (CA:TRUE), which no server may show as its own")]
    Authority,
    #[error("nobody who is trusted here vouches for its certificate")]
    UnknownIssuer,
    #[error("its certificate is for {}, and not for {asked}", names(there))]
    OtherName { asked: String, there: Vec<String> },
    #[error("its certificate has expired")]
    Expired,
    #[error("its certificate is not valid yet")]
    TooEarly,
    #[error("who answers there cannot be trusted, or does not speak TLS")]
    Other(#[source] io::Error),
}

fn names(there: &[String]) -> String {
    match there {
        [] => "no name at all".into(),
        names => {
            let told = names.iter().take(NAMES_MAX).map(|name| harmless(plain(name)));
            let more = (names.len() > NAMES_MAX).then(|| format!("{} more", names.len() - NAMES_MAX));
            told.chain(more).collect::<Vec<_>>().join(", ")
        }
    }
}

/// `DnsName("a.test")` and `IpAddress(127.0.0.1)`, as the library writes them, without that.
fn plain(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

impl Distrust {
    /// Why a handshake failed.
    pub(super) fn of(error: io::Error) -> Self {
        let found = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
        let Some(Error::InvalidCertificate(reason)) = found else { return Self::Other(error) };
        match reason {
            // An authority of the same name that is another one has not signed it either.
            CertificateError::UnknownIssuer
            | CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Self::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::TooEarly,
            CertificateError::NotValidForNameContext { expected, presented } => {
                Self::OtherName { asked: expected.to_str().into_owned(), there: presented.clone() }
            }
            CertificateError::Other(other) if format!("{other:?}").contains(AUTHORITY) => Self::Authority,
            _ => Self::Other(error),
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Authority => "give the host one that it made itself with `openssl req -x509 ... -addext \
                                basicConstraints=critical,CA:FALSE`, or one that the authority signed"
                .into(),
            Self::UnknownIssuer => "name the authority that vouches for it with `--control-ca FILE`; for a certificate that \
                                    the host made itself, that is the certificate"
                .into(),
            Self::OtherName { asked, .. } => {
                let kind = if asked.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
                format!(
                    "call it by a name of its certificate, or give it one with subjectAltName={kind}:{asked} over there"
                )
            }
            Self::Expired => "renew it over there, or set the clock here".into(),
            Self::TooEarly => "set the clock, here or where it was made".into(),
            Self::Other(_) => {
                "call it by a name of its certificate, and name the authority that vouches for it with `--control-ca FILE`"
                    .into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    #[track_caller]
    fn check(error: CertificateError, expected: &str, hint: &str) {
        let distrust = Distrust::of(io::Error::other(Error::InvalidCertificate(error)));
        assert_eq!(distrust.to_string(), expected);
        assert!(distrust.hint().contains(hint), "{}", distrust.hint());
    }

    #[test]
    fn reasons() {
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1));
        let name = |name: &str, there: &[&str]| CertificateError::NotValidForNameContext {
            expected: ServerName::try_from(name.to_owned()).expect("a name"),
            presented: there.iter().map(ToString::to_string).collect(),
        };
        check(
            CertificateError::UnknownIssuer,
            "nobody who is trusted here vouches for its certificate",
            "--control-ca",
        );
        let hint = "--control-ca";
        check(CertificateError::BadSignature, "nobody who is trusted here vouches for its certificate", hint);
        check(CertificateError::Expired, "its certificate has expired", "renew it");
        let expired = CertificateError::ExpiredContext { time: now, not_after: now };
        check(expired, "its certificate has expired", "renew it");
        let early = CertificateError::NotValidYetContext { time: now, not_before: now };
        check(early, "its certificate is not valid yet", "set the clock");
        let there = ["DnsName(\"a.test\")", "IpAddress(127.0.0.1)"];
        let expected = "its certificate is for a.test, 127.0.0.1, and not for b.test";
        check(name("b.test", &there), expected, "subjectAltName=DNS:b.test");
        let expected = "its certificate is for no name at all, and not for 127.0.0.2";
        check(name("127.0.0.2", &[]), expected, "subjectAltName=IP:127.0.0.2");
        let other = "who answers there cannot be trusted, or does not speak TLS";
        check(CertificateError::BadEncoding, other, "--control-ca FILE");
        assert_eq!(Distrust::of(io::Error::other("x")).to_string(), other);
    }
}
