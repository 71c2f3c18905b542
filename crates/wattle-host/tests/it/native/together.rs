//! Components that share a store: each call of a native capability is told by its own component.

use std::time::Duration;

use wattle_host::{Command, Ended, Start};

use super::dice::Dice;
use crate::site::Site;

/// Rolls a die with 6 sides for whoever asks.
const SHAKER: &str = r#"(component
    (import "acme:dice/roll@0.1.0" (instance $dice (export "roll" (func (param "sides" u32) (result u32)))))
    (core func $roll (canon lower (func $dice "roll")))
    (core module $m
        (import "dice" "roll" (func $roll (param i32) (result i32)))
        (func (export "shake") (result i32) i32.const 6 call $roll))
    (core instance $i (instantiate $m (with "dice" (instance (export "roll" (func $roll))))))
    (func $shake (result u32) (canon lift (core func $i "shake")))
    (instance $shaker (export "shake" (func $shake)))
    (export "acme:game/shaker@0.1.0" (instance $shaker)))"#;

/// Rolls a die with 20 sides, and has another rolled.
const TABLE: &str = r#"(component
    (import "acme:dice/roll@0.1.0" (instance $dice (export "roll" (func (param "sides" u32) (result u32)))))
    (import "acme:game/shaker@0.1.0" (instance $shaker (export "shake" (func (result u32)))))
    (core func $roll (canon lower (func $dice "roll")))
    (core func $shake (canon lower (func $shaker "shake")))
    (core module $m
        (import "dice" "roll" (func $roll (param i32) (result i32)))
        (import "shaker" "shake" (func $shake (result i32)))
        (func (export "play") (result i32) i32.const 20 call $roll call $shake i32.add))
    (core instance $i (instantiate $m
        (with "dice" (instance (export "roll" (func $roll))))
        (with "shaker" (instance (export "shake" (func $shake))))))
    (func (export "play") (result u32) (canon lift (core func $i "play"))))"#;

/// Who rolls when the table plays, whose shaker is called in this `mode`.
fn rollers(mode: &str) -> Vec<String> {
    let dice = Dice::default();
    let given = dice.clone();
    let site = Site::empty(|host| host.capability(given));
    let manifest = format!(
        "name = \"casino\"\n[components.shaker]\nsource = \"shaker.wasm\"\n[components.table]\nsource = \"table.wasm\"\n\
         links = {{ \"acme:game\" = {{ to = \"shaker\", mode = \"{mode}\" }} }}\n"
    );
    let bytes = [("shaker", SHAKER), ("table", TABLE)].map(|(name, text)| (name, wat::parse_str(text).unwrap()));
    let (app, bytes) = site.host.resolve(&manifest, bytes).unwrap();
    let play = Command {
        component: "table".parse().unwrap(),
        arguments: Vec::new(),
        start: Start::Export("play()".into()),
        deadline: Some(Duration::from_secs(60)),
    };
    let ended = site.wait(site.host.run(&app, &bytes, play)).unwrap();
    assert_eq!(ended, Ended::Value(Some("263".into())), "{mode}");
    dice.calls().iter().map(|call| format!("{} {}", call.component, call.sides)).collect()
}

#[test]
fn each_is_told_by_its_name() {
    assert_eq!(rollers("together"), ["table 20", "shaker 6"]);
    assert_eq!(rollers("apart"), ["table 20", "shaker 6"]);
}
