//! The guest programs of `guests/`, as files.
//!
//! One function per guest gives the path of its built component: `guests::hello()`. They are the committed files of
//! `guests/built`, or those of the directory that the environment variable `WATTLE_GUESTS` names; CI builds them all
//! from source and sets it.
//!
//! A guest that no test runs is dead weight, so a guest without a test does not compile. The list is the macro
//! [`for_each_guest!`](crate::for_each_guest); a module of tests that has one test per guest, of the guest's name,
//! says so with [`every_guest_has_a_test!`](crate::every_guest_has_a_test). `cargo xtask tidy` checks that the list
//! is complete.

use std::env;
use std::path::{Path, PathBuf};

/// Calls a macro once with all guests: `name = "file"; ..`.
#[macro_export]
macro_rules! for_each_guest {
    ($macro:path) => {
        $macro! {
            blobs = "blobs";
            blobs_p3 = "blobs-p3";
            callee = "callee";
            callee_p3 = "callee-p3";
            caller = "caller";
            caller_p3 = "caller-p3";
            calls = "calls";
            command = "command";
            command_p3 = "command-p3";
            courier = "courier";
            courier_draft = "courier-draft";
            croupier = "croupier";
            echo = "echo";
            echo_p3 = "echo-p3";
            fetch = "fetch";
            fetch_p3 = "fetch-p3";
            guestbook = "guestbook";
            hello = "hello";
            hello_p3 = "hello-p3";
            hello_wstd = "hello-wstd";
            labels = "labels";
            labels_p3 = "labels-p3";
            mill = "mill";
            misbehave = "misbehave";
            misbehave_p3 = "misbehave-p3";
            module = "module";
            near_miss = "near-miss";
            not_http = "not-http";
            orders_api = "orders-api";
            orders_report = "orders-report";
            orders_worker = "orders-worker";
            pool_front = "pool-front";
            pool_keeper = "pool-keeper";
            relay = "relay";
            shop_cart = "shop-cart";
            shop_pricing = "shop-pricing";
            shop_taxes = "shop-taxes";
            state = "state";
            state_draft2 = "state-draft2";
            state_p3 = "state-p3";
            tailor = "tailor";
            tailor_p3 = "tailor-p3";
            tally = "tally";
            unknown_import = "unknown-import";
            vault = "vault";
            weaver = "weaver";
            weaver_p3 = "weaver-p3";
        }
    };
}

/// Compiles only where every guest has a function of its name in scope: call it in a module of tests.
#[macro_export]
macro_rules! every_guest_has_a_test {
    () => {
        $crate::for_each_guest!($crate::use_each_guest);
    };
}

/// A part of [`every_guest_has_a_test!`](crate::every_guest_has_a_test).
#[doc(hidden)]
#[macro_export]
macro_rules! use_each_guest {
    ($($name:ident = $file:literal;)*) => {
        $(
            #[expect(unused_imports, reason = "it is enough that it exists")]
            use self::$name as _;
        )*
    };
}

macro_rules! define {
    ($($name:ident = $file:literal;)*) => {
        $(
            #[doc = concat!("The built guest `", $file, "`.")]
            pub fn $name() -> PathBuf {
                built($file)
            }
        )*

        /// All guests, by the name of their file without its ending.
        pub fn all() -> Vec<(&'static str, PathBuf)> {
            vec![$(($file, $name())),*]
        }
    };
}

for_each_guest!(define);

fn built(name: &str) -> PathBuf {
    let path = match env::var_os("WATTLE_GUESTS") {
        Some(directory) => PathBuf::from(directory),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/built"),
    };
    let path = path.join(format!("{name}.wasm"));
    assert!(path.is_file(), "the guest {name} is not built: {} (hint: cargo xtask guests)", path.display());
    path
}

/// A component without imports and exports of about `len` bytes that cannot be compressed.
pub fn large(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let noise: Vec<u8> = noise.flatten().take(len).collect();
    // The preamble of a component, and a custom section (0) called `x`.
    let mut wasm = b"\0asm\x0d\0\x01\0\0".to_vec();
    let mut size = noise.len() + 2;
    while size >= 0x80 {
        wasm.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    wasm.extend([size as u8, 1, b'x']);
    wasm.extend(noise);
    wasm
}
