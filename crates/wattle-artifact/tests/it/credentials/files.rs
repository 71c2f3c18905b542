//! Reading the files.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use wattle_artifact::credentials::{Credential, Credentials};

use super::{AUTH, Home};

/// The first file that has something for the registry decides.
#[test]
fn order() {
    let mut home = Home::new();
    home.places.runtime_dir = Some(home.at("run"));
    home.places.registry_auth_file = Some(home.at("chosen.json"));
    assert_eq!(home.of("ghcr.io"), "nobody", "no file at all");
    let entry = |user: &str| {
        format!(r#"{{"auths":{{"ghcr.io":{{"username":"{user}","password":"p"}},"a.io":{{"auth":"{AUTH}"}}}}}}"#)
    };
    home.write(".docker/config.json", &entry("docker"));
    assert_eq!(home.of("ghcr.io"), "docker p");
    home.write(".config/containers/auth.json", &entry("podman"));
    assert_eq!(home.of("ghcr.io"), "podman p");
    home.write("run/containers/auth.json", &entry("session"));
    assert_eq!(home.of("ghcr.io"), "session p");
    home.write("chosen.json", r#"{"auths":{"ghcr.io":{},"quay.io":{"auth":"YTpi"}}}"#);
    assert_eq!(home.of("ghcr.io"), "session p", "an empty entry is nothing");
    assert_eq!(home.of("quay.io"), "a b");
    home.write("chosen.json", &entry("chosen"));
    assert_eq!(home.of("ghcr.io"), "chosen p");
    home.places = super::Places { registry_auth_file: None, runtime_dir: None, ..home.places };
    home.places.config_home = Some(home.at("elsewhere"));
    assert_eq!(home.of("ghcr.io"), "docker p");
    home.places.docker_config = Some(home.at("another"));
    assert_eq!(home.of("ghcr.io"), "nobody", "as for Docker, another directory is in the place of the one at home");
    home.write("another/config.json", &entry("another"));
    assert_eq!(home.of("ghcr.io"), "another p");
}

/// All that Docker and Podman write, and what others have written by hand.
#[test]
fn entries() {
    let check = |entry: &str, expected: &str| {
        let home = Home::new();
        home.write(".docker/config.json", &format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#));
        assert_eq!(home.of("ghcr.io"), expected, "{entry}");
    };
    check(r#"{"auth":"dXNlcjpwYXNz"}"#, "user pass");
    check(r#"{"auth":"dXNlcjpwYTpzcw==","email":"x"}"#, "user pa:ss");
    check(r#"{"auth":"dXNlcjpwYTpzcw"}"#, "user pa:ss");
    check(r#"{"auth":"dXNlcjpwYXNzAAA="}"#, "user pass");
    check(r#"{"auth":"","username":"user","password":"pass"}"#, "user pass");
    check(r#"{"auth":"dXNlcjpwYXNz","identitytoken":"abc"}"#, "token abc");
    check(r#"{"auth":null,"identitytoken":""}"#, "nobody");
    check(r#"{"username":"user"}"#, "nobody");
    check("{}", "nobody");
    check("null", "nobody");
    let error = "error: ~/.docker/config.json is no file of credentials: the entry of \"ghcr.io\" should";
    check("\"secret\"", &format!("{error} be an object"));
    check(r#"{"auth":["secret"]}"#, &format!("{error} only have texts to log in with"));
    for auth in ["secret!", "c2VjcmV0", "/////w=="] {
        let expected = format!("{error} have `user:password` in base64 as its `auth`");
        check(&format!(r#"{{"auth":"{auth}"}}"#), &expected);
    }
}

/// A registry is found under all its names, and only the whole of it.
#[test]
fn keys() {
    let check = |key: &str, registry: &str, expected: &str| {
        let home = Home::new();
        home.write(".docker/config.json", &format!(r#"{{"auths":{{"{key}":{{"auth":"{AUTH}"}}}}}}"#));
        assert_eq!(home.of(registry), expected, "{key} for {registry}");
    };
    for registry in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
        check("https://index.docker.io/v1/", registry, "user pass");
        check("docker.io", registry, "user pass");
    }
    check("https://ghcr.io/v1/", "ghcr.io", "user pass");
    check("ghcr.io/", "GHCR.IO", "user pass");
    check("http://localhost:5000", "localhost:5000", "user pass");
    check("localhost:5000", "localhost:5001", "nobody");
    check("localhost:5000", "localhost", "nobody");
    check("ghcr.io/team", "ghcr.io", "nobody");
    check("evil-ghcr.io", "ghcr.io", "nobody");
    check("ghcr.io.evil.example", "ghcr.io", "nobody");
    check("ghcr.io", "no registry", "error: \"no registry\" is no registry");
}

/// Podman keeps credentials for parts of a registry: those of the smallest part decide, before those of a helper.
#[test]
fn parts_of_registries() {
    let mut home = Home::new();
    let entry = |key: &str| format!(r#""{key}":{{"username":"{key}","password":"p"}}"#);
    let keys = ["localhost:5000", "localhost:5000/acme", "localhost:5000/acme/cart", "docker.io/library", "a.io/b"];
    let auths = keys.map(entry).join(",") + r#","localhost:5000/acme/cart/more":{},"a.io":7"#;
    home.write(".docker/config.json", &format!(r#"{{"auths":{{{auths}}}}}"#));
    let check = |home: &Home, registry: &str, path: &str, expected: &str| {
        assert_eq!(home.within(registry, path), expected, "{registry}/{path}");
    };
    check(&home, "localhost:5000", "other", "localhost:5000 p");
    check(&home, "localhost:5000", "acme", "localhost:5000/acme p");
    check(&home, "localhost:5000", "acme/shop", "localhost:5000/acme p");
    check(&home, "localhost:5000", "acme/cart", "localhost:5000/acme/cart p");
    check(&home, "localhost:5000", "acme/cart/more", "localhost:5000/acme/cart p");
    check(&home, "localhost:5000", "acme/carts", "localhost:5000/acme p");
    check(&home, "localhost:5000", "acmes/cart", "localhost:5000 p");
    check(&home, "localhost:5001", "acme/cart", "nobody");
    check(&home, "docker.io", "library/nginx", "docker.io/library p");
    check(&home, "docker.io", "acme/nginx", "nobody");
    check(&home, "a.io", "b/c", "a.io/b p");
    // The first file that has something decides, be it for all of the registry.
    home.places.registry_auth_file = Some(home.at("chosen.json"));
    home.write("chosen.json", r#"{"auths":{"localhost:5000":{"username":"chosen","password":"p"}}}"#);
    check(&home, "localhost:5000", "acme/cart", "chosen p");
}

/// The name that Docker uses comes before others that mean the same.
#[test]
fn exact_key_first() {
    let home = Home::new();
    home.write(
        ".docker/config.json",
        r#"{"auths":{"a.io/v1/":{"auth":"eDp4"},"a.io":{"auth":"YTpi"},"http://a.io":{"auth":"eTp5"}}}"#,
    );
    assert_eq!(home.of("a.io"), "a b");
}

/// Errors tell where, and no piece of what is there.
#[test]
fn damaged() {
    let check = |text: &str, expected: &str| {
        let home = Home::new();
        home.write(".docker/config.json", text);
        let told = home.of("ghcr.io");
        assert_eq!(told, expected, "{text}");
        let error = home.credentials().of("ghcr.io", "a/b").unwrap_err();
        assert!(!told.contains("secret") && !format!("{error:?}").contains("secret"), "{error:?}");
    };
    check("secret", "error: ~/.docker/config.json is no JSON: expected value at line 1 column 1");
    check(
        r#"{"auths":{"ghcr.io":{"auth":"secret"#,
        "error: ~/.docker/config.json is no JSON: EOF while parsing a string at line 1 column 35",
    );
    let shape = "error: ~/.docker/config.json is no file of credentials:";
    check("[]", &format!("{shape} all of it should be an object"));
    check(r#"{"auths":"secret"}"#, &format!("{shape} `auths` should be an object"));
    check(r#"{"credsStore":["secret"]}"#, &format!("{shape} \"credsStore\" should be a text"));
    check(r#"{"credHelpers":{"ghcr.io":{"a":"secret"}}}"#, &format!("{shape} \"ghcr.io\" should be a text"));
    check(&"[".repeat(200), "error: ~/.docker/config.json is no JSON: recursion limit exceeded at line 1 column 128");
    check(&" ".repeat((4 << 20) + 1), "error: cannot read ~/.docker/config.json: it has more than 4194304 bytes");
}

/// What is there and has nothing in it is as good as nothing.
#[test]
fn empty() {
    for text in ["", "\n", "{}", r#"{"auths":null,"credHelpers":null,"credsStore":""}"#] {
        let home = Home::new();
        home.write(".docker/config.json", text);
        assert_eq!(home.of("ghcr.io"), "nobody", "{text:?}");
    }
}

/// What is no file, or not for us, is told.
#[test]
fn unreadable() {
    let home = Home::new();
    fs::create_dir_all(home.docker()).unwrap();
    assert_eq!(home.of("ghcr.io"), "error: cannot read ~/.docker/config.json: it is no regular file");
    let home = Home::new();
    home.write(".docker", "a file in the place of the directory");
    assert_eq!(home.of("ghcr.io"), "nobody");
    if rustix::process::geteuid().is_root() {
        crate::say("skipped in part: root reads everything");
        return;
    }
    let home = Home::new();
    fs::set_permissions(home.write(".docker/config.json", "{}"), fs::Permissions::from_mode(0o000)).unwrap();
    assert!(home.of("ghcr.io").starts_with("error: cannot open ~/.docker/config.json: Permission denied"));
}

/// What is printed while looking for an error has no secret in it.
#[test]
fn nothing_is_shown() {
    let home = Home::new();
    home.write(".docker/config.json", &format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{AUTH}"}}}}}}"#));
    let credential = home.credentials().of("ghcr.io", "a/b").unwrap().credential;
    assert_eq!(format!("{credential:?}"), r#"Password { user: "user", .. }"#);
    assert!(!format!("{:?}", home.credentials()).contains("pass"));
    assert_eq!(format!("{:?}", Credential::IdentityToken("pass".to_owned().into())), "IdentityToken");
}
