//! OpenSSL and this crate take each other's keys and signatures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use wattle_artifact::sign::key::{Kind, PrivateKey, PublicKey};
use wattle_testkit::Ran;

/// Set: a test that lacks its program fails instead of saying so.
const WATTLE_REQUIRE_SERVERS: &str = "WATTLE_REQUIRE_SERVERS";

const MESSAGE: &[u8] = b"a message\0\xff";

/// A directory to run openssl in. `None` where there is no openssl that knows both kinds of keys.
struct OpenSsl(TempDir);

impl OpenSsl {
    #[track_caller]
    #[expect(clippy::print_stderr, reason = "says what it skips")]
    fn find() -> Option<Self> {
        let version = Command::new("openssl").arg("version").output();
        // 3.0 is the first whose `pkeyutl -rawin` takes a message that Ed25519 is to sign.
        let text = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        if text.strip_prefix("OpenSSL ").is_some_and(|rest| rest.starts_with(|c: char| ('3'..='9').contains(&c))) {
            return Some(Self(tempfile::tempdir().unwrap()));
        }
        assert!(
            std::env::var_os(WATTLE_REQUIRE_SERVERS).is_none(),
            "{WATTLE_REQUIRE_SERVERS} is set: no OpenSSL 3 here"
        );
        eprintln!("skipped: no OpenSSL 3 here");
        None
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    #[track_caller]
    fn run(&self, arguments: &str) -> Ran {
        let ran = Ran::of(Command::new("openssl").args(arguments.split(' ')).current_dir(self.path()));
        assert_eq!(ran.code, Some(0), "openssl {arguments}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }
}

/// Options of `pkeyutl` with which it signs as keys of a kind do.
fn options(kind: Kind) -> &'static str {
    match kind {
        Kind::Ed25519 => "-rawin",
        Kind::P256 => "-rawin -digest sha256",
    }
}

#[test]
fn its_keys_and_signatures_are_taken() {
    let Some(openssl) = OpenSsl::find() else { return };
    openssl.file("message", MESSAGE);
    for (kind, generate) in [
        (Kind::Ed25519, "genpkey -algorithm ed25519 -out key"),
        (Kind::P256, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key"),
        (Kind::P256, "ecparam -name prime256v1 -genkey -out key"),
    ] {
        openssl.run(generate);
        openssl.run("pkey -in key -pubout -out public");
        openssl.run(&format!("pkeyutl -sign -inkey key {} -in message -out signature", options(kind)));
        let public = PublicKey::from_pem(&openssl.read("public")).unwrap();
        assert_eq!((public.kind(), PrivateKey::from_pem(&openssl.read("key")).unwrap().public()), (kind, &public));
        assert!(public.verifies(MESSAGE, &openssl.read("signature")), "{generate}");
        assert!(!public.verifies(b"another", &openssl.read("signature")));
    }
}

#[test]
fn it_takes_ours() {
    let Some(openssl) = OpenSsl::find() else { return };
    openssl.file("message", MESSAGE);
    for kind in [Kind::Ed25519, Kind::P256] {
        let key = PrivateKey::generate(kind).unwrap();
        openssl.file("key", key.to_pem().as_bytes());
        openssl.file("public", key.public().to_pem().as_bytes());
        openssl.file("signature", &key.sign(MESSAGE).unwrap());
        openssl.run(&format!("pkeyutl -verify -pubin -inkey public {} -in message -sigfile signature", options(kind)));
        openssl.run("pkey -in key -pubout -out told");
        assert_eq!(openssl.read("told"), key.public().to_pem().into_bytes());
        // Which key it is can be told without this crate.
        openssl.run("pkey -pubin -in public -outform DER -out der");
        let digest = openssl.run("dgst -sha256 -r der").stdout;
        assert_eq!(key.public().id().to_string(), format!("sha256:{}", &digest[..64]));
    }
}

#[test]
fn its_other_keys_are_refused() {
    let Some(openssl) = OpenSsl::find() else { return };
    let refusal = |arguments: &str| {
        openssl.run(arguments);
        PrivateKey::from_pem(&openssl.read("key")).unwrap_err().to_string()
    };
    let unsupported = "it is neither an Ed25519 nor an ECDSA P-256 key";
    assert_eq!(refusal("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key"), unsupported);
    assert_eq!(refusal("genpkey -algorithm ed448 -out key"), unsupported);
    assert_eq!(refusal("genpkey -algorithm x25519 -out key"), unsupported);
    assert_eq!(refusal("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out key"), unsupported);
    assert_eq!(refusal("genpkey -algorithm ed25519 -aes256 -pass pass:x -out key"), "the private key is encrypted");
}
