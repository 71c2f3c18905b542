//! Pushing to a real registry, and pulling from it.

use std::fs;
use std::io::Read;
use std::sync::Arc;

use wattle_artifact::format::manifest::{Descriptor, Manifest};
use wattle_artifact::format::media_type;
use wattle_artifact::registry::{Content, Mounted, RegistryError, Source};
use wattle_spec::digest::Digest;
use wattle_testkit::Registry;
use wattle_testkit::registry::{PASSWORD, USER};
use wattle_testkit::tls::Authority;

use crate::registry_setup::{Memory, Wallet, at, blob, client, noise, repository, tag, told};

/// A manifest of `layers`, about `subject` if there is one.
fn manifest(layers: Vec<Descriptor>, subject: Option<Descriptor>) -> Manifest {
    let (artifact_type, config) = (Some("application/x-test".into()), blob(b"{}"));
    Manifest { artifact_type, config, layers, subject, annotations: Default::default() }
}

#[tokio::test]
async fn what_is_pushed_is_pulled() {
    let Some(registry) = Registry::start() else { return };
    let client = client(|_| {});
    let repository = repository(&registry.authority(), "tests/some-app");
    let layer = noise(3 << 20);
    let described = blob(&layer);
    assert!(!client.has_blob(&repository, described.digest).await.unwrap());
    for bytes in [&layer[..], b"{}", b""] {
        client.upload(&repository, &blob(bytes), &Content::from(bytes.to_vec()), None).await.unwrap();
        assert!(client.has_blob(&repository, Digest::of(bytes)).await.unwrap());
    }
    let bytes = manifest(vec![described.clone(), blob(b"")], None).to_bytes();
    let put = client.put_manifest(&repository, &tag("1.0"), media_type::MANIFEST, bytes.clone().into()).await.unwrap();
    assert_eq!((put.digest, put.subject_acknowledged), (Digest::of(&bytes), false));

    let reference = format!("{repository}:1.0").parse().unwrap();
    let resolved = client.resolve(&reference).await.unwrap();
    assert_eq!((resolved.digest, resolved.size), (put.digest, bytes.len() as u64));
    assert_eq!(resolved.media_type.as_deref(), Some(media_type::MANIFEST));
    for which in [tag("1.0"), at(put.digest)] {
        let pulled = client.manifest(&repository, &which).await.unwrap();
        assert_eq!((pulled.bytes, pulled.digest), (bytes.clone().into(), put.digest));
        assert_eq!(pulled.media_type.as_deref(), Some(media_type::MANIFEST));
    }
    let (sink, outcome) = client.fetch(&repository, &described, Memory::default()).await;
    outcome.unwrap();
    assert!(sink.bytes == layer && sink.restarts == 0);

    client.delete_manifest(&repository, &at(put.digest)).await.unwrap();
    let error = client.manifest(&repository, &tag("1.0")).await.unwrap_err();
    assert_eq!(told(&error), format!("there is no tag 1.0 in {repository}"));
    assert!(matches!(client.resolve(&reference).await, Err(RegistryError::NotFound { .. })));
}

#[tokio::test]
async fn a_part_that_is_there_is_not_sent_again() {
    let Some(registry) = Registry::start() else { return };
    let client = client(|_| {});
    let repository = repository(&registry.authority(), "a/b");
    let bytes = noise(100_000);
    client.upload(&repository, &blob(&bytes), &Content::from(bytes.clone()), None).await.unwrap();
    // The part is of something else: whoever asks for the rest has it afterwards.
    let begun = Memory { bytes: vec![0; 60_000], ..Memory::default() };
    let (sink, outcome) = client.fetch(&repository, &blob(&bytes), begun).await;
    outcome.unwrap();
    assert!(sink.bytes[..60_000] == [0; 60_000] && sink.bytes[60_000..] == bytes[60_000..]);
    // A sink that looks has it from the begin then, whether it had a part or all of it.
    for len in [60_000, 100_000, 100_001] {
        let wanted = Some(Digest::of(&bytes));
        let begun = Memory { bytes: vec![0; len], wanted, ..Memory::default() };
        let (sink, outcome) = client.fetch(&repository, &blob(&bytes), begun).await;
        outcome.unwrap();
        assert!(sink.bytes == bytes && sink.restarts == 1, "{len}");
    }
    let (_, outcome) = client.fetch(&repository, &blob(b"what nobody has"), Memory::default()).await;
    assert!(matches!(outcome, Err(RegistryError::NotFound { .. })));
    let (_, outcome) = client.fetch(&repository, &blob(b""), Memory::default()).await;
    outcome.unwrap();
}

#[tokio::test]
async fn a_sink_that_fails_ends_it_and_comes_back() {
    let Some(registry) = Registry::start() else { return };
    let client = client(|_| {});
    let repository = repository(&registry.authority(), "a/b");
    let bytes = noise(2 << 20);
    client.upload(&repository, &blob(&bytes), &Content::from(bytes.clone()), None).await.unwrap();
    let small = Memory { full_at: Some(1 << 20), ..Memory::default() };
    let (sink, outcome) = client.fetch(&repository, &blob(&bytes), small).await;
    assert!(sink.bytes.len() > 1 << 20 && sink.bytes.len() < 2 << 20, "{}", sink.bytes.len());
    let error = outcome.unwrap_err();
    assert_eq!(told(&error), format!("cannot write what came of {}: no storage space", Digest::of(&bytes)));
}

#[tokio::test]
async fn files_are_uploaded_and_must_be_what_they_were() {
    let Some(registry) = Registry::start() else { return };
    let client = client(|_| {});
    let repository = repository(&registry.authority(), "a/b");
    let (dir, bytes) = (tempfile::tempdir().unwrap(), noise(1 << 20));
    let path = dir.path().join("blob");
    fs::write(&path, &bytes).unwrap();
    client.upload(&repository, &blob(&bytes), &Content::file(path.clone()), None).await.unwrap();
    assert!(client.has_blob(&repository, Digest::of(&bytes)).await.unwrap());

    let failed = async |described: &Descriptor, path: &std::path::Path| {
        let content = Content::file(path.into());
        told(&client.upload(&repository, described, &content, None).await.unwrap_err())
    };
    let other = noise((1 << 20) + 7);
    let reading = format!("cannot read what is to be sent of {}", Digest::of(&other));
    assert_eq!(failed(&blob(&other), &path).await, format!("{reading}: there are fewer bytes than were announced"));
    let longer = Descriptor { size: 7, ..blob(&other) };
    assert_eq!(failed(&longer, &path).await, format!("{reading}: there are more bytes than were announced"));
    let missing = failed(&blob(&other), &dir.path().join("nothing")).await;
    assert_eq!(missing, format!("{reading}: No such file or directory (os error 2)"));
    // Other bytes of the same number: that the registry notices.
    let wrong = Descriptor { size: 1 << 20, ..blob(&other) };
    let error = client.upload(&repository, &wrong, &Content::file(path), None).await.unwrap_err();
    assert!(told(&error).contains("answers 400") && told(&error).contains("DIGEST_INVALID"), "{}", told(&error));
}

/// It is opened again for each try.
#[tokio::test]
async fn a_source_can_fail_in_the_middle() {
    struct Broken;
    impl Source for Broken {
        fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
            struct Fails;
            impl Read for Fails {
                fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                    Err(std::io::Error::other("the disk is on fire"))
                }
            }
            Ok(Box::new((&[7; 200_000][..]).chain(Fails)))
        }
    }
    let Some(registry) = Registry::start() else { return };
    let client = client(|_| {});
    let repository = repository(&registry.authority(), "a/b");
    let content = Content::Source(Arc::new(Broken));
    let error = client.upload(&repository, &blob(&[7; 300_000]), &content, None).await.unwrap_err();
    assert!(told(&error).ends_with("the disk is on fire"), "{}", told(&error));
}

#[tokio::test]
async fn blobs_are_taken_over_from_another_repository() {
    let Some(registry) = Registry::start() else { return };
    let client = client(|_| {});
    let repository = |path| repository(&registry.authority(), path);
    let (from, to) = (repository("a/one"), repository("a/two"));
    client.upload(&from, &blob(b"shared"), &Content::from(b"shared".to_vec()), None).await.unwrap();
    assert!(matches!(client.mount(&to, Digest::of(b"shared"), &from).await.unwrap(), Mounted::Yes));
    assert!(client.has_blob(&to, Digest::of(b"shared")).await.unwrap());
    // One that is not there is uploaded where the registry waits for it.
    let Mounted::No(session) = client.mount(&to, Digest::of(b"other"), &from).await.unwrap() else { panic!("mounted") };
    assert!(session.is_some());
    assert_eq!(registry.uploads("a/two"), 1);
    assert!(!format!("{session:?}").contains("_state"), "{session:?}");
    client.upload(&to, &blob(b"other"), &Content::from(b"other".to_vec()), session).await.unwrap();
    assert!(client.has_blob(&to, Digest::of(b"other")).await.unwrap());
    assert_eq!(registry.uploads("a/two"), 0);
    // Or is given up.
    let Mounted::No(session) = client.mount(&to, Digest::of(b"third"), &from).await.unwrap() else { panic!("mounted") };
    client.cancel(session.unwrap()).await;
    assert_eq!(registry.uploads("a/two"), 0);
}

/// The registry does not list them: they are listed under a tag.
#[tokio::test]
async fn referrers() {
    let Some(registry) = Registry::start() else { return };
    let client = client(|_| {});
    let repository = repository(&registry.authority(), "a/b");
    client.upload(&repository, &blob(b"{}"), &Content::from(b"{}".to_vec()), None).await.unwrap();
    let put = async |manifest: Manifest| {
        let bytes = manifest.to_bytes();
        let which = at(Digest::of(&bytes));
        let put = client.put_manifest(&repository, &which, media_type::MANIFEST, bytes.clone().into()).await.unwrap();
        assert!(!put.subject_acknowledged);
        Descriptor {
            artifact_type: Some("application/x-test+json".into()),
            ..Descriptor::of(media_type::MANIFEST, &bytes)
        }
    };
    let subject = put(manifest(vec![], None)).await;
    assert_eq!(client.referrers(&repository, subject.digest, None).await.unwrap(), []);
    let one = put(manifest(vec![blob(b"{}")], Some(subject.clone()))).await;
    let two = put(manifest(vec![blob(b"{}"); 2], Some(subject.clone()))).await;
    for referrer in [&one, &two, &one] {
        client.add_referrer_by_tag(&repository, subject.digest, referrer).await.unwrap();
    }
    assert_eq!(client.referrers(&repository, subject.digest, None).await.unwrap(), [one.clone(), two.clone()]);
    let kind = |kind| client.referrers(&repository, subject.digest, Some(kind));
    assert_eq!(kind("application/x-test+json").await.unwrap().len(), 2);
    assert_eq!(kind("application/x-other").await.unwrap(), []);
    // What is no list is not written over.
    let other = put(manifest(vec![blob(b"{}"); 3], None)).await;
    let name = tag(&other.digest.to_string().replace(':', "-"));
    let bytes = manifest(vec![], None).to_bytes();
    client.put_manifest(&repository, &name, media_type::MANIFEST, bytes.into()).await.unwrap();
    let error = client.add_referrer_by_tag(&repository, other.digest, &one).await.unwrap_err();
    assert!(matches!(error, RegistryError::Referrers { .. }), "{error}");
}

#[tokio::test]
async fn a_registry_goes_and_comes_back() {
    let Some(mut registry) = Registry::start() else { return };
    let client = client(|_| {});
    let repository = repository(&registry.authority(), "a/b");
    client.upload(&repository, &blob(b"here"), &Content::from(b"here".to_vec()), None).await.unwrap();
    registry.kill();
    let error = client.has_blob(&repository, Digest::of(b"here")).await.unwrap_err();
    assert!(told(&error).starts_with(&format!("cannot reach {}: ", registry.authority())), "{}", told(&error));
    registry.restart();
    assert!(client.has_blob(&repository, Digest::of(b"here")).await.unwrap());
}

/// TLS is spoken where it is spoken, on this machine too, and only with whom we trust.
#[tokio::test]
async fn tls() {
    let authority = Authority::new();
    let Some(registry) = Registry::builder().tls(&authority.pair(&["127.0.0.1"])).start() else { return };
    let repository = repository(&registry.authority(), "a/b");
    let error = client(|_| {}).has_blob(&repository, Digest::of(b"here")).await.unwrap_err();
    let host = registry.authority();
    let expected = format!(
        "cannot trust the certificate of {host}: it is vouched for by none of the authorities that this machine trusts"
    );
    assert_eq!(told(&error), expected);
    let how = format!(
        "name a file with it: `ca` in `[registries.\"{host}\"]` of `host.toml`, or `--ca FILE` where a verb has that"
    );
    let hint = format!("get the certificate of the authority that {host} has its own from, and {how}");
    assert_eq!(error.hint().unwrap(), hint);
    let roots = registry.file("root.pem", &authority.root_pem());
    let client = client(|settings| settings.certificates.push(roots));
    // More than the windows of HTTP/2 hold.
    let bytes = noise(8 << 20);
    client.upload(&repository, &blob(&bytes), &Content::from(bytes.clone()), None).await.unwrap();
    let (sink, outcome) = client.fetch(&repository, &blob(&bytes), Memory::default()).await;
    outcome.unwrap();
    assert!(sink.bytes == bytes && sink.restarts == 0);
}

/// Who is not trusted although somebody named a file, and what was wrong with that.
#[tokio::test]
async fn untrusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let pair = authority.pair(&["127.0.0.1"]);
    let Some(registry) = Registry::builder().tls(&pair).start() else { return };
    let Some(careless) = Registry::builder().tls(&authority.own_pair()).start() else { return };
    let refused = async |registry: &Registry, named: &str| {
        let (host, file) = (registry.authority(), registry.file("named.pem", named));
        let client = client(|settings| settings.certificates.push(file.clone()));
        let error = client.has_blob(&repository(&host, "a/b"), Digest::of(b"here")).await.unwrap_err();
        let file = file.display().to_string();
        let shown = |text: String| text.replace(&file, "named.pem").replace(&host, "HOST");
        let expected = "cannot trust the certificate of HOST: it is vouched for by none of the authorities that this \
                        machine trusts, nor by those in named.pem";
        assert_eq!(shown(told(&error)), expected);
        shown(error.hint().unwrap())
    };
    let how =
        "name a file with it: `ca` in `[registries.\"HOST\"]` of `host.toml`, or `--ca FILE` where a verb has that";
    let elsewhere = format!("get the certificate of the authority that HOST has its own from, and {how}");
    assert_eq!(refused(&registry, &other.root_pem()).await, elsewhere);
    let own = "named.pem holds the server's own certificate and not that of the authority which signed it";
    assert_eq!(refused(&registry, &pair.cert).await, format!("{own}; {how}"));
    let own = "named.pem holds the certificate of HOST itself, which says that it is an authority's, and no server may \
               show such a one: make another for the server, without `CA:TRUE`, which that authority signs";
    assert_eq!(refused(&careless, &authority.root_pem()).await, own);
    let own = "HOST shows the certificate of an authority, which no server may: make one for it without `CA:TRUE`, \
               which that authority signs";
    assert_eq!(refused(&careless, &other.root_pem()).await, own);
}

/// Side by side, in tasks that may move from thread to thread.
#[tokio::test]
async fn many_at_once() {
    let Some(registry) = Registry::builder().with_password().start() else { return };
    let wallet = Wallet::password(&registry.authority(), USER, PASSWORD);
    let client = Arc::new(client(|settings| settings.credentials = wallet));
    // Once: while somebody sends it again, this registry does not have it for a moment.
    for n in 0..3 {
        let repository = repository(&registry.authority(), &format!("a/b{n}"));
        client.upload(&repository, &blob(b"{}"), &Content::from(b"{}".to_vec()), None).await.unwrap();
    }
    let tasks: Vec<_> = (1..=16)
        .map(|n| {
            let (client, repository) = (client.clone(), repository(&registry.authority(), &format!("a/b{}", n % 3)));
            tokio::spawn(async move {
                let bytes = noise(n * 50_000);
                client.upload(&repository, &blob(&bytes), &Content::from(bytes.clone()), None).await.unwrap();
                let manifest = manifest(vec![blob(&bytes)], None).to_bytes();
                let name = tag(&format!("n{n}"));
                client.put_manifest(&repository, &name, media_type::MANIFEST, manifest.clone().into()).await.unwrap();
                assert_eq!(client.manifest(&repository, &name).await.unwrap().bytes, manifest);
                assert!(client.tags(&repository).await.unwrap().iter().any(|tag| tag.as_str() == format!("n{n}")));
                assert_eq!(client.referrers(&repository, Digest::of(&manifest), None).await.unwrap(), []);
                let (sink, outcome) = client.fetch(&repository, &blob(&bytes), Memory::default()).await;
                outcome.unwrap();
                assert!(sink.bytes == bytes);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
