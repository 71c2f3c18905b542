//! What a request shows so that it is granted: tokens and passwords, kept for as long as they are good.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderValue;
use tokio::time::Instant;
use wattle_spec::reference::Repository;

use super::error::Action;

/// How long a token is good where nobody says (the token specification of the Docker registry).
const USUAL: Duration = Duration::from_secs(60);
/// No token is used for longer than this.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// The most that are kept.
const KEPT: usize = 1024;

/// What somebody wants to be let do.
#[derive(Debug, Clone)]
pub(super) struct Access {
    /// The repository as people wrote it.
    pub(super) repository: Repository,
    /// Its path there.
    pub(super) path: String,
    pub(super) action: Action,
    /// The path of a repository that is read for it.
    pub(super) from: Option<String>,
}

/// What requests showed when they were granted: by the authority that was asked, and what for.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<(String, String), Shown>>);

struct Shown {
    header: HeaderValue,
    until: Option<Instant>,
}

impl Access {
    /// The scopes of a token for it.
    pub(super) fn scopes(&self) -> Vec<String> {
        let actions = match self.action {
            Action::Pull => "pull",
            Action::Push => "pull,push",
            Action::Delete => "pull,delete",
            // Who one is is found out for nothing in particular.
            Action::LogIn => return Vec::new(),
        };
        let from = self.from.iter().map(|from| format!("repository:{from}:pull"));
        [format!("repository:{}:{actions}", self.path)].into_iter().chain(from).collect()
    }
}

impl Known {
    /// What was good at `authority` for this.
    pub(super) fn find(&self, authority: &str, access: &Access, now: Instant) -> Option<HeaderValue> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let find = |what: String| known.get(&(authority.to_owned(), what));
        let shown = find(access.scopes().join(" ")).or_else(|| find(access.path.clone()))?;
        let is_good = shown.until.is_none_or(|until| now < until);
        is_good.then(|| shown.header.clone())
    }

    /// Keeps a password, which is good for everything in the repository at `path` of `authority`. For another one there
    /// may be another.
    pub(super) fn keep_password(&self, authority: &str, path: &str, header: HeaderValue) {
        self.keep(authority, path.to_owned(), Shown { header, until: None });
    }

    /// Keeps a token that is good until then.
    pub(super) fn keep_token(&self, authority: &str, scopes: &[String], header: HeaderValue, until: Instant) {
        self.keep(authority, scopes.join(" "), Shown { header, until: Some(until) });
    }

    fn keep(&self, authority: &str, scopes: String, shown: Shown) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            let now = Instant::now();
            known.retain(|_, shown| shown.until.is_none_or(|until| now < until));
        }
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert((authority.to_owned(), scopes), shown);
    }

    /// Forgets what `authority` does not take any more.
    pub(super) fn forget(&self, authority: &str, access: &Access) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for what in [access.scopes().join(" "), access.path.clone()] {
            known.remove(&(authority.to_owned(), what));
        }
    }
}

/// How long a token is used that its authority says is good for `seconds`: a little less, so that it is still good when
/// it arrives.
pub(super) fn lifetime(seconds: Option<f64>) -> Duration {
    let told = seconds.filter(|seconds| *seconds >= 0.0).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    told.unwrap_or(USUAL).min(LONGEST).mul_f64(0.9)
}

/// A header field that no log shows, or `None` if it cannot be one.
pub(super) fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_kept_while_it_is_good() {
        let (known, now) = (Known::default(), Instant::now());
        let access = |path: &str, action| Access {
            repository: Repository { registry: "a".into(), path: path.into() },
            path: path.into(),
            action,
            from: None,
        };
        let (pull, push) = (access("x", Action::Pull), access("x", Action::Push));
        let token = || secret_header("Bearer secret").expect("a header");
        known.keep_token("a", &pull.scopes(), token(), now + Duration::from_secs(60));
        let found = |authority: &str, access: &Access, now| known.find(authority, access, now).is_some();
        assert!(found("a", &pull, now));
        assert!(!found("b", &pull, now));
        assert!(!found("a", &push, now));
        assert!(!found("a", &pull, now + Duration::from_secs(60)));
        known.keep_password("b", "x", secret_header("Basic secret").expect("a header"));
        assert!(found("b", &pull, now + Duration::from_secs(3600)) && found("b", &push, now));
        assert!(!found("b", &access("y", Action::Pull), now));
        known.forget("b", &pull);
        assert!(!found("b", &pull, now));
        for n in 0..3000 {
            known.keep_token("a", &[n.to_string()], token(), now + LONGEST);
        }
        assert!(known.0.lock().expect("nobody panics").len() <= KEPT);
        assert!(!format!("{known:?} {:?}", token()).contains("secret"));
    }

    #[test]
    fn lifetimes() {
        let seconds = |told| lifetime(told).as_secs();
        assert_eq!(seconds(None), 54);
        assert_eq!(seconds(Some(300.0)), 270);
        assert_eq!(seconds(Some(0.0)), 0);
        for odd in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(seconds(Some(odd)), 54, "{odd}");
        }
        assert_eq!(seconds(Some(1e12)), 77_760);
    }
}
