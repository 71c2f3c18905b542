//! Who says what an app may keep.

use std::path::Path;

use wattle_spec::backend::Scope;
use wattle_spec::host_file::HostSpec;
use wattle_spec::manifest::Manifest;
use wattle_spec::quota::quotas;
use wattle_spec::resolve::resolve;

use crate::case::{found, offers};

/// What an app may keep in each engine, by its links.
fn check(lines: &str, host: &str) -> String {
    let manifest = format!("name = 'shop'\ncomponents.cart.source = 'cart.wasm'\n{lines}");
    let manifest = Manifest::parse(&manifest).unwrap();
    let found = found("cart: 0.2 wasi:keyvalue/store@0.2.0-draft =>");
    let host = HostSpec::parse(&format!("limits.stored-keys = 10\nlimits.stored-bytes = '10KiB'\n{host}")).unwrap();
    let app = resolve(&manifest, &found, &offers(), &host, Path::new("/app")).unwrap();
    let quotas = quotas(&app, &host.backends, &host.limits);
    let lines = quotas.iter().map(|((engine, scope), (name, quota))| {
        let shared = if *scope == Scope::Shared { ", shared" } else { "" };
        format!("{} ({name}{shared}): {:?} keys, {:?} bytes", engine.kind(), quota.keys, quota.bytes)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The host's limits are for what it keeps itself, its backends' own come first, and a manifest can only lower them.
#[test]
fn who_says_what_an_app_may_keep() {
    let link = "components.cart.links = { 'wasi:keyvalue' = 'main' }\n";
    let own = |keys: &str| format!("{link}[backends.main]\n{keys}");
    insta::assert_snapshot!(check("", ""), @"disk (disk): Some(10) keys, Some(10240) bytes");
    insta::assert_snapshot!(check("", "[backends.disk]\ntype = 'disk'\nquota = { keys = 20 }"), @"disk (disk): Some(20) keys, Some(10240) bytes");
    insta::assert_snapshot!(check("", "defaults = 'nats'"), @"nats (nats): None keys, None bytes");
    insta::assert_snapshot!(check(link, "[backends.main]\ntype = 'nats'\nquota = { bytes = '1KiB' }"), @"nats (main): None keys, Some(1024) bytes");
    insta::assert_snapshot!(check(link, "[backends.main]\ntype = 'disk'\nscope = 'shared'"), @"disk (main, shared): Some(10) keys, Some(10240) bytes");
    insta::assert_snapshot!(check(&own("type = 'nats'\nscope = 'shared'"), ""), @"");
    insta::assert_snapshot!(check(&own("type = 'disk'\nquota = { keys = 20, bytes = '1KiB' }"), ""), @"disk (main): Some(10) keys, Some(1024) bytes");
    insta::assert_snapshot!(check(&own("type = 'nats'\nquota = { keys = 20 }"), ""), @"nats (main): Some(20) keys, None bytes");
    let host = "[backends.theirs]\ntype = 'nats'\nreplicas = 3\nquota = { keys = 5 }";
    insta::assert_snapshot!(check(&own("type = 'nats'\nquota = { keys = 20 }"), host), @"nats (main): Some(5) keys, None bytes");
}
