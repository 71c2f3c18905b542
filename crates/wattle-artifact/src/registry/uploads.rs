//! Sending blobs: taken over from another repository where the registry lets us, or in one piece.

use std::fmt;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};
use url::Url;
use wattle_spec::digest::Digest;
use wattle_spec::reference::Repository;

use super::Registries;
use super::content::Content;
use super::error::{Action, RegistryError};
use super::exchange::{Answer, At, Question};
use super::host::Host;
use super::manifests::{RECEIPT_MAX_LEN, told_digest};
use super::token::Access;
use super::transport::Sent;
use crate::format::manifest::Descriptor;

/// An upload that the registry waits for.
pub struct Session {
    repository: Repository,
    /// Often with a secret in its query.
    url: Url,
}

/// Whether a registry took a blob over from another repository.
#[derive(Debug)]
pub enum Mounted {
    /// It has.
    Yes,
    /// It has not, and may wait for it to be uploaded instead.
    No(Option<Session>),
}

/// A blob that is uploaded.
struct Upload<'a> {
    host: &'a Host,
    access: &'a Access,
    blob: &'a Descriptor,
    content: &'a Content,
}

impl Registries {
    /// Takes the blob `digest` over from the repository `from` of the same registry, if the registry does that. A favour:
    /// whatever the registry has against it is no error.
    ///
    /// # Errors
    ///
    /// If it cannot be asked.
    pub async fn mount(
        &self,
        repository: &Repository,
        digest: Digest,
        from: &Repository,
    ) -> Result<Mounted, RegistryError> {
        if repository.registry != from.registry {
            return Ok(Mounted::No(None));
        }
        let host = Host::registry(&repository.registry);
        let path = host.path(from);
        let access = Access { from: Some(path.clone()), ..Access::new(&host, repository, Action::Push) };
        let path = format!("blobs/uploads/?mount={digest}&from={path}");
        let answer = match self.ask(&begin(&host, &access, path), "a receipt", RECEIPT_MAX_LEN).await {
            Ok(answer) => answer,
            Err(
                RegistryError::Unauthorized { .. }
                | RegistryError::Denied { .. }
                | RegistryError::NotFound { .. }
                | RegistryError::Unsupported { .. },
            ) => return Ok(Mounted::No(None)),
            Err(error) => return Err(error),
        };
        match answer.status {
            StatusCode::CREATED => Ok(Mounted::Yes),
            _ => Ok(Mounted::No(Some(self.session(&host, &access, &answer)?))),
        }
    }

    /// Sends a blob, in the `session` of a mount that was refused if there is one.
    ///
    /// # Errors
    ///
    /// If `content` cannot be read or is not as long as `blob` says, or if the registry does not take it.
    pub async fn upload(
        &self,
        repository: &Repository,
        blob: &Descriptor,
        content: &Content,
        session: Option<Session>,
    ) -> Result<(), RegistryError> {
        let host = Host::registry(&repository.registry);
        let access = Access::new(&host, repository, Action::Push);
        let upload = Upload { host: &host, access: &access, blob, content };
        // One of another repository would put it there.
        let mut session = session.filter(|session| session.repository == *repository);
        let mut attempts = self.attempts(&host);
        loop {
            match self.upload_once(&upload, session.take()).await {
                Ok(()) => return Ok(()),
                Err(error) => attempts.write_again(error).await?,
            }
        }
    }

    async fn upload_once(&self, upload: &Upload<'_>, session: Option<Session>) -> Result<(), RegistryError> {
        let session = match session {
            Some(session) => session,
            None => {
                let question = begin(upload.host, upload.access, "blobs/uploads/".into());
                let answer = self.ask_once(&question, "a receipt", RECEIPT_MAX_LEN).await?;
                self.session(upload.host, upload.access, &answer)?
            }
        };
        let sent = self.send(upload, &session).await;
        if sent.as_ref().is_err_and(|error| !error.is_passing()) {
            self.cancel(session).await;
        }
        sent
    }

    async fn send(&self, upload: &Upload<'_>, session: &Session) -> Result<(), RegistryError> {
        let (host, digest) = (upload.host, upload.blob.digest);
        let mut url = session.url.clone();
        // The query that is there is the registry's own, and stays as it is.
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        let what = digest.to_string();
        let mut question = Question::new(host, upload.access, Method::PUT, String::new()).about(&what);
        question.at = At::Url(url);
        question.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        question.content = Some(Sent { content: upload.content.clone(), digest, len: upload.blob.size });
        let answer = self.ask_once(&question, "a receipt", RECEIPT_MAX_LEN).await?;
        match told_digest(&answer.headers) {
            Some(found) if found != digest => {
                Err(RegistryError::Digest { host: host.name.clone(), expected: digest, found })
            }
            _ => Ok(()),
        }
    }

    /// Tells the registry not to wait for an upload any more. One that it is not told of it forgets some day.
    pub async fn cancel(&self, session: Session) {
        let host = Host::registry(&session.repository.registry);
        let access = Access::new(&host, &session.repository, Action::Push);
        let mut question = Question::new(&host, &access, Method::DELETE, String::new());
        question.at = At::Url(session.url);
        if let Err(error) = self.ask_once(&question, "a receipt", RECEIPT_MAX_LEN).await {
            tracing::debug!(%error, registry = host.name, "an upload that is given up is left to the registry");
        }
    }

    fn session(&self, host: &Host, access: &Access, answer: &Answer) -> Result<Session, RegistryError> {
        let url = self.location(&answer.url, &answer.headers);
        let url = url.map_err(|reason| RegistryError::Redirect { host: host.name.clone(), reason })?;
        Ok(Session { repository: access.repository.clone(), url })
    }
}

fn begin<'a>(host: &'a Host, access: &'a Access, path: String) -> Question<'a> {
    let mut question = Question::new(host, access, Method::POST, path);
    question.content = Some(Sent { content: Content::Bytes(Default::default()), digest: Digest::of(b""), len: 0 });
    question
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("repository", &self.repository).finish_non_exhaustive()
    }
}
