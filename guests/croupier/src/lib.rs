//! Rolls dice that the program around its host has: the example `examples/embed`.
//!
//! | call | what it does |
//! |---|---|
//! | `GET /.../SIDES` | answers what a die with so many sides shows |
//! | `wasi:cli/run` | rolls a die and prints what it shows |

wit_bindgen::generate!({ path: "wit", world: "croupier" });

use acme::dice::roll::roll;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Croupier;

wasip2::http::proxy::export!(Croupier);
wasip2::cli::command::export!(Croupier);

impl wasip2::exports::http::incoming_handler::Guest for Croupier {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (status, answer) = match target.rsplit('/').next().unwrap_or_default().parse() {
            Ok(sides) => (200, format!("{}\n", roll(sides))),
            Err(_) => (404, "how many sides?\n".to_owned()),
        };
        let response = OutgoingResponse::new(Fields::new());
        _ = response.set_status_code(status);
        let Ok(body) = response.body() else { return };
        ResponseOutparam::set(outparam, Ok(response));
        if let Ok(stream) = body.write() {
            _ = stream.blocking_write_and_flush(answer.as_bytes());
        }
        _ = OutgoingBody::finish(body, None);
    }
}

impl wasip2::exports::cli::run::Guest for Croupier {
    fn run() -> Result<(), ()> {
        println!("{}", roll(6));
        Ok(())
    }
}
