//! One request from its head to its answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::sync::{oneshot, watch};
use wasmtime_wasi_http::WasiBody;
use wattle_spec::limits::HostLimits;
use wattle_spec::network::AddressRange;
use wattle_spec::route::{RouteTable, host_of, normalize_path};

use super::account::Account;
use super::admission::Admission;
use super::ahead::Ahead;
use super::answer_body::{AnswerBody, GuestBody, LAST_FRAMES};
use super::dispatch::{Answered, Job, Reply, dispatch};
use super::exchange::{Exchange, Protocol};
use super::files::{self, Folder};
use super::forwarded::{self, Origin};
use super::gate::Gate;
use super::inside::Asking;
use super::lent::{Lent, Term};
use super::request::{canonical, check_inside};
use super::request_body::{Arriving, RequestBody};
use super::sleeper::Sleeper;
use super::target::{Answerer, Door, Target};
use super::wire::Framing;
use crate::answer::{Failure, REQUEST_ID};
use crate::component::Component;
use crate::cores::CoreId;
use crate::invocation::{Chain, Invocation, RequestId, TriggerKind};
use crate::telemetry::{Telemetry, Trace};

/// What answers requests: the routes of every app of a host.
pub(crate) struct Server {
    pub(crate) limits: HostLimits,
    policy: EdgePolicy,
    telemetry: Option<Arc<Telemetry>>,
    pub(crate) routes: ArcSwap<RouteTable<Door>>,
    pub(crate) requests: Admission,
    /// Whether the host is about to end.
    ending: watch::Sender<bool>,
}

/// How a host deals with whom it does not know.
#[derive(Debug, Clone, Default)]
pub(crate) struct EdgePolicy {
    pub(crate) trusted_proxies: Vec<AddressRange>,
    pub(crate) access_log: bool,
}

/// A connection, as its requests see it.
pub(super) struct Via {
    pub(super) core: CoreId,
    pub(super) protocol: Protocol,
    pub(super) scheme: Scheme,
    pub(super) peer: SocketAddr,
    pub(super) gate: Arc<Gate>,
}

/// One request under way.
struct Turn {
    id: RequestId,
    core: CoreId,
    chain: Chain,
    exchange: Exchange,
    account: Option<Box<Account>>,
    trace: Option<Trace>,
    /// When its answer must have ended. `None`: nobody answers who has a deadline.
    deadline: Option<Instant>,
}

/// Who sent a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sender {
    Client(IpAddr),
    /// A component of the app that it is for, as the last of a chain.
    Inside(Chain),
    /// The host itself, which wants to know how the app is: nobody is told of it.
    Host,
}

impl Sender {
    pub(super) fn client(self) -> Option<IpAddr> {
        match self {
            Sender::Client(address) => Some(address),
            Sender::Inside(_) | Sender::Host => None,
        }
    }

    pub(super) fn chain(self) -> Chain {
        match self {
            Sender::Client(_) | Sender::Host => Chain::default(),
            Sender::Inside(chain) => chain,
        }
    }
}

/// Why there is no answer, and who should have given it.
type Failed = (Option<Answerer>, Failure);

impl Server {
    pub(crate) fn new(limits: HostLimits, policy: EdgePolicy, telemetry: Option<Arc<Telemetry>>) -> Self {
        Self {
            limits,
            policy,
            telemetry,
            routes: ArcSwap::from_pointee(RouteTable::new()),
            requests: Admission::new("the host", limits.concurrent_requests),
            ending: watch::Sender::new(false),
        }
    }

    /// From now on it is about to end.
    pub(crate) fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Whether it is about to end.
    pub(crate) fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }

    /// Waits until it is about to end.
    pub(crate) async fn ends(&self) {
        // The sender is there as long as this is.
        let _ = self.ending.subscribe().wait_for(|ending| *ending).await;
    }

    /// Answers one request, whatever happens.
    pub(super) async fn answer(&self, mut request: Request<Incoming>, via: &Via) -> Response<AnswerBody> {
        let (exchange, framing) = via.protocol.begin(&request);
        let origin = Origin::take(&mut request, via.peer, &self.policy.trusted_proxies);
        let mut turn = self.turn(&request, via.core, Sender::Client(origin.client), exchange);
        let served = match framing {
            Framing::Clear | Framing::Unseen => self.serve(request, &mut turn, via, &origin).await,
            Framing::Conflicting => {
                Err((None, Failure::BadRequest("it has both a Content-Length and a Transfer-Encoding")))
            }
            Framing::BareLineFeed => Err((None, Failure::BadRequest("a line of its head ends in a bare line feed"))),
            Framing::TooLarge => Err((None, Failure::HeadTooLarge)),
        };
        let mut response = finish(served, turn);
        let headers = response.headers_mut();
        if let Protocol::Http2(_) = via.protocol {
            // There, a connection is closed by other means, and not for one request.
            headers.remove(header::CONNECTION);
        } else if framing == Framing::Unseen || via.gate.is_ending() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Answers a request of a component of an app, or of the host, to that app's own `routes`, whatever happens. It was
    /// checked when it left the component, and is served on the same core.
    pub(super) async fn answer_inside(
        &self,
        routes: &RouteTable<Arc<Target>>,
        mut request: Request<WasiBody>,
        asking: Asking,
    ) -> Response<Lent> {
        forwarded::strip(request.headers_mut());
        let Asking { core, chain, deadline, place } = asking;
        let sender = chain.sender.map_or(Sender::Host, |_| Sender::Inside(chain));
        let mut turn = self.turn(&request, core, sender, Exchange::Inside);
        let found = check_inside(&request, &self.limits)
            .and_then(|()| Ok(normalize_path(request.uri().path())?))
            .and_then(|path| routes.get("", &path).cloned().ok_or(Failure::NoRoute));
        let served = match found {
            Ok(target) => self.serve_at(target, request.map(Arriving::Inside), &mut turn).await,
            Err(failure) => Err((None, failure)),
        };
        // What we answer ourselves when that of the component is over can still be read.
        let answers = turn.deadline.filter(|_| served.is_ok());
        let deadline = answers.into_iter().chain(deadline).min();
        let term = Term { deadline, pause: self.limits.body_timeout };
        finish(served, turn).map(|body| Lent::new(body, place, term))
    }

    fn turn<B>(&self, request: &Request<B>, core: CoreId, sender: Sender, exchange: Exchange) -> Turn {
        let id = RequestId::next();
        let (account, trace) = self.account(request, id, core, sender);
        Turn { id, core, chain: sender.chain(), exchange, account, trace, deadline: None }
    }

    /// What is to be told of a request that begins, and its trace, if somebody asked for that.
    fn account<B>(
        &self,
        request: &Request<B>,
        id: RequestId,
        core: CoreId,
        sender: Sender,
    ) -> (Option<Box<Account>>, Option<Trace>) {
        if matches!(sender, Sender::Host) || !self.policy.access_log && self.telemetry.is_none() {
            return (None, None);
        }
        let mut account = Box::new(Account::open(request, id, core));
        if self.policy.access_log {
            account.log(request, sender);
        }
        let mut trace = None;
        if let Some(telemetry) = &self.telemetry {
            let begun = telemetry.tracer.as_ref().map(|tracer| tracer.begin_request(request.headers())).unzip();
            account.count(telemetry, begun.1.flatten());
            trace = begun.0;
        }
        (Some(account), trace)
    }

    async fn serve(
        &self,
        mut request: Request<Incoming>,
        turn: &mut Turn,
        via: &Via,
        origin: &Origin,
    ) -> Result<Response<AnswerBody>, Failed> {
        if request.headers().len() > self.limits.headers as usize {
            return Err((None, Failure::HeadTooLarge));
        }
        let scheme = origin.target_scheme.as_ref().unwrap_or(&via.scheme);
        canonical(&mut request, scheme).map_err(|failure| (None, failure))?;
        origin.apply(&mut request);
        let target = self.route(&request).await.map_err(|failure| (None, failure))?;
        self.serve_at(target, request.map(Arriving::Wire), turn).await
    }

    async fn serve_at(
        &self,
        target: Arc<Target>,
        request: Request<Arriving>,
        turn: &mut Turn,
    ) -> Result<Response<AnswerBody>, Failed> {
        if let Some(account) = &mut turn.account {
            account.route(&target, &request);
        }
        let served = match &target.answerer {
            Answerer::Component(component) => self.serve_component(component, &target, request, turn).await,
            Answerer::Folder(folder) => {
                let (head, _unread) = request.into_parts();
                self.serve_file(folder, &target, &Request::from_parts(head, ()), turn).await
            }
        };
        served.map_err(|failure| (Some(target.answerer.clone()), failure))
    }

    async fn serve_file(
        &self,
        folder: &Folder,
        target: &Target,
        request: &Request<()>,
        turn: &Turn,
    ) -> Result<Response<AnswerBody>, Failure> {
        let permit = target.enter(&self.requests, &turn.exchange).await?;
        let answer = files::answer(folder, request, permit).await?;
        Ok(answer.map(|body| AnswerBody::file(body, turn.exchange.clone())))
    }

    async fn serve_component(
        &self,
        component: &Arc<Component>,
        target: &Target,
        mut request: Request<Arriving>,
        turn: &mut Turn,
    ) -> Result<Response<AnswerBody>, Failure> {
        let limits = &component.identity.limits;
        if request.body().size_hint().lower() > limits.request_body.0 {
            return Err(Failure::BodyTooLarge);
        }
        if let (Some(trace), Some(account)) = (&turn.trace, &turn.account) {
            // A guest that passes on what it got makes its calls a part of this request.
            trace.write(request.headers_mut(), account.span.as_ref());
        }
        turn.deadline = Some(Instant::now() + limits.deadline);
        let (deadline, trace, chain) = (turn.deadline, turn.trace.clone(), turn.chain);
        let invocation = Invocation { request: turn.id, trigger: TriggerKind::Http, deadline, trace, chain };
        let permit = target.enter(&self.requests, &turn.exchange).await?;

        let (reply, answered) = oneshot::channel();
        let (delivery, client) = oneshot::channel();
        let head_only = *request.method() == Method::HEAD;
        let body =
            |body| RequestBody::new(body, limits.request_body.0, self.limits.body_timeout, turn.exchange.clone());
        let request = request.map(body);
        let reply = Reply::new(reply, component, turn.id);
        dispatch(component, turn.core, Job { request, invocation, permit, client, reply });
        let answered = answered.await.unwrap_or(Err(Failure::InstanceLost))?;
        let (head, body) = answer_of(answered, limits.response_body.0, head_only, delivery)?.into_parts();
        Ok(Response::from_parts(head, AnswerBody::guest(body, turn.exchange.clone()).begun().await))
    }

    /// Where a request leads. An app that sleeps is woken before.
    async fn route<B>(&self, request: &Request<B>) -> Result<Arc<Target>, Failure> {
        let path = normalize_path(request.uri().path())?;
        let host = host_of(request.uri().authority().map_or("", |authority| authority.as_str()));
        match self.door(&host, &path)? {
            Door::Open(target) => Ok(target),
            Door::Asleep(sleeper) => Box::pin(self.woken(sleeper, &host, &path)).await,
        }
    }

    fn door(&self, host: &str, path: &str) -> Result<Door, Failure> {
        self.routes.load().get(host, path).cloned().ok_or(Failure::NoRoute)
    }

    /// Where requests for `path` on `host` lead when the app of `sleeper` is awake.
    async fn woken(&self, mut sleeper: Arc<Sleeper>, host: &str, path: &str) -> Result<Arc<Target>, Failure> {
        let deadline = Instant::now() + self.limits.wake_timeout;
        while Instant::now() < deadline {
            sleeper.wake(deadline).await?;
            match self.door(host, path)? {
                Door::Open(target) => return Ok(target),
                // It sleeps again already, or the route is another app's now.
                Door::Asleep(other) => sleeper = other,
            }
        }
        Err(Failure::Asleep { retry: Duration::ZERO })
    }
}

/// The answer to a request, also where there is none, with what is told of it.
fn finish(served: Result<Response<AnswerBody>, Failed>, mut turn: Turn) -> Response<AnswerBody> {
    let id = turn.id;
    let mut response = served.unwrap_or_else(|(answerer, failure)| {
        let sent_by = turn.chain.sender.map(|sender| format!(" (sent by {sender})")).unwrap_or_default();
        match answerer {
            Some(Answerer::Component(component)) => component.identity.log_failure(&failure, id, &sent_by),
            Some(answerer) => failure.log(&answerer.to_string(), id),
            None => failure.log("http", id),
        }
        if let Some(account) = &mut turn.account {
            account.refuse(failure.code());
        }
        failure.answer(id).map(|body| AnswerBody::ours(body, turn.exchange.clone()))
    });
    let value = HeaderValue::from_bytes(&id.digits()).expect("invariant: hex digits are a header value");
    response.headers_mut().insert(REQUEST_ID, value);
    if let Some(account) = &mut turn.account {
        account.status = Some(response.status().as_u16());
    }
    response.map(|body| body.told(turn.account))
}

/// The answer of an instance as it goes out, if it is one that can.
fn answer_of(
    answered: Answered,
    limit: u64,
    head_only: bool,
    delivery: oneshot::Sender<()>,
) -> Result<Response<Option<GuestBody>>, Failure> {
    let Answered { response, permit, reply, call } = answered;
    let status = response.status();
    if !(200..600).contains(&status.as_u16()) {
        return Err(Failure::InvalidAnswer("its status is not one of a final answer"));
    }
    let bodiless = head_only || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let announced = response.headers().get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
    Ok(response.map(|body| {
        let mut body = GuestBody {
            body,
            ahead: Ahead::default(),
            left: limit,
            announced,
            delivery: Some(delivery),
            last_frames: LAST_FRAMES,
            cut: None,
            reply,
            call,
            _permit: permit,
        };
        if bodiless {
            // Nobody will ask for the body of such an answer, but the guest may write one.
            tokio::spawn(body.discard());
            return None;
        }
        if announced == Some(0) || body.body.is_end_stream() {
            body.complete();
        }
        Some(body)
    }))
}
