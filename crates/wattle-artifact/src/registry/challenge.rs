//! How a registry asks who we are: the challenges of its `WWW-Authenticate` fields (RFC 9110, section 11.6.1).

use http_auth::{ChallengeParser, ChallengeRef};
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// What is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password.
    Basic,
    /// A token of an authority.
    Bearer {
        /// Where the authority is.
        realm: String,
        /// What it knows the registry by.
        service: Option<String>,
        /// What the token is to be for, as far as the registry says.
        scope: Vec<String>,
    },
}

/// The challenge that is answered: a token, if the registry takes one.
///
/// # Errors
///
/// What is wrong with all of them.
pub(super) fn choose(headers: &HeaderMap) -> Result<Challenge, &'static str> {
    let fields = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let mut chosen = Err("there is no challenge that we know");
    for field in fields {
        // What comes after a syntax error is lost, what came before counts.
        for challenge in ChallengeParser::new(field).map_while(Result::ok) {
            match read(&challenge) {
                Some(Ok(bearer @ Challenge::Bearer { .. })) => return Ok(bearer),
                Some(Ok(basic)) => chosen = Ok(basic),
                Some(Err(reason)) if chosen.is_err() => chosen = Err(reason),
                _ => {}
            }
        }
    }
    chosen
}

fn read(challenge: &ChallengeRef<'_>) -> Option<Result<Challenge, &'static str>> {
    let parameter = |name: &str| {
        let mut values = challenge.params.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.to_unescaped())
    };
    if challenge.scheme.eq_ignore_ascii_case("basic") {
        return Some(Ok(Challenge::Basic));
    }
    if !challenge.scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let Some(realm) = parameter("realm") else { return Some(Err("it names no realm")) };
    let scope = parameter("scope").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
    Some(Ok(Challenge::Bearer { realm, service: parameter("service"), scope }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(fields: &[&str]) -> Result<Challenge, &'static str> {
        choose(&fields.iter().map(|field| (WWW_AUTHENTICATE, field.parse().expect("a header"))).collect())
    }

    fn bearer(realm: &str, service: Option<&str>, scope: &[&str]) -> Challenge {
        let scope = scope.iter().map(|scope| (*scope).to_owned()).collect();
        Challenge::Bearer { realm: realm.into(), service: service.map(Into::into), scope }
    }

    #[test]
    fn a_token_goes_before_a_password() {
        let docker = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push registry:catalog:*""#;
        let read = bearer(
            "https://auth.docker.io/token",
            Some("registry.docker.io"),
            &["repository:a/b:pull,push", "registry:catalog:*"],
        );
        assert_eq!(choice(&[docker]).as_ref(), Ok(&read));
        assert_eq!(choice(&["Basic realm=\"x\"", docker]).as_ref(), Ok(&read));
        assert_eq!(choice(&[r#"Basic realm="x, y", bearer REALM="https://a/""#]), Ok(bearer("https://a/", None, &[])));
        assert_eq!(choice(&["Negotiate", "basic realm=x"]), Ok(Challenge::Basic));
    }

    #[test]
    fn what_cannot_be_answered() {
        assert_eq!(choice(&[]), Err("there is no challenge that we know"));
        assert_eq!(choice(&["Digest realm=\"x\", nonce=\"y\""]), Err("there is no challenge that we know"));
        assert_eq!(choice(&["Bearer service=\"x\""]), Err("it names no realm"));
        assert_eq!(choice(&["Bearer service=\"x\"", "Basic realm=\"y\""]), Ok(Challenge::Basic));
        assert_eq!(choice(&["Basic realm=\"x\"", "Bearer realm=\"no end"]), Ok(Challenge::Basic));
    }
}
