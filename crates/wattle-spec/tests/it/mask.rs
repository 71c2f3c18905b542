//! Files as they may be shown.

use wattle_spec::host_file::HostSpec;
use wattle_spec::mask;

use crate::render;

#[track_caller]
fn check(mask: fn(&str) -> String, text: &str, expected: &str) {
    let shown = mask(text);
    assert_eq!(shown, expected);
    assert_eq!(shown.len(), text.len());
}

/// Lines of a component.
#[track_caller]
fn component(lines: &str, expected: &str) {
    for table in ["components", "services"] {
        let table = format!("name = 'shop'\n[{table}.config]\nsource = 'a.wasm'\n");
        check(mask::manifest, &format!("{table}{lines}"), &format!("{table}{expected}"));
    }
}

#[test]
fn values_of_a_manifest() {
    component("env = { DB = 'xyz', WORKERS = 4 }", "env = { DB = *****, WORKERS = * }");
    component("config = { a = { b = 'é' }, c = [true] }", "config = { a = { b = **** }, c = [****] }");
    component("config.a = '''x\r\ny'''", "config.a = ****\r\n****");
    component("env = ['A=xyz']", "env = [*******]");
    component("env = 'A=xyz'", "env = *******");
    component("env = { 'A=B' = 'xyz' }", "env = { 'A=B' = ***** }");
    component("secrets = ['stripe-key', 'a=b', { c = 'x' }]", "secrets = ['stripe-key', *****, { c = *** }]");
    component("secrets = { stripe-key = 'x' }", "secrets = { stripe-key = *** }");
    component("secrets = 'x'", "secrets = ***");
    component("links = { 'wasi:config' = 'disk' }", "links = { 'wasi:config' = 'disk' }");
    let text = "[[components.a]]\nsource = 'a.wasm'\nenv.A = 'xyz'";
    check(mask::manifest, text, "[[components.a]]\nsource = ********\nenv.A = *****");
}

/// What a slip of the keyboard stands for counts, and a key that stands for nothing may be a secret.
#[test]
fn values_of_unknown_keys() {
    component("evn = { A = 'xyz' }\nsorce = 'b'", "evn = { A = ***** }\nsorce = 'b'");
    component("environment = { A = 'xyz' }", "environment = { A = ***** }");
    check(mask::manifest, "env = { A = 'xyz' }", "env = { A = ***** }");
    check(mask::host_file, "[backends.nats]\npassword = 'xyz'", "[backends.nats]\npassword = *****");
    check(mask::host_file, "[backends.nats]\ntoken-file = 'xyz'", "[backends.nats]\ntoken-file = 'xyz'");
    check(mask::host_file, "[control]\nkey = 'x.pem'\ntoken = 'xyz'", "[control]\nkey = 'x.pem'\ntoken = *****");
    check(mask::host_file, "[[tls]]\nkey = 'x.pem'\nseed = 'xyz'", "[[tls]]\nkey = 'x.pem'\nseed = *****");
}

#[test]
fn values_of_headers() {
    let check = |text: &str, expected: &str| check(mask::host_file, text, expected);
    check("telemetry = { headers = { a = 'xyz' }, ratio = 7 }", "telemetry = { headers = { a = ***** }, ratio = 7 }");
    check(
        "[telemetry.headers]\na = \"\"\"x\ny\"\"\"\nb = 7\n[limits]",
        "[telemetry.headers]\na = ****\n****\nb = *\n[limits]",
    );
    check("[telemetry]\nheaders = 'a=xyz'\nratio = '1%'", "[telemetry]\nheaders = *******\nratio = '1%'");
    check("defaults = 'dev'", "defaults = 'dev'");
}

#[test]
fn values_of_what_is_no_toml() {
    let host = |text: &str, expected: &str| check(mask::host_file, text, expected);
    let broken = |lines: &str, expected: &str| {
        let table = "[components.a]\nsource = 'a.wasm'\n";
        check(mask::manifest, &format!("{table}{lines}"), &format!("{table}{expected}"));
    };
    host("[telemetry]\nheaders.a = 'é", "[telemetry]\nheaders.a =****");
    host("[telemetry.headers]\na = 'x\n[limits]\nb = 1", "[telemetry.headers]\na =***\n[limits]\nb = 1");
    host("[control]\ntoken: xyz", "[control]\ntoken:****");
    broken("env = { A = \"xyz }\n[limits]", "env =*************\n[limits]");
    broken("env = { A = 'xyz' }\npull = 'x", "env =**************\npull = 'x");
    broken("env.A = '''\nx=y\n'''\n[limits]\na = 'b", "env.A =****\n***\n***\n[limits]\na = 'b");
    broken("env = [\n[\"x\"]\n\"y\"", "env =**\n*****\n***");
    broken("[components.a.env]\n\nA 'xyz'", "[components.a.env]\n\n*******");
    broken("[components.\"a\".env]\nA = 'xyz", "[components.\"a\".env]\nA =*****");
    broken("[components.a.env] A = 'xyz'", "[components.a.env] A =******");
}

/// No depth of it ends the program.
#[test]
fn a_deep_text() {
    let key = vec!["a"; 60].join(".");
    let deep = format!("env = {}1{}", format!("{{ {key} = ").repeat(60), " }".repeat(60));
    assert_eq!(mask::manifest(&deep), deep.replace('1', "*"));
}

#[test]
fn a_secret_belongs_in_a_file() {
    let text = "[backends.nats]\ntype = 'nats'\npassword = 'x'\n[backends.two]\ntype = 'nats'\ntoken = 'x'\n";
    insta::assert_snapshot!(render(text, &HostSpec::parse(text).unwrap_err()), @"
    3:1 unknown key `password` in `backends.nats`
      hint: write it into a file, and the path of that as `password-file`
    6:1 unknown key `token` in `backends.two`
      hint: write it into a file, and the path of that as `token-file`
    ");
}
