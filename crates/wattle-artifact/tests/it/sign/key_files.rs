//! Keys in files: those of others, and what is none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wattle_artifact::sign::key::{KeyId, Kind, PrivateKey, PublicKey};

use super::{ED25519_ID, ED25519_PEM, P256_ID, P256_PEM, chain, ed25519, p256};

const P256_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END PUBLIC KEY-----
";
const ED25519_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
";
/// As `openssl ecparam -genkey` writes it: parameters of the curve, then the key of RFC 6979 as RFC 5915 has it.
const P256_SEC1: &str = "-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49
AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8
maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END EC PRIVATE KEY-----
";
/// The same point, compressed.
const P256_COMPRESSED: &str = "-----BEGIN PUBLIC KEY-----
MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Y=
-----END PUBLIC KEY-----
";
const RSA_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxL9JQnkVBc7bRGiC7f5y
T1xqgr7yXou6SmNKMjuYGQs7E3ihKMRAQtzSxgBc8qlda4lqoVEiNwJQplXJkPsj
sS8wX4pxNVT4fyZm97mXbBJ+f13Joxt5OmMC9HLyBiPQxdaiwPWZn4cOiwh1OILu
D98mQC9Z6fQiZGXzwQuZ6DnwcNoWSjOk+1OJ9l1R80gPVjJWzbTCoNAE1y1+c5wW
oYlEXmk1gUM9kzJ7FYetYPcZyDzqHNDT+/JcMFcWUwF3FXlZFfpDvIfSVhpq9FD0
ACPsM1jtP/GtxOFOrWasYcEzBOUj5JXLVohYIsL3T29/jjLpwD/P2526rx4HuQvz
RwIDAQAB
-----END PUBLIC KEY-----
";
const P384_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEcsjdlTaMp92oAsMJd6j5/8c64LtM4J+r
qWR2e4McmOeynDPB61rfpIojFOwiaf9K+BpQpL01vGGj36O2hr5eXFXzNDDec++V
0fyblhFDsZTWz3tQHuosKjeEknXsk6Qr
-----END PUBLIC KEY-----
";

/// What OpenSSL writes is read, and written again byte for byte.
#[test]
fn files_are_those_of_openssl() {
    for (private, public, id, kind) in
        [(ED25519_PEM, ED25519_PUBLIC, ED25519_ID, Kind::Ed25519), (P256_PEM, P256_PUBLIC, P256_ID, Kind::P256)]
    {
        let key = PrivateKey::from_pem(private.as_bytes()).unwrap();
        assert_eq!(*key.to_pem(), private);
        assert_eq!(key.public().to_pem(), public);
        assert_eq!(key.public(), &PublicKey::from_pem(public.as_bytes()).unwrap());
        assert_eq!((key.public().id().to_string().as_str(), key.public().kind()), (id, kind));
        assert_eq!(id.parse::<KeyId>().unwrap(), key.public().id());
    }
}

#[test]
fn a_key_in_another_dress_is_the_same_key() {
    for file in [P256_SEC1.to_owned(), P256_PEM.replace('\n', "\r\n"), format!("a note\n{P256_PEM}another")] {
        assert_eq!(PrivateKey::from_pem(file.as_bytes()).unwrap().public().id().to_string(), P256_ID, "{file}");
    }
    for file in [P256_COMPRESSED.to_owned(), format!("\u{feff}{P256_PUBLIC}"), P256_PUBLIC.trim_end().to_owned()] {
        let key = PublicKey::from_pem(file.as_bytes()).unwrap();
        assert_eq!((key.id().to_string().as_str(), key.to_pem().as_str()), (P256_ID, P256_PUBLIC), "{file}");
    }
}

#[test]
fn a_new_key_comes_back_from_its_file() {
    for kind in [Kind::Ed25519, Kind::P256] {
        let key = PrivateKey::generate(kind).unwrap();
        let read = PrivateKey::from_pem(key.to_pem().as_bytes()).unwrap();
        assert_eq!((read.public(), read.public().kind()), (key.public(), kind));
        assert!(key.public().verifies(b"a", &read.sign(b"a").unwrap()));
        assert_ne!(PrivateKey::generate(kind).unwrap().public(), key.public());
    }
}

/// RFC 8032, section 7.1, test 1 and RFC 6979, appendix A.2.5, "sample" with SHA-256.
#[test]
fn signatures_are_those_of_the_specifications() {
    let hex = |text: &str| -> Vec<u8> {
        text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    };
    let signature =
        hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd\
                         25bf5f0595bbe24655141438e7a100b");
    assert_eq!(ed25519().sign(b"").unwrap(), signature);
    assert!(ed25519().public().verifies(b"", &signature));
    assert!(!ed25519().public().verifies(b"\0", &signature));
    let signature =
        hex("3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716022100f7cb1c942d657c41\
                         d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
    assert!(p256().public().verifies(b"sample", &signature));
    assert!(!p256().public().verifies(b"test", &signature));
    assert!(!ed25519().public().verifies(b"sample", &signature));
}

#[test]
fn what_is_no_key() {
    let public = |file: &str| match PublicKey::from_pem(file.as_bytes()) {
        Ok(key) => key.id().to_string(),
        Err(error) => chain(&error),
    };
    assert_eq!(public(""), "there is no key in PEM in it");
    assert_eq!(public("ssh-ed25519 AAAA me"), "there is no key in PEM in it");
    assert_eq!(public(&P256_PUBLIC.repeat(2)), "there are 2 keys in it");
    assert_eq!(public(&" ".repeat((16 << 10) + 1)), "a file with a key has at most 16384 bytes");
    assert_eq!(public(P256_PEM), "it is a \"PRIVATE KEY\" and not a public key");
    assert_eq!(
        public(&P256_PUBLIC.replace("PUBLIC KEY", "CERTIFICATE")),
        "it is a \"CERTIFICATE\" and not a public key"
    );
    for other in
        [RSA_PUBLIC, P384_PUBLIC, &P256_PUBLIC.replace("EYP7", "EYP8"), &ED25519_PUBLIC.replace("MCow", "MDow")]
    {
        assert_eq!(public(other), "it is neither an Ed25519 nor an ECDSA P-256 key");
    }
    // The bare bytes of a key, without what says of which kind it is.
    for (file, len) in [(ED25519_PUBLIC, 32), (P256_PUBLIC, 65)] {
        let base64: String = file.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(base64).unwrap();
        let bare = STANDARD.encode(&der[der.len() - len..]);
        let file = format!("-----BEGIN PUBLIC KEY-----\n{bare}\n-----END PUBLIC KEY-----\n");
        assert_eq!(public(&file), "it is neither an Ed25519 nor an ECDSA P-256 key");
    }
}

/// Whoever checks signatures must not have what makes them.
#[test]
fn a_private_key_beside_a_public_one() {
    let encrypted = ED25519_PEM.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let cosign = P256_PEM.replace("PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY");
    let rsa = P256_PEM.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    for private in [ED25519_PEM, P256_PEM, P256_SEC1, &encrypted, &cosign, &rsa] {
        for file in [format!("{private}{ED25519_PUBLIC}"), format!("{P256_PUBLIC}{private}")] {
            let error = PublicKey::from_pem(file.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), "there is a private key beside the public one", "{file}");
            assert!(error.hint().unwrap().contains("does not belong where signatures are verified"));
        }
    }
    let both = format!("{ED25519_PEM}{ED25519_PUBLIC}");
    assert_eq!(PrivateKey::from_pem(both.as_bytes()).unwrap().public().id().to_string(), ED25519_ID);
}

#[test]
fn what_is_no_private_key() {
    let private = |file: &str| match PrivateKey::from_pem(file.as_bytes()) {
        Ok(key) => key.public().id().to_string(),
        Err(error) => format!("{}; {}", chain(&error), error.hint().unwrap_or("-")),
    };
    let relabelled = |label: &str| P256_PEM.replace("PRIVATE KEY", label);
    let cosign = "it is a private key that cosign encrypted, which only cosign can use; make a key with \
                  `wattle key new`, or go on signing with `cosign sign --key`";
    assert_eq!(private(&relabelled("ENCRYPTED SIGSTORE PRIVATE KEY")), cosign);
    assert_eq!(private(&relabelled("ENCRYPTED COSIGN PRIVATE KEY")), cosign);
    let encrypted = "the private key is encrypted; decrypt it with `openssl pkey -in FILE -out OTHER`, or make one \
                     with `wattle key new`";
    assert_eq!(private(&relabelled("ENCRYPTED PRIVATE KEY")), encrypted);
    let legacy = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n";
    assert_eq!(private(&P256_SEC1.replace("-----BEGIN EC PRIVATE KEY-----\n", legacy)), encrypted);
    assert_eq!(private(P256_PUBLIC), "it is a \"PUBLIC KEY\" and not a private key; -");
    assert_eq!(
        private(&relabelled("RSA PRIVATE KEY")),
        "it is a \"RSA PRIVATE KEY\" and not a private key; make a key with `wattle key new`"
    );
    assert_eq!(
        private(&ED25519_PEM.replace("MC4C", "MD4C")),
        "it is neither an Ed25519 nor an ECDSA P-256 key; make a key with `wattle key new`"
    );
    assert_eq!(private(&format!("{P256_PEM}{ED25519_PEM}")), "there are 2 keys in it; -");
}

/// A secret in the wrong line of a file gets into no error, and none into what is printed of a key.
#[test]
fn no_secret_is_told() {
    let secret = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v";
    let files = [
        ED25519_PEM.replace('\n', ""),
        ED25519_PEM.replacen('\n', "", 1),
        ED25519_PEM.replacen("PRIVATE KEY-----\n", "", 1),
        ED25519_PEM.replace("-----END PRIVATE KEY-----\n", ""),
        ED25519_PEM.replace("END PRIVATE", "END PUBLIC"),
        ED25519_PEM.replace("MC4C", "MC4C!"),
        ED25519_PEM.replace("MC4CAQ", "MD4CAQ"),
        ED25519_PEM.replace("BEGIN", "BEGIN ENCRYPTED"),
    ];
    for file in files {
        let error = PrivateKey::from_pem(file.as_bytes()).unwrap_err();
        let told = format!("{error:?} {}", chain(&error));
        assert!(!told.contains(&secret[8..]) && !told.contains("77, 67, 52"), "{file}: {told}");
    }
    assert_eq!(
        format!("{:?}", ed25519()),
        format!("PrivateKey {{ public: PublicKey {{ kind: Ed25519, id: KeyId({ED25519_ID}) }}, .. }}")
    );
}
