//! How many may ask at a time, and for how long.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use wattle_host::Host;
use wattle_spec::control::{Action, Done, Event, HostStatus, LogLine, Refusal, RefusalCode};
use wattle_spec::name::{AppId, ComponentName};

use super::actions::Actions;
use super::answer::{Body, refused};
use super::door::{Caller, Door, Doors, Knock};
use super::guard;
use super::place::Place;
use super::repeats::{self, Repeats};
use super::routes::{Endpoint, Question, followers};
use crate::daemon::Daemon;
use crate::ending::Ending;
use crate::listeners::Listeners;
use crate::ring::Ring;

/// Connections at a time by each door, those left out that wait for what takes long; more wait to be accepted.
const CONNECTIONS: usize = 64;

/// How long the head of a request may take, and its body.
const READ: Duration = Duration::from_secs(10);

/// How long a connection may be there in all, unless it asks for what takes long.
const CONNECTION: Duration = Duration::from_secs(60);

/// The most bytes that the head of a request may have.
const HEAD_MAX: usize = 16 << 10;

/// The most bytes that its body may have.
const BODY_MAX: usize = 64 << 10;

/// How long accepting rests when the system has no more file descriptors.
const BACK_OFF: Duration = Duration::from_millis(50);

/// How long answers may still go out when the host has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is asked about.
pub(crate) struct Served {
    pub(super) host: Arc<Host>,
    /// Where it serves.
    pub(super) listeners: Arc<Listeners>,
    /// How it is asked to end.
    pub(super) ending: Arc<Ending>,
    /// What the host remembers. `None`: it runs one app.
    pub(super) daemon: Option<Arc<Daemon>>,
    /// The last lines of its log.
    pub(super) ring: Arc<Ring<LogLine>>,
    /// The last that it reported.
    pub(super) events: Arc<Ring<Event>>,
    pub(super) followers: Arc<Semaphore>,
    /// How many actions are under way.
    pub(super) actions: Actions,
    /// Actions that may be asked for again.
    pub(super) repeats: Repeats,
}

impl Served {
    pub(crate) fn new(
        host: Arc<Host>,
        listeners: Arc<Listeners>,
        ending: Arc<Ending>,
        (ring, events): (Arc<Ring<LogLine>>, Arc<Ring<Event>>),
    ) -> Self {
        Self {
            host,
            listeners,
            ending,
            daemon: None,
            ring,
            events,
            followers: followers(),
            actions: Actions::default(),
            repeats: Repeats::default(),
        }
    }

    /// The same of a host that remembers what to run.
    pub(crate) fn remembering(self, daemon: Arc<Daemon>) -> Self {
        Self { daemon: Some(daemon), ..self }
    }

    /// Whether there is such an app with such a component, if one is named.
    pub(super) fn knows(&self, app: &AppId, component: Option<&ComponentName>) -> Result<(), Refusal> {
        match &self.daemon {
            Some(daemon) => daemon.knows(app, component),
            None => self.host.find(app, component),
        }
    }

    /// Does what somebody asks for, and waits until it is done.
    pub(super) fn act(&self, action: Action) -> impl Future<Output = Result<Done, Refusal>> + Send + use<> {
        let (host, daemon) = (self.host.clone(), self.daemon.clone());
        let (listeners, ending) = (self.listeners.clone(), self.ending.clone());
        async move {
            match action {
                Action::AddListener { listen } => listeners.add(listen).await.map(Done::ListenerAdded),
                Action::RemoveListener { listen } => listeners.remove(listen).await.map(Done::ListenerRemoved),
                Action::Drain {} => {
                    // Whoever waits for the end does not keep the host there.
                    drop((host, daemon, listeners));
                    Ok(Done::Drained { cut: ending.ask().await })
                }
                action => match daemon {
                    Some(daemon) => daemon.act(action).await,
                    None => host.act(action).await,
                },
            }
        }
    }

    /// How the host and its apps are.
    pub(super) async fn status(&self) -> HostStatus {
        match &self.daemon {
            Some(daemon) => daemon.status().await,
            None => self.host.status().await,
        }
    }
}

/// A host that answers whoever asks of it. It ends with [`Control::end`].
pub(crate) struct Control {
    stop: watch::Sender<bool>,
    serving: Vec<JoinHandle<()>>,
    ring: Arc<Ring<LogLine>>,
    events: Arc<Ring<Event>>,
    _place: Option<Place>,
}

impl Control {
    /// Answers at these doors, on the runtime of whoever calls this.
    pub(crate) fn start(Doors { place, all }: Doors, served: Served) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (ring, events) = (served.ring.clone(), served.events.clone());
        let served = Arc::new(served);
        let serve = |door| tokio::spawn(serve_all(door, served.clone(), stopped.clone()));
        Self { stop, serving: all.into_iter().map(serve).collect(), ring, events, _place: place }
    }

    /// Accepts nothing more, tells followers that this was all, and waits a moment until the last answers are out. Nobody
    /// has the host any more then.
    pub(crate) async fn end(self) {
        self.ring.end();
        self.events.end();
        self.stop.send_replace(true);
        futures::future::join_all(self.serving).await;
    }
}

async fn serve_all(door: Door, served: Arc<Served>, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await.expect("invariant: this semaphore is never closed");
            (place, door.accept().await)
        };
        let (place, accepted) = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = accepted => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok(Some(knock)) => {
                connections.spawn(serve(knock, served.clone(), place));
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection of the control protocol, trying again");
                sleep(BACK_OFF).await;
            }
        }
    }
    let _ = timeout(LAST_WORDS, async { while connections.join_next().await.is_some() {} }).await;
    connections.shutdown().await;
}

/// How long a connection may be there, and its place among those that are not there for long.
struct Stay {
    patience: watch::Sender<Option<Duration>>,
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Stay {
    /// Nobody can say how long it will be: others take its place. What it waits for has places of its own.
    fn is_long(&self) {
        self.patience.send_replace(None);
        self.place.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

async fn serve(knock: Knock, served: Arc<Served>, place: OwnedSemaphorePermit) {
    let Some((stream, caller)) = knock.open().await else { return };
    let (patience, told) = watch::channel(Some(CONNECTION));
    let stay = Stay { patience, place: Mutex::new(Some(place)) };
    let service = service_fn(|request: Request<Incoming>| {
        let (served, caller, stay) = (served.clone(), caller.as_ref(), &stay);
        async move { Ok::<_, Infallible>(answer(request, caller, &served, stay).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ)
        .keep_alive(false)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        served = served => {
            if let Err(error) = served {
                tracing::debug!(%error, "a connection of the control protocol ended early");
            }
        }
        () = patience_is_over(told) => tracing::debug!("a connection of the control protocol was there for too long"),
    }
}

/// Waits for as long as a connection may be there, which may change. `None`: for ever.
async fn patience_is_over(mut told: watch::Receiver<Option<Duration>>) {
    loop {
        let patience = *told.borrow_and_update();
        let over = async {
            match patience {
                Some(patience) => sleep(patience).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => return,
            Ok(()) = told.changed() => {}
        }
    }
}

async fn answer(request: Request<Incoming>, caller: Option<&Caller>, served: &Served, stay: &Stay) -> Response<Body> {
    let (request, body) = request.into_parts();
    // Whoever may not ask is told nothing else.
    if let Err(refusal) = admit(&request, caller).await {
        return refused(refusal, None);
    }
    let question = match Question::read(&request.method, &request.uri) {
        Ok(question) => question,
        Err((refusal, allowed)) => return refused(refusal, allowed),
    };
    let key = match repeats::key(&request.headers) {
        Ok(key) => key,
        Err(refusal) => return refused(refusal, None),
    };
    let body = match question.endpoint {
        Endpoint::Actions => whole(body).await,
        _ => Ok(Bytes::new()),
    };
    if question.takes_long() {
        stay.is_long();
    }
    let answered = match body {
        Ok(body) => question.answer(served, key, body).await,
        Err(refusal) => Err(refusal),
    };
    answered.unwrap_or_else(|refusal| refused(refusal, None))
}

/// Whether whoever sent `request` may ask. The `caller`: who does from another machine.
async fn admit(request: &Parts, caller: Option<&Caller>) -> Result<(), Refusal> {
    let no_page = guard::is_no_page(request);
    let Some(Caller { guard, peer }) = caller else { return no_page };
    let admitted = match no_page {
        Ok(()) => guard.admit(request).await,
        refused => refused,
    };
    admitted.inspect_err(|refusal| guard.tell(peer.address, refusal))
}

/// The whole body of a request, within bounds.
async fn whole(body: Incoming) -> Result<Bytes, Refusal> {
    let read = timeout(READ, Limited::new(body, BODY_MAX).collect()).await;
    let read = read.map_err(|_| Refusal::new(RefusalCode::BodyTimeout, "the body did not come in time"))?;
    read.map(|body| body.to_bytes()).map_err(|error| match error.is::<LengthLimitError>() {
        true => Refusal::new(RefusalCode::BodyTooLarge, format!("the body has more than {BODY_MAX} bytes")),
        false => Refusal::bad(io::Error::other(error).to_string()),
    })
}
