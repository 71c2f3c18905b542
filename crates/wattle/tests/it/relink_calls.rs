//! Links from one component to another that are changed while their app runs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::Value;
use wattle_testkit::{App, Server};

use crate::WATTLE;
use crate::control::start;
use crate::relink::{Over, is_set, set, span};

/// A `caller` of one component, beside it another that does the same, and a service.
fn app(caller: &str) -> App {
    let callee =
        |kind: &str, name: &str| format!("[{kind}.{name}]\nsource = \"callee.wasm\"\nenv = {{ NAME = \"{name}\" }}\n");
    let mut text = format!(
        "name = \"shop\"\n[links]\n\"wasi:keyvalue\" = \"memory\"\n[components.caller]\nsource = \"{caller}.wasm\"\n\
         instances = {{ reuse = 1000 }}\nlinks = {{ \"wattle:crossing\" = \"one\" }}\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"caller\"\n"
    );
    // A service that runs nothing is there for those who call it.
    text += "[components.other]\nsource = \"caller.wasm\"\nlinks = { \"wattle:crossing\" = \"living\" }\n";
    for (kind, name) in [("components", "one"), ("components", "two"), ("services", "living")] {
        text += &callee(kind, name);
    }
    App::new(&text)
}

/// Who says that it is called, the first of all who do.
fn called(server: &Server) -> String {
    let answer = server.get("/who");
    assert_eq!(answer.status(), 200, "{}", answer.summary());
    answer.text().split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn to_another_component_and_back() {
    for caller in ["caller", "caller-p3"] {
        let app = app(caller);
        let server = start(&app);
        assert_eq!(called(&server), "one", "{caller}");
        for next in ["two", "living", "one", "living"] {
            is_set(&app, "caller", &format!("wattle:crossing={next}"));
            assert_eq!(called(&server), next, "{caller}");
        }
        let ran = WATTLE.run(&app, ["link", "list", "shop", "caller", "--json"]);
        let listed: Value = serde_json::from_str(&ran.stdout).unwrap();
        let links = listed["hosts"][0]["apps"][0]["components"][0]["links"].as_array().unwrap();
        let link = links.iter().find(|link| link["import"] == "wattle:crossing/values@0.1.0").unwrap();
        assert_eq!((&link["component"], &link["rule"]), (&"living".into(), &"operator".into()));
        let ran = WATTLE.run(&app, ["link", "rm", "shop", "caller", "wattle:crossing/values"]);
        assert!(ran.is_ok() && ran.stdout.contains("component one (apart)"), "{ran}");
        assert_eq!(called(&server), "one", "{caller}");
    }
}

/// What is under way ends with the component that it called.
#[test]
fn under_way() {
    let text = "name = \"shop\"\n[components.caller]\nsource = \"caller.wasm\"\nlinks = { \"wattle:crossing\" = \"one\" }\n\
                [components.one]\nsource = \"callee-p3.wasm\"\nlimits = { deadline = \"2s\" }\n\
                [components.two]\nsource = \"callee.wasm\"\nenv = { NAME = \"two\" }\n\
                [[triggers.http]]\npath = \"/...\"\ncomponent = \"caller\"\n";
    let app = App::new(text);
    let server = start(&app);
    let mut slow = server.connect();
    slow.request("GET", "/attempt/wait", b"");
    wattle_testkit::until("it is under way", || {
        let ps = WATTLE.run(&app, ["ps", "--json"]).stdout;
        ps.contains("\"in_flight\": 1").then_some(())
    });
    is_set(&app, "caller", "wattle:crossing=two");
    assert_eq!(called(&server), "two");
    let ended = slow.answer("GET").summary();
    assert!(ended.starts_with("200 Err(\"component one: it had not ended at its deadline"), "{ended}");
}

#[test]
fn refused() {
    let other = "(component (core module $m (func (export \"f\"))) (core instance $i (instantiate $m))\n\
                 (func $f (canon lift (core func $i \"f\"))) (instance $it (export \"add\" (func $f)))\n\
                 (export \"wattle:crossing/values@0.1.0\" (instance $it)))";
    let text = "name = \"shop\"\n[components.caller]\nsource = \"caller.wasm\"\nlinks = { \"wattle:crossing\" = \"one\" }\n\
                [components.one]\nsource = \"callee.wasm\"\n[components.other]\nsource = \"other.wat\"\n\
                [components.hello]\nsource = \"hello.wasm\"\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"caller\"\n";
    let app = App::new(text).file("other.wat", other);
    let server = start(&app);
    let check = |link: &str, expected: &str| {
        let ran = set(&app, "caller", link);
        assert!(!ran.is_ok() && ran.stderr.contains(expected), "{link}: {ran}");
    };
    check("wattle:crossing=tow", "there is no backend `tow`, and no component of this name");
    check("wattle:crossing=caller", "cannot be linked to itself");
    check("wattle:crossing=hello", "component `hello` does not export `wattle:crossing/values@0.1.0`");
    check("wattle:crossing=other", "of component other: ");
    check("wattle:crossing=memory", "cannot lead to backend `memory` while the app runs");
    check("wattle:cross=one", "these can be set: `wattle:crossing/values@0.1.0`");
    let ran = set(&app, "one", "wasi:keyvalue=caller");
    assert!(ran.stderr.contains("cannot lead to component `caller` while the app runs"), "{ran}");
    assert_eq!(server.get("/add/1/2").summary(), "200 3");
}

/// Back and forth under load no call fails, and each is answered by one of the two.
#[test]
fn under_load() {
    let app = app("caller");
    let server = start(&app);
    let is_over = AtomicBool::new(false);
    let names = thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let _over = Over(&is_over);
                    let (mut client, mut names) = (server.connect(), BTreeSet::new());
                    while !is_over.load(Ordering::Relaxed) {
                        let answer = client.call("GET", "/who", b"");
                        assert_eq!(answer.status(), 200, "{}", answer.summary());
                        names.insert(answer.text().split(' ').next().unwrap().to_owned());
                    }
                    names
                })
            })
            .collect();
        {
            let _over = Over(&is_over);
            let began = Instant::now();
            for next in ["two", "living", "one"].iter().cycle() {
                if began.elapsed() >= span() || is_over.load(Ordering::Relaxed) {
                    break;
                }
                is_set(&app, "caller", &format!("wattle:crossing={next}"));
            }
        }
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect::<BTreeSet<_>>()
    });
    assert_eq!(names, ["living", "one", "two"].map(str::to_owned).into());
}
