//! Routes and listeners that move while they are asked: no request fails.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use wattle_testkit::{App, Connection, Response, guests, until};

use crate::WATTLE;
use crate::daemon::host;
use crate::listeners;

const CLIENTS: usize = 4;

/// Those who ask all the time, at an address that may change.
struct Load {
    address: Mutex<SocketAddr>,
    paths: &'static [&'static str],
    ends: AtomicBool,
    /// How many requests each of them has had answered.
    answered: [AtomicUsize; CLIENTS],
}

impl Load {
    fn address(&self) -> MutexGuard<'_, SocketAddr> {
        self.address.lock().unwrap()
    }

    /// One of them: every other time over a connection of its own, else over one that stays as long as the host says.
    fn client(&self, number: usize) {
        let connect = || Connection::open(*self.address());
        let (mut connection, mut is_kept) = (connect(), false);
        for turn in 0.. {
            if self.ends.load(Ordering::Relaxed) {
                return;
            }
            let path = self.paths[turn % self.paths.len()];
            let mut answer = ask(&mut connection, path);
            if is_kept && answer.as_ref().is_err_and(|why| why.ends_with("after \"\"")) {
                // It was closed while it rested: whoever asks for a page again loses nothing.
                connection = connect();
                answer = ask(&mut connection, path);
            }
            let answer = answer.unwrap();
            assert!(answer.status() == 200 && answer.is_complete(), "{path}: {}", answer.summary());
            self.answered[number].fetch_add(1, Ordering::Relaxed);
            is_kept = number % 2 == 1 && answer.header("connection") != Some("close");
            if !is_kept {
                connection = connect();
            }
        }
    }

    /// Waits until each of them was answered a few times more.
    fn more(&self) {
        let count = || self.answered.each_ref().map(|answered| answered.load(Ordering::Relaxed));
        let before = count();
        until("each was answered", || {
            let is_more = count().iter().zip(before).all(|(now, before)| *now > before + 5);
            is_more.then_some(())
        });
    }

    /// Does `work` meanwhile.
    fn during(&self, work: impl FnOnce()) {
        thread::scope(|scope| {
            (0..CLIENTS).for_each(|number| drop(scope.spawn(move || self.client(number))));
            let _end = End(&self.ends);
            self.more();
            work();
            self.more();
        });
    }
}

/// Whatever happens to whoever moves something, the clients end.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn ask(connection: &mut Connection, path: &str) -> Result<Response, String> {
    let sent = connection.try_send(format!("GET {path} HTTP/1.1\r\nhost: shop.example\r\n\r\n"));
    sent.map_err(|error| format!("{error} after \"\""))?;
    connection.try_answer("GET")
}

fn load(address: SocketAddr, paths: &'static [&'static str]) -> Load {
    Load { address: Mutex::new(address), paths, ends: AtomicBool::new(false), answered: Default::default() }
}

/// An app of two components, of which `first` and `second` answer at these routes.
fn shop(app: App, file: &str, [first, second]: [&str; 2]) -> App {
    let route = |component: &str, path: &str| format!("[[triggers.http]]\n{path}\ncomponent = \"{component}\"\n");
    let text = "name = \"shop\"\n[components.first]\nsource = \"hello.wasm\"\n[components.second]\nsource = \"hello-p3.wasm\"\n";
    app.file(file, format!("{text}{}{}", route("first", first), route("second", second)))
}

/// From one component of an app to another and back, and from all paths to some.
#[test]
fn routes() {
    let app = App::empty().guest(&guests::hello()).guest(&guests::hello_p3());
    let app = shop(app, "one.toml", ["path = \"/a\"", "path = \"/b\""]);
    let app = shop(app, "two.toml", ["path = \"/b\"", "path = \"/a\""]);
    let app = shop(app, "three.toml", ["path = \"/...\"", "path = \"/c\""]);
    let server = host(&app);
    let apply = |file: &str| {
        let ran = WATTLE.run(&app, ["apply", file]);
        assert!(ran.is_ok(), "{ran}");
    };
    ["three.toml", "two.toml", "one.toml"].into_iter().for_each(apply);
    let load = load(server.address(), &["/a", "/b"]);
    load.during(|| {
        for _ in 0..5 {
            for file in ["two.toml", "three.toml", "one.toml"] {
                apply(file);
                load.more();
            }
        }
    });
}

/// From one app to another and back: the next one has a more specific route before the other gives its own up.
#[test]
fn routes_of_another_app() {
    let app = App::empty().guest(&guests::hello());
    let manifest = |app: App, name: &str, route: &str| {
        let text = format!(
            "name = \"{name}\"\n[components.web]\nsource = \"hello.wasm\"\n[[triggers.http]]\ncomponent = \"web\"\n"
        );
        app.file(&format!("{name}.toml"), format!("{text}{route}\n"))
    };
    let app = manifest(app, "old", "path = \"/a/...\"");
    let app = manifest(app, "new", "path = \"/a/...\"\nhost = \"shop.example\"");
    let server = host(&app);
    let run = |verb: [&str; 2]| {
        let ran = WATTLE.run(&app, verb);
        assert!(ran.is_ok(), "{ran}");
    };
    run(["apply", "old.toml"]);
    let load = load(server.address(), &["/a/b"]);
    load.during(|| {
        for _ in 0..5 {
            run(["apply", "new.toml"]);
            run(["stop", "old"]);
            load.more();
            run(["start", "old"]);
            run(["rm", "new"]);
            load.more();
        }
    });
}

/// From one address to the next: who was connected at the old one is answered there, and told to come again.
#[test]
fn addresses() {
    let app = App::of(&guests::hello(), "");
    let server = host(&app);
    assert!(WATTLE.run(&app, ["apply", "."]).is_ok());
    let load = load(server.address(), &["/"]);
    load.during(|| {
        for _ in 0..5 {
            let next = listeners::add(&app, "127.0.0.1:0");
            let before = std::mem::replace(&mut *load.address(), next);
            load.more();
            let ran = WATTLE.run(&app, ["listener", "rm", &before.to_string()]);
            assert!(ran.is_ok(), "nothing had to be cut: {ran}");
            load.more();
        }
    });
}
