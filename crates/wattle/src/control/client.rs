//! The other end of the control protocol: one question on one connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use wattle_spec::control::{Action, Done, Refusal, Refused, Told, ToldError, ToldReader};

use super::door::Stream;
use super::reach::{Access, HostAddress};

/// How long an answer may take that nothing is waited for.
const ANSWER: Duration = Duration::from_secs(10);

/// The most bytes of an answer, or of one event.
const ANSWER_MAX: usize = 16 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("nobody answers there")]
    Connect(#[source] io::Error),
    #[error("who answers there cannot be trusted, or does not speak TLS")]
    Tls(#[source] io::Error),
    #[error("there was no answer for {ANSWER:?}")]
    TimedOut,
    #[error("the answer broke off")]
    Broken(#[source] hyper::Error),
    #[error("the answer has more than {ANSWER_MAX} bytes")]
    TooLarge,
    #[error("it did something else than what it was asked for")]
    Other,
    #[error("the answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// A host that can be asked.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: HostAddress,
    /// `None`: it is on this machine.
    pub(super) access: Option<Arc<Access>>,
}

/// What a host says, as it comes.
pub(crate) struct Events {
    body: Incoming,
    told: ToldReader,
}

impl Client {
    /// Asks at `target`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T, AskError> {
        let asked = async { whole(self.send(Method::GET, target, Bytes::new()).await?).await };
        timeout(ANSWER, asked).await.map_err(|_| AskError::TimedOut)?
    }

    /// Has something done, and waits until it is: what came of it, which `wanted` takes.
    pub(crate) async fn act<T>(&self, action: &Action, wanted: impl Fn(Done) -> Option<T>) -> Result<T, AskError> {
        let body = serde_json::to_vec(action).expect("invariant: an action has string keys");
        let done = whole(self.send(Method::POST, "/v1/actions", body.into()).await?).await?;
        wanted(done).ok_or(AskError::Other)
    }

    /// Reads the log.
    pub(crate) async fn events(&self, target: &str) -> Result<Events, AskError> {
        let sent = self.send(Method::GET, target, Bytes::new());
        let answer = timeout(ANSWER, sent).await.map_err(|_| AskError::TimedOut)??;
        match answer.status().is_success() {
            true => Ok(Events { body: answer.into_body(), told: ToldReader::new(ANSWER_MAX) }),
            false => whole::<Refused>(answer).await.and_then(|refused| Err(refused.error.into())),
        }
    }

    async fn send(&self, method: Method, target: &str, body: Bytes) -> Result<Response<Incoming>, AskError> {
        let stream = timeout(ANSWER, self.connect()).await.map_err(|_| AskError::TimedOut)??;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(AskError::Broken)?;
        // It ends with the answer, and with this process.
        tokio::spawn(connection);
        let host = match &self.address {
            HostAddress::Socket(_) => "wattle",
            HostAddress::Elsewhere(authority) => authority.as_str(),
        };
        let mut request = Request::builder().method(method).uri(target).header(header::HOST, host);
        if let Some(access) = &self.access {
            request = request.header(header::AUTHORIZATION, access.authorization.clone());
        }
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(body)).expect("invariant: what we ask is a request");
        sender.send_request(request).await.map_err(AskError::Broken)
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, AskError> {
        let authority = match &self.address {
            HostAddress::Socket(path) => {
                return Ok(Box::new(UnixStream::connect(path).await.map_err(AskError::Connect)?));
            }
            HostAddress::Elsewhere(authority) => authority,
        };
        let stream = TcpStream::connect(authority.as_str()).await.map_err(AskError::Connect)?;
        let Some(Access { tls, name, .. }) = self.access.as_deref() else { return Ok(Box::new(stream)) };
        Ok(Box::new(tls.connect(name.clone(), stream).await.map_err(AskError::Tls)?))
    }

    /// Whether somebody accepts connections there.
    pub(super) async fn is_there(&self) -> bool {
        match &self.address {
            HostAddress::Socket(path) => UnixStream::connect(path).await.is_ok(),
            HostAddress::Elsewhere(authority) => TcpStream::connect(authority.as_str()).await.is_ok(),
        }
    }
}

/// The value of an answer, or why it is none.
async fn whole<T: DeserializeOwned>(answer: Response<Incoming>) -> Result<T, AskError> {
    let is_refused = !answer.status().is_success();
    let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
    let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
        Ok(error) => AskError::Broken(*error),
        Err(error) => {
            debug_assert!(error.is::<LengthLimitError>());
            AskError::TooLarge
        }
    })?;
    let body = body.to_bytes();
    if is_refused {
        let refused: Refused = serde_json::from_slice(&body).map_err(AskError::Unreadable)?;
        return Err(refused.error.into());
    }
    serde_json::from_slice(&body).map_err(AskError::Unreadable)
}

impl Events {
    /// The next one. `None`: that was all.
    pub(crate) async fn next(&mut self) -> Option<Result<Told, AskError>> {
        loop {
            match self.told.read() {
                Ok(None) => {}
                Ok(Some(told)) => return Some(Ok(told)),
                Err(ToldError::TooLarge(_)) => return Some(Err(AskError::TooLarge)),
                Err(ToldError::Unreadable(error)) => return Some(Err(AskError::Unreadable(error))),
            }
            match self.body.frame().await? {
                Ok(frame) => self.told.add(&frame.into_data().unwrap_or_default()),
                Err(error) => return Some(Err(AskError::Broken(error))),
            }
        }
    }
}
