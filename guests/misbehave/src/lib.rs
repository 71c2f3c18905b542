//! Does wrong what a guest can do wrong, by path: for tests of limits and errors.
//!
//! Every path is a function of one of the modules; the same function says what it takes from the query. A path that
//! survives its misdeed answers with one line on how far it got.

mod answer;
mod bindings;
mod bodies;
mod heads;
mod logs;
mod resources;
mod state;
mod time;

use wasip2::http::types::{IncomingRequest, ResponseOutparam};

struct Misbehave;

wasip2::http::proxy::export!(Misbehave);

impl wasip2::exports::http::incoming_handler::Guest for Misbehave {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        state::count();
        match path {
            "/panic" => panic!("this guest was asked to panic"),
            "/exit" => std::process::exit(1),
            "/no-answer" => {}
            "/hang" => time::sleep_ms(time::HOUR_MS),

            "/panic-after" => bodies::panic_after(outparam),
            "/hang-after" => bodies::hang_after(outparam),
            "/write-forever" => bodies::write_forever(outparam),
            "/cut" => bodies::declare(outparam, "100"),
            "/over" => bodies::declare(outparam, "5"),
            "/bad-status" => heads::bad_status(outparam, query),
            "/many-headers" => heads::many_headers(outparam, query),
            "/big-header" => heads::big_header(outparam, query),

            _ => answer::text(outparam, &report(path, query)),
        }
    }
}

/// The misdeeds that leave the answer alone.
fn report(path: &str, query: &str) -> String {
    match path {
        "/" => "this guest misbehaves: see its paths\n".to_owned(),
        "/loop" => time::loop_forever(),
        "/loop-kv" => resources::loop_get(),
        "/sleep" => time::sleep(query),
        "/spin" => time::spin(query),
        "/alloc" => resources::alloc(),
        "/grow" => resources::grow(),
        "/table" => resources::table(query),
        "/pollables" => resources::pollables(query),
        "/recurse" => resources::recurse(),
        "/random-huge" => resources::random(query),
        "/bad-header" => heads::bad_header(),
        "/forbidden-header" => heads::forbidden_header(),
        "/ignore-upload" => "the upload was not read\n".to_owned(),
        "/log-flood" => logs::flood(query),
        "/log-long" => logs::long(query),
        "/log-ansi" => logs::ansi(),
        "/giant-string" => logs::giant(query),
        "/state" => state::report(),
        "/leave-canary" => state::leave_canary(),
        "/scan-memory" => state::scan_memory(),
        _ => format!("no misdeed is called {path}\n"),
    }
}
