//! References to artifacts: what is one, what is not, and why; and what a lock keeps of them.

use proptest::prelude::*;
use wattle_spec::digest::Digest;
use wattle_spec::lock::Lock;
use wattle_spec::policy::NamePattern;
use wattle_spec::reference::{Reference, RegistryName, Which};

fn check(text: &str) -> String {
    match text.parse::<Reference>() {
        Ok(reference) => {
            let which = match &reference.which {
                Which::Tag(tag) => format!("tag {tag}"),
                Which::Digest { digest, tag } => format!("digest {}.. of {tag:?}", &digest.hex()[..4]),
            };
            format!("{} | {} | {which}", reference.repository.registry, reference.repository.path)
        }
        Err(error) => match error.hint() {
            Some(hint) => format!("{error} (hint: {hint})"),
            None => error.to_string(),
        },
    }
}

#[test]
fn parts() {
    let digest = Digest::of(b"");
    insta::assert_snapshot!(check("ghcr.io/shop/cart:1.0"), @"ghcr.io | shop/cart | tag 1.0");
    insta::assert_snapshot!(check("localhost/cart"), @"localhost | cart | tag latest");
    insta::assert_snapshot!(check("127.0.0.1:5000/a/b-c/d__e:V_1"), @"127.0.0.1:5000 | a/b-c/d__e | tag V_1");
    insta::assert_snapshot!(check("[::1]:5000/a"), @"[::1]:5000 | a | tag latest");
    insta::assert_snapshot!(check(&format!("a.io/b@{digest}")), @"a.io | b | digest e3b0.. of None");
    insta::assert_snapshot!(check(&format!("a.io/b:2@{digest}")), @r#"a.io | b | digest e3b0.. of Some(Tag("2"))"#);
}

#[test]
fn refused() {
    insta::assert_snapshot!(check("cart"), @r#""cart" names no registry (hint: write the registry in front, as in `ghcr.io/cart` or `localhost:5000/cart`)"#);
    insta::assert_snapshot!(check("shop/cart:1"), @r#""shop/cart:1" names no registry (hint: write the registry in front, as in `ghcr.io/shop/cart:1` or `localhost:5000/shop/cart:1`)"#);
    insta::assert_snapshot!(check("a.io:99999/b"), @r#""a.io:99999/b" names no registry (hint: write the registry in front, as in `ghcr.io/a.io:99999/b` or `localhost:5000/a.io:99999/b`)"#);
    insta::assert_snapshot!(check("-a.io/b"), @r#""-a.io/b" names no registry (hint: write the registry in front, as in `ghcr.io/-a.io/b` or `localhost:5000/-a.io/b`)"#);
    insta::assert_snapshot!(check("user@a.io/b"), @r#""a.io/b" is no digest: `sha256:` and 64 lower-case hex digits"#);
    insta::assert_snapshot!(check("a.io/"), @r#""" is no name of a repository: parts of a-z, 0-9 and single `.`, `_`, `__` or `-` between them"#);
    insta::assert_snapshot!(check("a.io/B"), @r#""B" is no name of a repository: parts of a-z, 0-9 and single `.`, `_`, `__` or `-` between them"#);
    insta::assert_snapshot!(check("a.io/../b"), @r#""../b" is no name of a repository: parts of a-z, 0-9 and single `.`, `_`, `__` or `-` between them"#);
    insta::assert_snapshot!(check("a.io/a..b"), @r#""a..b" is no name of a repository: parts of a-z, 0-9 and single `.`, `_`, `__` or `-` between them"#);
    insta::assert_snapshot!(check("a.io/b:-1"), @r#""-1" is no tag: at most 128 of a-z, A-Z, 0-9, `_`, `.` and `-`, the first no `.` or `-`"#);
    insta::assert_snapshot!(check("a.io/b:1:2"), @r#""1:2" is no tag: at most 128 of a-z, A-Z, 0-9, `_`, `.` and `-`, the first no `.` or `-`"#);
    insta::assert_snapshot!(check("a.io/b@sha256:12"), @r#""sha256:12" is no digest: `sha256:` and 64 lower-case hex digits"#);
    insta::assert_snapshot!(check(&format!("a.io/{}", "b".repeat(300))), @"the name of a repository has at most 255 bytes, its registry included");
}

#[test]
fn no_url() {
    insta::assert_snapshot!(check("https://ghcr.io/a/b:1"), @r#""https://ghcr.io/a/b:1" begins with a scheme, and a reference has none (hint: write it as in `ghcr.io/a/b:1`)"#);
    insta::assert_snapshot!(check("docker://a.io/b"), @r#""docker://a.io/b" begins with a scheme, and a reference has none (hint: write it as in `a.io/b`)"#);
}

#[test]
fn locks() {
    let reference: Reference = "a.io/b:1".parse().unwrap();
    let mut lock = Lock::default();
    assert!(lock.is_empty() && lock.get(&reference).is_none());
    lock.set(&reference, Digest::of(b"2"));
    lock.set(&"a.io/a".parse().unwrap(), Digest::of(b"1"));
    insta::assert_snapshot!(lock.to_text(), @r#"
    # What the tags in wattle.toml point to. Written by `wattle up`, kept with the manifest.
    version = 1

    [[artifact]]
    reference = "a.io/a:latest"
    digest = "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"

    [[artifact]]
    reference = "a.io/b:1"
    digest = "sha256:d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35"
    "#);
    assert_eq!(Lock::parse(&lock.to_text()).unwrap(), lock);
    let refused = |text: &str| Lock::parse(text).unwrap_err().to_string();
    assert_eq!(refused("version = 2"), "its version is 2, and this `wattle` knows version 1");
    assert_eq!(refused("version = 1\nmore = 1"), "it is no lock");
    assert_eq!(refused("version = 1\n[[artifact]]\nreference = 'x'\ndigest = 'y'"), "it names \"x\"");
    let one = format!("[[artifact]]\nreference = 'a.io/x:1'\ndigest = '{}'\n", Digest::of(b"1"));
    assert_eq!(refused(&format!("version = 1\n{one}{one}")), "it says twice where \"a.io/x:1\" leads");
    assert_eq!(
        refused("version = 1\n[[artifact]]\nreference = 'a.io/x'\ndigest = 'y'"),
        "what `a.io/x` points to is no digest"
    );
}

/// Whatever a place is called, it is called one thing once it is read: what a rule, a lock or a setting says of it holds.
#[test]
fn one_spelling() {
    let check = |text: &str, expected: &str| {
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.to_string(), format!("{expected}:latest"), "{text}");
        let registry = text.split('/').next().unwrap().parse::<RegistryName>().unwrap();
        assert_eq!(registry.as_str(), reference.repository.registry, "{text}");
        assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
    };
    for registry in ["ghcr.io", "GHCR.io", "ghcr.io:443", "Ghcr.IO:0443"] {
        check(&format!("{registry}/acme/x"), "ghcr.io/acme/x");
        let rule: NamePattern = "ghcr.io/acme/**".parse().unwrap();
        let reference: Reference = format!("{registry}/acme/x:1").parse().unwrap();
        assert!(rule.matches(&reference.repository.to_string()), "{registry}");
    }
    // Who speaks plain http is decided elsewhere.
    check("ghcr.io:80/x", "ghcr.io:80/x");
    check("box:443/x", "box:443/x");
    check("localhost:443/x", "localhost/x");
    check("[0:0:0::1]:5000/x", "[::1]:5000/x");
    check("[::1]:443/x", "[::1]/x");
    for docker in ["docker.io", "index.docker.io", "Registry-1.Docker.io:443"] {
        check(&format!("{docker}/acme/x"), "docker.io/acme/x");
        check(&format!("{docker}/alpine"), "docker.io/library/alpine");
    }
    let v6: NamePattern = "[::1]:5000/**".parse().unwrap();
    assert!(v6.matches("[::1]:5000/acme/x"));
    for text in
        ["ghcr.io./x", "ghcr.io:+443/x", "ghcr.io:/x", "0x7f.1/x", "127.1/x", "127.0.0.0x1/x", "[::1/x", "1:5/x"]
    {
        assert!(text.parse::<Reference>().is_err(), "{text}");
    }
}

proptest! {
    /// What is read is written as it was, but for the tag that nobody wrote; and nothing panics.
    #[test]
    fn round_trip(text in "[a-c.:/@_-]{0,24}|[a-z]{1,3}\\.io(:[0-9]{1,5})?(/[a-z0-9._-]{1,8}){1,3}(:[A-Za-z0-9._-]{1,8})?") {
        if let Ok(reference) = text.parse::<Reference>() {
            let written = reference.to_string();
            // The registry may have been written otherwise.
            let rest = |text: &str| text.split_once('/').unwrap().1.to_owned();
            let tagged = rest(&text) + ":latest";
            prop_assert!(rest(&written) == rest(&text) || rest(&written) == tagged);
            prop_assert_eq!(written.parse::<Reference>().unwrap(), reference);
        }
    }
}
