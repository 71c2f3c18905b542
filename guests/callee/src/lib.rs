//! Is called by other components: gives back what it gets, fails as it is asked to, and says who it is. Asked to `hold`, it
//! counts in a bucket that it opens once and never drops.

wit_bindgen::generate!({
    inline: "
        package wattle:callee;
        world callee {
            import wasi:config/store@0.2.0-rc.1;
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:keyvalue/atomics@0.2.0-draft;
            export wattle:crossing/values@0.1.0;
        }
    ",
    path: ["../wit/wasi-config", "../wit/wasi-keyvalue", "../wit/wattle-crossing"],
    generate_all,
});

use std::cell::OnceCell;
use std::sync::atomic::{AtomicU32, Ordering};

use exports::wattle::crossing::values::{Everything, Guest, Problem};
use wasi::keyvalue::{atomics, store};

static CALLS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static HELD: OnceCell<store::Bucket> = const { OnceCell::new() };
}

struct Callee;

impl Guest for Callee {
    fn mirror(value: Everything) -> Everything {
        value
    }

    fn add(left: u32, right: u32) -> u32 {
        left.wrapping_add(right)
    }

    fn bytes(content: Vec<u8>) -> Vec<u8> {
        content
    }

    fn attempt(how: String) -> Result<String, String> {
        end(&how)
    }

    fn attempt_cases(how: String) -> Result<String, Problem> {
        end(&how).map_err(Problem::Denied)
    }

    fn insist(how: String) -> String {
        end(&how).unwrap_or_else(|error| error)
    }

    fn who() -> String {
        let name = std::env::var("NAME").unwrap_or_default();
        let config = wasi::config::store::get("who").ok().flatten().unwrap_or_default();
        let asked = store::open("asked").and_then(|bucket| atomics::increment(&bucket, "times", 1));
        let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{name} {config} {} {calls}", asked.map_or_else(|error| error.to_string(), |times| times.to_string()))
    }
}

fn end(how: &str) -> Result<String, String> {
    match how {
        "trap" => panic!("the callee was asked to"),
        "exit" => std::process::exit(3),
        "spin" => loop {
            std::hint::spin_loop();
        },
        "memory" => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1_u8; 1 << 20]);
            }
        }
        "say" => {
            println!("somebody asked");
            Ok(String::new())
        }
        "error" => Err("as asked".to_owned()),
        "hold" => HELD.with(|held| {
            let bucket = held.get_or_init(|| store::open("held").expect("a bucket"));
            atomics::increment(bucket, "times", 1).map(|times| times.to_string()).map_err(|error| error.to_string())
        }),
        other => Ok(other.to_owned()),
    }
}

export!(Callee);
