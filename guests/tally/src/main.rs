//! Counts how often it ran, in a key-value store.

wit_bindgen::generate!({
    path: "../wit/wasi-keyvalue",
    inline: "package example:tally; world tally { import wasi:keyvalue/store@0.2.0-draft; import wasi:keyvalue/atomics@0.2.0-draft; }",
    world: "example:tally/tally",
    generate_all,
});

use wasi::keyvalue::{atomics, store};

fn main() {
    let bucket = store::open("tally").expect("open a bucket");
    println!("{}", atomics::increment(&bucket, "runs", 1).expect("count"));
}
