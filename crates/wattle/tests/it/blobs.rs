//! Blobstores through guests of both interfaces, the same on disk and in memory.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use wattle_testkit::{App, Connection, Server, guests};

use crate::WATTLE;

/// A guest and what its interface calls things.
pub(crate) struct Face {
    pub(crate) guest: PathBuf,
    pub(crate) package: &'static str,
    no_container: &'static str,
    container_exists: &'static str,
    no_object: &'static str,
    /// What stands before the text of another error.
    other: &'static str,
}

/// Both interfaces.
pub(crate) fn faces() -> [Face; 2] {
    let draft = Face {
        guest: guests::blobs(),
        package: "wasi:blobstore",
        no_container: "no such container",
        container_exists: "the container exists already",
        no_object: "no such object",
        other: "",
    };
    let concurrent = Face {
        guest: guests::blobs_p3(),
        package: "wasmcloud:blobstore",
        no_container: "no-such-container",
        container_exists: "container-already-exists",
        no_object: "no-such-object",
        other: "other: ",
    };
    [draft, concurrent]
}

/// An app whose blobs are kept in `backend`. `more` are lines of its component's table.
pub(crate) fn app(face: &Face, backend: &str, more: &str) -> App {
    App::of(&face.guest, &format!("links = {{ \"{}\" = \"{backend}\" }}\n{more}", face.package))
}

/// Runs a test on both interfaces over both backends, with an empty container `box`.
fn each(test: impl Fn(&Server, &Face)) {
    for face in faces() {
        for backend in ["disk", "memory"] {
            let app = app(&face, backend, "");
            let server = WATTLE.up(&app).start();
            assert_eq!(server.call("PUT", "/container/box", "").summary(), "204 ");
            test(&server, &face);
        }
    }
}

/// Does something and compares the answer.
#[track_caller]
fn check(server: &Server, request: &str, body: &str, expected: &str) {
    let (method, path) = request.split_once(' ').unwrap();
    assert_eq!(server.call(method, path, body).summary(), expected, "{request}");
}

fn names(server: &Server, container: &str) -> Value {
    server.get(&format!("/list/{container}")).json()["names"].take()
}

#[test]
fn containers() {
    each(|server, face| {
        let refused = |what: &str| format!("422 {what}");
        check(server, "PUT /container/box", "", &refused(face.container_exists));
        check(server, "HEAD /container/box", "", "204 ");
        check(server, "HEAD /container/none", "", "404 ");
        check(server, "GET /container/none", "", &refused(face.no_container));
        check(server, "PUT /object/none/a", "x", &refused(face.no_container));
        check(server, "PUT /object/box/a", "x", "204 ");
        check(server, "DELETE /container/none", "", "204 ");
        check(server, "DELETE /container/box", "", "204 ");
        check(server, "GET /object/box/a", "", &refused(face.no_container));
        check(server, "PUT /container/box", "", "204 ");
        assert_eq!(names(server, "box"), json!([]));
    });
}

#[test]
fn one_object() {
    each(|server, face| {
        let missing = format!("422 {}", face.no_object);
        check(server, "GET /object/box/a", "", &missing);
        check(server, "GET /info/box/a", "", &missing);
        check(server, "HEAD /object/box/a", "", "404 ");
        check(server, "DELETE /object/box/a", "", "204 ");
        check(server, "PUT /object/box/a", "one", "204 ");
        check(server, "GET /object/box/a", "", "200 one");
        check(server, "HEAD /object/box/a", "", "204 ");
        check(server, "PUT /object/box/a", "", "204 ");
        check(server, "GET /object/box/a", "", "200 ");
        check(server, "DELETE /object/box/a", "", "204 ");
        check(server, "GET /object/box/a", "", &missing);
    });
}

#[test]
fn sizes_and_times() {
    let seconds = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let before = seconds();
    each(|server, _| {
        check(server, "PUT /object/box/a", "12345", "204 ");
        let info = server.get("/info/box/a").json();
        assert_eq!((&info["name"], &info["container"], &info["size"]), (&json!("a"), &json!("box"), &json!(5)));
        for created in [&info["created"], &server.get("/container/box").json()["created"]] {
            let created = created.as_u64().unwrap();
            assert!((before..=seconds()).contains(&created), "{created}");
        }
    });
}

/// Both ends count in, and what is behind the object's end is not asked for in vain.
#[test]
fn ranges() {
    each(|server, _| {
        check(server, "PUT /object/box/a", "0123456789", "204 ");
        for (range, expected) in [
            ("start=0&end=0", "0"),
            ("start=2&end=4", "234"),
            ("start=9&end=9", "9"),
            ("start=8&end=100", "89"),
            ("start=0&end=18446744073709551615", "0123456789"),
            ("start=10&end=20", ""),
            ("start=18446744073709551615&end=18446744073709551615", ""),
            ("start=5&end=4", ""),
            ("start=5&end=0", ""),
        ] {
            check(server, &format!("GET /object/box/a?{range}"), "", &format!("200 {expected}"));
        }
    });
}

/// Any text that is not too long is a name, byte for byte.
#[test]
fn odd_names() {
    let odd = ["..", ".", "%2F", "a%2F..%2Fb", "a%00b", "%20", "%0A", "%C3%A9", "e%CC%81", "%F0%9F%A6%80", "*", "%5C"];
    each(|server, _| {
        for name in odd {
            check(server, &format!("PUT /object/box?name={name}"), name, "204 ");
        }
        for name in odd {
            check(server, &format!("GET /object/box?name={name}"), "", &format!("200 {name}"));
        }
        assert_eq!(names(server, "box").as_array().map(Vec::len), Some(odd.len()));
        check(server, "PUT /container?name=..%2Fbox", "", "204 ");
        assert_eq!(server.get("/list?name=..%2Fbox").json()["names"], json!([]));
    });
}

#[test]
fn names_that_are_refused() {
    each(|server, face| {
        let refused = |reason: &str| format!("422 {}{reason}", face.other);
        let (container, object) = ("c".repeat(257), "o".repeat(1025));
        let long = refused("the name of a container has at most 256 bytes, this one has 257");
        check(server, &format!("PUT /container/{container}"), "", &long);
        check(server, &format!("PUT /container/{}", "c".repeat(256)), "", "204 ");
        check(server, "PUT /container/", "", &refused("the name of a container must not be empty"));
        let long = refused("the name of an object has at most 1024 bytes, this one has 1025");
        check(server, &format!("PUT /object/box/{object}"), "", &long);
        check(server, &format!("PUT /object/box/{}", "o".repeat(1024)), "", "204 ");
        check(server, "PUT /object/box/", "", &refused("the name of an object must not be empty"));
    });
}

#[test]
fn copies_and_moves() {
    each(|server, face| {
        check(server, "PUT /container/other", "", "204 ");
        check(server, "PUT /object/box/a", "content", "204 ");
        check(server, "PUT /object/other/a", "old", "204 ");
        check(server, "POST /copy/box/a/other/a", "", "204 ");
        check(server, "POST /copy/box/a/box/b", "", "204 ");
        check(server, "GET /object/other/a", "", "200 content");
        check(server, "GET /object/box/a", "", "200 content");
        check(server, "POST /copy/box/a/box/a", "", "204 ");
        check(server, "POST /move/box/a/box/a", "", "204 ");
        check(server, "GET /object/box/a", "", "200 content");
        check(server, "POST /move/box/b/other/c", "", "204 ");
        check(server, "HEAD /object/box/b", "", "404 ");
        check(server, "GET /object/other/c", "", "200 content");
        let (object, container) = (format!("422 {}", face.no_object), format!("422 {}", face.no_container));
        for verb in ["copy", "move"] {
            check(server, &format!("POST /{verb}/box/none/other/x"), "", &object);
            check(server, &format!("POST /{verb}/none/a/other/x"), "", &container);
            check(server, &format!("POST /{verb}/box/a/none/x"), "", &container);
        }
        check(server, "GET /object/box/a", "", "200 content");
        check(server, "HEAD /object/other/x", "", "404 ");
    });
}

#[test]
fn many_are_removed_at_once() {
    each(|server, face| {
        check(server, "POST /fill/box?count=20", "", "204 ");
        check(server, "POST /delete/box", "00000\nnone\n00002", "204 ");
        assert_eq!(names(server, "box").as_array().map(Vec::len), Some(18));
        let many = vec!["x"; 10_001].join("\n");
        let refused = format!("422 {}one call removes at most 10000 objects, these are 10001", face.other);
        check(server, "POST /delete/box", &many, &refused);
        check(server, "POST /clear/box", "", "204 ");
        assert_eq!(names(server, "box"), json!([]));
        check(server, "HEAD /container/box", "", "204 ");
    });
}

/// Writes objects `00000`, `00001` and so on, many at a time.
fn fill(server: &Server, count: usize) {
    const WRITERS: usize = 16;
    const PORTION: usize = 50;
    let address = server.address();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                // In small portions: a disk that syncs each object is slow.
                let mut connection = Connection::open(address);
                for from in (writer * PORTION..count).step_by(WRITERS * PORTION) {
                    let path = format!("/fill/box?from={from}&count={}", PORTION.min(count - from));
                    assert_eq!(connection.call("POST", &path, b"").summary(), "204 ");
                }
            });
        }
    });
}

/// 10,000 objects, listed in pages of any size, in byte order, and removed.
#[test]
fn long_lists() {
    const COUNT: usize = 10_000;
    let all: Vec<String> = (0..COUNT).map(|number| format!("{number:05}")).collect();
    each(|server, face| {
        fill(server, COUNT);
        assert_eq!(names(server, "box"), json!(all));
        if face.package == "wasi:blobstore" {
            let listed = server.get("/list/box?skip=9000&page=300").json();
            assert_eq!(listed["skipped"], 9000);
            assert_eq!(listed["pages"], json!([300, 300, 300, 100]));
            assert_eq!(listed["names"], json!(all[9000..]));
            let listed = server.get("/list/box?page=18446744073709551615").json();
            assert_eq!(listed["pages"], json!([COUNT]));
            let listed = server.get("/list/box?skip=18446744073709551615").json();
            assert_eq!((&listed["skipped"], &listed["pages"]), (&json!(COUNT), &json!([])));
        }
        check(server, "POST /clear/box", "", "204 ");
        assert_eq!(names(server, "box"), json!([]));
    });
}

fn named(name: &str, guest: &Path, package: &str) -> String {
    let file = guest.file_name().unwrap().to_str().unwrap();
    format!(
        "name = \"{name}\"\n[components.blobs]\nsource = \"{file}\"\nlinks = {{ \"{package}\" = \"disk\" }}\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"blobs\"\n"
    )
}

/// What one app keeps, another with the same containers does not see; it survives a restart, and both interfaces see
/// the same.
#[test]
fn apps_are_apart() {
    let [draft, concurrent] = faces();
    let manifest = |name: &str, face: &Face| named(name, &face.guest, face.package);
    let app = App::new(&manifest("one", &draft)).guest(&concurrent.guest);
    let content = |manifest: &str| {
        std::fs::write(app.join("wattle.toml"), manifest).unwrap();
        let server = WATTLE.up(&app).start();
        server.call("PUT", "/container/box", "");
        let found = server.get("/object/box/a").summary();
        check(&server, "PUT /object/box/a", manifest.lines().next().unwrap(), "204 ");
        found
    };
    assert_eq!(content(&manifest("one", &draft)), "422 no such object");
    assert_eq!(content(&manifest("two", &draft)), "422 no such object", "another app sees this one's blobs");
    assert_eq!(content(&manifest("one", &draft)), "200 name = \"one\"");
    assert_eq!(content(&manifest("one", &concurrent)), "200 name = \"one\"");
}
