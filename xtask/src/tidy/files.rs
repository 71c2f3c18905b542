//! Rules for single files: length, the sentence at the top, `unsafe`, and traces of somebody's machine.

use std::fs;
use std::io;
use std::process::Command;

use anyhow::{Context, Result};

use super::Breach;
use crate::{process, root};

/// The longest Rust file, in lines.
const LINES_MAX: usize = 600;

/// Directories whose Rust files open with a sentence on what they are for.
const DOCUMENTED: &[&str] = &["crates/", "fuzz/", "guests/", "xtask/"];

/// Rust files that may use `unsafe`: to load compiled code, and to look for what another guest left in memory.
const UNSAFE: &[&str] = &["crates/wattle-host/src/engine/code.rs", "guests/misbehave/src/state.rs"];

/// What follows the keyword, unlike the word in a sentence or in the name of a lint.
const UNSAFE_USES: &[&str] = &[" {", " extern", " fn", " impl", " trait", "("];

/// Paths that mean nothing on another machine. In two pieces, as this file is checked too.
const TRACES: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("../sha", "red")];

pub(super) fn check() -> Result<Vec<Breach>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let listing = process::read(&mut git)?;
    let mut breaches = Vec::new();
    for path in listing.split_terminator('\0') {
        match fs::read(root().join(path)) {
            Ok(content) => breaches.extend(breaches_in(path, &content)),
            // Deleted, but not yet in the index.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("read {path}")),
        }
    }
    Ok(breaches)
}

fn breaches_in(path: &str, content: &[u8]) -> Vec<Breach> {
    let mut breaches = traces(path, content);
    if path.ends_with(".rs") {
        let text = String::from_utf8_lossy(content);
        breaches.extend([length(path, &text), opening(path, &text)].into_iter().flatten());
        breaches.extend(unsafe_uses(path, &text));
    }
    breaches
}

fn traces(path: &str, content: &[u8]) -> Vec<Breach> {
    let holds = |trace: &&&str| content.windows(trace.len()).any(|window| window == trace.as_bytes());
    TRACES.iter().filter(holds).map(|trace| format!("{path}: holds `{trace}`, a path of one machine")).collect()
}

fn length(path: &str, text: &str) -> Option<Breach> {
    let lines = text.lines().count();
    (lines > LINES_MAX).then(|| format!("{path}: {lines} lines, {LINES_MAX} are the most"))
}

/// The first paragraph of the module's documentation begins with a sentence.
fn opening(path: &str, text: &str) -> Option<Breach> {
    if !DOCUMENTED.iter().any(|directory| path.starts_with(directory)) {
        return None;
    }
    let lines = text.lines().map_while(|line| line.strip_prefix("//! "));
    let paragraph = lines.collect::<Vec<_>>().join(" ");
    let has_sentence = paragraph.contains(". ") || paragraph.ends_with('.');
    (!has_sentence).then(|| format!("{path}: does not open with a `//!` sentence that ends in a full stop"))
}

fn unsafe_uses(path: &str, text: &str) -> Vec<Breach> {
    if UNSAFE.contains(&path) {
        return Vec::new();
    }
    let is_use = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        code.split("unsafe").skip(1).any(|rest| UNSAFE_USES.iter().any(|follows| rest.starts_with(follows)))
    };
    let lines = text.lines().enumerate().filter(|(_, line)| is_use(line));
    lines.map(|(index, _)| format!("{path}:{}: `unsafe` outside the listed files", index + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: usize) {
        let found = breaches_in(path, text.as_bytes());
        assert_eq!(found.len(), expected, "{path}: {text:?}: {found:?}");
    }

    #[test]
    fn a_module_opens_with_a_sentence() {
        check("crates/a.rs", "//! What it is for.\n", 0);
        check("crates/a.rs", "//! What it is for. More\n//!\n//! | table |\n", 0);
        check("crates/a.rs", "//! What it\n//! is for.\n", 0);
        check("crates/a.rs", "//! no sentence\n", 1);
        check("crates/a.rs", "fn f() {}\n", 1);
        check("examples/a.rs", "fn f() {}\n", 0);
    }

    #[test]
    fn unsafe_is_found_where_it_is_code() {
        check("a.rs", concat!("let x = uns", "afe { 1 };"), 1);
        check("a.rs", concat!("uns", "afe impl Send for X {}"), 1);
        check("a.rs", "#![deny(unsafe_code)]", 0);
        check("a.rs", concat!("// it is uns", "afe (see above)"), 0);
        check(UNSAFE[1], concat!("//! Why.\nlet x = uns", "afe { 1 };"), 0);
    }

    #[test]
    fn traces_are_found_in_any_file() {
        check("a.wasm", &format!("\0{}x\0", TRACES[0]), 1);
        check("a.md", "see the work/ directory", 0);
    }

    #[test]
    fn a_long_file_is_too_long() {
        check("a.rs", &"\n".repeat(LINES_MAX), 0);
        check("a.rs", &"\n".repeat(LINES_MAX + 1), 1);
    }
}
