//! Lists that come in pages, each of which names the next one in a `Link` field (RFC 8288).

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LINK};

use super::Registries;
use super::error::{Refusal, RegistryError};
use super::exchange::{At, Question};
use super::host::{Host, authority, is_same};
use super::token::Access;
use crate::format::manifest::MANIFEST_MAX_LEN;

/// The most pages of a list.
const PAGES: usize = 1000;
/// The most entries of a list.
pub(super) const ENTRIES: usize = 100_000;

/// A list.
pub(super) struct List<'a> {
    pub(super) host: &'a Host,
    pub(super) access: &'a Access,
    /// Where the first page is.
    pub(super) path: String,
    /// What the entries are.
    pub(super) what: &'static str,
    pub(super) accept: Option<&'static str>,
}

impl List<'_> {
    pub(super) fn endless(&self) -> RegistryError {
        RegistryError::Endless { host: self.host.name.clone(), what: self.what }
    }
}

impl Registries {
    /// Gives each page to `read`, which gives the number of its entries.
    pub(super) async fn pages(
        &self,
        list: &List<'_>,
        mut read: impl FnMut(&Bytes) -> Result<usize, RegistryError>,
    ) -> Result<(), RegistryError> {
        let mut question = Question::new(list.host, list.access, Method::GET, list.path.clone()).about(list.what);
        question.headers.extend(list.accept.map(|accept| (ACCEPT, HeaderValue::from_static(accept))));
        let mut entries = 0;
        for _ in 0..PAGES {
            let answer = self.ask(&question, "a list", MANIFEST_MAX_LEN).await?;
            entries += read(&answer.body)?;
            if entries > ENTRIES {
                return Err(list.endless());
            }
            let Some(next) = next(&answer.headers) else { return Ok(()) };
            let refused = |reason| RegistryError::Redirect { host: list.host.name.clone(), reason };
            let url = answer.url.join(&next).map_err(|_| refused(Refusal::NoUrl))?;
            if !is_same(&url, &answer.url) {
                return Err(refused(Refusal::OtherHost(authority(&url))));
            }
            if url == answer.url {
                return Err(list.endless());
            }
            question.at = At::Url(url);
        }
        Err(list.endless())
    }
}

/// The target of the link to the next page: `</v2/x/tags/list?n=1&last=b>; rel="next"`.
fn next(headers: &HeaderMap) -> Option<String> {
    let fields = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let mut links = fields.flat_map(|field| field.split(", <")).map(|link| link.trim_start_matches('<'));
    links.find_map(|link| {
        let (target, parameters) = link.split_once('>')?;
        let mut parameters = parameters.split([';', ',']).map(|parameter| parameter.trim().replace('"', ""));
        parameters.any(|parameter| parameter.eq_ignore_ascii_case("rel=next")).then(|| target.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links() {
        let read =
            |fields: &[&str]| next(&fields.iter().map(|field| (LINK, field.parse().expect("a header"))).collect());
        assert_eq!(
            read(&[r#"</v2/x/tags/list?n=1&last=b>; rel="next""#]).as_deref(),
            Some("/v2/x/tags/list?n=1&last=b")
        );
        assert_eq!(read(&["<a>; rel=prev, <b>;title=\"x\";rel=next"]).as_deref(), Some("b"));
        assert_eq!(read(&["<a>; rel=prev", "<b,c>; REL=\"next\""]).as_deref(), Some("b,c"));
        assert_eq!(read(&["<a>; rel=prev"]), None);
        assert_eq!(read(&["nonsense", "<no end"]), None);
        assert_eq!(read(&[]), None);
    }
}
