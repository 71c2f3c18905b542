//! Who may ask: nobody's browser, and from another machine whoever calls the host by its name and shows its token.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, header};
use wattle_host::tls::Tls;
use wattle_spec::control::{Refusal, RefusalCode};

use super::token::{Token, TokenError};

/// What is said whenever a token is shown that is not the one of the host.
const WRONG: &str = "this is not the token of this host";

/// How often it is told at most that somebody was turned away.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Lets in who may ask from another machine.
pub(crate) struct Guard {
    pub(super) tls: Arc<Tls>,
    token_file: PathBuf,
    turned_away: Seldom,
    no_token: Seldom,
}

/// What strangers can have happen as often as they like, and is told now and then.
#[derive(Default)]
struct Seldom(Mutex<Told>);

#[derive(Default)]
struct Told {
    last: Option<Instant>,
    /// How often it has happened since then.
    untold: u64,
}

impl Guard {
    /// Lets those in who show the token in a file, over `tls`.
    ///
    /// # Errors
    ///
    /// If there is no token in it.
    pub(crate) fn new(tls: Arc<Tls>, token_file: &Path) -> Result<Self, TokenError> {
        Token::read(token_file)?;
        Ok(Self { tls, token_file: token_file.into(), turned_away: Seldom::default(), no_token: Seldom::default() })
    }

    /// Lets somebody ask, or says why not. The token is read now: whoever changes the file changes who may ask.
    pub(super) async fn admit(&self, request: &Parts) -> Result<(), Refusal> {
        self.is_called_by_name(request)?;
        let shown = bearer(&request.headers).ok_or_else(|| unauthorized("no token is shown"))?.to_owned();
        let path = self.token_file.clone();
        let read = tokio::task::spawn_blocking(move || Token::read(&path).map(|token| token.is(&shown))).await;
        match read {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(unauthorized(WRONG)),
            Ok(Err(error)) => {
                self.no_token.tell(|untold| {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, untold, "nobody can ask from another machine: there is no token");
                });
                Err(unauthorized(WRONG))
            }
            Err(_) => Err(Refusal::new(RefusalCode::Stopping, "the host is ending")),
        }
    }

    /// Whether the request is for a name in the certificate: a page in a browser cannot have another name lead here.
    fn is_called_by_name(&self, Parts { uri, headers, .. }: &Parts) -> Result<(), Refusal> {
        let mut named = headers.get_all(header::HOST).into_iter();
        let host = match (uri.authority(), named.next(), named.next()) {
            (Some(authority), ..) => Some(authority.clone()),
            (None, Some(host), None) => host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
            _ => None,
        };
        let name = host.as_ref().map(|host| host.host().trim_start_matches('[').trim_end_matches(']'));
        if name.is_some_and(|name| self.tls.is_for(name)) {
            return Ok(());
        }
        let refusal =
            Refusal::new(RefusalCode::ForeignHost, "the host is called by a name that its certificate is not for");
        Err(refusal.hint("ask it by a name or an address of its certificate"))
    }

    /// Tells that `client` was turned away, now and then.
    pub(super) fn tell(&self, client: IpAddr, refusal: &Refusal) {
        let code = refusal.code.as_str();
        self.turned_away.tell(|untold| {
            tracing::warn!(%client, code, untold, "somebody who asked from another machine was turned away");
        });
    }
}

impl Seldom {
    /// Has it told, with how often it was not, unless it was a moment ago.
    fn tell(&self, tell: impl FnOnce(u64)) {
        let now = Instant::now();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match told.last {
            Some(last) if now.duration_since(last) < TOLD_EVERY => told.untold += 1,
            _ => {
                told.last = Some(now);
                tell(std::mem::take(&mut told.untold));
            }
        }
    }
}

/// Whether no page in a browser asks: a browser says which one, and nothing of this is for pages.
pub(super) fn is_no_page(request: &Parts) -> Result<(), Refusal> {
    match request.headers.contains_key(header::ORIGIN) {
        true => Err(Refusal::new(RefusalCode::ForeignOrigin, "a page in a browser asks, and none may")),
        false => Ok(()),
    }
}

/// What is shown as a token ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut shown = headers.get_all(header::AUTHORIZATION).into_iter();
    let (Some(only), None) = (shown.next(), shown.next()) else { return None };
    let (scheme, token) = only.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn unauthorized(message: &str) -> Refusal {
    let refusal = Refusal::new(RefusalCode::Unauthorized, message);
    refusal.hint("show it: `--control-token FILE`, or `Authorization: Bearer TOKEN`")
}
