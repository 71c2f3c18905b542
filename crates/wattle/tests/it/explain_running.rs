//! `wattle explain --running`: what provides the imports of an app that runs, as it is now.

use serde_json::Value;
use wattle_testkit::{App, NatsServer, Ran};

use crate::WATTLE;

const MANIFEST: &str = "name = \"shop\"\n[components.cart]\nsource = \"state.wasm\"\n\
    [components.web]\nsource = \"state.wasm\"\nlinks = { \"wasi:keyvalue\" = \"memory\" }\n\
    [[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n";

fn explain(app: &App, arguments: &[&str]) -> Ran {
    WATTLE.run(app, [&["explain", "--running"], arguments].concat())
}

/// What is told of the store of `web`.
fn web(app: &App) -> String {
    explain(app, &["shop", "web", "wasi:keyvalue/store"]).stdout
}

/// What is set and removed while the app runs is told at once, with what would be there without it.
#[test]
fn as_it_is_now() {
    let app = App::new(MANIFEST);
    let _server = crate::control::start(&app);
    insta::assert_snapshot!(web(&app), @r#"
    wasi:keyvalue/store@0.2.0-draft of default/shop/web
      provider  backend memory
                scope = app
                type = memory
      rule      link on the component
      because   the component's links say `"wasi:keyvalue" = "memory"`
      else      backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    "#);
    assert!(WATTLE.run(&app, ["link", "set", "shop", "web", "wasi:keyvalue=disk"]).is_ok());
    insta::assert_snapshot!(web(&app), @r#"
    wasi:keyvalue/store@0.2.0-draft of default/shop/web
      provider  backend disk
                scope = app
                type = disk
      rule      set while it runs
      because   set to `disk` while the app runs
      else      backend memory (link on the component): the component's links say `"wasi:keyvalue" = "memory"`
      else      backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    "#);
    assert!(WATTLE.run(&app, ["link", "rm", "shop", "web", "wasi:keyvalue"]).is_ok());
    let whole = explain(&app, &["shop"]).stdout;
    assert!(whole.starts_with("default/shop/cart\n") && whole.contains("\ndefault/shop/web\n"), "{whole}");
    assert!(whole.contains("`\"wasi:keyvalue\" = \"memory\"`; else backend disk"), "{whole}");
    assert_eq!(explain(&app, &[]).stdout, whole, "all that run");
}

#[test]
fn as_json() {
    let app = App::new(MANIFEST);
    let _server = crate::control::start(&app);
    let ran = explain(&app, &["shop", "web", "wasi:keyvalue/store", "--json"]);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let import = &told["hosts"][0]["apps"][0]["components"][0]["imports"][0];
    insta::assert_snapshot!(serde_json::to_string_pretty(import).unwrap(), @r#"
    {
      "backend": "memory",
      "component": null,
      "import": "wasi:keyvalue/store@0.2.0-draft",
      "mode": null,
      "others": [
        {
          "backend": "disk",
          "component": null,
          "import": "wasi:keyvalue/store@0.2.0-draft",
          "mode": null,
          "provider": "backend",
          "reason": "`defaults = \"dev\"` of the host keeps keys and values in `disk`",
          "rule": "built-in"
        }
      ],
      "provider": "backend",
      "reason": "the component's links say `\"wasi:keyvalue\" = \"memory\"`",
      "rule": "component-link",
      "settings": {
        "scope": "app",
        "type": "memory"
      }
    }
    "#);
}

/// Files with secrets are named, and what is in them is nowhere.
#[test]
fn secrets_are_hidden() {
    let Some(nats) = NatsServer::builder().config("authorization { token: \"hush-hush\" }").start() else { return };
    let host = format!(
        "defaults = \"nats\"\n[backends.nats]\ntype = \"nats\"\nservers = [\"{}\"]\ntoken-file = \"token\"\n",
        nats.url()
    );
    let app = App::new(MANIFEST).file("host.toml", host).file("token", "hush-hush\n");
    let up = WATTLE.up(&app).args(["--config", "host.toml"]);
    let _server = up.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    for arguments in [&["shop", "cart", "wasi:keyvalue"][..], &["shop", "--json"]] {
        let said = explain(&app, arguments);
        assert!(said.is_ok() && said.stdout.contains("token-file"), "{said}");
        assert!(!said.stdout.contains("hush-hush"), "{said}");
    }
}

#[test]
fn what_is_not_there() {
    let app = App::new(MANIFEST);
    let refused = |arguments: &[&str], expected: &str| {
        let ran = explain(&app, arguments);
        assert!(!ran.is_ok() && ran.stderr.contains(expected), "{ran}");
    };
    refused(&["shop"], "no host of this user runs here");
    let _server = crate::control::start(&app);
    refused(&["shpo"], "did you mean `default/shop`?");
    refused(&["../shop"], "an app is named, and not its folder");
    refused(&["shop", "wbe"], "did you mean `web`?");
    refused(&["shop", "web", "wasi:keyvalu"], "there is no import of `wasi:keyvalu`");
    refused(&["shop", "--config", "host.toml"], "cannot be used with");
}
