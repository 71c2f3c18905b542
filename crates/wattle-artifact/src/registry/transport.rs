//! One request and its answer, without a thought of what they are about: TLS, plain text, and how long to wait.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue};
use reqwest::{Body, Client, ClientBuilder, Method, Response, StatusCode};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use tokio::time::{Instant, timeout_at};
use url::Url;
use wattle_spec::digest::Digest;

use super::content::{Content, Sending, Stage};
use super::error::{Refusal, RegistryError, SettingsError};
use super::host::{Host, PlainHttp, authority, check_target, is_loopback};
use super::resolver::{Inward, OutwardResolver};
use super::settings::{Settings, Timeouts};
use super::trust::{Trust, Untrusted};
use crate::blocking::blocking;

/// How much of a body has to come before it counts as coming.
const PROGRESS_LEN: usize = 4 << 10;

/// A request.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) content: Option<Sent>,
}

/// A body that is sent.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) content: Content,
    pub(super) digest: Digest,
    pub(super) len: u64,
}

/// Connections to registries, kept open while they are used.
pub(super) struct Transport {
    /// As the environment says: `HTTPS_PROXY` and the like. A proxy resolves names itself.
    outside: Client,
    /// On this machine a proxy has no say.
    inside: Client,
    trust: Arc<Trust>,
    pub(super) plain_http: PlainHttp,
    pub(super) timeouts: Timeouts,
    /// How the registries on this machine are spoken to, as far as that is known: by their authority.
    schemes: Mutex<HashMap<String, &'static str>>,
}

impl Transport {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let trust = Arc::new(Trust::new(provider.clone(), &settings.certificates)?);
        let tls = tls(&trust, provider)?;
        let client = || {
            ClientBuilder::new()
                .tls_backend_preconfigured(tls.clone())
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .connect_timeout(settings.timeouts.connect)
                .dns_resolver(OutwardResolver)
                .user_agent(&settings.user_agent)
        };
        Ok(Self {
            outside: client().build().map_err(SettingsError::Client)?,
            inside: client().no_proxy().build().map_err(SettingsError::Client)?,
            trust,
            plain_http: PlainHttp::new(&settings.plain_http),
            timeouts: settings.timeouts,
            schemes: Mutex::default(),
        })
    }

    /// The root of `host`: plain text where that is allowed by name; on this machine what is spoken there; TLS
    /// everywhere else.
    pub(super) async fn base(&self, host: &Host) -> Result<Url, RegistryError> {
        let base = |scheme: &str| {
            let url = Url::parse(&format!("{scheme}://{}/v2/", host.authority));
            url.map_err(|_| RegistryError::Redirect { host: host.name.clone(), reason: Refusal::NoUrl })
        };
        let secure = base("https")?;
        if self.plain_http.names(&secure) {
            return base("http");
        }
        if !is_loopback(&secure) {
            return Ok(secure);
        }
        let known = self.schemes.lock().unwrap_or_else(PoisonError::into_inner).get(&host.authority).copied();
        match known {
            Some(scheme) => base(scheme),
            None => base(self.spoken(base("http")?).await?),
        }
    }

    /// What a server on this machine speaks: one that does not understand plain text, or complains about it, speaks
    /// TLS. The question has nothing in it that is worth hearing.
    async fn spoken(&self, plain: Url) -> Result<&'static str, RegistryError> {
        let ask = Ask { method: Method::GET, url: plain, headers: HeaderMap::new(), content: None };
        match self.send(&ask, None).await {
            Ok(response) => {
                let is_plain = response.status() != StatusCode::BAD_REQUEST;
                self.drain(response).await;
                Ok(if is_plain { "http" } else { "https" })
            }
            Err(RegistryError::Cut { .. }) => Ok("https"),
            Err(error) => Err(error),
        }
    }

    /// Sends `ask`, and waits for the head of the answer.
    pub(super) async fn send(&self, ask: &Ask, authorization: Option<&HeaderValue>) -> Result<Response, RegistryError> {
        let host = authority(&ask.url);
        check_target(&ask.url).map_err(|reason| RegistryError::Redirect { host: host.clone(), reason })?;
        if ask.url.scheme() == "https" && !self.trust.is_read() {
            let trust = self.trust.clone();
            blocking(move || trust.read().map(drop)).await?;
        }
        let client = if is_loopback(&ask.url) { &self.inside } else { &self.outside };
        let mut request = client.request(ask.method.clone(), ask.url.clone()).headers(ask.headers.clone());
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let sending = Sending::begin();
        if let Some(sent) = &ask.content {
            request = request.header(CONTENT_LENGTH, sent.len);
            request = request.body(match sent.len {
                0 => Body::from(Bytes::new()),
                len => Body::wrap_stream(sent.content.stream(len, sending.clone())),
            });
        }
        let answered = self.watched(request.send(), &sending, &host).await;
        self.learn(&ask.url, answered.as_ref().ok().and_then(|answered| answered.as_ref().ok()));
        answered?.map_err(|error| match (sending.take_fault(), &ask.content) {
            (Some(source), Some(sent)) => RegistryError::Source { digest: sent.digest, source },
            _ => broken(&host, error),
        })
    }

    /// Keeps in mind what is spoken on this machine, until a request fails: another server may listen there by then.
    fn learn(&self, url: &Url, answered: Option<&Response>) {
        if !is_loopback(url) {
            return;
        }
        let mut schemes = self.schemes.lock().unwrap_or_else(PoisonError::into_inner);
        match answered.map(|answered| (url.scheme(), answered.status())) {
            Some(("https", _)) => schemes.insert(authority(url), "https"),
            Some((_, status)) if status != StatusCode::BAD_REQUEST => schemes.insert(authority(url), "http"),
            Some(_) => None,
            None => schemes.remove(&authority(url)),
        };
    }

    /// Waits for as long as something of the body is taken, and then for the answer.
    async fn watched<T>(
        &self,
        answer: impl Future<Output = T>,
        sending: &Sending,
        host: &str,
    ) -> Result<T, RegistryError> {
        let Timeouts { connect, idle, answer: whole } = self.timeouts;
        let mut answer = std::pin::pin!(answer);
        loop {
            let waits = match sending.stage() {
                // Until there is a connection, nothing can be taken.
                Stage::Begun => connect + idle,
                Stage::Sending => idle,
                // A large blob is put together and looked at before it is acknowledged.
                Stage::Sent => whole,
            };
            let deadline = sending.last() + waits;
            match timeout_at(deadline, &mut answer).await {
                Ok(answer) => return Ok(answer),
                Err(_) if sending.last() + waits > deadline => {}
                Err(_) => return Err(RegistryError::TimedOut { host: host.into(), after: waits }),
            }
        }
    }

    /// The whole body of an answer that has no more than `limit` bytes.
    pub(super) async fn body(
        &self,
        response: Response,
        what: &'static str,
        limit: usize,
    ) -> Result<Bytes, RegistryError> {
        let host = authority(response.url());
        let too_long = || RegistryError::TooLong { host: host.clone(), what, limit: limit as u64 };
        if response.content_length().is_some_and(|len| len > limit as u64) {
            return Err(too_long());
        }
        let whole = Instant::now() + self.timeouts.answer;
        let mut pieces = self.pieces(response);
        let mut body = BytesMut::new();
        loop {
            let piece = match timeout_at(whole, pieces.next()).await {
                Ok(piece) => piece?,
                Err(_) => return Err(RegistryError::TimedOut { host, after: self.timeouts.answer }),
            };
            let Some(piece) = piece else { return Ok(body.freeze()) };
            if body.len() + piece.len() > limit {
                return Err(too_long());
            }
            body.extend_from_slice(&piece);
        }
    }

    /// Reads what is left of an answer that nobody wants, if that is little: the connection can be used again.
    pub(super) async fn drain(&self, response: Response) {
        const LIMIT: usize = 16 << 10;
        // What cannot be read ends its connection, and that is all.
        let _ = self.body(response, "nothing", LIMIT).await;
    }

    /// The body of an answer, piece by piece.
    pub(super) fn pieces(&self, response: Response) -> Pieces {
        let idle = self.timeouts.idle;
        let host = authority(response.url());
        Pieces { response, host, idle, since: Instant::now(), came: 0 }
    }
}

/// A body that comes, or does not.
pub(super) struct Pieces {
    response: Response,
    host: String,
    idle: std::time::Duration,
    since: Instant,
    came: usize,
}

impl Pieces {
    /// The next piece; `None` at the end. A trickle of bytes is no progress.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, RegistryError> {
        let piece = match timeout_at(self.since + self.idle, self.response.chunk()).await {
            Ok(piece) => piece.map_err(|error| broken(&self.host, error))?,
            Err(_) => return Err(RegistryError::TimedOut { host: self.host.clone(), after: self.idle }),
        };
        self.came += piece.as_ref().map_or(0, Bytes::len);
        if self.came >= PROGRESS_LEN {
            (self.since, self.came) = (Instant::now(), 0);
        }
        Ok(piece)
    }
}

fn tls(trust: &Arc<Trust>, provider: Arc<CryptoProvider>) -> Result<ClientConfig, SettingsError> {
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // What it verifies, the verifier of rustls does: only whom that trusts is found out later.
    let trusting = versions.map_err(SettingsError::Tls)?.dangerous().with_custom_certificate_verifier(trust.clone());
    let mut config = trusting.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// What an error of the client is for us. The URL is taken out: its query may be a credential.
fn broken(host: &str, error: reqwest::Error) -> RegistryError {
    let error = error.without_url();
    let host = host.to_owned();
    if let Some(Inward(name)) = find(&error) {
        return RegistryError::Redirect { reason: Refusal::LinkLocal(name.clone()), host };
    }
    if let Some(tls) = find::<rustls::Error>(&error) {
        return match Untrusted::within(tls) {
            Some(source) => RegistryError::Untrusted { host, source: source.clone() },
            None => RegistryError::Tls { host, source: tls.clone() },
        };
    }
    match error.is_connect() || error.is_dns() {
        true => RegistryError::Unreachable { host, source: error.into() },
        false => RegistryError::Cut { host, source: Some(error.into()) },
    }
}

/// An error among the causes of another one. An I/O error does not list what it was made of among its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
