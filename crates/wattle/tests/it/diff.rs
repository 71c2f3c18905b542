//! What another version could touch, and whether a policy would let it take the place of one.

use std::fs;

use wattle_testkit::{App, Ran, Registry, guests};

use crate::WATTLE;
use crate::artifacts::done;

/// Of two files and two folders without a registry.
#[test]
fn of_files() {
    let app = App::empty()
        .guest(&guests::hello())
        .guest(&guests::state())
        .file("one/wattle.toml", "name = \"app\"\n[components.main]\nsource = \"../hello.wasm\"\n")
        .file(
            "two/wattle.toml",
            "name = \"app\"\n[components.main]\nsource = \"../hello.wasm\"\nsecrets = [\"stripe-key\"]\n\
             [components.more]\nsource = \"../state.wasm\"\n",
        );
    let same = done(&app, &["diff", "hello.wasm", "hello.wasm"]);
    assert!(same.contains("the same components with the same grants"), "{same}");
    assert!(same.contains("no policy was read: name the host's own file with `--config`"), "{same}");

    let more = done(&app, &["diff", "hello.wasm", "state.wasm"]);
    for said in ["- hello.wasm\n+ state.wasm", "hello (gone)", "state (new)", "+ wasi:keyvalue/store@0.2.0-draft"] {
        assert!(more.contains(said), "{said}\n{more}");
    }
    let apps = done(&app, &["diff", "one", "two"]);
    for said in ["main (the same bytes)\n  granted + the secret stripe-key", "more (new)", "+ keyvalue state"] {
        assert!(apps.contains(said), "{said}\n{apps}");
    }
    let back: serde_json::Value = serde_json::from_str(&done(&app, &["diff", "two", "one", "--json"])).unwrap();
    assert_eq!(back["components"]["main"]["grants"]["removed"][0].as_str(), Some("the secret stripe-key"));
    assert_eq!(back["components"]["more"]["size_bytes"][1], serde_json::Value::Null);
    assert_eq!(back["policy"]["verdict"].as_str(), Some("not-read"));
    let app = app.file("host.toml", "[policy]\nunsigned = \"allow\"\n");
    let allowed = done(&app, &["diff", "one", "two", "--config", "host.toml"]);
    assert!(allowed.contains("the policy lets it take its place"), "{allowed}");

    let missing = Ran::of(WATTLE.command(&app).args(["diff", "one", "three"]));
    assert!(missing.code == Some(2) && missing.stderr.contains("three"), "{missing}");
    let faulty = app.file("two/wattle.toml", "name = \"app\"\n[components.main]\nsource = \"../gone.wasm\"\n");
    let faulty = Ran::of(WATTLE.command(&faulty).args(["diff", "one", "two"]));
    assert!(faulty.code == Some(2) && faulty.stderr.contains("gone.wasm"), "{faulty}");
}

/// Of two references: what a policy says of the second, and nothing is noted of where their tags lead.
#[test]
fn of_references() {
    let Some(registry) = Registry::start() else { return };
    let at = |tag: &str| format!("{}/acme/cart:{tag}", registry.authority());
    let (one, two) = (at("1"), at("2"));
    let app = App::empty().guest(&guests::hello()).guest(&guests::state());
    done(&app, &["key", "new", "acme.pem"]);
    done(&app, &["push", "hello.wasm", &one]);
    done(&app, &["push", "state.wasm", &two]);
    let app = app.file(
        "host.toml",
        "[policy]\napproval = \"wider\"\n[[policy.signed]]\nartifacts = \"**/cart\"\nkeys = [\"acme.pem.pub\"]\n",
    );
    let verdict = |from: &str, to: &str| {
        let ran = Ran::of(WATTLE.command(&app).args(["diff", from, to, "--config", "host.toml", "--json"]));
        let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let word = told["policy"]["verdict"].as_str().unwrap().to_owned();
        let refused = "the policy of host.toml does not let it take the place of what there is";
        match word.as_str() {
            "allowed" => assert!(ran.is_ok(), "{ran}"),
            _ => assert!(ran.code == Some(1) && ran.stderr.contains(refused), "{ran}"),
        }
        (word, told["policy"]["reasons"].to_string())
    };
    let (word, reasons) = verdict(&one, &two);
    assert!(word == "refused" && reasons.contains("wants a signature of `acme.pem.pub"), "{word} {reasons}");
    done(&app, &["sign", &two, "--key", "acme.pem"]);
    done(&app, &["sign", &one, "--key", "acme.pem"]);
    let (word, reasons) = verdict(&one, &two);
    assert!(word == "needs-approval" && reasons.contains("it asks for more"), "{word} {reasons}");
    assert_eq!(verdict(&two, &one).0, "allowed");
    let page = Ran::of(WATTLE.command(&app).args(["diff", &one, &two, "--config", "host.toml"]));
    assert_eq!(page.code, Some(1), "{page}");
    let page = page.stdout;
    for said in [
        "cart\n  imports + ",
        "  touches + ",
        "the policy lets it take its place once somebody approves it",
        &format!("- {one}@sha256:"),
        " bytes (+",
    ] {
        assert!(page.contains(said), "{said}\n{page}");
    }
    let listed = done(&app, &["cache", "list"]);
    assert!(!listed.contains(":1\n") && !listed.contains(&format!("{one} ")), "{listed}");

    let rules = fs::read_to_string(app.join("host.toml")).unwrap()
        + "[[policy.imports]]\napps = \"cart\"\nallow = [\"wasi:http\", \"wasi:cli\"]\n";
    fs::write(app.join("host.toml"), rules).unwrap();
    let (word, reasons) = verdict(&one, &two);
    assert!(
        word == "refused" && reasons.contains("`cart` imports") && reasons.contains("wasi:keyvalue/store"),
        "{word} {reasons}"
    );
    let up = Ran::of(WATTLE.command(&app).args(["up", &two, "--config", "host.toml"]));
    assert!(up.code == Some(2) && up.stderr.contains("wasi:keyvalue/store"), "{up}");
    let file = done(&app, &["diff", &one, "state.wasm"]);
    assert!(file.contains("+ state.wasm"), "{file}");
}
