//! A question to a registry until it is answered: who we are is said when it asks, redirects are followed, and what
//! fails in passing is tried again.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::Registries;
use super::auth::Asked;
use super::error::{Refusal, RegistryError};
use super::host::{Host, authority, is_same};
use super::refused::{self, Answered};
use super::retry::Attempts;
use super::token::Access;
use super::transport::{Ask, Sent};

/// How often a request is sent on.
const REDIRECTS: usize = 10;

/// A question.
#[derive(Clone)]
pub(super) struct Question<'a> {
    pub(super) host: &'a Host,
    pub(super) access: &'a Access,
    pub(super) method: Method,
    pub(super) at: At,
    pub(super) headers: HeaderMap,
    pub(super) content: Option<Sent>,
    /// What there is none of, if there is none.
    pub(super) what: &'a str,
}

/// Where a question is asked.
#[derive(Clone)]
pub(super) enum At {
    /// Behind `/v2/` and the path of the repository, with a query if there is one.
    Path(String),
    /// Where the registry said.
    Url(Url),
}

/// An answer that is whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl<'a> Question<'a> {
    pub(super) fn new(host: &'a Host, access: &'a Access, method: Method, path: String) -> Self {
        Self { host, access, method, at: At::Path(path), headers: HeaderMap::new(), content: None, what: "repository" }
    }

    pub(super) fn about(self, what: &'a str) -> Self {
        Self { what, ..self }
    }

    pub(super) fn header(mut self, name: reqwest::header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    fn url(&self, base: &Url) -> Result<Url, RegistryError> {
        let path = match &self.at {
            At::Url(url) => return Ok(url.clone()),
            At::Path(path) => path,
        };
        let url = base.join(&format!("{}/{path}", self.access.path));
        let mut url =
            url.map_err(|_| RegistryError::Redirect { host: self.host.name.clone(), reason: Refusal::NoUrl })?;
        if let Some(origin) = &self.host.mirror_of {
            // What a mirror of several registries knows them apart by.
            url.query_pairs_mut().append_pair("ns", origin);
        }
        Ok(url)
    }
}

impl Registries {
    pub(super) fn attempts(&self, host: &Host) -> Attempts<'_> {
        let mut retries = self.retries;
        if host.mirror_of.is_some() {
            retries.attempts = 1;
        }
        Attempts::new(retries, &self.chance)
    }

    /// Asks until there is an answer that is whole and is a success, with a body of at most `limit` bytes.
    pub(super) async fn ask(
        &self,
        question: &Question<'_>,
        sort: &'static str,
        limit: usize,
    ) -> Result<Answer, RegistryError> {
        let mut attempts = self.attempts(question.host);
        loop {
            match self.ask_once(question, sort, limit).await {
                Ok(answer) => return Ok(answer),
                Err(error) => attempts.again(error).await?,
            }
        }
    }

    /// Asks once for an answer that is whole.
    pub(super) async fn ask_once(
        &self,
        question: &Question<'_>,
        sort: &'static str,
        limit: usize,
    ) -> Result<Answer, RegistryError> {
        let response = self.begin(question).await?;
        let (url, status, headers) = (response.url().clone(), response.status(), response.headers().clone());
        let body = match question.method {
            Method::HEAD => Bytes::new(),
            _ => self.transport.body(response, sort, limit).await?,
        };
        Ok(Answer { url, status, headers, body })
    }

    /// Asks once, for an answer that is a success and whose body is still to come.
    pub(super) async fn begin(&self, question: &Question<'_>) -> Result<Response, RegistryError> {
        let base = self.transport.base(question.host).await?;
        let url = question.url(&base)?;
        let ask = Ask {
            method: question.method.clone(),
            url,
            headers: question.headers.clone(),
            content: question.content.clone(),
        };
        let known = &self.auth.known;
        let at_home = is_same(&base, &ask.url);
        let shown = known.find(&question.host.authority, question.access, tokio::time::Instant::now());
        let response = self.follow(&ask, shown.filter(|_| at_home).as_ref()).await?;
        let asks = response.status() == StatusCode::UNAUTHORIZED && at_home && is_same(&base, response.url());
        if !asks {
            return self.checked(&base, question, response).await;
        }
        // What was shown, if anything was, is good no more.
        known.forget(&question.host.authority, question.access);
        let challenge = response.headers().clone();
        self.transport.drain(response).await;
        let asked = Asked { transport: &self.transport, host: question.host, base: &base, access: question.access };
        let (shown, origin) = self.auth.answer(&asked, &challenge).await?;
        let response = self.follow(&ask, Some(&shown)).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            known.forget(&question.host.authority, question.access);
        }
        self.checked(&base, question, response).await.map_err(|error| match error {
            RegistryError::Unauthorized { repository, action, .. } => {
                RegistryError::Unauthorized { repository, action, origin }
            }
            error => error,
        })
    }

    async fn checked(
        &self,
        base: &Url,
        question: &Question<'_>,
        response: Response,
    ) -> Result<Response, RegistryError> {
        if response.status().is_success() {
            return Ok(response);
        }
        let at_home = is_same(base, response.url());
        let answered = Answered::read(&self.transport, response).await?;
        Err(match at_home {
            true => refused::by_registry(answered, question.access, question.what),
            false => refused::elsewhere(answered),
        })
    }

    /// Sends `ask` to where it is sent on to. What is shown is shown to its own host alone.
    async fn follow(&self, ask: &Ask, shown: Option<&HeaderValue>) -> Result<Response, RegistryError> {
        let mut hop = ask.clone();
        for _ in 0..=REDIRECTS {
            let shown = shown.filter(|_| is_same(&ask.url, &hop.url));
            let response = self.transport.send(&hop, shown).await?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let next = self.next(&hop, &response);
            let host = authority(&hop.url);
            hop.url = next.map_err(|reason| RegistryError::Redirect { host, reason })?;
            self.transport.drain(response).await;
        }
        let host = authority(&ask.url);
        Err(RegistryError::Redirect { host, reason: Refusal::TooMany(REDIRECTS) })
    }

    fn next(&self, hop: &Ask, response: &Response) -> Result<Url, Refusal> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Err(Refusal::NoUrl);
        }
        if !matches!(hop.method, Method::GET | Method::HEAD) {
            return Err(Refusal::Write);
        }
        self.location(&hop.url, response.headers())
    }

    /// Where an answer from `from` says that something is.
    pub(super) fn location(&self, from: &Url, headers: &HeaderMap) -> Result<Url, Refusal> {
        let location = headers.get(LOCATION).and_then(|location| location.to_str().ok()).ok_or(Refusal::NoUrl)?;
        let to = from.join(location).map_err(|_| Refusal::NoUrl)?;
        self.transport.plain_http.check_way(from, &to)?;
        Ok(to)
    }
}
