//! Saying who we are: to real registries, and to authorities on their bad days.

use std::sync::Arc;

use wattle_artifact::credentials::{Credential, FileCredentials, Places};
use wattle_artifact::registry::{Content, Mounted, Registries, RegistryError};
use wattle_spec::digest::Digest;
use wattle_testkit::registry::{PASSWORD, USER};
use wattle_testkit::{FakeRegistry, Registry, Reply, TokenAuthority};

use crate::registry_setup::{Memory, Wallet, blob, client, repository, tag, told};

async fn upload(client: &Registries, authority: &str) -> Result<(), RegistryError> {
    client.upload(&repository(authority, "a/b"), &blob(b"x"), &Content::from(b"x".to_vec()), None).await
}

#[tokio::test]
async fn a_password() {
    let Some(registry) = Registry::builder().with_password().start() else { return };
    let authority = registry.authority();
    let with = |user: &str, password: &str| {
        let wallet = Wallet::password(&authority, user, password);
        client(|settings| settings.credentials = wallet)
    };
    for client in [client(|_| {}), with(USER, "wrong"), with("nobody", PASSWORD)] {
        let error = upload(&client, &authority).await.unwrap_err();
        assert_eq!(told(&error), format!("{authority} asks who wants to push to a/b"));
        assert_eq!(error.hint(), Some(format!("wattle login {authority}")));
    }
    let client = with(USER, PASSWORD);
    upload(&client, &authority).await.unwrap();
    let (sink, outcome) = client.fetch(&repository(&authority, "a/b"), &blob(b"x"), Memory::default()).await;
    outcome.unwrap();
    assert_eq!(sink.bytes, b"x");
}

/// Of what was kept and is not believed it is told where it is.
#[tokio::test]
async fn what_was_kept_is_refused() {
    let Some(registry) = Registry::builder().with_password().start() else { return };
    let authority = registry.authority();
    let home = tempfile::TempDir::new().unwrap();
    let config = home.path().join("config.json");
    let told_with = async |text: String| {
        std::fs::write(&config, text).unwrap();
        let places = Places::of(|name| (name == "DOCKER_CONFIG").then(|| home.path().into()));
        let client = client(|settings| settings.credentials = Arc::new(FileCredentials::new(places)));
        let error = upload(&client, &authority).await.unwrap_err();
        let shown = |text: String| text.replace(&config.display().to_string(), "FILE").replace(&authority, "HOST");
        (shown(told(&error)), shown(error.hint().unwrap()))
    };
    let shown = |told: &str, hint: &str| (told.to_owned(), hint.to_owned());
    let again = "log in again: wattle login HOST";
    let refused = "HOST refuses what FILE has for it, and asks who wants to push to a/b";
    let wrong = format!(r#"{{"auths":{{"{authority}":{{"auth":"dXNlcjpwYXNz"}}}}}}"#);
    assert_eq!(told_with(wrong).await, shown(refused, again));
    let part = format!(r#"{{"auths":{{"{authority}/a":{{"auth":"dXNlcjpwYXNz"}}}}}}"#);
    assert_eq!(told_with(part).await, shown(refused, again));
    let token = format!(r#"{{"auths":{{"{authority}":{{"identitytoken":"abc"}}}}}}"#);
    assert_eq!(told_with(token).await, shown(refused, again));
    let lacking = "HOST asks who wants to push to a/b; docker-credential-nobody, which FILE names as a helper, is not \
                   installed";
    let hint = "install docker-credential-nobody, or take it out of `credsStore` in FILE and log in: wattle login HOST";
    assert_eq!(told_with(r#"{"credsStore":"nobody"}"#.into()).await, shown(lacking, hint));
    let own = format!(r#"{{"credHelpers":{{"{authority}":"nobody"}}}}"#);
    let (lacking, hint) = told_with(own).await;
    assert!(lacking.ends_with("docker-credential-nobody, which FILE names as a helper, is not installed"), "{lacking}");
    assert!(hint.starts_with("install docker-credential-nobody, or take it out of"), "{hint}");
    // Another repository has its own.
    let both = format!(r#"{{"auths":{{"{authority}":{{"auth":"dXNlcjpwYXNz"}},"{authority}/c":{{"auth":"AUTH"}}}}}}"#);
    let right = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{USER}:{PASSWORD}"));
    std::fs::write(&config, both.replace("AUTH", &right)).unwrap();
    let places = Places::of(|name| (name == "DOCKER_CONFIG").then(|| home.path().into()));
    let client = client(|settings| settings.credentials = Arc::new(FileCredentials::new(places)));
    let push = async |path| {
        let content = Content::from(b"x".to_vec());
        client.upload(&repository(&authority, path), &blob(b"x"), &content, None).await
    };
    push("c/d").await.unwrap();
    assert!(matches!(push("a/b").await, Err(RegistryError::Unauthorized { origin: Some(_), .. })));
    push("c/d").await.unwrap();
}

/// A token for each thing that is to be done, made of a password; who has none may read.
#[tokio::test]
async fn tokens() {
    let tokens = TokenAuthority::start();
    let Some(registry) = tokens.registry().start() else { return };
    let authority = registry.authority();
    let wallet = Wallet::password(&authority, USER, PASSWORD);
    let known = client(|settings| settings.credentials = wallet);
    upload(&known, &authority).await.unwrap();
    upload(&known, &authority).await.unwrap();
    assert_eq!(tokens.requests().len(), 1, "{:?}", tokens.requests());
    assert!(tokens.requests()[0].contains("scope=repository%3Aa%2Fb%3Apull%2Cpush"), "{:?}", tokens.requests());
    let (one, two) = (repository(&authority, "a/b"), repository(&authority, "a/two"));
    assert!(matches!(known.mount(&two, Digest::of(b"x"), &one).await.unwrap(), Mounted::Yes));

    let anybody = client(|_| {});
    assert!(matches!(upload(&anybody, &authority).await, Err(RegistryError::Unauthorized { .. })));
    let (_, outcome) = anybody.fetch(&one, &blob(b"x"), Memory::default()).await;
    outcome.unwrap();
    let wallet = Wallet::password(&authority, USER, "wrong");
    let wrong = client(|settings| settings.credentials = wallet);
    let error = upload(&wrong, &authority).await.unwrap_err();
    assert_eq!(told(&error), format!("{authority} asks who wants to push to a/b"));
}

/// A registry that wants the token `good` of this authority.
fn guarded(realm: String) -> FakeRegistry {
    FakeRegistry::start(move |request, _| match request.header("authorization") {
        Some("Bearer good") => Reply::new("200 OK", "", "{}"),
        _ => {
            let bearer =
                format!("Bearer realm=\"{realm}\",service=\"a service\",scope=\"repository:a/b:pull other:x:*\"");
            Reply::new("401 Who", &format!("www-authenticate: Basic realm=\"x\"\r\nwww-authenticate: {bearer}\r\n"), "")
        }
    })
}

fn realm(tokens: &FakeRegistry) -> String {
    format!("http://{}/token?fixed=1", tokens.authority())
}

async fn pull(client: &Registries, registry: &FakeRegistry) -> Result<(), RegistryError> {
    client.manifest(&repository(&registry.authority(), "a/b"), &tag("x")).await.map(|_| ())
}

/// What pulling ends with where the authority answers so, and how often it was asked.
async fn check(reply: impl Fn(usize) -> Reply + Send + Sync + 'static, password: Option<&str>) -> (String, usize) {
    let tokens = FakeRegistry::start(move |_, number| reply(number));
    let registry = guarded(realm(&tokens));
    let client = client(|settings| {
        if let Some(password) = password {
            settings.credentials = Wallet::password(&registry.authority(), "somebody", password);
        }
    });
    let outcome = match pull(&client, &registry).await {
        Ok(()) => "pulled".to_owned(),
        Err(error) => told(&error).replace(&registry.authority(), "REGISTRY").replace(&tokens.authority(), "TOKENS"),
    };
    (outcome, tokens.requests().len())
}

#[tokio::test]
async fn an_authority_is_asked_for_what_is_needed() {
    let tokens = FakeRegistry::start(|_, _| Reply::new("200 OK", "", r#"{"access_token":"good","expires_in":300}"#));
    let registry = guarded(realm(&tokens));
    let wallet = Wallet::password(&registry.authority(), "somebody", "secret");
    let client = client(|settings| settings.credentials = wallet);
    for _ in 0..3 {
        pull(&client, &registry).await.unwrap();
    }
    let asked = "GET /token?fixed=1&service=a+service&scope=repository%3Aa%2Fb%3Apull&scope=other%3Ax%3A*";
    assert_eq!(tokens.requests(), [asked]);
    assert!(tokens.heads()[0].contains("authorization: Basic c29tZWJvZHk6c2VjcmV0"), "{:?}", tokens.heads());
    // 401, and then with the token.
    assert_eq!(registry.requests().len(), 4);
}

#[tokio::test]
async fn authorities_that_refuse_and_fail() {
    let always = |status: &'static str, body: &'static str| move |_| Reply::new(status, "", body);
    let told = |text: &str, asked| (text.to_owned(), asked);
    let who = "REGISTRY asks who wants to pull from a/b";
    assert_eq!(check(always("401 No", ""), Some("secret")).await, told(who, 1));
    assert_eq!(check(always("401 No", ""), None).await, told(who, 1));
    assert_eq!(check(always("403 No", ""), None).await, told(who, 1));
    let denied = "REGISTRY does not let us pull from a/b: it does not say why";
    assert_eq!(check(always("403 No", ""), Some("secret")).await, told(denied, 1));
    assert_eq!(check(always("404 No", ""), None).await, told("TOKENS answers 404: it does not say why", 1));
    assert_eq!(check(always("500 Oh", ""), None).await, told("TOKENS answers 500: it does not say why", 3));
    let good = r#"{"token":"good"}"#;
    let later = move |number| if number < 3 { Reply::new("503 Oh", "", "") } else { Reply::new("200 OK", "", good) };
    assert_eq!(check(later, None).await, told("pulled", 3));
    assert_eq!(check(always("200 OK", r#"{"token":"bad"}"#), None).await, told(who, 1));
    let sense = |reason: &str| told(&format!("TOKENS answers what makes no sense: {reason}"), 1);
    assert_eq!(check(always("200 OK", "<html>"), None).await, sense("its token is in no JSON that we know"));
    assert_eq!(check(always("200 OK", "{}"), None).await, sense("there is no token in its answer"));
    assert_eq!(check(always("200 OK", r#"{"token":"a\nb"}"#), None).await, sense("its token cannot be sent back"));
    let huge = |_| Reply::new("200 OK", "", format!(r#"{{"token":"{}"}}"#, "x".repeat(1 << 20)));
    assert_eq!(check(huge, None).await, told("TOKENS sent a token of more than 262144 bytes", 1));
    let moved = |_| Reply::new("302 Elsewhere", "location: /other\r\n", "");
    assert_eq!(check(moved, None).await, told("TOKENS answers 302: it does not say why", 1));
}

/// A registry is not let send us anywhere with what we have for it.
#[tokio::test]
async fn realms_that_nobody_goes_to() {
    let outcome = async |realm: &str| {
        let registry = guarded(realm.into());
        let wallet = Wallet::password(&registry.authority(), "somebody", "secret");
        let client = client(|settings| settings.credentials = wallet);
        let error = pull(&client, &registry).await.unwrap_err();
        told(&error).replace(&registry.authority(), "REGISTRY")
    };
    let nowhere = |reason: &str| format!("REGISTRY sends us to where we do not go: {reason}");
    let plain = "plain http to auth.example, which is not allowed for it";
    assert_eq!(outcome("http://auth.example/token").await, nowhere(plain));
    let metadata = "169.254.169.254 is a link-local or a metadata address";
    assert_eq!(outcome("http://169.254.169.254/token").await, nowhere(metadata));
    let challenge = "REGISTRY asks who we are in a way that cannot be answered: its realm is no URL";
    assert_eq!(outcome("token").await, challenge);
    let unknown = FakeRegistry::start(|_, _| Reply::new("401 Who", "www-authenticate: Negotiate\r\n", ""));
    let error = told(&pull(&client(|_| {}), &unknown).await.unwrap_err());
    assert!(error.ends_with("there is no challenge that we know"), "{error}");
}

#[tokio::test]
async fn an_identity_token_is_changed_into_one_to_ask_with() {
    let tokens = FakeRegistry::start(|request, _| {
        let body = String::from_utf8_lossy(&request.body);
        let form = "grant_type=refresh_token&client_id=wattle&refresh_token=an+identity%2F&\
                    scope=repository%3Aa%2Fb%3Apull+other%3Ax%3A*&service=a+service";
        match request.head.starts_with("POST /token?fixed=1 ") && body == form {
            true => Reply::new("200 OK", "", r#"{"access_token":"good"}"#),
            false => Reply::new("400 Bad", "", r#"{"error":"invalid_grant"}"#),
        }
    });
    let registry = guarded(realm(&tokens));
    let with = |token: &str| {
        let credential = Credential::IdentityToken(token.to_owned().into());
        client(|settings| settings.credentials = Arc::new(Wallet([(registry.authority(), credential)].into())))
    };
    pull(&with("an identity/"), &registry).await.unwrap();
    assert!(tokens.heads()[0].contains("application/x-www-form-urlencoded"));
    assert!(matches!(pull(&with("an old one"), &registry).await, Err(RegistryError::Unauthorized { .. })));
}

/// A token that the registry has forgotten is replaced, once.
#[tokio::test]
async fn a_token_that_is_not_taken_any_more() {
    let tokens = FakeRegistry::start(|_, number| Reply::new("200 OK", "", format!(r#"{{"token":"t{number}"}}"#)));
    let realm = realm(&tokens);
    let registry = FakeRegistry::start(move |request, number| {
        let good = if number < 4 { "Bearer t1" } else { "Bearer t2" };
        match request.header("authorization") == Some(good) {
            true => Reply::new("200 OK", "", "{}"),
            false => Reply::new("401 Who", &format!("www-authenticate: Bearer realm=\"{realm}\"\r\n"), ""),
        }
    });
    let client = client(|_| {});
    for _ in 0..3 {
        pull(&client, &registry).await.unwrap();
    }
    assert_eq!(tokens.requests().len(), 2);
    assert_eq!(registry.requests().len(), 5);
}

#[tokio::test]
async fn a_mount_asks_for_both() {
    let tokens = FakeRegistry::start(|_, _| Reply::new("200 OK", "", r#"{"token":"good"}"#));
    let registry = guarded(realm(&tokens));
    let repository = |path| repository(&registry.authority(), path);
    let outcome = client(|_| {}).mount(&repository("a/b"), Digest::of(b"x"), &repository("a/from")).await;
    // It answers 200, which is no answer to a mount, without a place to upload to.
    assert!(matches!(outcome, Err(RegistryError::Redirect { .. })), "{outcome:?}");
    let scopes = "scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=repository%3Aa%2Ffrom%3Apull&scope=other";
    assert!(tokens.requests()[0].contains(scopes), "{:?}", tokens.requests());
}

/// Neither what is printed of a client nor of what went wrong tells a secret.
#[tokio::test]
async fn secrets_are_not_told() {
    let tokens = FakeRegistry::start(|_, _| Reply::new("200 OK", "", r#"{"token":"hush1"}"#));
    let registry = guarded(realm(&tokens));
    let wallet = Wallet::password(&registry.authority(), "somebody", "hush2");
    let client = client(|settings| settings.credentials = wallet);
    let error = pull(&client, &registry).await.unwrap_err();
    let printed = format!("{client:?} {error:?} {error} {:?}", error.hint());
    assert!(!printed.contains("hush"), "{printed}");
}
