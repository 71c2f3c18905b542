//! Apps that do not fit are refused with the sum, before anything of them is there.

use wattle_testkit::App;

use crate::WATTLE;
use crate::apart::{answers, compiled, done, host, manifest, with};

/// An app of so many services, which may hold so much each.
fn services(app: App, name: &str, count: usize, memory: &str) -> App {
    let services = (0..count).map(|number| {
        format!(
            "[services.s{number}]\nsource = \"command.wasm\"\nenv = {{ COMMAND = \"spin\" }}\nlimits = {{ memory = \"{memory}\" }}\n"
        )
    });
    let text = format!("name = \"{name}\"\n{}", services.collect::<String>());
    with(app, name, &text)
}

#[test]
fn an_app_that_does_not_fit() {
    let app = with(App::empty(), "good", &manifest("good", "hello.wasm", "limits = { memory = \"32MiB\" }"));
    let app = services(services(services(app, "a", 1, "200MiB"), "b", 2, "100MiB"), "shop", 3, "64MiB");
    let app = with(app, "huge", &manifest("huge", "hello.wasm", "limits = { memory = \"600MiB\" }"));
    let server = host(&app, "guest-memory = \"512MiB\"");
    compiled(&app, ["apply", "good", "a", "b"]);
    let refused = |app: &App, name: &str, sum: &str| {
        let ran = WATTLE.run(app, ["apply", name]);
        assert_eq!(ran.code, Some(3), "{ran}");
        assert!(ran.stderr.contains(sum), "{ran}");
        assert!(ran.stderr.contains("hint: lower `memory` in `limits` of its components, stop another app"), "{ran}");
        answers(&server);
    };
    refused(
        &app,
        "shop",
        "there is no room for the app: its services may hold 3 x 64MiB = 192MiB, those of other apps 400MiB (default/a \
         200MiB, default/b 200MiB), one instance of default/good/web may hold 32MiB: 624MiB in all, and this host has \
         512MiB (limit guest-memory)",
    );
    refused(&app, "huge", "one instance of default/huge/web may hold 600MiB: 1000MiB in all, and this host has 512MiB");
    assert!(!done(&app, ["ps"]).contains("default/shop"), "nothing of it is there");
    // What ends makes room.
    done(&app, ["stop", "a"]);
    done(&app, ["apply", "shop"]);
    let ran = WATTLE.run(&app, ["start", "a"]);
    assert!(ran.code == Some(3) && ran.stderr.contains("its services may hold 200MiB"), "{ran}");
    // The services of both versions run in an update.
    let app = services(app, "shop", 4, "64MiB");
    refused(
        &app,
        "shop",
        "its services may hold 4 x 64MiB = 256MiB, those of its versions that still run 192MiB, those of other apps \
         200MiB (default/b 200MiB), one instance of default/good/web may hold 32MiB: 680MiB in all",
    );
    done(&app, ["stop", "shop"]);
    done(&app, ["apply", "shop"]);
    answers(&server);
    assert!(server.stop().is_ok());
    // `wattle up` says it, too.
    let ran = WATTLE.up(&app).path("huge").args(["--config", "host.toml"]).refused();
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.stderr.contains("600MiB in all, and this host has 512MiB (limit guest-memory)"), "{ran}");
}

/// Many apps that each take what they can: the host stays below its limit, and the next one is served.
#[test]
fn many_apps_at_their_limit() {
    const MIB: u64 = 1 << 20;
    let names: Vec<String> = (0..6).map(|number| format!("hog{number}")).collect();
    let app = with(App::empty(), "good", &manifest("good", "hello.wasm", ""));
    let app = names.iter().fold(app, |app, name| with(app, name, &manifest(name, "misbehave.wasm", "")));
    let server = host(&app, "guest-memory = \"300MiB\"");
    compiled(&app, ["apply", "good"]);
    for name in &names {
        compiled(&app, ["apply", name]);
    }
    answers(&server);
    let process = server.process();
    let before = process.resident_bytes();
    let most = std::thread::scope(|scope| {
        let hogs: Vec<_> = names
            .iter()
            .map(|name| {
                let server = &server;
                scope.spawn(move || {
                    for _ in 0..4 {
                        let answer = server.connect().host(&format!("{name}.test")).call("GET", "/alloc", b"");
                        assert!([200, 500, 503].contains(&answer.status()), "{}", answer.summary());
                    }
                })
            })
            .collect();
        let mut most = 0;
        while !hogs.iter().all(|hog| hog.is_finished()) {
            most = most.max(process.resident_bytes());
        }
        hogs.into_iter().for_each(|hog| hog.join().unwrap());
        most
    });
    assert!(most < before + 400 * MIB, "{} MiB more than before", most.saturating_sub(before) / MIB);
    answers(&server);
    assert!(server.stop().is_ok());
}
