//! `wattle run --invoke`: one call of an export, with typed arguments as text.

use wattle_testkit::{App, Ran, guests};

use crate::run::command;

fn app() -> App {
    App::empty().guest(&guests::calls()).file(
        "module.wat",
        r#"(module
    (global $ready (mut i32) (i32.const 0))
    (func (export "_initialize") (global.set $ready (i32.const 1)))
    (func (export "is_ready") (result i32) (global.get $ready))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "half.of") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
    (func (export "swap") (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
    (func (export "refer") (param funcref))
    (func (export "crash") unreachable)
    (memory (export "memory") 1))"#,
    )
}

/// What a call prints; if it was refused, why.
fn invoke(file: &str, call: &str) -> String {
    let ran = Ran::of(&mut command(&app(), &[file, "--invoke", call]));
    let (code, text) = if ran.stdout.is_empty() { (Some(2), ran.stderr) } else { (Some(0), ran.stdout) };
    assert_eq!(ran.code, code, "{call}: {text}");
    text
}

#[test]
fn calls_of_a_component() {
    for (call, result) in [
        ("add(1, 2)", "3"),
        (" add ( -1 , 2 ) ", "1"),
        ("greet(\"wörld \\n\")", "\"Hello, wörld \\n\""),
        ("prices.total([])", "0"),
        ("prices.total([{name: \"a\", cents: 3}, {cents: 4, name: \"b\"}])", "7"),
        ("example:shop/till@1.2.0.total()", "1099511627776"),
        ("example:shop/till#total", "1099511627776"),
        ("change(cash(25), 4)", "ok([dime, dime, penny])"),
        ("change(card(\"x\"), 4)", "ok([])"),
        ("change(nothing, 4)", "err(\"that is \\\"not enough\\\"\")"),
        ("describe({name: \"x\", cents: 1}, {gift, express}, some(\"soon\"))", "(\"x for 1: soon\", true)"),
        ("describe({name: \"x\", cents: 1}, {})", "(\"x for 1: no note\", false)"),
    ] {
        assert_eq!(invoke("calls.wasm", call), format!("{result}\n"), "{call}");
    }
}

#[test]
fn calls_of_a_module() {
    for (call, result) in [
        ("add(1, 2)", "3"),
        ("add(2147483647, 1)", "-2147483648"),
        ("half.of(5)", "2.5"),
        ("half.of(-inf)", "-inf"),
        ("swap(1, -2)", "(-2, 1)"),
        ("is_ready()", "1"),
    ] {
        assert_eq!(invoke("module.wat", call), format!("{result}\n"), "{call}");
    }
}

#[test]
fn a_call_without_a_result() {
    let ran = Ran::of(&mut command(&app(), &["calls.wasm", "--invoke", "wait()"]));
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn a_call_that_traps() {
    insta::assert_snapshot!(Ran::of(&mut command(&app(), &["module.wat", "--invoke", "crash()"])), @"
    exit: 134
    ----- stderr
    error: module.wat trapped: wasm trap: wasm `unreachable` instruction executed
      at 0: 0xbc - <unknown>!<wasm function 6>
    ");
}

#[test]
fn functions_that_are_none() {
    insta::assert_snapshot!(invoke("calls.wasm", "ad(1, 2)"), @"
    error: there is no exported function `ad`
     --> --invoke:1:1
      |
    1 | ad(1, 2)
      | ^^
      |
      = hint: did you mean `add`?
    ");
    insta::assert_snapshot!(invoke("calls.wasm", "quantity()"), @"
    error: there is no exported function `quantity`
     --> --invoke:1:1
      |
    1 | quantity()
      | ^^^^^^^^
      |
      = hint: it exports `add`, `greet`, `wait`, `example:shop/prices@1.2.0.total`, `example:shop/prices@1.2.0.change`, `example:shop/prices@1.2.0.describe` and `example:shop/till@1.2.0.total`
    ");
    insta::assert_snapshot!(invoke("calls.wasm", "total([])"), @"
    error: `total` could be one of several functions
     --> --invoke:1:1
      |
    1 | total([])
      | ^^^^^
      |
      = hint: they are `example:shop/prices@1.2.0.total` and `example:shop/till@1.2.0.total`
    ");
    insta::assert_snapshot!(invoke("calls.wasm", "[constructor]drawer()"), @"
    error: `[constructor]drawer` takes or gives what has no text form, such as resources or streams
     --> --invoke:1:1
      |
    1 | [constructor]drawer()
      | ^^^^^^^^^^^^^^^^^^^
      |
      = hint: call it from a component
    ");
    insta::assert_snapshot!(invoke("module.wat", "memory()"), @"
    error: there is no exported function `memory`
     --> --invoke:1:1
      |
    1 | memory()
      | ^^^^^^
      |
      = hint: it exports `_initialize`, `is_ready`, `add`, `half.of`, `swap` and `crash`
    ");
    insta::assert_snapshot!(invoke("module.wat", "refer(none)"), @"
    error: `refer` takes or gives what has no text form, such as resources or streams
     --> --invoke:1:1
      |
    1 | refer(none)
      | ^^^^^
      |
      = hint: call it from a component
    ");
    insta::assert_snapshot!(invoke("module.wat", "(1)"), @"
    error: a call begins with the name of a function
     --> --invoke:1:1
      |
    1 | (1)
      | ^
      |
      = hint: as in `add(1, 2)`
    ");
}

#[test]
fn arguments_that_do_not_fit() {
    insta::assert_snapshot!(invoke("calls.wasm", "add(1, x)"), @"
    error: invalid value type
     --> --invoke:1:8
      |
    1 | add(1, x)
      |        ^
      |
      = hint: its signature is `add: func(a: s32, b: s32) -> s32`
    ");
    insta::assert_snapshot!(invoke("calls.wasm", "prices.total([{name: \"a\", cents: -3}])"), @r#"
    error: invalid value
     --> --invoke:1:34
      |
    1 | prices.total([{name: "a", cents: -3}])
      |                                  ^^
      |
      = hint: its signature is `total: func(items: list<record { name: string, cents: u32 }>) -> u32`
    "#);
    for (file, call) in [
        ("calls.wasm", "add(1)"),
        ("calls.wasm", "add(1, 2, 3)"),
        ("calls.wasm", "add"),
        ("calls.wasm", "add(1, 2"),
        ("calls.wasm", "add(1, 2) + 1"),
        ("calls.wasm", "add(1, 99999999999)"),
        ("calls.wasm", "greet(\"no end)"),
        ("calls.wasm", "greet('é"),
        ("calls.wasm", "prices.total([{name: \"a\"}])"),
        ("calls.wasm", "change(coins(1), 2)"),
        ("module.wat", "add(1.5, 2)"),
    ] {
        let refusal = invoke(file, call);
        assert!(refusal.contains(" --> --invoke:1:") && refusal.contains("its signature is `"), "{call}: {refusal}");
    }
}

#[test]
fn a_call_and_arguments() {
    let ran = Ran::of(&mut command(&app(), &["--invoke", "add(1, 2)", "calls.wasm", "3"]));
    assert!(ran.code == Some(2) && ran.stderr.contains("cannot be used with"), "{ran}");
}
