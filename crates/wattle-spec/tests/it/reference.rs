//! The pages of `docs/reference` that are made from the code. `WATTLE_BLESS=1 cargo test -p wattle-spec` writes them.

use std::fmt::Write;
use std::path::Path;

use wattle_spec::limits::{AppLimits, ComponentLimits, HostLimits, LimitRow, LimitSet};

/// Compares the page `name` with what it should be, or writes it.
fn check(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var_os("WATTLE_BLESS").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/reference/{name} is stale: run WATTLE_BLESS=1 cargo test -p wattle-spec");
}

fn table(page: &mut String, title: &str, place: &str, rows: Vec<LimitRow>) {
    let _ = write!(page, "\n## {title}\n\n{place}\n\n| limit | default | what it bounds |\n|---|---|---|\n");
    for LimitRow { key, default, doc, .. } in rows {
        let _ = writeln!(page, "| `{key}` | {default} | {doc} |");
    }
}

#[test]
fn limits() {
    let mut page = String::from(
        "# Limits\n\nEvery limit is on unless somebody changes it. Sizes are written as `\"64MiB\"` (B, KiB, MiB, GiB), \
         times as `\"10s\"`\n(ms, s, m, h), counts as numbers.\n",
    );
    table(
        &mut page,
        "A component",
        "In `wattle.toml`: `limits = { memory = \"64MiB\" }` in `[components.NAME]`.",
        ComponentLimits::rows(),
    );
    table(&mut page, "An app", "In `wattle.toml`: `[limits]`.", AppLimits::rows());
    table(&mut page, "A host", "In `host.toml`: `[limits]`.", HostLimits::rows());
    check("limits.md", &page);
}
