//! Apps that take far longer to compile than a test waits.

use std::fmt::Write as _;

use wattle_testkit::App;

/// Loops and variables of a function that takes far longer than a test to compile.
pub(crate) const BOMB: (usize, usize) = (300, 2000);

/// An app of one component without anything that calls it: the text of a core module's fields. `number` makes its bytes its
/// own.
pub(crate) fn bare(app: App, name: &str, fields: &str, number: usize) -> App {
    let wat = format!(
        "(component (core module $m (func (export \"number\") (result i32) (i32.const {number}))\n{fields})\n\
         (core instance (instantiate $m)))"
    );
    let app = app.file(&format!("{name}/web.wat"), wat);
    app.file(&format!("{name}/wattle.toml"), format!("name = \"{name}\"\n[components.web]\nsource = \"web.wat\"\n"))
}

/// One function whose compiling takes far longer than its size lets one expect: loops in loops, around variables that all of
/// them change.
pub(crate) fn one_function((loops, locals): (usize, usize)) -> String {
    let mut text = format!("(func (param i32) (local{})\n", " i32".repeat(locals));
    text += &"loop\n".repeat(loops);
    for local in 1..=locals {
        let _ = writeln!(text, "local.get {local} local.get 0 i32.add local.set {local}");
    }
    for depth in 0..loops {
        let _ = writeln!(text, "local.get {} br_if {depth}", 1 + depth % locals);
    }
    text += &"end\n".repeat(loops);
    text + ")\n"
}
