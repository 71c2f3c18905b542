//! The other end of the control protocol: one question on one connection.

use std::io;
use std::path::PathBuf;
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
use wattle_spec::control::{Action, ActionProgress, Done, Refusal, Refused, Told, ToldError, ToldReader};

use super::distrust::Distrust;
use super::reach::{Access, HostAddress};
use super::wire::{self, Wire};

/// How long an answer may take that nothing is waited for.
const ANSWER: Duration = Duration::from_secs(10);

/// How long a connection may take to somebody who is there.
const GLANCE: Duration = Duration::from_secs(1);

/// The most bytes of an answer, or of one event.
const ANSWER_MAX: usize = 16 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("nobody answers there")]
    Connect(#[source] io::Error),
    #[error(transparent)]
    Tls(#[from] Distrust),
    #[error("it belongs to the user {0}, who alone is answered there")]
    NotOurs(u32),
    #[error("there was no answer for {ANSWER:?}")]
    TimedOut,
    #[error("the answer broke off")]
    Broken(#[source] hyper::Error),
    #[error("the answer broke off: the host has ended, or the connection to it has")]
    Gone,
    #[error("the answer has more than {ANSWER_MAX} bytes")]
    TooLarge,
    #[error("it did something else than what it was asked for")]
    Other,
    #[error("the answer ended before it said what came of it")]
    Unfinished,
    #[error("the answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// A host that can be asked.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: HostAddress,
    pub(super) way: Way,
}

/// How it is reached.
#[derive(Clone)]
pub(super) enum Way {
    /// By its socket.
    Socket(PathBuf),
    /// Over TLS, with its token.
    Elsewhere(Arc<Access>),
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

    /// The same, and `told` hears how far it is, if that takes long.
    pub(crate) async fn act_and_tell(
        &self,
        action: &Action,
        mut told: impl FnMut(&ActionProgress),
    ) -> Result<Done, AskError> {
        let body = serde_json::to_vec(action).expect("invariant: an action has string keys");
        let answer = self.send(Method::POST, "/v1/actions?progress=true", body.into()).await?;
        if answer.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind != "text/event-stream") {
            return whole(answer).await;
        }
        let mut events = Events::of(answer);
        while let Some(next) = events.next().await {
            match next? {
                Told::Progress(progress) => told(&progress),
                Told::Done(done) => return Ok(done),
                Told::Refused(refused) => return Err(refused.error.into()),
                Told::Line(_) | Told::Report(_) | Told::Lost(_) => {}
            }
        }
        Err(AskError::Unfinished)
    }

    /// Reads the log.
    pub(crate) async fn events(&self, target: &str) -> Result<Events, AskError> {
        let sent = self.send(Method::GET, target, Bytes::new());
        let answer = timeout(ANSWER, sent).await.map_err(|_| AskError::TimedOut)??;
        match answer.status().is_success() {
            true => Ok(Events::of(answer)),
            false => whole::<Refused>(answer).await.and_then(|refused| Err(refused.error.into())),
        }
    }

    async fn send(&self, method: Method, target: &str, body: Bytes) -> Result<Response<Incoming>, AskError> {
        let stream = timeout(ANSWER, self.connect()).await.map_err(|_| AskError::TimedOut)??;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(AskError::Broken)?;
        // It ends with the answer, and with this process.
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(target);
        request = match &self.way {
            Way::Socket(_) => request.header(header::HOST, "wattle"),
            Way::Elsewhere(access) => request
                .header(header::HOST, access.authority.as_str())
                .header(header::AUTHORIZATION, access.authorization.clone()),
        };
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(body)).expect("invariant: what we ask is a request");
        sender.send_request(request).await.map_err(AskError::Broken)
    }

    async fn connect(&self) -> Result<Box<dyn Wire>, AskError> {
        match &self.way {
            Way::Socket(path) => Ok(Box::new(UnixStream::connect(path).await.map_err(AskError::Connect)?)),
            Way::Elsewhere(access) => {
                let Access { tls, name, authority, .. } = access.as_ref();
                let stream = TcpStream::connect(authority.as_str()).await.map_err(AskError::Connect)?;
                wire::watch(&stream);
                Ok(Box::new(tls.connect(name.clone(), stream).await.map_err(Distrust::of)?))
            }
        }
    }

    /// Whether somebody accepts connections there, at once.
    pub(super) async fn is_there(&self) -> bool {
        match &self.way {
            Way::Socket(path) => UnixStream::connect(path).await.is_ok(),
            Way::Elsewhere(access) => {
                let connected = timeout(GLANCE, TcpStream::connect(access.authority.as_str())).await;
                matches!(connected, Ok(Ok(_)))
            }
        }
    }
}

/// The value of an answer, or why it is none.
async fn whole<T: DeserializeOwned>(answer: Response<Incoming>) -> Result<T, AskError> {
    let is_refused = !answer.status().is_success();
    let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
    let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
        Ok(_) => AskError::Gone,
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
    fn of(answer: Response<Incoming>) -> Self {
        Self { body: answer.into_body(), told: ToldReader::new(ANSWER_MAX) }
    }

    /// The next one, of what is there already.
    pub(crate) async fn next_soon(&mut self) -> Option<Result<Told, AskError>> {
        timeout(ANSWER, self.next()).await.unwrap_or(Some(Err(AskError::TimedOut)))
    }

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
                Err(_) => return Some(Err(AskError::Gone)),
            }
        }
    }
}
