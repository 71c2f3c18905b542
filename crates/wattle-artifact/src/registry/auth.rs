//! Answering a registry that asks who we are: with a password, or with a token that its authority makes of one.
//!
//! A registry names the authority itself (its `realm`), and that authority is shown the credentials for the registry, as
//! the token specification has it: on another host too, since that is how the large registries are built. Who was asked
//! over TLS cannot send them anywhere in plain text; who was asked in plain text can send them only to where plain text
//! is allowed, as everything else.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::time::Instant;
use url::Url;
use url::form_urlencoded::Serializer;
use wattle_spec::digest::Digest;
use zeroize::Zeroizing;

use super::challenge::{self, Challenge};
use super::error::RegistryError;
use super::host::Host;
use super::refused::{self, Answered};
use super::token::{Access, Known, lifetime, secret_header};
use super::transport::{Ask, Sent, Transport};
use super::wire::TokenAnswer;
use crate::blocking::blocking;
use crate::credentials::{Credential, Credentials, Found, Origin};

/// What a token's authority may answer at most. Tokens of some registries have a few kilobytes.
const TOKEN_MAX_LEN: usize = 256 << 10;
/// What the authority is told that the token is for.
const CLIENT_ID: &str = "wattle";

/// Who we are, and what we showed.
pub(super) struct Auth {
    credentials: Arc<dyn Credentials>,
    pub(super) known: Known,
}

/// Who asks, of whom, and what for.
pub(super) struct Asked<'a> {
    pub(super) transport: &'a Transport,
    pub(super) host: &'a Host,
    /// Where the host is, and how it is spoken to.
    pub(super) base: &'a Url,
    pub(super) access: &'a Access,
}

impl Asked<'_> {
    /// That it was not told who asks, or did not believe what was `found`.
    fn unauthorized(&self, found: &Found) -> RegistryError {
        let (repository, action) = (self.access.repository.clone(), self.access.action);
        RegistryError::Unauthorized { repository, action, origin: found.origin.clone() }
    }

    fn challenge(&self, reason: &'static str) -> RegistryError {
        RegistryError::Challenge { host: self.host.name.clone(), reason }
    }
}

impl Auth {
    pub(super) fn new(credentials: Arc<dyn Credentials>) -> Self {
        Self { credentials, known: Known::default() }
    }

    /// What to show now that the registry has asked with these header fields, and who has what that was made of.
    pub(super) async fn answer(
        &self,
        asked: &Asked<'_>,
        headers: &HeaderMap,
    ) -> Result<(HeaderValue, Option<Origin>), RegistryError> {
        let challenge = challenge::choose(headers).map_err(|reason| asked.challenge(reason))?;
        let found = self.find(asked).await?;
        let header = match challenge {
            Challenge::Basic => {
                let header = basic(asked, &found)?;
                self.known.keep_password(&asked.host.authority, &asked.access.path, header.clone());
                header
            }
            Challenge::Bearer { realm, service, scope } => {
                let question = Question { realm: realm_url(asked, &realm)?, service, scopes: union(asked, scope) };
                self.token(asked, &found, question).await?
            }
        };
        Ok((header, found.origin))
    }

    async fn find(&self, asked: &Asked<'_>) -> Result<Found, RegistryError> {
        let (credentials, registry) = (self.credentials.clone(), asked.host.name.clone());
        let path = asked.access.path.clone();
        blocking(move || {
            let found = credentials.of(&registry, &path);
            found.map_err(|source| RegistryError::Credentials { registry, source })
        })
        .await
    }

    async fn token(&self, asked: &Asked<'_>, found: &Found, question: Question) -> Result<HeaderValue, RegistryError> {
        let host = super::host::authority(&question.realm);
        let credential = &found.credential;
        let (ask, shown) = question.ask(asked, found)?;
        let response = asked.transport.send(&ask, shown.as_ref()).await?;
        // From here on, so that a token is not used for longer than its authority thinks.
        let now = Instant::now();
        if response.status().is_success() {
            let body = asked.transport.body(response, "a token", TOKEN_MAX_LEN).await?;
            let (header, lifetime) = read_token(&body).map_err(|reason| RegistryError::Protocol { host, reason })?;
            let scopes = asked.access.scopes();
            self.known.keep_token(&asked.host.authority, &scopes, header.clone(), now + lifetime);
            return Ok(header);
        }
        let answered = Answered::read(asked.transport, response).await?;
        let is_anonymous = *credential == Credential::Anonymous;
        Err(match answered.status.as_u16() {
            401 => asked.unauthorized(found),
            403 if is_anonymous => asked.unauthorized(found),
            // RFC 6749, section 5.2: `invalid_grant` and its like.
            400 if matches!(credential, Credential::IdentityToken(_)) => asked.unauthorized(found),
            403 => refused::denied(answered, asked.access),
            _ => refused::elsewhere(answered),
        })
    }
}

/// What the authority is asked for.
struct Question {
    realm: Url,
    service: Option<String>,
    scopes: Vec<String>,
}

impl Question {
    /// The request, and what it shows.
    fn ask(self, asked: &Asked<'_>, found: &Found) -> Result<(Ask, Option<HeaderValue>), RegistryError> {
        let mut ask = Ask { method: Method::GET, url: self.realm, headers: HeaderMap::new(), content: None };
        if let Credential::IdentityToken(token) = &found.credential {
            let mut form = Serializer::new(String::new());
            form.append_pair("grant_type", "refresh_token").append_pair("client_id", CLIENT_ID);
            form.append_pair("refresh_token", token).append_pair("scope", &self.scopes.join(" "));
            form.append_pair("service", self.service.as_deref().unwrap_or_default());
            let form = form.finish().into_bytes();
            ask.method = Method::POST;
            ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            ask.content = Some(Sent { digest: Digest::of(&form), len: form.len() as u64, content: form.into() });
            return Ok((ask, None));
        }
        {
            let mut query = ask.url.query_pairs_mut();
            query.extend_pairs(self.service.iter().map(|service| ("service", service)));
            query.extend_pairs(self.scopes.iter().map(|scope| ("scope", scope)));
        }
        let shown = match found.credential {
            Credential::Password { .. } => Some(basic(asked, found)?),
            _ => None,
        };
        Ok((ask, shown))
    }
}

/// What we need, and what the registry says beside that, if it is something else.
fn union(asked: &Asked<'_>, told: Vec<String>) -> Vec<String> {
    let mut scopes = asked.access.scopes();
    for scope in told {
        let is_ours = scopes.iter().any(|ours| ours.starts_with(&scope));
        if !is_ours {
            scopes.push(scope);
        }
    }
    scopes
}

fn realm_url(asked: &Asked<'_>, realm: &str) -> Result<Url, RegistryError> {
    let url = Url::parse(realm).map_err(|_| asked.challenge("its realm is no URL"))?;
    let way = asked.transport.plain_http.check_way(asked.base, &url);
    way.map_err(|reason| RegistryError::Redirect { host: asked.host.name.clone(), reason })?;
    Ok(url)
}

fn basic(asked: &Asked<'_>, found: &Found) -> Result<HeaderValue, RegistryError> {
    let Credential::Password { user, password } = &found.credential else { return Err(asked.unauthorized(found)) };
    let pair = Zeroizing::new(format!("{user}:{}", password.as_str()));
    let header = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    secret_header(&header).ok_or_else(|| asked.challenge("the password cannot be sent"))
}

fn read_token(body: &[u8]) -> Result<(HeaderValue, std::time::Duration), &'static str> {
    let answer: TokenAnswer = serde_json::from_slice(body).map_err(|_| "its token is in no JSON that we know")?;
    let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty());
    let token = Zeroizing::new(token.ok_or("there is no token in its answer")?);
    let header = Zeroizing::new(format!("Bearer {}", token.as_str()));
    Ok((secret_header(&header).ok_or("its token cannot be sent back")?, lifetime(answer.expires_in)))
}
