//! Helpers: little programs, installed where only these tests look.

use std::time::{Duration, Instant};

use super::{AUTH, Home};

/// A helper that has `user` and `pass` for the servers of which it is asked.
const KNOWS: &str = r#"
[ "$1" = get ] || exit 7
read -r server
case "$server" in
ghcr.io) echo '{"ServerURL":"ghcr.io","Username":"user","Secret":"pass"}' ;;
https://index.docker.io/v1/) echo '{"Username":"docker","Secret":"pass"}' ;;
token.io) echo '{"Username":"<token>","Secret":"abc"}' ;;
empty.io) echo '{"Username":"","Secret":""}' ;;
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac"#;

/// For all registries, for one, and for none.
#[test]
fn chosen() {
    let home = Home::new();
    home.helper("all", KNOWS);
    home.helper("one", r#"echo '{"Username":"one","Secret":"pass"}'"#);
    home.write(
        ".docker/config.json",
        &format!(
            r#"{{"credsStore":"all","credHelpers":{{"a.io":"one","https://b.io/v1/":"one","c.io":""}},
                "auths":{{"c.io":{{"auth":"{AUTH}"}},"d.io":{{"auth":"{AUTH}"}},"ghcr.io":{{"auth":"eDp4"}}}}}}"#
        ),
    );
    assert_eq!(home.of("ghcr.io"), "user pass", "the helper comes before the file");
    assert_eq!(home.of("docker.io"), "docker pass");
    assert_eq!(home.of("token.io"), "token abc");
    assert_eq!(home.of("empty.io"), "nobody");
    assert_eq!(home.of("unknown.io"), "nobody");
    assert_eq!(home.of("a.io"), "one pass");
    assert_eq!(home.of("b.io"), "one pass");
    assert_eq!(home.of("c.io"), "user pass", "an empty name: no helper for this one");
    assert_eq!(home.of("d.io"), "user pass", "the helper has nothing, and the file has");
}

fn with_helper(script: &str) -> Home {
    let home = Home::new();
    home.helper("x", script);
    home.write(".docker/config.json", r#"{"credHelpers":{"ghcr.io":"x"}}"#);
    home
}

/// What a helper says of its failure is told, on one line that has an end. An answer is not.
#[test]
fn failing() {
    let check = |script: &str, expected: &str| {
        let told = with_helper(script).of("ghcr.io");
        assert_eq!(told, format!("error: docker-credential-x {expected}"), "{script}");
    };
    check("echo 'no key ring' >&2; exit 3", "get failed (exit status: 3): no key ring");
    check("echo 'no key ring'; exit 3", "get failed (exit status: 3): no key ring");
    check("printf 'a\\033[31m\\nb' >&2; exit 3", "get failed (exit status: 3): a [31m b");
    check("exit 3", "get failed (exit status: 3)");
    check("kill -9 $$", "get failed (signal: 9 (SIGKILL))");
    check(r#"echo '{"Username":"u","Secret":"s"}'; exit 3"#, "get failed (exit status: 3)");
    check("echo hello", "gave an answer of no use: it is no JSON");
    check("true", "gave an answer of no use: it is no JSON");
    check("echo '[]'", "gave an answer of no use: it is no object");
    let texts = "gave an answer of no use: it needs the texts `Username` and `Secret`";
    check(r#"echo '{"Username":"u","Secret":5}'"#, texts);
    check(r#"echo '{"ServerURL":"ghcr.io"}'"#, texts);
    check(
        "head -c 100000 /dev/zero | tr '\\0' x >&2; exit 3",
        &format!("get failed (exit status: 3): {}", "x".repeat(500)),
    );
}

/// More than any answer is read and dropped.
#[test]
fn talkative() {
    let home = with_helper("head -c 1000000 /dev/zero | tr '\\0' x");
    assert_eq!(home.of("ghcr.io"), "error: docker-credential-x gave an answer of no use: it is too long");
    let home = with_helper(r#"yes | head -c 300000 >&2; echo '{"Username":"u","Secret":"s"}'"#);
    assert_eq!(home.of("ghcr.io"), "u s", "what it complains of does not matter");
}

/// One that does not end is killed, with what it has started.
#[test]
fn hanging() {
    for script in ["sleep 1000", "trap '' TERM; sleep 1000 & wait", "exec 1>&- 2>&-; sleep 1000", "yes"] {
        let mut home = with_helper(&format!("echo $$ > {}\n{script}", "\"$(dirname \"$0\")/pid\""));
        home.places.helper_deadline = Duration::from_millis(500);
        let began = Instant::now();
        let told = home.of("ghcr.io");
        assert!(began.elapsed() < Duration::from_secs(15), "{script}: {:?}", began.elapsed());
        assert_eq!(told, "error: docker-credential-x get did not end within 0.5 s", "{script}");
        let group = pid(&home);
        wattle_testkit::until("all of it is gone", || {
            rustix::process::test_kill_process_group(group).is_err().then_some(())
        });
    }
}

/// The process that a helper told of.
fn pid(home: &Home) -> rustix::process::Pid {
    let pid = std::fs::read_to_string(home.at("bin/pid")).unwrap();
    rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap()
}

/// One that leaves something behind which has our pipes open keeps nobody waiting.
#[test]
fn daemonising() {
    let home = with_helper(
        r#"sleep 1000 & echo $! > "$(dirname "$0")/pid"
        echo '{"Username":"u","Secret":"s"}'"#,
    );
    assert_eq!(home.of("ghcr.io"), "u s");
    rustix::process::kill_process(pid(&home), rustix::process::Signal::KILL).expect("it is still there");
}

/// One that does not read what it is sent is no problem.
#[test]
fn deaf() {
    let home = with_helper(r#"exec 0<&-; echo '{"Username":"u","Secret":"s"}'"#);
    assert_eq!(home.of("ghcr.io"), "u s");
}

/// What is named is no program, or is not there.
#[test]
fn missing() {
    let mut home = Home::new();
    let missing = "error: docker-credential-x, which ~/.docker/config.json names as a helper, is not installed";
    home.write(".docker/config.json", r#"{"credHelpers":{"ghcr.io":"x"}}"#);
    assert_eq!(home.of("ghcr.io"), missing);
    home.write(".docker/config.json", r#"{"credsStore":"x","auths":{"ghcr.io":{},"a.io":{"auth":"YTpi"}}}"#);
    assert_eq!(home.of("ghcr.io"), missing, "somebody logged in, and that is with the helper");
    assert_eq!(home.of("a.io"), "a b", "the file has it");
    assert_eq!(home.of("public.io"), "nobody", "nobody logged in to it");
    for name in ["../x", "a/b", "a b", "x;y"] {
        home.write(".docker/config.json", &format!(r#"{{"credsStore":"{name}"}}"#));
        let expected =
            format!("error: ~/.docker/config.json names {name:?} as a helper, which is no name of a program");
        assert_eq!(home.of("ghcr.io"), expected);
    }
    // A directory of somebody else's choice is not where programs are.
    home.helper("x", KNOWS);
    home.write(".docker/config.json", r#"{"credHelpers":{"ghcr.io":"x"}}"#);
    assert_eq!(home.of("ghcr.io"), "user pass");
    home.places.path = "bin:.".into();
    assert_eq!(home.of("ghcr.io"), missing);
}

/// What cannot be run is told.
#[test]
fn no_program() {
    let home = Home::new();
    home.write("bin/docker-credential-x", "no program");
    home.write(".docker/config.json", r#"{"credHelpers":{"ghcr.io":"x"}}"#);
    assert_eq!(home.of("ghcr.io"), "error: cannot run docker-credential-x: Permission denied (os error 13)");
}
