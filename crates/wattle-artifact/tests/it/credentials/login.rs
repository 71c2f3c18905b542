//! Logging in and out.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wattle_artifact::credentials::{CredentialsError, Kept, LoggedIn, LoggedOut, login, logout};

use super::{AUTH, Home, mode};

/// A helper that keeps what it is given in a file beside it, one for each server.
const KEEPS: &str = r#"
cd "$(dirname "$0")" || exit 9
file() { echo "kept-$(echo "$1" | tr -c 'a-z0-9.\n' _)"; }
case "$1" in
store)
    input=$(cat)
    server=$(echo "$input" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/')
    echo "$input" > "$(file "$server")" ;;
get)
    read -r server
    cat "$(file "$server")" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
erase)
    read -r server
    rm "$(file "$server")" ;;
esac"#;

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn in_the_clear(path: impl AsRef<Path>) -> Kept {
    Kept::InTheClear { path: path.as_ref().into() }
}

/// As Docker writes it, for its owner alone.
#[test]
fn in_a_new_file() {
    let home = Home::new();
    let logged_in = login(&home.places, "ghcr.io", "user", "pass").unwrap();
    assert_eq!(logged_in, LoggedIn { kept: in_the_clear(home.docker()), hidden_by: None });
    assert_eq!(
        read(&home.docker()),
        format!("{{\n\t\"auths\": {{\n\t\t\"ghcr.io\": {{\n\t\t\t\"auth\": \"{AUTH}\"\n\t\t}}\n\t}}\n}}")
    );
    assert_eq!((mode(&home.docker()), mode(&home.at(".docker"))), (0o600, 0o700));
    assert_eq!(home.of("ghcr.io"), "user pass");
    login(&home.places, "docker.io", "me", "pa:ss").unwrap();
    assert!(read(&home.docker()).contains("\"https://index.docker.io/v1/\": {"));
    assert_eq!(home.of("registry-1.docker.io"), "me pa:ss");
    assert_eq!(fs::read_dir(home.at(".docker")).unwrap().count(), 1, "nothing else is left there");
}

/// What we do not know stays, and what is old goes.
#[test]
fn in_an_old_file() {
    let home = Home::new();
    let path = home.write(
        ".docker/config.json",
        r#"{"HttpHeaders":{"a":"b"},"auths":{"ghcr.io":{"auth":"eDp4","email":"e","identitytoken":"t"},
            "https://ghcr.io/v1/":{"auth":"eDp4"},"ghcr.io/team":{"auth":"eDp4"},"a.io":{"auth":"YTpi"}},
            "psFormat":"x","currentContext":null,"features":[1,2.5,true]}"#,
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    login(&home.places, "https://GHCR.io/", "user", "pass").unwrap();
    let expected = serde_json::json!({
        "HttpHeaders": { "a": "b" },
        "auths": {
            "ghcr.io": { "auth": AUTH, "email": "e" },
            "ghcr.io/team": { "auth": "eDp4" },
            "a.io": { "auth": "YTpi" },
        },
        "psFormat": "x", "currentContext": null, "features": [1, 2.5, true],
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&read(&path)).unwrap(), expected);
    assert_eq!(mode(&path), 0o600, "it has a secret in it now");
}

/// Logged in and out again, and what was not there is told.
#[test]
fn out() {
    let home = Home::new();
    let nothing = LoggedOut { from: Vec::new(), remains_in: Vec::new() };
    assert_eq!(logout(&home.places, "ghcr.io").unwrap(), nothing);
    assert!(!home.at(".docker").exists(), "nothing was made for it");
    login(&home.places, "ghcr.io", "user", "pass").unwrap();
    login(&home.places, "a.io", "user", "pass").unwrap();
    let before = read(&home.docker());
    assert_eq!(logout(&home.places, "b.io").unwrap(), nothing);
    assert_eq!(read(&home.docker()), before);
    let logged_out = logout(&home.places, "ghcr.io").unwrap();
    assert_eq!(logged_out.from, [in_the_clear(home.docker())]);
    assert_eq!((home.of("ghcr.io"), home.of("a.io")), ("nobody".into(), "user pass".into()));
    assert_eq!(logout(&home.places, "ghcr.io").unwrap(), nothing);
}

/// With the helper of the file: then nothing of it is in the clear.
#[test]
fn with_a_helper() {
    for config in [r#"{"credsStore":"x"}"#, r#"{"credHelpers":{"ghcr.io":"x"},"auths":{"ghcr.io":{"auth":"eDp4"}}}"#] {
        let home = Home::new();
        home.helper("x", KEEPS);
        home.write(".docker/config.json", config);
        let by_helper = Kept::ByHelper { program: "docker-credential-x".into(), path: home.docker() };
        let logged_in = login(&home.places, "ghcr.io", "user", "sec\"ret").unwrap();
        assert_eq!(logged_in, LoggedIn { kept: by_helper.clone(), hidden_by: None });
        let text = read(&home.docker());
        assert!(text.contains("\"ghcr.io\": {}") && !text.contains("auth\""), "{text}");
        assert_eq!(home.of("ghcr.io"), "user sec\"ret");
        assert_eq!(logout(&home.places, "ghcr.io").unwrap().from, [by_helper]);
        assert_eq!(logout(&home.places, "ghcr.io").unwrap().from, []);
        assert_eq!(home.of("ghcr.io"), "nobody");
    }
}

/// A helper that cannot keep it: nothing is written in its place, and it tells no secret, however hard it tries.
#[test]
fn with_a_helper_that_fails() {
    let scripts = ["cat >&2; exit 1", "cat; exit 1", "sed 's/^/no: /' >&2; exit 1", "sed 's/^/no: /'; exit 1"];
    for script in scripts {
        let home = Home::new();
        home.helper("x", script);
        let path = home.write(".docker/config.json", r#"{"credsStore":"x"}"#);
        let error = login(&home.places, "ghcr.io", "user", "open\"sesame\"").unwrap_err();
        let told = home.told(&error);
        assert!(told.starts_with("docker-credential-x store failed (exit status: 1)"), "{told}");
        assert!(!told.contains("sesame") && !format!("{error:?}").contains("sesame"), "{error:?}");
        assert_eq!(read(&path), r#"{"credsStore":"x"}"#);
    }
    let home = Home::new();
    let path = home.write(".docker/config.json", r#"{"credsStore":"x"}"#);
    let error = login(&home.places, "ghcr.io", "user", "pass").unwrap_err();
    assert!(matches!(error, CredentialsError::HelperMissing { .. }), "{error}");
    assert!(error.hint().unwrap().starts_with("install docker-credential-x, or take it out of"));
    assert_eq!(read(&path), r#"{"credsStore":"x"}"#);
}

/// A file that cannot be read is not written over.
#[test]
fn damaged() {
    for text in ["{", "[]", r#"{"auths":[]}"#, r#"{"auths":{"ghcr.io":"x"}}"#] {
        let home = Home::new();
        let path = home.write(".docker/config.json", text);
        let error = login(&home.places, "ghcr.io", "user", "pass").unwrap_err();
        assert!(error.hint().unwrap().starts_with("mend "), "{error}");
        assert_eq!(read(&path), text);
    }
    let home = Home::new();
    home.write(".docker/config.json", r#"{"auths":{"ghcr.io":{"auth":"!"}}}"#);
    assert_eq!(logout(&home.places, "ghcr.io").unwrap().from.len(), 1, "what cannot be read can be removed");
    assert_eq!(home.of("ghcr.io"), "nobody");
}

/// Who keeps the file behind a link still does so afterwards.
#[test]
fn behind_a_link() {
    for is_there in [true, false] {
        let home = Home::new();
        fs::create_dir(home.at("dotfiles")).unwrap();
        fs::create_dir(home.at(".docker")).unwrap();
        if is_there {
            home.write("dotfiles/docker.json", r#"{"psFormat":"x"}"#);
        }
        symlink("../dotfiles/docker.json", home.docker()).unwrap();
        login(&home.places, "ghcr.io", "user", "pass").unwrap();
        assert!(fs::symlink_metadata(home.docker()).unwrap().is_symlink());
        assert_eq!(read(&home.at("dotfiles/docker.json")).contains("psFormat"), is_there);
        assert_eq!(home.of("ghcr.io"), "user pass");
    }
}

/// Another file that comes first is told of: it would be used.
#[test]
fn hidden() {
    let home = Home::new();
    let podman =
        home.write(".config/containers/auth.json", &format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{AUTH}"}}}}}}"#));
    assert_eq!(login(&home.places, "ghcr.io", "me", "pass").unwrap().hidden_by, Some(podman.clone()));
    assert_eq!(login(&home.places, "a.io", "me", "pass").unwrap().hidden_by, None);
    assert_eq!(home.of("ghcr.io"), "user pass");
    let logged_out = logout(&home.places, "ghcr.io").unwrap();
    assert_eq!((logged_out.from.len(), logged_out.remains_in), (1, vec![podman]));
}

/// What could not be read back is not kept.
#[test]
fn unfit() {
    let mut home = Home::new();
    for (user, password) in [("", "p"), ("u", ""), ("u:v", "p"), ("u", "p\n"), ("u\0", "p")] {
        let error = login(&home.places, "ghcr.io", user, password).unwrap_err();
        assert!(matches!(error, CredentialsError::Unfit(_)), "{error}");
    }
    let error = login(&home.places, "ghcr.io/team", "user", "pass").unwrap_err();
    assert_eq!(error.to_string(), "\"ghcr.io/team\" is no registry");
    assert!(!home.at(".docker").exists());
    home.places.home = None;
    let error = login(&home.places, "ghcr.io", "user", "pass").unwrap_err();
    assert_eq!(error.to_string(), "there is no directory to keep credentials in");
}

/// Nobody who logs in at the same time is lost.
#[test]
fn many_at_once() {
    let home = Home::new();
    thread::scope(|scope| {
        for number in 0..8 {
            let places = &home.places;
            scope.spawn(move || login(places, &format!("r{number}.io"), "user", "pass").unwrap());
        }
    });
    for number in 0..8 {
        assert_eq!(home.of(&format!("r{number}.io")), "user pass");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// What is kept is what is had back, whatever it is.
    #[test]
    fn round_trip(user in "[^:\\p{Cc}]{1,20}", password in "\\P{Cc}{1,40}") {
        let home = Home::new();
        login(&home.places, "ghcr.io", &user, &password).unwrap();
        prop_assert_eq!(home.of("ghcr.io"), format!("{} {}", user, password));
    }

    /// No file makes us panic, or is written over unless it could be read. One that names a helper which is not
    /// installed has nothing for strangers, and takes nothing.
    #[test]
    fn any_file(text in any_config()) {
        let home = Home::new();
        let path = home.write(".docker/config.json", &text);
        let is_readable = !home.of("ghcr.io").starts_with("error");
        match login(&home.places, "ghcr.io", "user", "pass") {
            Ok(_) => prop_assert_eq!(home.of("ghcr.io"), "user pass"),
            Err(error) => {
                prop_assert!(!is_readable || matches!(error, CredentialsError::HelperMissing { .. }), "{error}");
                prop_assert_eq!(read(&path), text);
            }
        }
    }
}

const KEYS: &[&str] =
    &["auths", "ghcr.io", "https://ghcr.io/", "auth", "identitytoken", "credsStore", "credHelpers", "x"];

/// Files that are nearly what they should be.
fn any_config() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("5".to_owned()),
        Just("\"\"".to_owned()),
        Just(format!("\"{AUTH}\"")),
        Just("{".to_owned()),
        "\\PC{0,10}",
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        vec((select(KEYS), inner), 0..4).prop_map(|fields| {
            let fields: Vec<_> = fields.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!("{{{}}}", fields.join(","))
        })
    })
}
