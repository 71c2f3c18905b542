//! The tests of the crate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod app;
mod component;
mod credentials;
mod fetch;
mod folder;
mod folders;
mod manifest;
mod registry;
mod registry_auth;
mod registry_faults;
mod registry_lists;
mod registry_redirects;
mod registry_setup;
mod sbom;
mod shelf;
mod sign;
mod signed;
mod small_disk;
mod store;
mod together;

/// Tells whoever runs the tests, or the test that runs this program, on a line of its own.
#[expect(clippy::print_stdout, reason = "the harness shows it where it belongs")]
fn say(line: &str) {
    println!("\n{line}");
}
