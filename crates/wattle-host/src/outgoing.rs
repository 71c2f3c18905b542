//! The way out: HTTP requests of components to the world, each checked against what its component may reach.
//!
//! Every component has connections of its own on each core, so a connection is never used by somebody who may not reach
//! what is behind it. Nothing is followed, decoded or sent twice, but for a request of which not a byte was written.

mod connector;
mod error;
mod network;
mod sockets;
mod unasked;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::uri::{Authority, PathAndQuery, Uri};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};
use wattle_spec::limits::{AppLimits, ComponentLimits};
use wattle_spec::network::{NetworkPolicy, Origin};

use crate::body::{Bounded, Bounds};
use crate::cores::CoreId;
use crate::instance::Current;
use crate::trigger::http::{Asking, Inside};

use connector::Connector;
pub(crate) use error::SendError;
pub(crate) use network::Network;
pub(crate) use sockets::{Found, LookupError};

/// Header fields that an answer from outside may have.
const HEADERS_MAX: usize = 100;

/// Connections to one origin that rest, on each core and for each component.
const IDLE_PER_ORIGIN: usize = 32;

/// How much of a stream of HTTP/2 may be on its way to a guest that does not read.
const STREAM_WINDOW: u32 = 256 << 10;
/// The same of all streams of a connection.
const CONNECTION_WINDOW: u32 = 1 << 20;

/// What an app may have under way at a time.
pub(crate) struct Places {
    requests: Arc<Semaphore>,
    connections: Arc<Semaphore>,
    queue_time: Duration,
    idle: Duration,
    /// Its own routes. `None`: it does not answer requests, or not yet.
    inside: ArcSwapOption<Inside>,
}

/// The routes of an app are open to its own components, until this is dropped.
pub(crate) struct OpenInside(Arc<Places>);

impl Drop for OpenInside {
    fn drop(&mut self) {
        self.0.inside.store(None);
    }
}

impl Places {
    pub(crate) fn new(limits: &AppLimits) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(limits.outgoing_requests as usize)),
            connections: Arc::new(Semaphore::new(limits.outgoing_connections as usize)),
            queue_time: limits.queue_time,
            idle: limits.outgoing_idle_timeout,
            inside: ArcSwapOption::empty(),
        }
    }

    /// Opens the app's own routes to its components, at `http://self`.
    pub(crate) fn open(self: &Arc<Self>, inside: Arc<Inside>) -> OpenInside {
        self.inside.store(Some(inside));
        OpenInside(self.clone())
    }

    /// A place for a request inside. It does not wait: whoever sends it may hold what it would wait for.
    fn try_enter(&self) -> Result<OwnedSemaphorePermit, SendError> {
        self.requests.clone().try_acquire_owned().map_err(|_| SendError::TooMany("outgoing-requests"))
    }

    async fn enter(&self) -> Result<OwnedSemaphorePermit, SendError> {
        match timeout(self.queue_time, self.requests.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(SendError::TooMany("outgoing-requests")),
        }
    }
}

/// The way out of one component.
pub(crate) struct Outgoing {
    policy: Arc<NetworkPolicy>,
    limits: ComponentLimits,
    places: Arc<Places>,
    network: Arc<Network>,
    clients: Vec<OnceLock<Client<Connector, WasiBody>>>,
}

impl Outgoing {
    pub(crate) fn new(
        policy: &NetworkPolicy,
        limits: &ComponentLimits,
        places: Arc<Places>,
        network: Arc<Network>,
    ) -> Self {
        let clients = (0..network.cores()).map(|_| OnceLock::new()).collect();
        Self { policy: Arc::new(policy.clone()), limits: *limits, places, network, clients }
    }

    /// Sends a `request` of `sender` and waits for the head of its answer.
    pub(crate) async fn send(
        &self,
        sender: &Current,
        request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Response<WasiBody>, SendError> {
        let (origin, request) = self.checked(request)?;
        let answer = match origin.is_self() {
            true => self.ask_inside(sender, request, options).await?,
            false => {
                let place = self.places.enter().await?;
                let request = unasked::keep_open(request, sender, self.limits.outgoing_body_timeout);
                self.exchange(self.client(sender.core())?, request, options, place).await?
            }
        };
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::HttpUpgradeFailed.into());
        }
        // The client's own limit is one on its buffer, which the last read may exceed.
        let head = answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
        if head as u64 > self.limits.outgoing_head.0 {
            return Err(Error::HttpResponseHeaderSectionSize(None).into());
        }
        let pause = shorter(options.between_bytes_timeout, self.limits.outgoing_body_timeout);
        let bounds = Bounds {
            size: self.limits.outgoing_response_body.0,
            too_large: Error::HttpResponseBodySize,
            pause: Some(pause),
        };
        Ok(answer.map(|body| Bounded::new(body, bounds).boxed_unsync()))
    }

    /// The request as it goes out: to an origin that is allowed, in the spelling that was checked, within its bounds.
    fn checked(&self, request: Request<WasiBody>) -> Result<(Origin, Request<WasiBody>), SendError> {
        let (mut parts, body) = request.into_parts();
        let (scheme, authority) = (parts.uri.scheme_str().unwrap_or(""), parts.uri.authority());
        let origin = Origin::new(scheme, authority.map_or("", Authority::as_str)).map_err(SendError::NoOrigin)?;
        self.policy.check(&origin).map_err(|denied| SendError::Denied(origin.clone(), denied))?;
        if parts.method == Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid.into());
        }
        let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        parts.uri = Uri::builder()
            .scheme(scheme)
            .authority(origin.authority())
            .path_and_query(path)
            .build()
            .map_err(|_| SendError::Wasi(Error::HttpRequestUriInvalid))?;
        parts.headers.remove(header::HOST);
        let bounds = Bounds {
            size: self.limits.outgoing_request_body.0,
            too_large: Error::HttpRequestBodySize,
            // How fast a guest writes is bounded by its deadline.
            pause: None,
        };
        Ok((origin, Request::from_parts(parts, Bounded::new(body, bounds).boxed_unsync())))
    }

    /// From a request to the head of the answer of the app's own routes.
    async fn ask_inside(
        &self,
        sender: &Current,
        request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Response<WasiBody>, SendError> {
        let inside = self.places.inside.load_full().ok_or(SendError::NoRoutes)?;
        let chain = sender.chain().next(sender.request()).ok_or(SendError::TooDeep)?;
        let place = self.places.try_enter()?;
        let asking = Asking { core: sender.core(), chain, deadline: sender.deadline(), place };
        let answer_timeout = shorter(options.first_byte_timeout, self.limits.outgoing_answer_timeout);
        let answer = timeout(answer_timeout, inside.answer(asking, request)).await;
        Ok(answer.map_err(|_| Error::HttpResponseTimeout)?)
    }

    /// From a request to the head of its answer, each step within its time.
    async fn exchange(
        &self,
        client: &Client<Connector, WasiBody>,
        mut request: Request<WasiBody>,
        options: RequestOptions,
        place: OwnedSemaphorePermit,
    ) -> Result<Response<WasiBody>, SendError> {
        let mut connection = capture_connection(&mut request);
        let mut answer: ResponseFuture = client.request(request);
        let connected = async {
            tokio::select! {
                biased;
                answered = &mut answer => Some(answered),
                _ = connection.wait_for_connection_metadata() => None,
            }
        };
        let connect_timeout = shorter(options.connect_timeout, self.limits.outgoing_connect_timeout);
        let answered = match timeout(connect_timeout, connected).await {
            Err(_) => return Err(Error::ConnectionTimeout.into()),
            Ok(Some(answered)) => answered,
            Ok(None) => {
                let answer_timeout = shorter(options.first_byte_timeout, self.limits.outgoing_answer_timeout);
                timeout(answer_timeout, answer).await.map_err(|_| Error::HttpResponseTimeout)?
            }
        };
        let answered = answered.map_err(|error| error::of_exchange(&error))?;
        let under_way = move |frame| {
            let _under_way = &place;
            frame
        };
        Ok(answered.map(|body| body.map_err(|error| error::of_body(&error)).map_frame(under_way).boxed_unsync()))
    }

    /// The connections of this component on `core`.
    fn client(&self, core: CoreId) -> Result<&Client<Connector, WasiBody>, SendError> {
        let slot = &self.clients[core.0];
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let connector =
            Connector::new(&self.network, core, &self.policy, &self.places, self.limits.outgoing_connect_timeout)?;
        let head_max = usize::try_from(self.limits.outgoing_head.0).unwrap_or(usize::MAX);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.places.idle)
            .pool_max_idle_per_host(IDLE_PER_ORIGIN)
            .http1_max_buf_size(head_max.max(8 << 10))
            .http1_max_headers(HEADERS_MAX)
            .http2_max_header_list_size(u32::try_from(head_max).unwrap_or(u32::MAX))
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .build(connector);
        Ok(slot.get_or_init(|| client))
    }
}

/// How long something may take for which a guest `asked` for a time, within a limit.
fn shorter(asked: Option<Duration>, limit: Duration) -> Duration {
    asked.map_or(limit, |asked| asked.min(limit))
}
