//! Opening a connection: again and again with back-off, until a server lets us in.

use std::error::Error as StdError;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions};

use super::events::{Reason, Signals};
use super::options::{NatsLogin, NatsOptions, NatsSecret};
use super::servers::Servers;
use super::tls;
use crate::error::BackendError;
use crate::secrets::SECRET_MAX_BYTES;
use crate::small_file;

/// The pause after the first attempt that fails; it doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// What is wrong with a file of credentials that is none.
const NO_CREDENTIALS: &str = "it does not hold a JWT and the seed of its key, as `nsc` writes them";
/// In what rustls says of an answer in plain text.
const NOT_TLS: &str = "InvalidContentType";
/// How often the server is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Opens the connection, however long it takes, unless nobody wants it any more. Once it is open the client keeps it open.
pub(super) async fn open(wanted: Weak<Signals>) {
    for attempt in 1.. {
        let Some(signals) = wanted.upgrade() else { return };
        match attempt_to_open(&signals).await {
            Ok(client) => {
                signals.opened(client.clone());
                return signals.servers.reached_by(&client).await;
            }
            Err(error) => signals.unreached(error),
        }
        drop(signals);
        tokio::time::sleep(pause(attempt)).await;
    }
}

/// How long to wait after so many attempts that failed: longer and longer, and never the same as others do.
pub(super) fn pause(attempts: u32) -> Duration {
    let whole = PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(PAUSE_MAX);
    let share = RandomState::new().hash_one(attempts) % 1000;
    whole / 2 + whole.mul_f64(share as f64 / 2000.0)
}

async fn attempt_to_open(signals: &Arc<Signals>) -> Result<Client, BackendError> {
    let Servers { options, addresses, name, .. } = &*signals.servers;
    let (reading, backend) = (options.clone(), name.clone());
    // Its files are read on a thread that may wait.
    let prepared = tokio::task::spawn_blocking(move || prepared(&reading, backend)).await;
    let prepared = prepared
        .unwrap_or_else(|ended| Err(BackendError::Unavailable { backend: name.clone(), source: Arc::new(ended) }))?;
    let told = Arc::downgrade(signals);
    let connecting = prepared
        .name(&options.name)
        .connection_timeout(options.deadline)
        .request_timeout(None)
        .retain_servers_order()
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(|attempts| match attempts {
            0 | 1 => Duration::ZERO,
            attempts => pause(u32::try_from(attempts - 1).unwrap_or(u32::MAX)),
        })
        .event_callback(move |event| {
            if let Some(signals) = told.upgrade() {
                signals.take(event);
            }
            std::future::ready(())
        });
    let connected = connecting.connect(addresses.as_slice()).await;
    connected.map_err(|error| {
        let backend = name.clone();
        match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                let source = Reason(error.kind().to_string());
                BackendError::Denied { backend, what: "the login".into(), source: Some(Arc::new(source)) }
            }
            // The kind alone says nothing, what caused it says everything.
            ConnectErrorKind::Io | ConnectErrorKind::Tls => {
                let mut reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                if reason.contains(NOT_TLS) {
                    reason = format!("the server does not answer in TLS ({reason})");
                }
                BackendError::Unavailable { backend, source: Arc::new(Reason(reason)) }
            }
            _ => BackendError::Unavailable { backend, source: Arc::new(error) },
        }
    })
}

/// The options as the client takes them, with what is in the files.
fn prepared(options: &NatsOptions, backend: String) -> Result<ConnectOptions, BackendError> {
    let login = login(&options.login)?;
    Ok(login.require_tls(options.tls.required).tls_client_config(tls::client_config(&options.tls, backend)?))
}

/// Whether the files of `options` hold what they should. Reads them.
pub(super) fn check_files(options: &NatsOptions) -> Result<(), BackendError> {
    login(&options.login)?;
    tls::check_files(&options.tls)
}

fn login(login: &NatsLogin) -> Result<ConnectOptions, BackendError> {
    Ok(match login {
        NatsLogin::Nobody => ConnectOptions::new(),
        NatsLogin::Password { user, password } => {
            ConnectOptions::with_user_and_password(user.clone(), secret(password)?)
        }
        NatsLogin::Token(token) => ConnectOptions::with_token(secret(token)?),
        NatsLogin::NkeySeed(seed) => ConnectOptions::with_nkey(secret(seed)?),
        NatsLogin::CredentialsFile(path) => {
            // What is wrong with a JWT is told with a part of it.
            let unusable = |_| BackendError::Unusable { path: path.clone(), reason: NO_CREDENTIALS.to_owned() };
            ConnectOptions::with_credentials(&text(path)?).map_err(unusable)?
        }
    })
}

fn secret(secret: &NatsSecret) -> Result<String, BackendError> {
    match secret {
        NatsSecret::Text(text) => Ok(text.clone()),
        NatsSecret::File(path) => match text(path)?.lines().next() {
            None | Some("") => {
                Err(BackendError::Unusable { path: path.clone(), reason: "its first line is empty".into() })
            }
            Some(line) => Ok(line.to_owned()),
        },
    }
}

fn text(path: &Path) -> Result<String, BackendError> {
    let content = small_file::read(path, SECRET_MAX_BYTES).map_err(|source| BackendError::Io {
        operation: "read the credentials in",
        path: path.into(),
        source: Arc::new(source),
    })?;
    String::from_utf8(content)
        .map_err(|_| BackendError::Unusable { path: path.into(), reason: "it is not text".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_differ() {
        let pauses: Vec<Duration> = (1..=20).map(pause).collect();
        assert!(pauses[0] >= PAUSE / 2 && pauses[0] <= PAUSE, "{pauses:?}");
        assert!(pauses[10..].iter().all(|pause| *pause >= PAUSE_MAX / 2 && *pause <= PAUSE_MAX), "{pauses:?}");
        assert!(pauses[10..].iter().any(|pause| *pause != pauses[10]), "{pauses:?}");
        assert!(pause(u32::MAX) <= PAUSE_MAX);
    }
}
