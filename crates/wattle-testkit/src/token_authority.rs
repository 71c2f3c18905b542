//! Who makes the tokens that a registry wants to see: JSON web tokens, as the token specification of the Docker registry
//! has them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{KeyPair, SigningKey as _};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::fake_registry::{FakeRegistry, Reply};
use crate::registry::{PASSWORD, USER};
use crate::tls::{Authority, Pair};
use crate::upstream::Request;

const SERVICE: &str = "the registry of the tests";
const ISSUER: &str = "the authority of the tests";

/// An authority. Who shows the password of the testkit's registry may do what they like, everybody else may pull.
pub struct TokenAuthority {
    server: FakeRegistry,
    roots: String,
}

impl TokenAuthority {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let authority = Authority::new();
        let pair = authority.pair(&["tests"]);
        let server = FakeRegistry::start(move |request, _| answer(&pair, request));
        Self { server, roots: authority.root_pem() }
    }

    /// A registry that wants its tokens.
    pub fn registry(&self) -> crate::registry::RegistryBuilder {
        let realm = format!("http://{}/token", self.server.authority());
        crate::registry::Registry::builder().with_tokens(&realm, SERVICE, ISSUER, &self.roots)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.server.requests()
    }
}

fn answer(pair: &Pair, request: &Request) -> Reply {
    let password = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    let may_write = match request.header("authorization") {
        None => false,
        Some(shown) if shown == password => true,
        Some(_) => return Reply::new("401 No", "", ""),
    };
    let target = request.head.split(' ').nth(1).unwrap_or_default();
    let query = target.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let scopes = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "scope");
    let access: Vec<Value> = scopes.filter_map(|(_, scope)| granted(&scope, may_write)).collect();
    Reply::new("200 OK", "", json!({ "token": token(pair, &access), "expires_in": 300 }).to_string())
}

/// `repository:a/b:pull,push`, as far as it is granted.
fn granted(scope: &str, may_write: bool) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let actions: Vec<&str> = actions.split(',').filter(|action| may_write || *action == "pull").collect();
    Some(json!({ "type": kind, "name": name, "actions": actions }))
}

fn token(pair: &Pair, access: &[Value]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let header = json!({ "alg": "ES256", "typ": "JWT", "x5c": [STANDARD.encode(pair.der().0)] });
    let claims = json!({
        "iss": ISSUER, "sub": USER, "aud": SERVICE, "jti": "1", "access": access,
        "iat": now, "nbf": now - 60, "exp": now + 300,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let key = KeyPair::from_pem(&pair.key).expect("a key");
    let signature = fixed(&key.sign(signed.as_bytes()).expect("a signature"));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A signature as tokens have it, two numbers of 32 bytes (RFC 7518, section 3.4), of one in DER.
fn fixed(der: &[u8]) -> [u8; 64] {
    let mut fixed = [0; 64];
    let mut rest = &der[2..];
    for half in fixed.chunks_exact_mut(32) {
        let (number, after) = rest[2..].split_at(usize::from(rest[1]));
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        half[32 - number.len()..].copy_from_slice(number);
        rest = after;
    }
    fixed
}
