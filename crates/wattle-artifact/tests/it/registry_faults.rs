//! Registries on their bad days: what is tried again, what is not, and what is told.

use std::time::{Duration, Instant};

use wattle_artifact::format::manifest::{Descriptor, MANIFEST_MAX_LEN};
use wattle_artifact::registry::{Content, Registries, RegistryError};
use wattle_spec::digest::Digest;
use wattle_testkit::{FakeRegistry, Reply};

use crate::registry_setup::{Memory, at, blob, client, noise, repository, tag, told};

const MANIFEST: &str = r#"{"schemaVersion":2}"#;

/// What pulling the manifest `a/b:x` from this registry ends with.
async fn pulled(registry: &FakeRegistry) -> Result<bytes::Bytes, RegistryError> {
    let repository = repository(&registry.authority(), "a/b");
    client(|_| {}).manifest(&repository, &tag("x")).await.map(|manifest| manifest.bytes)
}

async fn fetched(client: &Registries, registry: &FakeRegistry, blob: &Descriptor) -> (Memory, Result<(), String>) {
    let repository = repository(&registry.authority(), "a/b");
    let (sink, outcome) = client.fetch(&repository, blob, Memory::default()).await;
    let authority = registry.authority();
    (sink, outcome.map_err(|error| told(&error).replace(&authority, "HOST").replace(&blob.digest.to_string(), "BLOB")))
}

/// `Ok`, or what is told, and how often it was asked.
async fn check(reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> (String, usize) {
    let registry = FakeRegistry::start(move |_, number| reply(number));
    let outcome = match pulled(&registry).await {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => told(&error).replace(&registry.authority(), "HOST"),
    };
    (outcome, registry.requests().len())
}

fn whole() -> Reply {
    Reply::new("200 OK", "content-type: application/json\r\n", MANIFEST)
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for status in ["429 Too Many", "500 Oh", "502 Oh", "503 Oh", "504 Oh"] {
        let reply = move |number| if number < 3 { Reply::new(status, "retry-after: 0\r\n", "") } else { whole() };
        assert_eq!(check(reply).await, (MANIFEST.into(), 3), "{status}");
    }
    let cut = |number| if number < 3 { Reply::lying("200 OK", "", 100, "{") } else { whole() };
    assert_eq!(check(cut).await, (MANIFEST.into(), 3));
    let nothing = |number| if number < 3 { Reply::Cut(Vec::new()) } else { whole() };
    assert_eq!(check(nothing).await.0, MANIFEST);
}

#[tokio::test]
async fn what_does_not_pass_is_told() {
    let always = |status: &'static str, body: &'static str| move |_| Reply::new(status, "", body);
    let envelope = r#"{"errors":[{"code":"X","message":"so it is"}]}"#;
    let told = |text: &str, asked| (text.to_owned(), asked);
    assert_eq!(check(always("500 Oh", envelope)).await, told("HOST answers 500: so it is (X)", 3));
    assert_eq!(check(always("418 Teapot", "<html>")).await, told("HOST answers 418: it does not say why", 1));
    assert_eq!(check(always("429 Slow", "")).await, told("HOST was asked too often", 3));
    let (denied, asked) = check(always("403 No", envelope)).await;
    assert_eq!((denied.as_str(), asked), ("HOST does not let us pull from a/b: so it is (X)", 1));
    assert_eq!(check(always("404 No", "")).await, told("there is no tag x in HOST/a/b", 1));
    let (cut, asked) = check(|_| Reply::lying("200 OK", "", 100, "{")).await;
    assert!(cut.starts_with("HOST did not answer to the end: ") && asked == 3, "{cut}");
    assert_eq!(
        check(always("304 Same", "")).await,
        told("HOST sends us to where we do not go: that is no address of a server", 1)
    );
}

#[tokio::test]
async fn a_registry_says_when_to_come_back() {
    let begun = Instant::now();
    let reply = |number| if number == 1 { Reply::new("429 Slow", "retry-after: 1\r\n", "") } else { whole() };
    assert_eq!(check(reply).await, (MANIFEST.into(), 2));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    // Nobody waits for an hour.
    let hour = |_| Reply::new("429 Slow", "retry-after: 3600\r\n", "");
    let expected = "HOST was asked too often, and wants to be left alone for 3600 s";
    assert_eq!(check(hour).await, (expected.into(), 1));
}

#[tokio::test]
async fn manifests_are_bounded_and_what_they_should_be() {
    let long = |_| Reply::new("200 OK", "", vec![b' '; MANIFEST_MAX_LEN + 1]);
    let expected = "HOST sent a manifest of more than 4194304 bytes";
    assert_eq!(check(long).await, (expected.into(), 1));
    // Also where no length is announced.
    let chunked = |_| {
        let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        bytes.extend(format!("{:x}\r\n{}\r\n", MANIFEST_MAX_LEN + 1, " ".repeat(MANIFEST_MAX_LEN + 1)).into_bytes());
        Reply::Cut(bytes)
    };
    assert_eq!(check(chunked).await, (expected.into(), 1));
    let other = Digest::of(b"other");
    let field = format!("docker-content-digest: {other}\r\n");
    let lies = move |_| Reply::new("200 OK", &field, MANIFEST);
    let found = Digest::of(MANIFEST.as_bytes());
    assert_eq!(check(lies).await, (format!("HOST sent {found} where {other} was asked for or promised"), 1));

    let registry = FakeRegistry::start(|_, _| whole());
    let repository = repository(&registry.authority(), "a/b");
    let error = client(|_| {}).manifest(&repository, &at(other)).await.unwrap_err();
    assert!(matches!(error, RegistryError::Digest { expected, .. } if expected == other), "{error}");
}

/// What distribution 2.8 says of right bytes while others send the same. It is not believed at once, nor for ever.
#[tokio::test]
async fn a_digest_that_is_not_believed_for_a_moment() {
    let invalid = r#"{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]}"#;
    let pushed = async |refused: usize| {
        let refused = [std::sync::atomic::AtomicUsize::new(refused), std::sync::atomic::AtomicUsize::new(refused)];
        let registry = FakeRegistry::start(move |request, number| {
            let is_blob = request.head.contains("/uploads/");
            let take = |left: usize| left.checked_sub(1);
            let left = &refused[usize::from(is_blob)];
            let order = std::sync::atomic::Ordering::SeqCst;
            match request.head.starts_with("PUT") {
                true if left.fetch_update(order, order, take).is_ok() => Reply::new("400 Bad", "", invalid),
                true => Reply::new("201 Made", "", ""),
                false => Reply::new("202 Go on", &format!("location: /v2/a/b/blobs/uploads/{number}\r\n"), ""),
            }
        });
        let (client, repository) = (client(|_| {}), repository(&registry.authority(), "a/b"));
        let uploaded = client.upload(&repository, &blob(b"x"), &Content::from(b"x".to_vec()), None).await;
        let sessions = registry.requests().iter().filter(|request| request.starts_with("POST")).count();
        let put = client.put_manifest(&repository, &tag("x"), "text/plain", MANIFEST.into()).await;
        let puts = registry.requests().iter().filter(|request| request.contains("/manifests/x")).count();
        let shown = |error: RegistryError| told(&error).replace(&registry.authority(), "HOST");
        ((uploaded.map_err(shown), sessions), (put.map(|_| ()).map_err(shown), puts))
    };
    assert_eq!(pushed(2).await, ((Ok(()), 3), (Ok(()), 3)));
    let refused = Err("HOST answers 400: provided digest did not match (DIGEST_INVALID)".to_owned());
    assert_eq!(pushed(3).await, ((refused.clone(), 3), (refused, 3)));
}

/// Who knows no HEAD, or does not tell the digest, is asked for the manifest itself.
#[tokio::test]
async fn resolving_where_a_head_does_not_do() {
    for status in ["405 No", "400 Bad", "200 OK"] {
        let registry = FakeRegistry::start(move |request, _| match request.head.starts_with("HEAD") {
            true => Reply::Whole(format!("HTTP/1.1 {status}\r\ncontent-length: 19\r\n\r\n").into_bytes()),
            false => whole(),
        });
        let reference = format!("{}/a/b:x", registry.authority()).parse().unwrap();
        let resolved = client(|_| {}).resolve(&reference).await.unwrap();
        assert_eq!((resolved.digest, resolved.size), (Digest::of(MANIFEST.as_bytes()), 19), "{status}");
        assert_eq!(registry.requests(), ["HEAD /v2/a/b/manifests/x", "GET /v2/a/b/manifests/x"], "{status}");
    }
}

/// A blob of a registry that does parts, cut after each 40000 bytes.
fn cutting(bytes: Vec<u8>) -> FakeRegistry {
    FakeRegistry::start(move |request, _| {
        let from: usize = match request.header("range") {
            Some(range) => range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap(),
            None => 0,
        };
        let rest = &bytes[from..];
        let (status, range) = match from {
            0 => ("200 OK", String::new()),
            _ => ("206 Part", format!("content-range: bytes {from}-{}/{}\r\n", bytes.len() - 1, bytes.len())),
        };
        Reply::lying(status, &range, rest.len(), &rest[..rest.len().min(40_000)])
    })
}

#[tokio::test]
async fn a_cut_blob_is_taken_up_where_it_ended() {
    let bytes = noise(100_000);
    let registry = cutting(bytes.clone());
    let (sink, outcome) = fetched(&client(|_| {}), &registry, &blob(&bytes)).await;
    outcome.unwrap();
    assert!(sink.bytes == bytes && sink.restarts == 0);
    let asked: Vec<_> = registry.heads().iter().map(|head| head.contains("range: bytes=")).collect();
    assert_eq!(asked, [false, true, true]);
    // Three tries are not enough for four parts.
    let bytes = noise(130_000);
    let registry = cutting(bytes.clone());
    let (sink, outcome) = fetched(&client(|_| {}), &registry, &blob(&bytes)).await;
    assert!(outcome.unwrap_err().starts_with("HOST did not answer to the end"));
    assert!(sink.bytes == bytes[..120_000]);
}

/// It is sent from the begin each time, and the sink begins anew.
#[tokio::test]
async fn a_registry_that_does_not_do_parts() {
    let bytes = noise(100_000);
    let content = bytes.clone();
    let registry = FakeRegistry::start(move |_, number| match number {
        1 => Reply::lying("200 OK", "", content.len(), &content[..60_000]),
        _ => Reply::new("200 OK", "", &content),
    });
    let (sink, outcome) = fetched(&client(|_| {}), &registry, &blob(&bytes)).await;
    outcome.unwrap();
    assert!(sink.bytes == bytes && sink.restarts == 1);
}

#[tokio::test]
async fn parts_that_do_not_fit() {
    let outcome = async |status: &'static str, range: &'static str| {
        let registry = FakeRegistry::start(move |request, _| match request.header("range") {
            None => Reply::lying("200 OK", "", 10, "12345"),
            Some(_) => Reply::new(status, range, "67890"),
        });
        let (sink, outcome) = fetched(&client(|_| {}), &registry, &blob(b"1234567890")).await;
        (String::from_utf8(sink.bytes).unwrap(), outcome.err().unwrap_or_default(), registry.requests().len())
    };
    let told = |bytes: &str, error: &str, asked| (bytes.to_owned(), error.to_owned(), asked);
    assert_eq!(outcome("206 Part", "content-range: bytes 5-9/10\r\n").await, told("1234567890", "", 2));
    assert_eq!(outcome("206 Part", "content-range: bytes 5-9/*\r\n").await, told("1234567890", "", 2));
    let sense = "HOST answers what makes no sense: it sends another part than it was asked for";
    assert_eq!(outcome("206 Part", "content-range: bytes 4-8/10\r\n").await, told("12345", sense, 2));
    assert_eq!(outcome("206 Part", "").await, told("12345", sense, 2));
    let length = "HOST has 11 bytes of BLOB, which should have 10";
    assert_eq!(outcome("206 Part", "content-range: bytes 5-9/11\r\n").await, told("12345", length, 2));
    let (bytes, error, asked) = outcome("416 No", "").await;
    assert_eq!((bytes.as_str(), asked), ("12345", 3));
    assert!(error.starts_with("HOST did not answer to the end"), "{error}");
}

#[tokio::test]
async fn blobs_of_another_length() {
    let outcome = async |reply: Reply| {
        let registry = FakeRegistry::start(move |_, _| reply.clone());
        let (sink, outcome) = fetched(&client(|_| {}), &registry, &blob(b"1234567890")).await;
        (sink.bytes.len(), outcome.err().unwrap_or_default(), registry.requests().len())
    };
    let length = |found: u64| format!("HOST has {found} bytes of BLOB, which should have 10");
    assert_eq!(outcome(Reply::new("200 OK", "", "12345678901")).await, (0, length(11), 1));
    assert_eq!(outcome(Reply::new("200 OK", "", "123456789")).await, (0, length(9), 1));
    let unannounced =
        |body: &str| Reply::Cut(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}").into_bytes());
    assert_eq!(outcome(unannounced("12345678901")).await, (0, length(11), 1));
    assert_eq!(outcome(unannounced("1234567890")).await, (10, String::new(), 1));
    let (len, error, asked) = outcome(unannounced("123456789")).await;
    assert_eq!((len, error.as_str(), asked), (9, "HOST did not answer to the end", 3));
}

/// Nothing, or next to nothing, comes any more.
#[tokio::test]
async fn silence() {
    let slow = |idle| client(|settings| (settings.timeouts.idle, settings.retries.attempts) = (idle, 2));
    let registry =
        FakeRegistry::start(|_, _| Reply::Stalled(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n123".to_vec()));
    let (sink, outcome) = fetched(&slow(Duration::from_millis(100)), &registry, &blob(b"1234567890")).await;
    assert_eq!((sink.bytes.len(), outcome), (3, Err("HOST said nothing for 100ms".into())));
    assert_eq!(registry.requests().len(), 2);
    let registry = FakeRegistry::start(|_, _| Reply::Stalled(Vec::new()));
    let client = client(|settings| {
        settings.timeouts.connect = Duration::from_millis(500);
        (settings.timeouts.idle, settings.retries.attempts) = (Duration::from_millis(100), 2);
    });
    let (_, outcome) = fetched(&client, &registry, &blob(b"1234567890")).await;
    assert_eq!(outcome, Err("HOST said nothing for 600ms".into()));
}

/// An upload that breaks is begun anew, and goes where the registry says, with the query that it gave.
#[tokio::test]
async fn uploads_begin_anew() {
    let registry = FakeRegistry::start(|request, number| match (request.head.split(' ').next(), number) {
        (Some("POST"), _) => Reply::new("202 Go", &format!("location: /up/{number}?_state=a%2Bb%3D\r\n"), ""),
        (_, 2) => Reply::Cut(Vec::new()),
        (_, 4) => Reply::new("503 Oh", "", ""),
        _ => Reply::new("201 Made", "", ""),
    });
    let repository = repository(&registry.authority(), "a/b");
    client(|_| {}).upload(&repository, &blob(b"x"), &Content::from(b"x".to_vec()), None).await.unwrap();
    let digest = Digest::of(b"x").to_string().replace(':', "%3A");
    let put = |number| format!("PUT /up/{number}?_state=a%2Bb%3D&digest={digest}");
    let post = || "POST /v2/a/b/blobs/uploads/".to_owned();
    assert_eq!(registry.requests(), [post(), put(1), post(), put(3), post(), put(5)]);
}

#[tokio::test]
async fn an_upload_goes_nowhere() {
    let outcome = async |location: &'static str| {
        let registry = FakeRegistry::start(move |_, _| Reply::new("202 Go", location, ""));
        let repository = repository(&registry.authority(), "a/b");
        let content = Content::from(b"x".to_vec());
        let error = client(|_| {}).upload(&repository, &blob(b"x"), &content, None).await.unwrap_err();
        told(&error).replace(&registry.authority(), "HOST")
    };
    let told = |reason: &str| format!("HOST sends us to where we do not go: {reason}");
    assert_eq!(outcome("").await, told("that is no address of a server"));
    assert_eq!(outcome("location: gopher://x/\r\n").await, told("that is no address of a server"));
    let plain = "plain http to storage.example, which is not allowed for it";
    assert_eq!(outcome("location: http://storage.example/\r\n").await, told(plain));
    let metadata = "169.254.169.254 is a link-local or a metadata address";
    assert_eq!(outcome("location: http://169.254.169.254/\r\n").await, told(metadata));
}
