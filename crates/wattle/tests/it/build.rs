//! `wattle build`: what it runs, in which order, what it says of the result, and how it ends.

use std::process::Stdio;

use wattle_testkit::process::{Process, Signal};
use wattle_testkit::{App, Ran, guests, until};

use crate::WATTLE;

/// An app whose component `shop` is built by `build` from the guests beside it.
fn app(build: &str) -> App {
    let text = format!(
        "name = \"shop\"\n[components.shop]\nsource = \"out/shop.wasm\"\nbuild = '''{build}'''\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"shop\"\n"
    );
    App::new(&text).guest(&guests::hello()).guest(&guests::not_http())
}

/// With a `PATH`, as a shell without one has a default that differs.
fn build(app: &App) -> Ran {
    Ran::of(WATTLE.command(app).arg("build").env("PATH", "/usr/bin:/bin")).cleaned(app)
}

#[test]
fn a_build_that_fits() {
    let app = app("mkdir -p out && cp hello.wasm out/shop.wasm && echo copied");
    insta::assert_snapshot!(build(&app), @"
    exit: 0
    ----- stdout
    ./wattle.toml: app shop is built (1 component, 1 route)
    ----- stderr
    building shop: mkdir -p out && cp hello.wasm out/shop.wasm && echo copied
    copied
    ");
    assert!(WATTLE.run(&app, ["check"]).is_ok());
}

#[test]
fn a_folder_can_be_named() {
    let app = app("mkdir -p out && cp hello.wasm out/shop.wasm");
    let elsewhere = App::empty();
    let mut command = WATTLE.command(&elsewhere);
    let ran = Ran::of(command.arg("build").arg(app.path()).env("PATH", "/usr/bin:/bin"));
    assert!(ran.is_ok() && app.join("out/shop.wasm").exists(), "{ran}");
}

/// As the manifest has them, not by name; one that two components share is run once.
#[test]
fn commands_run_in_their_order() {
    let text = ["zebra", "ape", "bee"].map(|name| {
        let build = if name == "bee" { "echo zebra >>order" } else { &format!("echo {name} >>order") };
        format!("[components.{name}]\nsource = \"hello.wasm\"\nbuild = '{build}'\n")
    });
    let app = App::new(&format!("name = \"zoo\"\n{}", text.concat()));
    let ran = build(&app);
    assert!(ran.is_ok(), "{ran}");
    assert_eq!(std::fs::read_to_string(app.join("order")).unwrap(), "zebra\nape\n");
}

#[test]
fn nothing_to_build() {
    insta::assert_snapshot!(build(&App::of(&guests::hello(), "")), @"
    exit: 0
    ----- stdout
    ./wattle.toml: app hello is built (1 component, 1 route)
    ----- stderr
    nothing to build: no component has a `build`
    ");
}

#[test]
fn a_command_that_fails() {
    let app = app("echo it does not compile >&2; exit 7");
    insta::assert_snapshot!(build(&app), @"
    exit: 1
    ----- stderr
    building shop: echo it does not compile >&2; exit 7
    it does not compile
    error: the build of `shop` failed: exit status: 7
    hint: what it printed above says why
    ");
}

#[test]
fn the_first_failure_ends_it() {
    let text = "name = \"zoo\"\n[components.a]\nsource = \"hello.wasm\"\nbuild = \"false\"\n\
                [components.b]\nsource = \"hello.wasm\"\nbuild = \"touch reached\"\n";
    let app = App::new(text);
    assert_eq!(build(&app).code, Some(1));
    assert!(!app.join("reached").exists());
}

#[test]
fn a_tool_that_is_missing() {
    let hint = |command: &str| {
        let app = app(command);
        let ran = build(&app);
        assert_eq!(ran.code, Some(1), "{ran}");
        ran.stderr.lines().last().unwrap_or_default().to_owned()
    };
    let hints: Vec<String> = [
        "mkdir -p out && wit-bindgen c wit",
        "node_modules/.bin/componentize-js app.js",
        "X=$(command -v wasm-component-ld) && cp hello.wasm shop.wasm",
        "no-such-program",
        "false",
    ]
    .into_iter()
    .map(hint)
    .collect();
    insta::assert_snapshot!(hints.join("\n"), @"
    hint: `wit-bindgen` is not installed: `cargo install wit-bindgen-cli`
    hint: `componentize-js` is not installed: `npm install`, or `npm install --save-dev @bytecodealliance/componentize-js`
    hint: `wasm-component-ld` is not installed: `cargo install wasm-component-ld`
    hint: a program that it calls is not installed; it is named above
    hint: what it printed above says why
    ");
}

#[test]
fn a_build_that_leaves_nothing() {
    insta::assert_snapshot!(build(&app("true")), @"
    exit: 1
    ----- stderr
    building shop: true
    error: the build of `shop` did not leave DIR/out/shop.wasm
    hint: its `source` must be the file that its `build` writes
    ");
}

#[test]
fn a_result_that_does_not_fit() {
    insta::assert_snapshot!(build(&app("mkdir -p out && cp not-http.wasm out/shop.wasm")), @r#"
    exit: 2
    ----- stderr
    building shop: mkdir -p out && cp not-http.wasm out/shop.wasm
    error: component `shop` does not answer HTTP requests
     --> ./wattle.toml:7:13
      |
    7 | component = "shop"
      |             ^^^^^^
      |
      = hint: it must export wasi:http/incoming-handler@0.2 or wasi:http/handler@0.3; it exports `wasi:cli/run@0.2.0`
    "#);
    insta::assert_snapshot!(build(&app("mkdir -p out && echo text >out/shop.wasm")), @r#"
    exit: 2
    ----- stderr
    building shop: mkdir -p out && echo text >out/shop.wasm
    error: component `shop`: DIR/out/shop.wasm cannot be used: this is not WebAssembly, it looks like a text
     --> ./wattle.toml:3:10
      |
    3 | source = "out/shop.wasm"
      |          ^^^^^^^^^^^^^^^
      |
      = hint: name a .wasm file
    "#);
}

/// A command that would wait for an answer gets the end of its input.
#[test]
fn nobody_is_asked() {
    let app = app("read answer || mkdir out && cp hello.wasm out/shop.wasm");
    let mut command = WATTLE.command(&app);
    let ran = Ran::with_input(command.arg("build").env("PATH", "/usr/bin:/bin"), "yes\n");
    assert!(ran.is_ok(), "{ran}");
}

/// What the command started ends too, even if it does not want to.
#[test]
fn control_c_ends_all_of_a_build() {
    for trap in ["", "trap '' INT TERM;"] {
        let app = app(&format!("{trap} sleep 600 & echo $! >child; touch started; wait; sleep 600"));
        let mut command = WATTLE.command(&app);
        let mut child = command.arg("build").env("PATH", "/usr/bin:/bin").stderr(Stdio::piped()).spawn().unwrap();
        until("the build runs", || app.join("started").exists().then_some(()));
        let sleeper: u32 = std::fs::read_to_string(app.join("child")).unwrap().trim().parse().unwrap();
        Process(child.id()).signal(Signal::Interrupt);
        if !trap.is_empty() {
            // The second one has no patience.
            Process(child.id()).signal(Signal::Terminate);
        }
        until("wattle ends", || child.try_wait().unwrap());
        let code = child.wait().unwrap().code();
        assert!([Some(130), Some(143)].contains(&code), "{code:?}");
        until("its child ends", || has_ended(sleeper).then_some(()));
    }
}

/// A process without a parent may stay as a zombie where nobody collects them.
fn has_ended(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.is_empty() || status.contains("State:\tZ")
}
