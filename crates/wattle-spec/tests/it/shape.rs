//! The shape of Wasm bytes, good, odd and broken ones.

use proptest::prelude::*;
use wattle_spec::shape::{ImportName, Shape, reach};

/// The shape of a text of Wasm, as one reads it.
fn check(wat: &str) -> String {
    show(&wat::parse_str(wat).unwrap())
}

fn show(bytes: &[u8]) -> String {
    match Shape::read(bytes) {
        Ok(shape) => {
            assert!(
                Shape::read_again(bytes).is_ok_and(|again| again == shape),
                "it is another one when it is read again"
            );
            let imports = shape.imports.iter().map(|name| format!("\n  import {name}"));
            let exports = shape.exports.iter().map(|name| format!("\n  export {name}"));
            format!("{} {:?}{}", shape.kind, shape.http_handler(), imports.chain(exports).collect::<String>())
        }
        Err(error) => format!("{error}\n  hint: {}", error.hint().unwrap_or("none")),
    }
}

const MODULE: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")))"#;

const COMPONENT: &str = r#"(component
    (import "wasi:keyvalue/store@0.2.0-draft" (instance (export "open" (func (param "name" string)))))
    (import "plain" (func))
    (core module $inner
        (import "not" "at-the-top" (func))
        (func (export "hidden") (result i32) i32.const 1))
    (component $nested (import "nested:in/side" (instance)))
    (instance $handler)
    (export "wasi:http/incoming-handler@0.2.3" (instance $handler)))"#;

/// A component that waits for the end of an async task, which takes component-model async.
const ASYNC: &str = r#"(component
    (core module $m (func (export "run") (result i32) i32.const 0) (func (export "cb") (param i32 i32 i32) (result i32) i32.const 0))
    (core instance $i (instantiate $m))
    (func (export "run") async (canon lift (core func $i "run") async (callback (func $i "cb")))))"#;

#[test]
fn kinds() {
    insta::assert_snapshot!(check("(module)"), @"core module None");
    insta::assert_snapshot!(check(MODULE), @"
    core module None
      import wasi_snapshot_preview1.fd_write
      export memory
      export _start
    ");
    insta::assert_snapshot!(check("(component)"), @"component (WASI 0.2) None");
    insta::assert_snapshot!(check(COMPONENT), @"
    component (WASI 0.2) Some(Wasi02)
      import wasi:keyvalue/store@0.2.0-draft
      import plain
      export wasi:http/incoming-handler@0.2.3
    ");
    insta::assert_snapshot!(check(ASYNC), @"
    component (WASI 0.3) None
      export run
    ");
    insta::assert_snapshot!(check(r#"(component (import "wasi:clocks/types@0.3.0" (instance)))"#), @"
    component (WASI 0.3) None
      import wasi:clocks/types@0.3.0
    ");
    insta::assert_snapshot!(check(r#"(component (instance $i) (export "wasi:http/handler@0.3.1" (instance $i)))"#), @"
    component (WASI 0.3) Some(Wasi03)
      export wasi:http/handler@0.3.1
    ");
    insta::assert_snapshot!(check(r#"(component (instance $i) (export "wasi:http/handler@0.3.0-rc-1" (instance $i)))"#), @"
    component (WASI 0.3) None
      export wasi:http/handler@0.3.0-rc-1
    ");
}

#[test]
fn features_that_wasmtime_has_on_by_default() {
    let shape = |wat| check(wat);
    insta::assert_snapshot!(shape("(module (memory i64 1) (memory 1))"), @"core module None");
    insta::assert_snapshot!(shape("(module (type (struct (field i32))) (tag) (func (result v128) v128.const i64x2 0 0))"), @"core module None");
    insta::assert_snapshot!(shape("(module (func (export \"f\") return_call 0))"), @"
    core module None
      export f
    ");
}

#[test]
fn what_is_no_wasm() {
    insta::assert_snapshot!(show(b""), @"
    this is not WebAssembly, it looks like an empty file
      hint: build it again
    ");
    insta::assert_snapshot!(show(b"<!DOCTYPE html><html>"), @"
    this is not WebAssembly, it looks like an HTML page
      hint: a server answered with a page; look at the address that it was downloaded from
    ");
    insta::assert_snapshot!(show(b"\x7fELF\x02\x01\x01"), @"
    this is not WebAssembly, it looks like an ELF binary, such as a program for Linux or code compiled by Wasmtime
      hint: build for a WebAssembly target, as with `cargo build --target wasm32-wasip2`; code that another host compiled is never loaded
    ");
    insta::assert_snapshot!(show(b"\n (component)"), @"
    this is not WebAssembly, it looks like WebAssembly text (.wat)
      hint: translate it with `wasm-tools parse FILE -o FILE.wasm`
    ");
    insta::assert_snapshot!(show(b"version https://git-lfs.github.com/spec/v1\n"), @"
    this is not WebAssembly, it looks like a Git LFS pointer
      hint: fetch the file itself with `git lfs pull`
    ");
    insta::assert_snapshot!(show(b"{\"errors\":[]}"), @"
    this is not WebAssembly, it looks like JSON
      hint: name a .wasm file
    ");
    insta::assert_snapshot!(show(b"hello"), @"
    this is not WebAssembly, it looks like a text
      hint: name a .wasm file
    ");
    insta::assert_snapshot!(show(b"\x00\x01\x02\x03"), @"
    this is not WebAssembly, it looks like unknown binary data
      hint: name a .wasm file
    ");
    insta::assert_snapshot!(show(b"\x1f\x8b\x08"), @"
    this is not WebAssembly, it looks like a gzip file
      hint: unpack it first
    ");
}

/// Validating would take time that grows with the square of the depth.
#[test]
fn components_in_components() {
    const PREAMBLE: &[u8] = b"\0asm\x0d\0\x01\0";
    let nested = |depth: usize| {
        (1..depth).fold(PREAMBLE.to_vec(), |inner, _| {
            let length = [inner.len() as u8 | 0x80, (inner.len() >> 7) as u8];
            [PREAMBLE, &[4], &length, &inner].concat()
        })
    };
    assert_eq!(show(&nested(100)), "component (WASI 0.2) None");
    let told = show(&nested(101));
    assert!(told.contains("components are nested more than 100 deep"), "{told}");
}

#[test]
fn what_is_broken() {
    let component = wat::parse_str(COMPONENT).unwrap();
    insta::assert_snapshot!(show(b"\0as"), @"
    the WebAssembly ends too soon, at byte 3
      hint: copy, download or build the file again
    ");
    insta::assert_snapshot!(show(b"\0asm\x01"), @"
    the WebAssembly ends too soon, at byte 5
      hint: copy, download or build the file again
    ");
    insta::assert_snapshot!(show(&component[..component.len() / 2]), @"
    the WebAssembly ends too soon, at byte 165
      hint: copy, download or build the file again
    ");
    insta::assert_snapshot!(show(b"\0asm\x07\0\0\0"), @"
    invalid WebAssembly at byte 4: unknown binary version:        0x7
      hint: ask `wasm-tools validate` for more
    ");
    insta::assert_snapshot!(show(b"\0asm\x01\0\0\0\x01\x02\x01\x00"), @"
    invalid WebAssembly at byte 11: invalid leading byte (0x0) for type
      hint: ask `wasm-tools validate` for more
    ");
    insta::assert_snapshot!(show(&wat::parse_str("(module (func (result i32)))").unwrap()), @"
    invalid WebAssembly at byte 24: type mismatch: expected i32 but nothing on stack
      hint: ask `wasm-tools validate` for more
    ");
}

#[test]
fn touches() {
    let check = |imports: &[&str]| {
        let name = |text: &&str| text.parse().map_or(ImportName::Plain(text.to_string()), ImportName::Interface);
        reach(&imports.iter().map(name).collect::<Vec<_>>()).join(", ")
    };
    insta::assert_snapshot!(check(&["wasi:http/types@0.2.0", "wasi:io/streams@0.2.0", "wasi:cli/exit@0.2.0"]), @"");
    insta::assert_snapshot!(check(&["wasi:http/outgoing-handler@0.2.0", "wasi:http/client@0.3.0", "wasi:cli/stderr@0.2.0"]), @"network: outgoing HTTP, standard output");
    insta::assert_snapshot!(check(&["wasi:filesystem/preopens@0.2.0", "wasi:sockets/tcp@0.2.0", "wasi:sockets/ip-name-lookup@0.2.0"]), @"files, network: names (DNS), network: sockets");
    insta::assert_snapshot!(check(&["wasi:keyvalue/store@0.2.0-draft", "wasi:random/random@0.2.0", "wasi:clocks/wall-clock@0.2.0"]), @"clocks, keyvalue state, random numbers");
    insta::assert_snapshot!(check(&["acme:billing/ledger@1.0.0", "frobnicate", "wasi:cli/environment@0.2.0"]), @"acme:billing/ledger@1.0.0, environment and arguments, frobnicate");
    insta::assert_snapshot!(check(&["wasi_snapshot_preview1.fd_write", "wasi_snapshot_preview1.path_open", "wasi_snapshot_preview1.proc_exit", "env.abort"]), @"env.abort, files, files and standard output");
}

proptest! {
    #[test]
    fn reading_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = show(&bytes);
        let _ = show(&[b"\0asm\x01\0\0\0", bytes.as_slice()].concat());
        let _ = show(&[b"\0asm\x0d\0\x01\0", bytes.as_slice()].concat());
    }

    #[test]
    fn reading_a_damaged_component_never_panics(
        which in 0_usize..3,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut bytes = wat::parse_str([MODULE, COMPONENT, ASYNC][which]).unwrap();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = show(&bytes);
        bytes.truncate(keep.index(bytes.len()));
        let _ = show(&bytes);
    }

    #[test]
    fn a_cut_component_is_cut(which in 0_usize..3, keep in any::<prop::sample::Index>()) {
        let whole = wat::parse_str([MODULE, COMPONENT, ASYNC][which]).unwrap();
        let bytes = &whole[..keep.index(whole.len() - 1) + 1];
        // A module or a component may end after any of its sections.
        if let Err(error) = Shape::read(bytes) {
            let is_cut = matches!(error, wattle_spec::shape::ShapeError::Truncated { offset } if offset == bytes.len());
            let is_incomplete = matches!(error, wattle_spec::shape::ShapeError::Invalid { .. });
            prop_assert!(is_cut || is_incomplete, "{error}");
        }
    }
}

/// A function that leaves nothing where a number is wanted.
#[test]
fn what_is_wrong_within_functions() {
    let bytes = wat::parse_str("(component (core module (func (result i32))))").unwrap();
    assert!(Shape::read(&bytes).is_err());
    assert!(Shape::read_again(&bytes).is_ok(), "it is looked at again");
}

/// What crosses from one instance to another, of a component that exports `acme:a/b` with `items` in it.
fn crosses(items: &str) -> String {
    let wat = format!(
        "(component
            (import \"acme:types/one\" (instance $types (type $t u32) (export \"amount\" (type (eq $t))) (export \"handle\" (type (sub resource)))))
            (alias export $types \"handle\" (type $handle))
            (import \"acme:source/one\" (instance $source {items}))
            (export \"acme:a/b\" (instance $source)))"
    );
    let shape = Shape::read(&wat::parse_str(&wat).unwrap()).unwrap();
    let interface = "acme:a/b".parse().unwrap();
    let values = shape.handles.get(&interface).map_or("plain values".to_owned(), ToString::to_string);
    let role = if shape.types_only.contains(&interface) { "types of" } else { "passes" };
    format!("{role} {values}")
}

#[test]
fn values_that_cross() {
    insta::assert_snapshot!(crosses(""), @"passes plain values");
    insta::assert_snapshot!(crosses(
        "(export \"f\" (func (param \"a\" (list (tuple string u32))) (result (result (option string) (error u8)))))"
    ), @"passes plain values");
    insta::assert_snapshot!(crosses("(type $r (record (field \"a\" (list u8)))) (export \"r\" (type (eq $r)))"), @"types of plain values");
    insta::assert_snapshot!(crosses("(export \"r\" (type (sub resource)))"), @"passes resources");
    insta::assert_snapshot!(crosses("(export \"f\" (func (param \"a\" (borrow $handle))))"), @"passes resources");
    insta::assert_snapshot!(crosses("(export \"f\" (func (result (list (option (own $handle))))))"), @"passes resources");
    insta::assert_snapshot!(crosses(
        "(type $v (variant (case \"a\") (case \"b\" (tuple u8 (stream u8))))) (export \"v\" (type (eq $v)))"
    ), @"types of streams");
    insta::assert_snapshot!(crosses("(export \"f\" (func async (result (future string))))"), @"passes futures");
    insta::assert_snapshot!(crosses("(export \"f\" (func (result (result u8 (error (map string (stream)))))))"), @"passes streams");
}
