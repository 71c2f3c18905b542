//! Opening a connection: again and again with back-off, until a server lets us in.

use std::error::Error as StdError;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
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
/// How often the server is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Why a connection could not even be tried.
#[derive(Debug, thiserror::Error)]
enum OpeningError {
    #[error("cannot read the credentials in {path}")]
    Secret { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    #[error("the thread that reads its files ended")]
    Reading,
}

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
    let unavailable =
        |error: OpeningError| BackendError::Unavailable { backend: name.clone(), source: Arc::new(error) };
    let reading = options.clone();
    // Its files are read on a thread that may wait.
    let prepared = tokio::task::spawn_blocking(move || prepared(&reading)).await;
    let prepared = prepared.unwrap_or(Err(OpeningError::Reading)).map_err(unavailable)?;
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
                let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                BackendError::Unavailable { backend, source: Arc::new(Reason(reason)) }
            }
            _ => BackendError::Unavailable { backend, source: Arc::new(error) },
        }
    })
}

/// The options as the client takes them, with what is in the files.
fn prepared(options: &NatsOptions) -> Result<ConnectOptions, OpeningError> {
    let login = login(&options.login)?;
    Ok(login.require_tls(options.tls.required).tls_client_config(tls::client_config(&options.tls)?))
}

fn login(login: &NatsLogin) -> Result<ConnectOptions, OpeningError> {
    Ok(match login {
        NatsLogin::Nobody => ConnectOptions::new(),
        NatsLogin::Password { user, password } => {
            ConnectOptions::with_user_and_password(user.clone(), secret(password)?)
        }
        NatsLogin::Token(token) => ConnectOptions::with_token(secret(token)?),
        NatsLogin::NkeySeed(seed) => ConnectOptions::with_nkey(secret(seed)?),
        NatsLogin::CredentialsFile(path) => {
            let read = text(path).and_then(|text| ConnectOptions::with_credentials(&text));
            read.map_err(|source| OpeningError::Secret { path: path.clone(), source })?
        }
    })
}

fn secret(secret: &NatsSecret) -> Result<String, OpeningError> {
    match secret {
        NatsSecret::Text(text) => Ok(text.clone()),
        NatsSecret::File(path) => {
            let text = text(path).map_err(|source| OpeningError::Secret { path: path.clone(), source })?;
            Ok(text.lines().next().unwrap_or_default().to_owned())
        }
    }
}

fn text(path: &Path) -> io::Result<String> {
    let content = small_file::read(path, SECRET_MAX_BYTES)?;
    String::from_utf8(content).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text"))
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
