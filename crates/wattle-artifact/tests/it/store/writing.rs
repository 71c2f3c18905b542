//! Blobs appear whole or not at all, and what was cut is resumed.

use std::fs;
use std::thread;
use std::time::Duration;

use wattle_artifact::store::{Begun, Store, StoreError};
use wattle_spec::digest::Digest;
use wattle_testkit::PATIENCE;

use super::{AT_ONCE, Fixture, age, begin, is_present, missing, mode};

const TEXT: &[u8] = b"the bytes of a blob";

/// Only its owner can look into it.
#[test]
fn private() {
    let fixture = Fixture::new();
    let digest = fixture.store.put(TEXT).unwrap();
    let _writer = begin(&fixture.store, b"another");
    for directory in ["", "blobs", "blobs/sha256", "partial", "references"] {
        assert_eq!(mode(&fixture.at(directory)), 0o700, "{directory:?}");
    }
    assert_eq!(mode(&fixture.blob(&digest)), 0o600);
    assert_eq!(mode(&fixture.at("partial").join(Digest::of(b"another").hex())), 0o600);
}

/// In pieces, seen by nobody before it is whole.
#[test]
fn in_pieces() {
    let fixture = Fixture::new();
    let mut writer = begin(&fixture.store, TEXT);
    for (number, piece) in TEXT.chunks(4).enumerate() {
        assert_eq!(writer.have(), 4 * number as u64);
        assert!(!fixture.store.contains(&Digest::of(TEXT)).unwrap());
        writer.write(piece).unwrap();
    }
    writer.finish().unwrap();
    assert!(is_present(&fixture.store, TEXT));
    assert_eq!(fixture.names("partial"), [""; 0]);
    assert_eq!(fixture.store.read(&Digest::of(TEXT), 100).unwrap().unwrap(), TEXT);
}

/// Nothing is a blob, too.
#[test]
fn empty() {
    let fixture = Fixture::new();
    begin(&fixture.store, b"").finish().unwrap();
    assert_eq!(fixture.store.read(&Digest::of(b""), 0).unwrap().unwrap(), "");
}

/// A second writer goes on where the first was cut, and what it finds is part of what is checked.
#[test]
fn resumed() {
    let fixture = Fixture::new();
    begin(&fixture.store, TEXT).write(&TEXT[..7]).unwrap();
    assert_eq!(fixture.names("partial"), [Digest::of(TEXT).hex()]);
    let other = Store::open(fixture.store.directory()).unwrap();
    let mut writer = begin(&other, TEXT);
    assert_eq!((writer.have(), writer.size()), (7, TEXT.len() as u64));
    writer.write(&TEXT[7..]).unwrap();
    writer.finish().unwrap();
    assert!(is_present(&fixture.store, TEXT));
}

/// What was left is of no use: told, removed, and the next attempt begins anew.
#[test]
fn resumed_in_vain() {
    let fixture = Fixture::new();
    let partial = fixture.at("partial").join(Digest::of(TEXT).hex());
    begin(&fixture.store, TEXT).write(&TEXT[..7]).unwrap();
    fs::write(&partial, "bad bad").unwrap();
    let mut writer = begin(&fixture.store, TEXT);
    writer.write(&TEXT[7..]).unwrap();
    let error = writer.finish().unwrap_err();
    assert!(matches!(error, StoreError::Mismatch { digest, resumed: 7, .. } if digest == Digest::of(TEXT)), "{error}");
    assert!(!partial.exists());
    assert_eq!(begin(&fixture.store, TEXT).have(), 0);

    fs::write(&partial, [0; 100]).unwrap();
    assert_eq!(begin(&fixture.store, TEXT).have(), 0, "longer than the blob");
}

/// A server that cannot go on begins anew.
#[test]
fn restarted() {
    let fixture = Fixture::new();
    let mut writer = begin(&fixture.store, TEXT);
    writer.write(b"something else").unwrap();
    writer.restart().unwrap();
    assert_eq!(writer.have(), 0);
    writer.write(TEXT).unwrap();
    writer.finish().unwrap();
    assert!(is_present(&fixture.store, TEXT));
}

/// More than announced is refused at once, fewer is a cut.
#[test]
fn of_another_length() {
    let fixture = Fixture::new();
    let mut writer = begin(&fixture.store, TEXT);
    writer.write(&TEXT[1..]).unwrap();
    let error = writer.write(b"ab").unwrap_err();
    assert_eq!(error.to_string(), format!("{} was announced with 19 bytes, and more came", Digest::of(TEXT)));
    assert_eq!(fixture.names("partial"), [""; 0]);
    assert!(matches!(writer.write(b""), Err(StoreError::Broken { .. })));
    assert!(matches!(writer.finish(), Err(StoreError::Broken { .. })));

    let mut writer = begin(&fixture.store, TEXT);
    writer.write(&TEXT[..3]).unwrap();
    let error = writer.finish().unwrap_err();
    assert_eq!(error.to_string(), format!("only 3 of the 19 bytes of {} came", Digest::of(TEXT)));
    assert_eq!(begin(&fixture.store, TEXT).have(), 3, "what came is kept");
}

/// Both digests are told, and nothing is left.
#[test]
fn of_another_digest() {
    let fixture = Fixture::new();
    let mut writer = begin(&fixture.store, TEXT);
    writer.write(&[b'x'; 19]).unwrap();
    let error = writer.finish().unwrap_err();
    let (wanted, found) = (Digest::of(TEXT), Digest::of(&[b'x'; 19]));
    assert_eq!(error.to_string(), format!("the bytes written as {wanted} have the digest {found}"));
    assert!(matches!(error, StoreError::Mismatch { resumed: 0, .. }));
    assert_eq!(fixture.names("partial"), [""; 0]);
    assert_eq!(fixture.names("blobs/sha256"), [""; 0]);
}

/// A blob that is there, announced with another size: whose fault it is, is found out.
#[test]
fn announced_wrongly() {
    let fixture = Fixture::new();
    let digest = fixture.store.put(TEXT).unwrap();
    let error = fixture.store.begin(&digest, 5, AT_ONCE).unwrap_err();
    assert_eq!(error.to_string(), format!("{digest} was announced with 5 bytes and has 19"));
    fs::write(fixture.blob(&digest), "cut").unwrap();
    let mut writer = begin(&fixture.store, TEXT);
    writer.write(TEXT).unwrap();
    writer.finish().unwrap();
    assert!(is_present(&fixture.store, TEXT));
}

/// Being found is being used.
#[test]
fn found_is_used() {
    let fixture = Fixture::new();
    let digest = fixture.store.put(TEXT).unwrap();
    let modified = || fs::metadata(fixture.blob(&digest)).unwrap().modified().unwrap();
    age(&fixture.blob(&digest), Duration::from_secs(3600));
    let old = modified();
    assert!(fixture.store.contains(&digest).unwrap());
    assert_eq!(modified(), old, "it was only looked at");
    assert!(is_present(&fixture.store, TEXT));
    assert!(modified() > old);
    age(&fixture.blob(&digest), Duration::from_secs(10));
    let recent = modified();
    assert!(is_present(&fixture.store, TEXT));
    assert_eq!(modified(), recent, "it was used a moment ago");
}

/// Who does not want to wait writes a file of its own, and either may finish first.
#[test]
fn by_two_at_once() {
    for second_is_first in [true, false] {
        let fixture = Fixture::new();
        let mut writers = [begin(&fixture.store, TEXT), begin(&fixture.store, TEXT)];
        for writer in &mut writers {
            writer.write(TEXT).unwrap();
        }
        assert_eq!(fixture.names("partial").len(), 2);
        if second_is_first {
            writers.reverse();
        }
        for writer in writers {
            writer.finish().unwrap();
        }
        assert!(is_present(&fixture.store, TEXT));
        assert_eq!(fixture.names("partial"), [""; 0]);
    }
}

/// The file of one who did not want to wait is of no use to others.
#[test]
fn own_files_are_not_left() {
    let fixture = Fixture::new();
    let _first = begin(&fixture.store, TEXT);
    begin(&fixture.store, TEXT).write(&TEXT[..3]).unwrap();
    assert_eq!(fixture.names("partial"), [Digest::of(TEXT).hex()]);
}

/// Who waits finds it, or goes on with what is left.
#[test]
fn waiting_for_another() {
    for finishes in [true, false] {
        let fixture = Fixture::new();
        let mut writer = begin(&fixture.store, TEXT);
        writer.write(&TEXT[..5]).unwrap();
        let begun = thread::scope(|scope| {
            let waiting = scope.spawn(|| fixture.store.begin(&Digest::of(TEXT), TEXT.len() as u64, PATIENCE).unwrap());
            match finishes {
                true => {
                    writer.write(&TEXT[5..]).unwrap();
                    writer.finish().unwrap();
                }
                false => drop(writer),
            }
            waiting.join().unwrap()
        });
        match begun {
            Begun::Present => assert!(finishes),
            Begun::Missing(writer) => assert_eq!((finishes, writer.have()), (false, 5)),
        }
        assert!(!finishes || fixture.names("partial").is_empty());
    }
}

/// Eight threads that write, read and sweep the same few blobs never see half of one.
#[test]
fn by_many_at_once() {
    let fixture = Fixture::new();
    let texts: Vec<_> = (0..4_u8).map(|number| vec![number; 100_000 + usize::from(number)]).collect();
    thread::scope(|scope| {
        for thread in 0..8 {
            let (store, texts) = (&fixture.store, &texts);
            scope.spawn(move || {
                for round in 0..20 {
                    let text = &texts[(thread + round) % texts.len()];
                    let digest = Digest::of(text);
                    match store.begin(&digest, text.len() as u64, AT_ONCE).unwrap() {
                        Begun::Present => assert_eq!(store.read(&digest, 1 << 20).unwrap().unwrap(), *text),
                        Begun::Missing(mut writer) => {
                            let have = writer.have() as usize;
                            for piece in text[have..].chunks(30_000) {
                                writer.write(piece).unwrap();
                            }
                            writer.finish().unwrap();
                        }
                    }
                    if round % 5 == thread % 5 {
                        store.forget(&"a.io/b:c".parse().unwrap()).unwrap();
                        super::keeping::sweep(store, Duration::from_secs(3600));
                        assert!(store.verify().unwrap().damaged.is_empty());
                    }
                }
            });
        }
    });
    assert_eq!(fixture.names("blobs/sha256").len(), texts.len());
    assert_eq!(fixture.names("partial"), [""; 0]);
    let _ = missing(fixture.store.begin(&Digest::of(b"x"), 1, AT_ONCE).unwrap());
}
