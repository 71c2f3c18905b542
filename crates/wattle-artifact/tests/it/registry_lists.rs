//! Lists in pages, mirrors, and what is about a manifest.

use std::sync::Mutex;

use wattle_artifact::format::manifest::{Descriptor, Index};
use wattle_artifact::registry::RegistryError;
use wattle_spec::digest::Digest;
use wattle_testkit::{FakeRegistry, Reply};

use crate::registry_setup::{Memory, Wallet, at, blob, client, noise, repository, tag, told};

fn index(manifests: Vec<Descriptor>) -> Vec<u8> {
    Index { artifact_type: None, manifests, annotations: Default::default() }.to_bytes()
}

#[tokio::test]
async fn tags_come_in_pages() {
    let registry = FakeRegistry::start(|request, _| match request.head.contains("last=b") {
        false => {
            let link = "link: </v2/a/b/tags/list?last=b&n=1000>; rel=\"next\"\r\n";
            Reply::new("200 OK", link, r#"{"name":"a/b","tags":["a","b"]}"#)
        }
        true => Reply::new("200 OK", "", r#"{"tags":["c","-not one"]}"#),
    });
    let repository = repository(&registry.authority(), "a/b");
    let tags = client(|_| {}).tags(&repository).await.unwrap();
    assert_eq!(tags.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(registry.requests(), ["GET /v2/a/b/tags/list?n=1000", "GET /v2/a/b/tags/list?last=b&n=1000"]);
}

/// What `tags` ends with where each answer has this body, and a link to what `link` makes of its number.
async fn check(body: &'static str, link: impl Fn(usize) -> String + Send + Sync + 'static) -> (String, usize) {
    let registry = FakeRegistry::start(move |_, number| {
        Reply::new("200 OK", &format!("link: <{}>; rel=\"next\"\r\n", link(number)), body)
    });
    let repository = repository(&registry.authority(), "a/b");
    let error = client(|_| {}).tags(&repository).await.unwrap_err();
    (told(&error).replace(&registry.authority(), "HOST"), registry.requests().len())
}

#[tokio::test]
async fn lists_that_do_not_end() {
    let tags = r#"{"tags":["a"]}"#;
    let endless = "the list of tags that HOST sends does not end".to_owned();
    assert_eq!(check(tags, |_| "/v2/a/b/tags/list?n=1000".into()).await, (endless.clone(), 1));
    assert_eq!(check(tags, |number| format!("?last={number}")).await, (endless, 1000));
    let other = "HOST sends us to where we do not go: elsewhere.example is another host";
    assert_eq!(check(tags, |_| "https://elsewhere.example/".into()).await, (other.into(), 1));
    let sense = "HOST answers what makes no sense: its tags are in no JSON that we know";
    assert_eq!(check("<html>", |_| "?x".into()).await, (sense.into(), 1));
}

/// The kind is escaped in the question, and looked at in the answer of who does not filter.
#[tokio::test]
async fn referrers_of_a_kind() {
    let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let described =
        |text: &str, kind: Option<&str>| Descriptor { artifact_type: kind.map(Into::into), ..blob(text.as_bytes()) };
    let (one, two) = (described("one", Some(kind)), described("two", Some("text/plain")));
    let listed = index(vec![one.clone(), two.clone(), described("three", None)]);
    let registry = FakeRegistry::start(move |_, _| Reply::new("200 OK", "", &listed));
    let (client, subject) = (client(|_| {}), Digest::of(b"subject"));
    let repository = repository(&registry.authority(), "a/b");
    assert_eq!(client.referrers(&repository, subject, Some(kind)).await.unwrap(), [one]);
    assert_eq!(client.referrers(&repository, subject, None).await.unwrap().len(), 3);
    let path = format!("GET /v2/a/b/referrers/{subject}");
    let filter = "artifactType=application%2Fvnd.dev.sigstore.bundle.v0.3%2Bjson";
    assert_eq!(registry.requests(), [format!("{path}?{filter}"), path]);
}

/// Somebody else writes the list over what we wrote: it is noticed, and written again.
#[tokio::test]
async fn a_list_that_is_written_over() {
    let (ours, theirs) = (blob(b"ours"), blob(b"theirs"));
    let outcome = async |lost: usize| {
        let (theirs, stored) = (index(vec![theirs.clone()]), Mutex::new((None, 0)));
        let registry = FakeRegistry::start(move |request, _| {
            let mut stored = stored.lock().unwrap();
            if request.head.starts_with("PUT") {
                stored.1 += 1;
                stored.0 = Some(if stored.1 <= lost { theirs.clone() } else { request.body.clone() });
                return Reply::new("201 Made", "", "");
            }
            match &stored.0 {
                Some(list) => Reply::new("200 OK", "", list),
                None => Reply::new("404 No", "", ""),
            }
        });
        let (client, repository) = (client(|_| {}), repository(&registry.authority(), "a/b"));
        let subject = Digest::of(b"subject");
        let outcome = client.add_referrer_by_tag(&repository, subject, &ours).await;
        let tagged = tag(&subject.to_string().replace(':', "-"));
        (outcome, client.manifest(&repository, &tagged).await.unwrap().bytes)
    };
    let (written, bytes) = outcome(0).await;
    written.unwrap();
    assert_eq!(bytes, index(vec![ours.clone()]));
    let (written, bytes) = outcome(1).await;
    written.unwrap();
    assert_eq!(bytes, index(vec![theirs.clone(), ours.clone()]));
    let (written, bytes) = outcome(100).await;
    assert!(matches!(written, Err(RegistryError::Contended { .. })));
    assert_eq!(bytes, index(vec![theirs.clone()]));
}

/// What we do not know of the entries of others stays.
#[tokio::test]
async fn a_list_keeps_what_it_has() {
    let stored = Mutex::new(br#"{"schemaVersion":2,"x":1,"manifests":[{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","mediaType":"a/b","size":2,"data":"e30="}]}"#.to_vec());
    let registry = FakeRegistry::start(move |request, _| {
        let mut stored = stored.lock().unwrap();
        if request.head.starts_with("PUT") {
            *stored = request.body.clone();
            return Reply::new("201 Made", "", "");
        }
        Reply::new("200 OK", "", &*stored)
    });
    let (client, repository) = (client(|_| {}), repository(&registry.authority(), "a/b"));
    let subject = Digest::of(b"subject");
    client.add_referrer_by_tag(&repository, subject, &blob(b"ours")).await.unwrap();
    let list = client.manifest(&repository, &tag(&subject.to_string().replace(':', "-"))).await.unwrap();
    let text = String::from_utf8(list.bytes.to_vec()).unwrap();
    assert!(text.contains(r#""data":"e30=""#) && text.contains(r#""x":1"#), "{text}");
}

/// A mirror is asked first, without what the registry is shown, and what it cannot give comes from the registry.
#[tokio::test]
async fn mirrors() {
    let bytes = noise(100_000);
    let content = bytes.clone();
    let mirror = FakeRegistry::start(move |request, _| match request.head.contains("/blobs/") {
        true => Reply::lying("200 OK", "", content.len(), &content[..60_000]),
        false => Reply::new("404 No", "", ""),
    });
    let content = bytes.clone();
    let origin =
        FakeRegistry::start(move |request, _| match (request.header("authorization"), request.header("range")) {
            (None, _) => Reply::new("401 Who", "www-authenticate: Basic realm=\"x\"\r\n", ""),
            (_, Some("bytes=60000-")) => {
                Reply::new("206 Part", "content-range: bytes 60000-99999/100000\r\n", &content[60_000..])
            }
            _ => Reply::new("200 OK", "", "{}"),
        });
    let client = client(|settings| {
        settings.credentials = Wallet::password(&origin.authority(), "somebody", "secret");
        settings.mirrors = [(origin.authority(), vec!["127.0.0.1:1".into(), mirror.authority()])].into();
    });
    let repository = repository(&origin.authority(), "a/b");
    assert_eq!(client.manifest(&repository, &tag("x")).await.unwrap().bytes, "{}");
    let (sink, outcome) = client.fetch(&repository, &blob(&bytes), Memory::default()).await;
    outcome.unwrap();
    assert!(sink.bytes == bytes && sink.restarts == 0);
    let ns = format!("?ns={}", origin.authority().replace(':', "%3A"));
    let digest = Digest::of(&bytes);
    assert_eq!(mirror.requests(), [format!("GET /v2/a/b/manifests/x{ns}"), format!("GET /v2/a/b/blobs/{digest}{ns}")]);
    assert!(mirror.heads().iter().all(|head| !head.contains("authorization")));
}

/// A mirror with wrong bytes does not keep the right ones away.
#[tokio::test]
async fn a_mirror_that_lies() {
    let mirror = FakeRegistry::start(|_, _| Reply::new("200 OK", "", "lies"));
    let origin = FakeRegistry::start(|_, _| Reply::new("200 OK", "", "true"));
    let client = client(|settings| settings.mirrors = [(origin.authority(), vec![mirror.authority()])].into());
    let repository = repository(&origin.authority(), "a/b");
    let wanted = Digest::of(b"true");
    assert_eq!(client.manifest(&repository, &at(wanted)).await.unwrap().bytes, "true");
    let (sink, outcome) =
        client.fetch(&repository, &blob(b"true"), Memory { wanted: Some(wanted), ..Memory::default() }).await;
    outcome.unwrap();
    assert_eq!(sink.bytes, b"true");
    let wanted = Some(Digest::of(b"what"));
    let (sink, outcome) = client.fetch(&repository, &blob(b"what"), Memory { wanted, ..Memory::default() }).await;
    assert!(matches!(outcome, Err(RegistryError::Digest { .. })));
    assert_eq!(sink.bytes, b"");
}
