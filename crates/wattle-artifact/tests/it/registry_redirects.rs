//! Where a registry may send its clients, and what they say there.

use wattle_testkit::tls::Authority;
use wattle_testkit::{FakeRegistry, Reply};

use crate::registry_setup::{Memory, Wallet, blob, client, repository, tag, told};

const SEEN: &str = r#"www-authenticate: Basic realm="x""#;

fn to(location: &str) -> Reply {
    Reply::new("307 Elsewhere", &format!("location: {location}\r\n"), "")
}

/// What a redirect to `location` ends with.
async fn check(location: &'static str) -> String {
    let registry = FakeRegistry::start(move |_, _| to(location));
    let outcome = client(|_| {}).manifest(&repository(&registry.authority(), "a/b"), &tag("x")).await;
    let error = told(&outcome.unwrap_err()).replace(&registry.authority(), "HOST");
    let times = registry.requests().len();
    format!("{times}: {}", error.trim_start_matches("HOST sends us to where we do not go: "))
}

#[tokio::test]
async fn places_that_nobody_goes_to() {
    assert_eq!(check("/again").await, "11: more than 10 redirects");
    assert_eq!(check("").await, "11: more than 10 redirects");
    assert_eq!(check("http://").await, "1: that is no address of a server");
    assert_eq!(check("file:///etc/passwd").await, "1: that is no address of a server");
    assert_eq!(check("//me:secret@localhost/").await, "1: that is no address of a server");
    let metadata = "is a link-local or a metadata address";
    assert_eq!(check("http://169.254.169.254/latest").await, format!("1: 169.254.169.254 {metadata}"));
    assert_eq!(check("https://[fd00:ec2::254]/").await, format!("1: [fd00:ec2::254] {metadata}"));
    let plain = "1: plain http to storage.example, which is not allowed for it";
    assert_eq!(check("http://storage.example/x?signature=secret").await, plain);
}

#[tokio::test]
async fn never_from_tls_to_plain_text() {
    let authority = Authority::new();
    let storage = FakeRegistry::start(|_, _| Reply::new("200 OK", "", "{}"));
    let location = format!("http://{}/x", storage.authority());
    let registry = FakeRegistry::start_tls(&authority.pair(&["127.0.0.1"]), move |_, _| to(&location));
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root.pem");
    std::fs::write(&root, authority.root_pem()).unwrap();
    let client = client(|settings| settings.certificates.push(root));
    let error = client.manifest(&repository(&registry.authority(), "a/b"), &tag("x")).await.unwrap_err();
    let (host, to) = (registry.authority(), storage.authority());
    assert_eq!(told(&error), format!("{host} sends us to where we do not go: from https to plain http on {to}"));
    assert_eq!(storage.requests().len(), 0);
}

/// A registry keeps its blobs elsewhere: nobody says there who they are, but the part that is wanted is said.
#[tokio::test]
async fn storage_elsewhere_is_shown_nothing() {
    let storage = FakeRegistry::start(|_, number| match number {
        1 => Reply::lying("200 OK", "", 10, "12345"),
        _ => Reply::new("206 Part", "content-range: bytes 5-9/10\r\n", "67890"),
    });
    let location = format!("http://{}/bucket?signature=a%2Bb", storage.authority());
    let registry = FakeRegistry::start(move |request, _| match request.header("authorization") {
        Some(_) => to(&location),
        None => Reply::new("401 Who", &format!("{SEEN}\r\n"), ""),
    });
    let wallet = Wallet::password(&registry.authority(), "somebody", "secret");
    let client = client(|settings| settings.credentials = wallet);
    let repository = repository(&registry.authority(), "a/b");
    let (sink, outcome) = client.fetch(&repository, &blob(b"1234567890"), Memory::default()).await;
    outcome.unwrap();
    assert_eq!(sink.bytes, b"1234567890");
    assert_eq!(storage.requests(), ["GET /bucket?signature=a%2Bb"; 2]);
    assert!(storage.heads().iter().all(|head| !head.to_ascii_lowercase().contains("authorization")));
    assert!(storage.heads()[1].contains("range: bytes=5-"));
    // 401, then twice with the password.
    assert_eq!(registry.requests().len(), 3);
}

/// What storage answers is not what the registry says of us, and its address is often a secret.
#[tokio::test]
async fn storage_that_refuses() {
    let storage = FakeRegistry::start(|_, _| Reply::new("403 No", "", "<Error><Code>AccessDenied</Code></Error>"));
    let location = format!("http://{}/bucket?signature=secret", storage.authority());
    let registry = FakeRegistry::start(move |_, _| to(&location));
    let repository = repository(&registry.authority(), "a/b");
    let (_, outcome) = client(|_| {}).fetch(&repository, &blob(b"1234567890"), Memory::default()).await;
    let error = outcome.unwrap_err();
    assert_eq!(told(&error), format!("{} answers 403: it does not say why", storage.authority()));
    let gone = "http://127.0.0.1:1/bucket?signature=secret";
    let registry = FakeRegistry::start(move |_, _| to(gone));
    let outcome =
        client(|_| {}).manifest(&crate::registry_setup::repository(&registry.authority(), "a/b"), &tag("x")).await;
    let error = outcome.unwrap_err();
    assert!(!told(&error).contains("secret") && !format!("{error:?}").contains("secret"), "{error:?}");
}

/// A request that writes is not repeated elsewhere.
#[tokio::test]
async fn writing_is_not_sent_on() {
    let registry = FakeRegistry::start(|_, _| to("/elsewhere"));
    let repository = repository(&registry.authority(), "a/b");
    let outcome = client(|_| {}).put_manifest(&repository, &tag("x"), "text/plain", "{}".into()).await;
    assert!(told(&outcome.unwrap_err()).ends_with("a request that writes is not repeated elsewhere"));
    assert_eq!(registry.requests(), ["PUT /v2/a/b/manifests/x"]);
}
