//! What references led to.

use std::fs;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use wattle_artifact::store::{Noted, StoreError};
use wattle_spec::digest::Digest;

use super::{Fixture, age, told};

pub(super) fn noted(reference: &str, digest: Digest) -> Noted {
    let pulled_at: DateTime<Utc> = "2026-11-22T08:00:00Z".parse().unwrap();
    Noted { reference: reference.parse().unwrap(), digest, media_type: "text/plain".into(), pulled_at }
}

/// The file of a reference is text that people can read, and stays readable for later releases.
#[test]
fn format() {
    let fixture = Fixture::new();
    fixture.store.note(&noted("ghcr.io/a/b:1", Digest::of(b""))).unwrap();
    let name = format!("{}.json", Digest::of(b"ghcr.io/a/b:1").hex());
    assert_eq!(fixture.names("references"), std::slice::from_ref(&name));
    assert_eq!(
        fs::read_to_string(fixture.at("references").join(name)).unwrap(),
        "{\"reference\":\"ghcr.io/a/b:1\",\
         \"digest\":\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\
         \"media_type\":\"text/plain\",\"pulled_at\":\"2026-11-22T08:00:00Z\"}"
    );
}

/// Noted, noted anew, forgotten.
#[test]
fn kept() {
    let fixture = Fixture::new();
    let (first, second) = (noted("a.io/b:c", Digest::of(b"1")), noted("a.io/b:c", Digest::of(b"2")));
    assert_eq!(fixture.store.noted(&first.reference).unwrap(), None);
    fixture.store.note(&first).unwrap();
    assert_eq!(fixture.store.noted(&first.reference).unwrap(), Some(first.clone()));
    fixture.store.note(&second).unwrap();
    assert_eq!(fixture.store.noted(&first.reference).unwrap(), Some(second.clone()));
    let other = noted(&format!("a.io/b@{}", Digest::of(b"1")), Digest::of(b"1"));
    fixture.store.note(&other).unwrap();
    let references = fixture.store.references().unwrap();
    let mut found: Vec<_> = references.notes.into_iter().map(|note| note.noted).collect();
    found.sort_by_key(|noted| noted.reference.clone());
    assert_eq!(found, [second, other.clone()]);
    assert!(fixture.store.forget(&first.reference).unwrap());
    assert!(!fixture.store.forget(&first.reference).unwrap());
    assert_eq!(fixture.store.noted(&first.reference).unwrap(), None);
    assert_eq!(fixture.store.noted(&other.reference).unwrap(), Some(other));
}

/// Being asked for is being used.
#[test]
fn asked_for_is_used() {
    let fixture = Fixture::new();
    let noted = noted("a.io/b:c", Digest::of(b"1"));
    fixture.store.note(&noted).unwrap();
    let path = fixture.at("references").join(&fixture.names("references")[0]);
    age(&path, Duration::from_secs(3600));
    let last_used = || fixture.store.references().unwrap().notes[0].last_used;
    let is_old = |time: SystemTime| time.elapsed().unwrap() > Duration::from_secs(3000);
    assert!(is_old(last_used()));
    fixture.store.noted(&noted.reference).unwrap();
    assert!(!is_old(last_used()));
}

/// One that cannot be read is told, hides no other, and is replaced by the next pull.
#[test]
fn damaged() {
    let fixture = Fixture::new();
    let (good, bad) = (noted("a.io/good:1", Digest::of(b"1")), noted("a.io/bad:1", Digest::of(b"1")));
    fixture.store.note(&good).unwrap();
    fixture.store.note(&bad).unwrap();
    let path = fixture.at("references").join(format!("{}.json", Digest::of(b"a.io/bad:1").hex()));
    let text = fs::read_to_string(&path).unwrap();
    let told = |text: &str| {
        fs::write(&path, text).unwrap();
        let references = fixture.store.references().unwrap();
        assert_eq!((references.notes.len(), references.damaged.len()), (1, 1));
        assert_eq!(references.damaged[0].path, path);
        told(&fixture.store.noted(&bad.reference).unwrap_err()).replace(&path.display().to_string(), "FILE")
    };
    let cases = [
        ("", "it is no note of ours: EOF while parsing a value at line 1 column 0"),
        ("{}", "it is no note of ours: missing field `reference` at line 1 column 2"),
        (&text.replace("sha256", "md5"), "its digest is none: a digest is `sha256:` and 64 lower-case hex digits"),
        (&text.replace("2026-", "x"), "its time is none: premature end of input"),
        (&text.replace("a.io/bad:1", "a"), "its reference is none: \"a\" names no registry"),
        (&text.replace("/bad", "/bat"), "it is about a.io/bat:1, whose file has another name"),
        (&" ".repeat(17 << 10), "it is too long"),
    ];
    for (text, expected) in cases {
        assert_eq!(told(text), format!("FILE does not say what a reference led to: {expected}"));
    }
    fixture.store.note(&bad).unwrap();
    assert_eq!(fixture.store.noted(&bad.reference).unwrap(), Some(bad.clone()));
    fs::write(&path, "{").unwrap();
    assert_eq!(fixture.store.verify().unwrap().notes.len(), 1);
    assert_eq!(fixture.store.noted(&bad.reference).unwrap(), None);
    assert_eq!(fixture.store.noted(&good.reference).unwrap(), Some(good));
}

/// What no registry says is not kept.
#[test]
fn too_long() {
    let fixture = Fixture::new();
    let mut noted = noted("a.io/b:c", Digest::of(b"1"));
    noted.media_type = "x".repeat(17 << 10);
    let error = fixture.store.note(&noted).unwrap_err();
    assert!(matches!(error, StoreError::NoteTooLong { .. }), "{error}");
    assert_eq!(fixture.names("references"), [""; 0]);
}
