//! Gives others cloth: a resource of its own, what it reads of a stream, and what it finds in the world that is its own.

wit_bindgen::generate!({
    inline: "
        package wattle:weaver;
        world weaver { export wattle:cloth/loom@0.1.0; }
    ",
    path: ["../wit/wasi-io", "../wit/wattle-cloth"],
    with: {
        "wasi:io/error@0.2.1": wasip2::io::error,
        "wasi:io/poll@0.2.1": wasip2::io::poll,
        "wasi:io/streams@0.2.1": wasip2::io::streams,
    },
    generate_all,
});

use std::cell::Cell;

use exports::wattle::cloth::loom::{Bolt, BoltBorrow, Guest, GuestBolt};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, OutgoingRequest, Scheme};
use wasip2::io::streams::{InputStream, StreamError};

struct Weaver;

struct Piece {
    colour: String,
    length: Cell<u32>,
}

impl GuestBolt for Piece {
    fn new(colour: String) -> Self {
        Piece { colour, length: Cell::new(0) }
    }

    fn weave(&self, length: u32) -> u32 {
        self.length.set(self.length.get() + length);
        self.length.get()
    }

    fn colour(&self) -> String {
        self.colour.clone()
    }
}

impl Guest for Weaver {
    type Bolt = Piece;

    fn sew(to: BoltBorrow<'_>, other: Bolt) -> u32 {
        to.get::<Piece>().weave(other.into_inner::<Piece>().length.get())
    }

    fn measure(thread: InputStream) -> u64 {
        let mut length = 0;
        loop {
            match thread.blocking_skip(64 * 1024) {
                Ok(more) => length += more,
                Err(StreamError::Closed) => return length,
                Err(StreamError::LastOperationFailed(_)) => return u64::MAX,
            }
        }
    }

    fn motto() -> String {
        std::fs::read_to_string("/own/motto").unwrap_or_else(|error| error.kind().to_string())
    }

    fn reach(authority: String) -> String {
        status(&authority).unwrap_or_else(|error| error)
    }

    fn say(line: String) {
        println!("{line}");
    }

    fn tear() {
        panic!("the weaver was asked to");
    }
}

fn status(authority: &str) -> Result<String, String> {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).map_err(|()| "no scheme")?;
    request.set_authority(Some(authority)).map_err(|()| "no authority")?;
    request.set_path_with_query(Some("/")).map_err(|()| "no path")?;
    let answer = outgoing_handler::handle(request, None).map_err(|code| format!("{code:?}"))?;
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(answer))) => Ok(answer.status().to_string()),
        Some(Ok(Err(code))) => Err(format!("{code:?}")),
        _ => Err("no answer".to_owned()),
    }
}

export!(Weaver);
