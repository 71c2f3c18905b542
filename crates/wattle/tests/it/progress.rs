//! How far an apply is that takes long: what `wattle apply` says while it waits, what `ps` and `events` show, and what is left
//! when nobody waits any more.

use std::process::{Child, Stdio};

use serde_json::{Value, json};
use wattle_testkit::output::Lines;
use wattle_testkit::{App, Line, Ran, Registry, Server, guests, until};

use crate::WATTLE;
use crate::asking::{exchange, get, socket, told};
use crate::bombs::{BOMB, bare, one_function};

/// Bytes of a component, and how many of them come in a second where a pull is to take a while, or longer than a test.
const LARGE: usize = 1 << 20;
const SLOW: u32 = 400_000;
const STUCK: u32 = 20_000;

/// A verb that waits, and what it says meanwhile.
struct Waiting {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

impl Waiting {
    fn for_<const N: usize>(app: &App, verb: [&str; N]) -> Self {
        let mut command = WATTLE.command(app);
        let mut child = command.args(verb).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let [stdout, stderr] =
            [Lines::collect(child.stdout.take().unwrap()), Lines::collect(child.stderr.take().unwrap())];
        Self { child, stdout, stderr }
    }

    /// Waits until it says something with `text`.
    #[track_caller]
    fn says(&self, text: &str) -> String {
        self.stderr.wait_for(text, |line| line.contains(text))
    }

    /// Waits for its end.
    #[track_caller]
    fn ended(mut self) -> Ran {
        let status = until("it ends", || self.child.try_wait().unwrap());
        self.stdout.wait_for_end(wattle_testkit::PATIENCE);
        self.stderr.wait_for_end(wattle_testkit::PATIENCE);
        Ran { code: status.code(), stdout: self.stdout.text(), stderr: self.stderr.text() }
    }

    /// Kills it on the spot.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A host that has compiled and pulled nothing yet.
fn host(app: &App) -> Server {
    WATTLE.host(app).args(["--config", "host.toml"]).start()
}

fn empty(limits: &str) -> App {
    App::empty().file("host.toml", format!("[limits]\n{limits}\n"))
}

/// The app `shop` of a component in a registry at the far end of a line of this pace, and its reference there.
fn shop(registry: &Registry, pace: u32) -> (App, String) {
    let line = Line::to(registry.authority().parse().unwrap(), pace);
    let pushed = App::empty().file("large.wasm", guests::large(LARGE));
    let at = |authority: &str| format!("{authority}/acme/large:1");
    let ran = WATTLE.run(&pushed, ["push", "large.wasm", &at(&registry.authority())]);
    assert!(ran.is_ok(), "{ran}");
    let reference = at(&line.authority());
    let manifest = format!("name = \"shop\"\n[components.large]\nsource = \"{reference}\"\n");
    (empty("").file("shop/wattle.toml", manifest), reference)
}

/// What the only host tells of `key`.
#[track_caller]
fn status(app: &App, key: &str) -> Value {
    get(&socket(app), "/v1/status")[key].clone()
}

/// The reports of progress.
#[track_caller]
fn reports(app: &App) -> Vec<Value> {
    // As it is: paths and ports matter.
    let ran = Ran::of(WATTLE.command(app).args(["events", "--json", "--tail", "1000"]));
    assert!(ran.is_ok(), "{ran}");
    let all = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|event| event["report"] == "progress").collect()
}

/// How much has come, as it is said: `(12.3 KiB of 1 MiB, 1 %)`.
fn percent(said: &str) -> Option<u64> {
    said.rsplit_once(", ")?.1.strip_suffix(" %)")?.parse().ok()
}

/// A pull says how many bytes come, and stdout has what it always has.
#[test]
fn a_slow_pull() {
    let Some(registry) = Registry::start() else { return };
    let (app, reference) = shop(&registry, SLOW);
    let _server = host(&app);
    let apply = Waiting::for_(&app, ["apply", "shop", "--json"]);
    let said = apply.says("pulling");
    assert!(
        said.starts_with(&format!("default/shop: pulling {reference} (")) && said.contains(" of 1 MiB, "),
        "{said}"
    );
    assert!(percent(&said).is_some_and(|percent| percent < 100), "{said}");
    let ran = apply.ended();
    assert!(ran.is_ok(), "{ran}");
    let done: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(done, json!([{ "done": "applied", "app": "default/shop", "generation": 1, "change": "started" }]));
    assert_eq!(ran.stderr.matches("pulling").count(), 1, "once for each step: {ran}");
    let reports = reports(&app);
    let pulled = reports.iter().find(|event| event["step"] == "pulling").unwrap();
    assert_eq!((&pulled["app"], &pulled["action"]), (&json!("default/shop"), &json!(0)));
    assert_eq!(pulled["source"], json!(app.join("shop")));
    assert_eq!(pulled["artifacts"][0]["reference"], json!(reference));
    assert!(pulled["total_bytes"].as_u64().is_some_and(|total| total > LARGE as u64), "{pulled}");
    assert_eq!(status(&app, "under_way"), Value::Null);
    // What is done soon says nothing, and is asked as always.
    let again = Waiting::for_(&app, ["apply", "shop"]).ended();
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""), "{again}");
    assert_eq!(again.stdout, "default/shop unchanged (generation 1)\n");
}

/// How many connections of the control socket are open, as the system tells, and one for whoever may come.
fn connections(app: &App) -> usize {
    let socket = socket(app).display().to_string();
    let known = std::fs::read_to_string("/proc/net/unix").unwrap();
    known.lines().filter(|line| line.split_whitespace().nth(7) == Some(&socket)).count()
}

/// `ps` shows what is pulled. Of those who wait and are killed nothing is left, and what they began goes on.
#[test]
fn while_it_is_pulled() {
    let Some(registry) = Registry::start() else { return };
    let (app, _) = shop(&registry, STUCK);
    let _server = host(&app);
    assert_eq!(connections(&app), 1);
    let waiting: Vec<_> = (0..3).map(|_| Waiting::for_(&app, ["apply", "shop"])).collect();
    waiting[0].says("default/shop: ");
    let page = until("it is pulled", || {
        let page = WATTLE.run(&app, ["ps"]).stdout;
        page.lines().any(|line| line.starts_with("default/shop  pulling ") && line.contains(" %")).then_some(page)
    });
    assert!(page.starts_with("APP  "), "{page}");
    assert!(connections(&app) >= 4);
    let come = |more_than: u64| {
        let under_way = status(&app, "under_way");
        let bytes = under_way.as_array().unwrap().iter().filter_map(|action| action["bytes"].as_u64()).max();
        bytes.filter(|bytes| *bytes > more_than)
    };
    let bytes = until("something comes", || come(0));
    waiting.into_iter().for_each(Waiting::kill);
    until("nobody waits there", || (connections(&app) == 1).then_some(()));
    until("more comes", || come(bytes));
    // An end does not wait for it.
    let drained = WATTLE.run(&app, ["drain"]);
    assert!(drained.is_ok(), "{drained}");
}

/// Whoever waits is told that the host ends, at once.
#[test]
fn drained_while_it_is_pulled() {
    let Some(registry) = Registry::start() else { return };
    let (app, reference) = shop(&registry, STUCK);
    let mut server = host(&app);
    let apply = Waiting::for_(&app, ["apply", &reference]);
    let said = apply.says("pulling");
    assert!(
        said.starts_with(&format!("{reference}: pulling {reference} (")) || said.starts_with("default/large: "),
        "{said}"
    );
    assert!(WATTLE.run(&app, ["drain"]).is_ok());
    let ran = apply.ended();
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.stderr.contains("the host is ending"), "{ran}");
    assert_eq!(server.wait().code, Some(0));
}

/// Each component that is compiled is said, and what waits for that; two at a time are not mixed up.
#[test]
fn a_slow_compile() {
    let app = bare(empty("compile-turn = \"1h\""), "shop", "", 1);
    let app = bare(app, "blog", &one_function(BOMB), 2);
    let app = app.file("shop/web.wasm", std::fs::read(guests::hello()).unwrap()).file(
        "shop/wattle.toml",
        "name = \"shop\"\n[components.bomb]\nsource = \"../blog/web.wat\"\n[components.a]\nsource = \"web.wasm\"\n",
    );
    let app = bare(app, "late", "", 3);
    let server = host(&app);
    let apply = Waiting::for_(&app, ["apply", "shop"]);
    apply.says("default/shop: compiling bomb (2 of 2)");
    let late = Waiting::for_(&app, ["apply", "late"]);
    late.says("default/late: waiting for its turn to compile web (1 of 1)");
    let page = WATTLE.run(&app, ["ps"]).stdout;
    let row = |name: &str| page.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(row("default/shop").contains("  compiling 2 of 2  "), "{page}");
    assert!(row("default/late").contains("  waiting to compile  "), "{page}");
    let apps = told(&app, ["ps"])["hosts"][0]["apps"].clone();
    let compiling = json!({ "step": "compiling", "component": "bomb", "nth": 2, "of": 2 });
    assert_eq!((&apps[1]["state"], &apps[1]["progress"]), (&json!("starting"), &compiling));
    let mut reports = reports(&app);
    reports.retain(|event| event["step"] == "compiling" || event["step"] == "queued");
    let of = |event: &Value| (event["action"].as_u64(), event["app"].as_str().map(str::to_owned));
    let (first, last) = (of(&reports[0]), of(&reports[reports.len() - 1]));
    assert_eq!((first.1.as_deref(), last.1.as_deref()), (Some("default/shop"), Some("default/late")));
    assert_ne!(first.0, last.0);
    let words = WATTLE.run(&app, ["events", "shop"]).stdout;
    assert!(words.contains("default/shop: compiling bomb (2 of 2)\n") && !words.contains("default/late"), "{words}");
    // Whoever stops it is not made to wait, and whoever waits is told.
    assert!(WATTLE.run(&app, ["stop", "shop"]).is_ok());
    let ran = apply.ended();
    assert!(ran.code == Some(1) && ran.stdout.is_empty() && ran.stderr.contains("error: "), "{ran}");
    let ran = late.ended();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "default/late started (generation 1)\n"), "{ran}");
    assert!(server.stop().is_ok());
}

/// The health path that is asked is said; what ran before runs meanwhile.
#[test]
fn until_it_is_ready() {
    let manifest = |more: &str| {
        format!(
            "name = \"shop\"\n{more}[components.web]\nsource = \"hello.wasm\"\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n\
             [[triggers.http]]\npath = \"/files/...\"\nfiles = \"public\"\n"
        )
    };
    let app = empty("").guest(&guests::hello()).file("public/x", "").file("wattle.toml", manifest(""));
    let server = host(&app);
    assert!(WATTLE.run(&app, ["apply", "."]).is_ok());
    let app = app.file("wattle.toml", manifest("[health]\npath = \"/files/none\"\n"));
    let apply = Waiting::for_(&app, ["apply", "."]);
    apply.says("default/shop: waiting until /files/none answers well");
    let page = WATTLE.run(&app, ["ps"]).stdout;
    assert!(page.contains("  updating, waiting until /files/none answers well  "), "{page}");
    assert_eq!(server.get("/").status(), 200);
    // It looks at the folder as it was applied: only somebody who gives it up ends this.
    assert!(WATTLE.run(&app, ["stop", "shop"]).is_ok());
    assert_eq!(apply.ended().code, Some(1));
    assert!(reports(&app).iter().any(|event| event["step"] == "checking" && event["path"] == "/files/none"));
}

/// An action that takes long is told about to whoever asks so, and to nobody else.
#[test]
fn as_the_protocol_has_it() {
    let app = bare(empty(""), "shop", &one_function(BOMB), 1);
    let app = bare(app, "blog", &one_function(BOMB), 2);
    let app = bare(app, "small", "", 3);
    let server = host(&app);
    let act = &|target: &str, action: &Value| {
        let body = action.to_string();
        let head = format!("POST {target} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let answer = exchange(&socket(&app), head.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), body.to_owned())
    };
    assert_eq!(status(&app, "tells_progress"), json!(true));
    let apply = |name: &str| json!({ "action": "apply", "source": app.join(name) });
    assert!(act("/v1/actions", &apply("small")).0.contains("content-type: application/json"));
    let (head, body) = act("/v1/actions?progress=true", &apply("small"));
    assert!(head.contains("content-type: application/json") && body.contains("unchanged"), "{head}\n{body}");
    let (head, body) = act("/v1/actions?progress=true", &json!({ "action": "start", "app": "nobody" }));
    assert!(head.starts_with("http/1.1 404") && body.contains("no-such-app"), "{head}\n{body}");
    for wrong in ["/v1/actions?progress=maybe", "/v1/status?progress=true"] {
        let method = if wrong.contains("actions") { "POST" } else { "GET" };
        let answer = exchange(&socket(&app), format!("{method} {wrong} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    let stopped = std::thread::scope(|scope| {
        let both = [("/v1/actions?progress=true", "shop"), ("/v1/actions", "blog")];
        let both = both.map(|(target, name)| {
            let apply = apply(name);
            scope.spawn(move || act(target, &apply))
        });
        until("both wait for the compiler, and that is told", || {
            let said = reports(&app);
            let is_told = |name: &str| {
                let of_app = |event: &&Value| event["app"] == *format!("default/{name}");
                said.iter().filter(of_app).any(|event| event["step"] == "compiling" || event["step"] == "queued")
            };
            (is_told("shop") && is_told("blog")).then_some(())
        });
        for name in ["shop", "blog"] {
            assert!(WATTLE.run(&app, ["stop", name]).is_ok());
        }
        both.map(|one| one.join().unwrap())
    });
    let [(head, events), (plain_head, plain)] = stopped;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/event-stream"), "{head}");
    let names: Vec<&str> = events.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let (last, before) = names.split_last().unwrap();
    assert!(*last == "refused" && !before.is_empty() && before.iter().all(|name| *name == "progress"), "{events}");
    assert!(events.contains("\"error\":{\"code\":\"app-stopped\""), "{events}");
    assert!(
        plain_head.starts_with("http/1.1 409") && plain.starts_with("{\"error\":{\"code\":\"app-stopped\""),
        "{plain}"
    );
    assert!(server.stop().is_ok());
}
