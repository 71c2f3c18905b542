//! The pages of `docs/reference`: each is made from what the program itself goes by, and a stale one fails its test.
//!
//! `WATTLE_BLESS=1 cargo test -p wattle --test it reference` writes them.

mod keys;

use std::path::Path;

use wattle_host::ErrorCode;
use wattle_spec::host_file::{self, HostSpec};
use wattle_spec::limits::{AppLimits, ComponentLimits, HostLimits, LimitRow, LimitSet};
use wattle_spec::manifest::{self, Manifest};
use wattle_spec::telemetry::VARIABLES;
use wattle_testkit::{App, Ran, guests};

use crate::WATTLE;
use keys::{KeyPage, required_of};

const MANIFEST: &str = include_str!("reference/wattle.toml");
const HOST_FILE: &str = include_str!("reference/host.toml");
const CONTROL: &str = include_str!("reference/control.md");
const QUOTA: &str = include_str!("reference/quota.md");
const SOURCES: &str = include_str!("reference/sources.md");
const POLICY: &str = include_str!("reference/policy.md");
const MODES: &str = include_str!("reference/modes.md");
const CALLEES: &str = include_str!("reference/callees.md");

/// Compares the page `name` with what it should be, or writes it.
fn check(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var_os("WATTLE_BLESS").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let bless = "WATTLE_BLESS=1 cargo test -p wattle --test it reference";
    assert!(found == expected, "docs/reference/{name} is stale (hint: {bless})");
}

/// A table of Markdown. A `|` within a cell is escaped.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('\n', " ").replace('|', "\\|")).collect();
        // An empty cell is one space, as a full one has a space on both sides.
        format!("| {} |\n", cells.join(" | ")).replace("|  |", "| |")
    };
    let head_line = line(head.iter().map(ToString::to_string).collect());
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    rows.into_iter().fold(head_line + &rule, |table, row| table + &line(row))
}

fn help(arguments: &[&str]) -> String {
    // As it is: the port in it is the default.
    let ran = Ran::of(WATTLE.command(&App::empty()).args(arguments));
    assert!(ran.is_ok(), "{ran}");
    let widest = ran.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(79), "the help of {arguments:?} is {widest:?} columns wide");
    ran.stdout.trim_end().to_owned()
}

/// The lines of the help that are below `title`, each in two: `("up", "Run an app in the foreground")`.
fn section(help: &str, title: &str) -> Vec<(String, String)> {
    let below = help.lines().skip_while(|line| *line != title).skip(1);
    let lines = below.take_while(|line| line.starts_with(' '));
    let rows: Vec<_> = lines
        .map(|line| line.trim().split_once(' ').unwrap())
        .map(|(key, text)| (key.to_owned(), text.trim().to_owned()))
        .collect();
    assert!(!rows.is_empty(), "the help has no {title}");
    rows
}

#[test]
fn verbs() {
    let all = help(&["--help"]);
    let mut page = format!("# Verbs\n\nWhat `--help` says, of `wattle` itself and of each verb.\n\n```\n{all}\n```\n");
    for (verb, _) in section(&all, "Commands:") {
        let of_verb = help(&[&verb, "--help"]);
        page += &format!("\n## wattle {verb}\n\n```\n{of_verb}\n```\n");
        let parts = if of_verb.contains("\nCommands:\n") { section(&of_verb, "Commands:") } else { Vec::new() };
        for (part, _) in parts.iter().filter(|(part, _)| part != "help") {
            page += &format!("\n### wattle {verb} {part}\n\n```\n{}\n```\n", help(&[&verb, part, "--help"]));
        }
    }
    check("verbs.md", &page);
}

#[test]
fn exit_codes() {
    let rows = section(&help(&["--help"]), "Exit codes:").into_iter().map(|(code, meaning)| vec![code, meaning]);
    let page = format!(
        "# Exit codes\n\n{}\n`wattle run` ends with the code of its command where that ends by itself. A component of \
         WASI 0.2 or 0.3 tells only whether that is 0, and every other code becomes 1.\n\n`wattle diff` ends with 1 if \
         a policy was named with `--config` that does not let the second version take the place of the first: refused, \
         or only once somebody approves it.\n",
        table(&["code", "when"], rows)
    );
    check("exit-codes.md", &page);
}

#[test]
fn errors() {
    let row = |code: &ErrorCode| {
        vec![code.status().as_u16().to_string(), format!("`{}`", code.as_str()), code.meaning().to_owned()]
    };
    let page = format!(
        "# Errors\n\nWhat a client gets when no component answers. The body is JSON, the code is stable, and the log has \
         the causes\nof what is not the client's own mistake, under the same id:\n\n```json\n{{\"error\":{{\"code\":\"no-route\",\"message\":\"no app answers this \
         host and path\",\"request\":\"...\"}}}}\n```\n\n{}\nWhat cannot be read as HTTP at all gets a bare 400, 414 or \
         431, and its connection is closed.\n",
        table(&["status", "code", "when"], ErrorCode::ALL.iter().map(row))
    );
    check("errors.md", &page);
}

#[test]
fn limits() {
    let row = |LimitRow { key, default, doc, .. }: LimitRow| vec![format!("`{key}`"), default, doc.to_owned()];
    let part = |title: &str, place: &str, rows: Vec<LimitRow>| {
        let table = table(&["limit", "default", "what it bounds"], rows.into_iter().map(row));
        format!("\n## {title}\n\n{place}\n\n{table}")
    };
    let component = "In `wattle.toml`: `limits = { memory = \"64MiB\" }` in `[components.NAME]`.";
    let page = [
        "# Limits\n\nEvery limit is on unless somebody changes it. Sizes are written as `\"64MiB\"` (B, KiB, MiB, GiB), \
         times as `\"10s\"`\n(ms, s, m, h), counts as numbers.\n"
            .to_owned(),
        part("A component", component, ComponentLimits::rows()),
        part("An app", "In `wattle.toml`: `[limits]`.", AppLimits::rows()),
        part("A host", "In `host.toml`: `[limits]`.", HostLimits::rows()),
        QUOTA.to_owned(),
        CALLEES.to_owned(),
    ];
    check("limits.md", &page.concat());
}

/// What the server itself tells of the protocol.
#[test]
fn control() {
    let app = App::of(&guests::hello(), "");
    let _server = WATTLE.up(&app).start();
    let told = crate::control::get(&crate::control::socket(&app), "/v1");
    let rows = |list: &str| told[list].as_array().unwrap().clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let paths = rows("routes").into_iter().map(|route| {
        let parameters = route["parameters"].as_array().unwrap().iter().map(|name| format!("`{}`", text(name)));
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        vec![format!("`{} {}`", text(&route["method"]), text(&route["path"])), parameters, text(&route["about"])]
    });
    let codes = rows("codes");
    let codes = codes
        .iter()
        .map(|code| vec![code["status"].to_string(), format!("`{}`", text(&code["code"])), text(&code["meaning"])]);
    let page = format!(
        "{}\n## Paths\n\n{}\n## Errors\n\n{}",
        CONTROL.trim_end().to_owned() + "\n",
        table(&["path", "parameters", "what it answers"], paths),
        table(&["status", "code", "when"], codes)
    );
    check("control.md", &page);
}

/// What programs of others are made from: the same that a host tells, with an operation for each path and every reference
/// leading somewhere.
#[test]
fn openapi() {
    let app = App::of(&guests::hello(), "");
    // As it is: there are addresses in it.
    let document = Ran::of(WATTLE.command(&app).args(["schema", "control"])).stdout;
    let read: serde_json::Value = serde_json::from_str(&document).unwrap();
    let _server = WATTLE.up(&app).start();
    let socket = crate::control::socket(&app);
    assert_eq!(crate::control::get(&socket, "/v1/openapi.json"), read);
    let told = crate::control::get(&socket, "/v1");
    for route in told["routes"].as_array().unwrap() {
        let (path, method) = (route["path"].as_str().unwrap(), route["method"].as_str().unwrap().to_lowercase());
        let operation = &read["paths"][path][&method];
        assert_eq!(operation["summary"], route["about"], "{method} {path}");
        let named = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let named: Vec<_> = named.iter().map(|parameter| parameter["name"].clone()).collect();
        assert_eq!(named, *route["parameters"].as_array().unwrap(), "{method} {path}");
    }
    let references = document.match_indices("\"$ref\": \"#").map(|(at, found)| {
        let rest = &document[at + found.len()..];
        &rest[..rest.find('"').unwrap()]
    });
    let nowhere: Vec<_> = references.filter(|pointer| read.pointer(pointer).is_none()).collect();
    assert!(nowhere.is_empty(), "{nowhere:?}");
    check("control.openapi.json", &document);
}

/// What `it::telemetry`, `it::telemetry_calls` and `it::telemetry_messages` show.
const TRACES: &str = "## Traces

The trace context is that of W3C. A component sees the place of its own run in `traceparent` and `tracestate`: in the header
of a request, and in the metadata of a message (`wasi:messaging`; `wasmcloud:messaging` shows no fields). What it sends
carries the place of the call that sends it, in fields of the same names, also as headers on NATS. It does not where the
component has set `traceparent` itself, or with `propagate = false`.

";
const SPANS: [[&str; 4]; 5] = [
    ["`GET /cart/...`", "server", "the caller's span", "with the answer"],
    ["`GET`", "client", "what runs", "with the head of the answer"],
    [
        "a host function that a backend answers, as in `wasi:blobstore/container.get-data`",
        "internal; producer for what is published, client for what is asked of others by message",
        "what runs",
        "with the call, or with its stream; a stream that is not read to its end failed with `cut`",
    ],
    ["`message`", "consumer", "the span that published it, at each try", "when the component has returned"],
    ["`cron`", "internal", "nothing", "when the component has returned"],
];

/// The numbers are those that a host tells.
#[test]
fn telemetry() {
    let variables = VARIABLES.map(|(name, sets)| vec![format!("`{name}`"), sets.to_owned()]);
    let app = App::of(&guests::hello(), "");
    let server = WATTLE.up(&app).args(["--admin", "127.0.0.1:0"]).start();
    let text = crate::admin::get(&server, "/metrics").text();
    let about =
        |what: &str| text.lines().filter_map(|line| line.strip_prefix(what)?.split_once(' ')).collect::<Vec<_>>();
    let types = about("# TYPE ");
    let row = |(index, (name, help)): (usize, &(&str, &str))| {
        vec![format!("`{name}`"), types[index].1.to_owned(), help.to_string()]
    };
    let spans = SPANS.map(|row| row.map(str::to_owned).to_vec());
    let page = format!(
        "# Telemetry\n\n## Variables\n\nThey come before `[telemetry]` of [host.toml](host-file.md).\n\n{}\n{TRACES}{}\n## Metrics\n\nIn the \
         spelling of `/metrics`, where counters end in `_total`. A collector is told the same with full stops between \
         the\nwords and without the units. The labels are `app`, `component`, and `status`, `code`, `interface` or `outcome`; \
         for a\ncollector they begin with `wattle.`.\n\n{}",
        table(&["variable", "sets"], variables),
        table(&["span", "kind", "below", "ends"], spans),
        table(&["name", "type", "meaning"], about("# HELP ").iter().enumerate().map(row))
    );
    check("telemetry.md", &page);
}

#[test]
fn manifest() {
    Manifest::parse(MANIFEST).unwrap();
    let page = KeyPage { title: "The manifest, wattle.toml", schema: &manifest::schema(), example: MANIFEST };
    check("manifest.md", &(page.render() + SOURCES + MODES));
}

#[test]
fn host_file() {
    HostSpec::parse(HOST_FILE).unwrap();
    let page = KeyPage { title: "The host's file, host.toml", schema: &host_file::schema(), example: HOST_FILE };
    check("host-file.md", &(page.render() + POLICY));
}

/// What the page says of a key is what the program goes by: without a required one, a file is refused.
#[test]
fn required_keys_are_required() {
    let required = required_of(&manifest::schema());
    assert_eq!(required, ["name"]);
    for key in required {
        let faults = Manifest::parse("").unwrap_err();
        assert!(faults.iter().any(|fault| fault.message.contains(&key)), "{key}: {faults:?}");
    }
}
