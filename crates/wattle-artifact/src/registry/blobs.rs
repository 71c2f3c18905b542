//! Blobs, piece by piece into a sink: what was cut is taken up where it ended, and nothing is longer than it should be.

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};
use wattle_spec::digest::Digest;
use wattle_spec::reference::Repository;

use super::Registries;
use super::error::{Action, RegistryError};
use super::exchange::Question;
use super::host::{Host, authority};
use super::manifests::passed_over;
use super::sink::{Closed, Feed, Sink};
use super::token::Access;
use crate::format::manifest::Descriptor;

/// A try that brought so many bytes is none that failed: there is progress, and it ends with the blob.
const PROGRESS_LEN: u64 = 1 << 20;

/// A blob that is fetched from one host.
struct Fetch<'a> {
    host: &'a Host,
    repository: &'a Repository,
    blob: &'a Descriptor,
}

/// Why a fetch ended before its end.
enum Ended {
    Failed(RegistryError),
    /// The sink takes nothing more, and says why when it ends.
    Closed,
}

impl From<RegistryError> for Ended {
    fn from(error: RegistryError) -> Self {
        Self::Failed(error)
    }
}

impl From<Closed> for Ended {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl Registries {
    /// Gives `sink` the bytes of a blob that it does not have yet, and gives it back, whatever happened. Their number is
    /// that of `blob`; their digest is for the sink to find out.
    ///
    /// # Errors
    ///
    /// If there is no such blob, if it is longer or shorter than it should be, if nobody who has it can be asked to the
    /// end, or if the sink fails. What the sink has then can be the begin of a next try.
    pub async fn fetch<S: Sink>(
        &self,
        repository: &Repository,
        blob: &Descriptor,
        sink: S,
    ) -> (S, Result<(), RegistryError>) {
        let mut feed = Feed::start(sink);
        let outcome = self.feed(repository, blob, &mut feed).await;
        let (sink, written) = feed.end().await;
        let outcome = match (written, outcome) {
            (Err(source), _) => Err(RegistryError::Sink { digest: blob.digest, source }),
            (Ok(()), Err(Ended::Failed(error))) => Err(error),
            (Ok(()), Ok(())) => Ok(()),
            (Ok(()), Err(Ended::Closed)) => unreachable!("invariant: only a sink that failed closes"),
        };
        (sink, outcome)
    }

    async fn feed<S: Sink>(&self, repository: &Repository, blob: &Descriptor, feed: &mut Feed<S>) -> Result<(), Ended> {
        if feed.have() > blob.size {
            feed.restart().await?;
        }
        if feed.have() == blob.size && is_right(feed).await?.is_ok() {
            return Ok(());
        }
        let mut outcome = None;
        for host in self.hosts(repository) {
            match self.fetch_from(&Fetch { host: &host, repository, blob }, feed).await {
                Err(Ended::Failed(error)) => outcome = Some(passed_over(&host, error)),
                ended => return ended,
            }
        }
        Err(Ended::Failed(outcome.expect("invariant: the registry itself is among the hosts")))
    }

    /// From one host; a second time if bytes that came from elsewhere, or were there before, may be what is wrong.
    async fn fetch_from<S: Sink>(&self, fetch: &Fetch<'_>, feed: &mut Feed<S>) -> Result<(), Ended> {
        let is_mixed = feed.have() > 0;
        match self.fetch_at(fetch, feed).await {
            Err(Ended::Failed(RegistryError::Digest { .. })) if is_mixed => self.fetch_at(fetch, feed).await,
            ended => ended,
        }
    }

    /// From one host, as often as it is allowed to be cut.
    async fn fetch_at<S: Sink>(&self, fetch: &Fetch<'_>, feed: &mut Feed<S>) -> Result<(), Ended> {
        let mut attempts = self.attempts(fetch.host);
        // The most that it had: what comes again is no progress.
        let mut most = feed.have();
        while feed.have() < fetch.blob.size {
            match self.fetch_once(fetch, feed).await {
                Ok(()) => {}
                Err(Ended::Closed) => return Err(Ended::Closed),
                Err(Ended::Failed(error)) => {
                    if feed.have().saturating_sub(most) >= PROGRESS_LEN {
                        most = feed.have();
                        attempts.begin_anew();
                    }
                    attempts.again(error).await?;
                }
            }
        }
        let (host, expected) = (fetch.host.name.clone(), fetch.blob.digest);
        is_right(feed).await?.map_err(|found| RegistryError::Digest { host, expected, found }.into())
    }

    async fn fetch_once<S: Sink>(&self, fetch: &Fetch<'_>, feed: &mut Feed<S>) -> Result<(), Ended> {
        let access = Access::new(fetch.host, fetch.repository, Action::Pull);
        let digest = fetch.blob.digest.to_string();
        let question = Question::new(fetch.host, &access, Method::GET, format!("blobs/{digest}")).about(&digest);
        let from = feed.have();
        let question = match from {
            0 => question,
            _ => question.header(RANGE, range(from)),
        };
        let response = match self.begin(&question).await {
            // There is nothing there where we want to go on: what we have is of something else.
            Err(RegistryError::Server { status: 416, host, .. }) => {
                feed.restart().await?;
                let reason = "it has nothing where its blob should go on";
                return Err(RegistryError::Cut { host, source: Some(reason.into()) }.into());
            }
            begun => begun?,
        };
        if fetch.starts_at(&response, from)? != from {
            feed.restart().await?;
        }
        self.pour(fetch, response, feed).await
    }

    async fn pour<S: Sink>(&self, fetch: &Fetch<'_>, response: Response, feed: &mut Feed<S>) -> Result<(), Ended> {
        let host = authority(response.url());
        let mut pieces = self.transport.pieces(response);
        while let Some(piece) = pieces.next().await? {
            let found = feed.have() + piece.len() as u64;
            if found > fetch.blob.size {
                return Err(fetch.length(&host, found).into());
            }
            feed.take(piece).await?;
        }
        match feed.have() == fetch.blob.size {
            true => Ok(()),
            false => Err(RegistryError::Cut { host, source: None }.into()),
        }
    }

    /// Whether the registry has a blob.
    ///
    /// # Errors
    ///
    /// If it cannot be asked.
    pub async fn has_blob(&self, repository: &Repository, digest: Digest) -> Result<bool, RegistryError> {
        let host = Host::registry(&repository.registry);
        // Whoever asks is about to push, and what is shown for the one is shown for the other.
        let access = Access::new(&host, repository, Action::Push);
        let digest = digest.to_string();
        let question = Question::new(&host, &access, Method::HEAD, format!("blobs/{digest}")).about(&digest);
        match self.ask(&question, "a blob", 0).await {
            Ok(_) => Ok(true),
            Err(RegistryError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Fetch<'_> {
    /// At which of its bytes the answer to a question for those `from` one on begins.
    fn starts_at(&self, response: &Response, from: u64) -> Result<u64, RegistryError> {
        let host = authority(response.url());
        let (start, whole) = match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let reason = "it sends another part than it was asked for";
                let (start, whole) = content_range(response.headers()).unwrap_or_default();
                if start != from || from == 0 {
                    return Err(RegistryError::Protocol { host, reason });
                }
                (start, whole)
            }
            // It does not do parts.
            _ => (0, content_length(response.headers())),
        };
        match whole {
            Some(whole) if whole != self.blob.size => Err(self.length(&host, whole)),
            _ => Ok(start),
        }
    }

    fn length(&self, host: &str, found: u64) -> RegistryError {
        let (digest, expected) = (self.blob.digest, self.blob.size);
        RegistryError::Length { host: host.into(), digest, expected, found }
    }
}

/// Whether what the sink has is right, now that it has everything. It is emptied if not.
async fn is_right<S: Sink>(feed: &mut Feed<S>) -> Result<Result<(), Digest>, Closed> {
    let checked = feed.check().await?;
    if checked.is_err() {
        feed.restart().await?;
    }
    Ok(checked)
}

fn range(from: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("bytes={from}-")).expect("invariant: digits are a header value")
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The first byte of a part, and how many the whole has: `bytes 7-9/10` or `bytes 7-9/*` (RFC 9110, section 14.4).
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    let (part, whole) = text.split_once('/')?;
    let (start, _) = part.split_once('-')?;
    let whole = if whole == "*" { None } else { Some(whole.parse().ok()?) };
    Some((start.parse().ok()?, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let read =
            |text: &str| content_range(&[(CONTENT_RANGE, text.parse().expect("a header"))].into_iter().collect());
        assert_eq!(read("bytes 7-9/10"), Some((7, Some(10))));
        assert_eq!(read("bytes 7-9/*"), Some((7, None)));
        for odd in
            ["bytes */10", "bytes 7-9", "7-9/10", "bytes -9/10", "bytes 7-9/ten", "bytes 99999999999999999999-/1"]
        {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
