//! The guest `callee` in WASI 0.3: the same functions as `async` ones; `who` waits for a moment before it answers. As a
//! service it runs until it is ended or a call asks it to `fail`, or panics at once if the variable `RUN` says `panic`. What a
//! call asks for with `later` happens when it has returned.

wasip3::wit_bindgen::generate!({
    inline: "
        package wattle:callee-p3;
        world callee { export wattle:crossing/values@0.1.0; }
    ",
    path: ["../wit/wattle-crossing-p3"],
    runtime_path: "wasip3::wit_bindgen::rt",
    generate_all,
});

use std::cell::Cell;

use exports::wattle::crossing::values::{Everything, Guest, Problem};

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static FAILS: Cell<bool> = const { Cell::new(false) };
}

struct Callee;

impl Guest for Callee {
    async fn mirror(value: Everything) -> Everything {
        value
    }

    async fn add(left: u32, right: u32) -> u32 {
        left.wrapping_add(right)
    }

    async fn bytes(content: Vec<u8>) -> Vec<u8> {
        content
    }

    async fn attempt(how: String) -> Result<String, String> {
        end(&how).await
    }

    async fn attempt_cases(how: String) -> Result<String, Problem> {
        end(&how).await.map_err(Problem::Denied)
    }

    async fn insist(how: String) -> String {
        end(&how).await.unwrap_or_else(|error| error)
    }

    async fn who() -> String {
        wasip3::clocks::monotonic_clock::wait_for(1_000_000).await;
        let calls = CALLS.get() + 1;
        CALLS.set(calls);
        format!("{} {calls}", std::env::var("NAME").unwrap_or_default())
    }
}

impl wasip3::exports::cli::run::Guest for Callee {
    async fn run() -> Result<(), ()> {
        assert!(std::env::var("RUN").as_deref() != Ok("panic"), "the service was told to");
        while !FAILS.get() {
            wasip3::clocks::monotonic_clock::wait_for(10_000_000).await;
        }
        Err(())
    }
}

async fn without_end() -> ! {
    loop {
        wasip3::clocks::monotonic_clock::wait_for(1_000_000_000).await;
    }
}

async fn end(how: &str) -> Result<String, String> {
    match how.trim_end() {
        "trap" => panic!("the callee was asked to"),
        "wait" => without_end().await,
        "fail" => {
            FAILS.set(true);
            Ok("fail".to_owned())
        }
        "later" => {
            wasip3::wit_bindgen::spawn_local(async {
                wasip3::clocks::monotonic_clock::wait_for(1_000_000).await;
                panic!("the callee was asked to, later")
            });
            Ok("later".to_owned())
        }
        "spin" => loop {
            std::hint::spin_loop();
        },
        "error" => Err("as asked".to_owned()),
        other => {
            if let Ok(ms) = other.parse::<u64>() {
                wasip3::clocks::monotonic_clock::wait_for(ms * 1_000_000).await;
            }
            Ok(other.to_owned())
        }
    }
}

export!(Callee);
wasip3::cli::command::export!(Callee);
