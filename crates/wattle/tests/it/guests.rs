//! Each guest of the tree runs, or is refused, as its description says.

use wattle_testkit::{App, guests};

use crate::{WATTLE, run};

wattle_testkit::every_guest_has_a_test!();

/// What a guest answers to `GET /`.
fn answer(guest: &std::path::Path) -> String {
    let app = App::of(guest, "");
    let server = WATTLE.up(&app).start();
    let answer = server.get("/").summary();
    assert_eq!(server.stop().code, Some(0));
    answer
}

/// Why a guest is not run: the first line.
fn refusal(guest: &std::path::Path) -> String {
    let ran = WATTLE.up(&App::of(guest, "")).refused();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    ran.stderr.lines().next().unwrap_or_default().to_owned()
}

/// What a command prints.
fn printed(guest: &std::path::Path, arguments: &[&str]) -> String {
    let file = guest.to_str().unwrap();
    let ran = wattle_testkit::Ran::of(&mut run::command(&App::empty(), &[&[file], arguments].concat()));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    ran.stdout
}

#[test]
fn blobs() {
    assert_eq!(answer(&guests::blobs()), "404 no such path");
}

#[test]
fn blobs_p3() {
    assert_eq!(answer(&guests::blobs_p3()), "404 no such path");
}

/// What the first of several components answers that call each other.
fn chain(names: &[&str], target: &str) -> String {
    let mut text = "name = \"chain\"\n".to_owned();
    for name in names {
        text += &format!("[components.{name}]\nsource = \"{name}.wasm\"\n");
    }
    text += &format!("[[triggers.http]]\npath = \"/...\"\ncomponent = \"{}\"\n", names[0]);
    WATTLE.up(&App::new(&text)).start().get(target).summary()
}

/// What `tailor` answers that calls `weaver` together.
fn composed(tailor: &str, weaver: &str, target: &str) -> String {
    let text = format!(
        "name = \"cloth\"\n[components.weaver]\nsource = \"{weaver}.wasm\"\n\
         [components.tailor]\nsource = \"{tailor}.wasm\"\n\
         links = {{ \"wattle:cloth\" = {{ to = \"weaver\", mode = \"together\" }} }}\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"tailor\"\n"
    );
    WATTLE.up(&App::new(&text)).start().get(target).summary()
}

#[test]
fn callee() {
    assert_eq!(chain(&["caller", "callee"], "/add/1/2"), "200 3");
}

#[test]
fn callee_p3() {
    assert_eq!(chain(&["caller-p3", "callee-p3"], "/add/1/2"), "200 3");
}

#[test]
fn weaver() {
    assert_eq!(composed("tailor", "weaver", "/sew/red/1/2"), "200 red 3");
}

#[test]
fn weaver_p3() {
    assert_eq!(composed("tailor-p3", "weaver-p3", "/weave/1/2"), "200 3");
}

use self::callee as caller;
use self::callee_p3 as caller_p3;
use self::weaver as tailor;
use self::weaver_p3 as tailor_p3;

#[test]
fn calls() {
    assert_eq!(printed(&guests::calls(), &["--invoke", "add(1, 2)"]), "3\n");
}

#[test]
fn command() {
    assert_eq!(printed(&guests::command(), &[]), "Hello from Wattle\n");
}

#[test]
fn command_p3() {
    assert_eq!(printed(&guests::command_p3(), &[]), "arguments [\"command-p3.wasm\"]\n");
}

#[test]
fn courier() {
    assert_eq!(answer(&guests::courier()), "502 no such path");
}

#[test]
fn courier_draft() {
    assert_eq!(answer(&guests::courier_draft()), "502 no such path");
}

#[test]
fn croupier() {
    assert!(refusal(&guests::croupier()).contains("imports `acme:dice/roll@0.1.0`, which nothing here provides"));
}

#[test]
fn echo() {
    assert!(answer(&guests::echo()).starts_with("200 {\"authority\":\"localhost\""));
}

#[test]
fn echo_p3() {
    assert!(answer(&guests::echo_p3()).starts_with("200 {\"authority\":\"localhost\""));
}

#[test]
fn fetch() {
    assert_eq!(answer(&guests::fetch()), "502 no header x-target");
}

#[test]
fn fetch_p3() {
    assert_eq!(answer(&guests::fetch_p3()), "502 no header x-target");
}

#[test]
fn guestbook() {
    assert!(answer(&guests::guestbook()).starts_with("200 <!doctype html>"));
}

#[test]
fn hello() {
    assert_eq!(answer(&guests::hello()), "200 Hello from Wattle");
}

#[test]
fn hello_p3() {
    assert_eq!(answer(&guests::hello_p3()), "200 Hello from Wattle");
}

#[test]
fn hello_wstd() {
    assert_eq!(answer(&guests::hello_wstd()), "200 Hello from Wattle");
}

#[test]
fn labels() {
    assert_eq!(answer(&guests::labels()), "502 no such path");
}

#[test]
fn labels_p3() {
    let app = App::of(&guests::labels_p3(), "secrets = [\"db-password\"]");
    let server = WATTLE.up(&app).env("WATTLE_SECRET_DB_PASSWORD", "x").start();
    assert_eq!(server.get("/").summary(), "404 no such path");
}

#[test]
fn mill() {
    assert_eq!(answer(&guests::mill()), "404 no such work");
}

#[test]
fn misbehave() {
    assert_eq!(answer(&guests::misbehave()), "200 this guest misbehaves: see its paths");
}

#[test]
fn misbehave_p3() {
    assert_eq!(answer(&guests::misbehave_p3()), "200 this guest misbehaves: see its paths");
}

#[test]
fn module() {
    assert_eq!(
        refusal(&guests::module()),
        "error: `module` is a core module, and only a component can answer HTTP requests"
    );
    assert_eq!(printed(&guests::module(), &[]), "Hello from a module\n");
}

#[test]
fn near_miss() {
    assert!(refusal(&guests::near_miss()).contains("imports `wasi:keyvalue/stor@0.2.0-draft`, which nothing here"));
}

#[test]
fn not_http() {
    assert_eq!(refusal(&guests::not_http()), "error: component `not-http` does not answer HTTP requests");
}

#[test]
fn orders_api() {
    assert_eq!(answer(&guests::orders_api()), "404 {\"error\":\"no such path\"}");
}

#[test]
fn orders_report() {
    let links = ["--link", "wasi:keyvalue=memory", "--link", "wasi:blobstore=memory"];
    assert_eq!(printed(&guests::orders_report(), &links), "{\"done\":0,\"orders\":0,\"receipts\":0}\n");
}

#[test]
fn orders_worker() {
    assert_eq!(refusal(&guests::orders_worker()), "error: component `orders-worker` does not answer HTTP requests");
}

#[test]
fn pool_front() {
    let answer = chain(&["pool-front", "pool-keeper"], "/question");
    assert_eq!(answer, "502 the variable UPSTREAM is not set");
}

use self::pool_front as pool_keeper;

/// It takes messages and no requests.
#[test]
fn relay() {
    assert_eq!(refusal(&guests::relay()), "error: component `relay` does not answer HTTP requests");
}

#[test]
fn shop_cart() {
    let answer = chain(&["shop-cart", "shop-pricing", "shop-taxes"], "/");
    assert_eq!(answer, "404 {\"error\":\"no such path\"}");
}

use self::shop_cart as shop_pricing;
use self::shop_cart as shop_taxes;

#[test]
fn state() {
    assert_eq!(answer(&guests::state()), "404 {\"error\":\"no such path\"}");
}

#[test]
fn state_draft2() {
    assert_eq!(answer(&guests::state_draft2()), "404 {\"error\":\"no such path\"}");
}

#[test]
fn state_p3() {
    assert_eq!(answer(&guests::state_p3()), "404 {\"error\":\"no such path\"}");
}

#[test]
fn tally() {
    assert_eq!(printed(&guests::tally(), &["--link", "wasi:keyvalue=memory"]), "1\n");
}

#[test]
fn unknown_import() {
    assert!(refusal(&guests::unknown_import()).contains("imports `acme:warehouse/stock@1.0.0`, which nothing here"));
}

#[test]
fn vault() {
    assert_eq!(answer(&guests::vault()), "404 no such path");
}
