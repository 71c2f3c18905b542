//! The guest `weaver` in WASI 0.3, as far as it differs: its functions are asynchronous, and a stream goes through it.

mod bindings;

use std::cell::Cell;

use bindings::exports::wattle::cloth::loom::{Guest, GuestBolt};
use wasip3::wit_bindgen::{StreamReader, spawn_local};
use wasip3::wit_stream;

struct Weaver;

struct Piece(Cell<u32>);

impl GuestBolt for Piece {
    fn new(_colour: String) -> Self {
        Piece(Cell::new(0))
    }

    async fn weave(&self, length: u32) -> u32 {
        self.0.set(self.0.get() + length);
        self.0.get()
    }
}

impl Guest for Weaver {
    type Bolt = Piece;

    async fn dye(mut thread: StreamReader<u8>) -> StreamReader<u8> {
        let (mut writer, reader) = wit_stream::new();
        spawn_local(async move {
            while let Some(byte) = thread.next().await {
                writer.write_one(byte.to_ascii_uppercase()).await;
            }
        });
        reader
    }

    async fn motto() -> String {
        wasip3::clocks::monotonic_clock::wait_for(1_000_000).await;
        std::fs::read_to_string("/own/motto").unwrap_or_else(|error| error.kind().to_string())
    }

    fn twice(length: u32) -> u32 {
        length * 2
    }
}

bindings::export!(Weaver with_types_in bindings);
