//! The other end of a control socket: one question on one connection.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;
use wattle_spec::control::{Action, ActionProgress, Done, Event, LogLine, Lost, Refusal, Refused};

/// How long an answer may take that nothing is waited for.
const ANSWER: Duration = Duration::from_secs(10);

/// The most bytes of an answer, or of one event.
const ANSWER_MAX: usize = 16 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("nobody answers there")]
    Connect(#[source] io::Error),
    #[error("there was no answer for {ANSWER:?}")]
    TimedOut,
    #[error("the answer broke off")]
    Broken(#[source] hyper::Error),
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) socket: PathBuf,
}

/// What a host says, as it comes.
pub(crate) struct Events {
    body: Incoming,
    /// What came and is not a whole event yet.
    rest: Vec<u8>,
    whole: VecDeque<Told>,
}

/// What a host tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Line(LogLine),
    Report(Event),
    Lost(Lost),
    Progress(ActionProgress),
    Done(Done),
    Refused(Refused),
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
        let connect = timeout(ANSWER, UnixStream::connect(&self.socket));
        let stream = connect.await.map_err(|_| AskError::TimedOut)?.map_err(AskError::Connect)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(AskError::Broken)?;
        // It ends with the answer, and with this process.
        tokio::spawn(connection);
        let request = Request::builder().method(method).uri(target).header(header::HOST, "wattle");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(body)).expect("invariant: what we ask is a request");
        sender.send_request(request).await.map_err(AskError::Broken)
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
    fn of(answer: Response<Incoming>) -> Self {
        Self { body: answer.into_body(), rest: Vec::new(), whole: VecDeque::new() }
    }

    /// The next one. `None`: that was all.
    pub(crate) async fn next(&mut self) -> Option<Result<Told, AskError>> {
        loop {
            if let Some(told) = self.whole.pop_front() {
                return Some(Ok(told));
            }
            match self.body.frame().await? {
                Ok(frame) => self.rest.extend(frame.into_data().unwrap_or_default()),
                Err(error) => return Some(Err(AskError::Broken(error))),
            }
            if let Err(error) = self.read() {
                return Some(Err(error));
            }
        }
    }

    /// Takes the whole events out of what came.
    fn read(&mut self) -> Result<(), AskError> {
        let Some(end) = self.rest.windows(2).rposition(|window| window == b"\n\n") else {
            return if self.rest.len() > ANSWER_MAX { Err(AskError::TooLarge) } else { Ok(()) };
        };
        let rest = self.rest.split_off(end + 2);
        let text = String::from_utf8_lossy(&std::mem::replace(&mut self.rest, rest)).into_owned();
        for event in text.split_terminator("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            let data = field("data").unwrap_or_default();
            let told = match field("event") {
                Some("line") => serde_json::from_str(data).map(Told::Line),
                Some("report") => serde_json::from_str(data).map(Told::Report),
                Some("progress") => serde_json::from_str(data).map(Told::Progress),
                Some("done") => serde_json::from_str(data).map(Told::Done),
                Some("refused") => serde_json::from_str(data).map(Told::Refused),
                Some("lost") => serde_json::from_str(data).map(Told::Lost),
                // A newer host tells more.
                _ => continue,
            };
            self.whole.push_back(told.map_err(AskError::Unreadable)?);
        }
        Ok(())
    }
}
