//! Contents of blobs that stream: how much memory they take, and what is kept of one that does not come to its end.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wattle_testkit::{Connection, End, Server, until};

use crate::WATTLE;
use crate::blobs::{Face, app, faces};

const MIB: usize = 1 << 20;
const LENGTH: usize = 64 * MIB;
/// Of a length that no piece of a stream has, so that pieces in the wrong order are found.
const PATTERN: usize = 65_521;

fn pattern() -> Vec<u8> {
    (0..PATTERN).map(|at| (at % 251) as u8).collect()
}

/// Sends `LENGTH` bytes as an object; the most memory that the host took meanwhile.
fn send_large(server: &Server) -> u64 {
    let (process, pattern) = (server.process(), pattern());
    let mut connection = server.connect();
    let (mut writer, mut sent, mut most) = (connection.writer(), 0, 0);
    write!(writer, "PUT /object/box/large HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n").unwrap();
    while sent < LENGTH {
        let piece = &pattern[..pattern.len().min(LENGTH - sent)];
        writer.write_all(piece).unwrap();
        sent += piece.len();
        most = process.resident_bytes().max(most);
    }
    assert_eq!(connection.answer("PUT").summary(), "204 ");
    most
}

/// Reads it again; the most memory that the host took meanwhile.
fn receive_large(server: &Server) -> u64 {
    let (process, pattern) = (server.process(), pattern());
    let mut connection = server.connect();
    connection.request("GET", "/object/box/large", b"");
    let head = connection.head().unwrap();
    let (mut received, mut most) = (0, 0);
    let (end, _) = connection.body(&head, "GET", |mut piece| {
        while !piece.is_empty() {
            let expected = &pattern[received % PATTERN..];
            let (now, later) = piece.split_at(piece.len().min(expected.len()));
            assert!(now == &expected[..now.len()], "wrong bytes after {received}");
            received += now.len();
            piece = later;
        }
        most = process.resident_bytes().max(most);
    });
    assert_eq!((end, received), (End::Complete, LENGTH));
    most
}

fn large_object(face: &Face, backend: &str, held: u64) {
    let app = app(face, backend, "limits = { request-body = \"128MiB\" }");
    let server = WATTLE.up(&app).start();
    server.call("PUT", "/container/box", "");
    assert_eq!(server.call("PUT", "/object/box/small", vec![b'x'; MIB]).summary(), "204 ");
    assert_eq!(server.get("/object/box/small").body.len(), MIB);
    let before = server.process().resident_bytes();
    let most = send_large(&server).max(receive_large(&server));
    let grown = most.saturating_sub(before) / MIB as u64;
    // Half of the object: allocators keep some of what they had, and how much of it depends on their threads.
    assert!(grown < held + 32, "{} {backend}: 64 MiB took {grown} MiB of memory", face.package);
}

#[test]
fn a_large_object_on_disk_takes_little_memory() {
    faces().iter().for_each(|face| large_object(face, "disk", 0));
}

#[test]
fn a_large_object_in_memory_is_held_once() {
    faces().iter().for_each(|face| large_object(face, "memory", LENGTH as u64 / MIB as u64));
}

/// Who does not read what it asked for costs nothing but its connection, and the object is as it was.
#[test]
fn readers_that_leave() {
    for face in faces() {
        let app = app(&face, "disk", "");
        let server = WATTLE.up(&app).start();
        server.call("PUT", "/container/box", "");
        let content = vec![b'x'; 32 * MIB];
        assert_eq!(server.call("PUT", "/object/box/a", &content).summary(), "204 ");
        let before = server.process().open_files();
        for _ in 0..5 {
            let mut connection = server.connect();
            connection.request("GET", "/object/box/a", b"");
            connection.head().unwrap();
        }
        until("the files of readers that left are closed", || {
            (server.process().open_files() <= before + 1).then_some(())
        });
        assert!(server.get("/object/box/a").body == content);
    }
}

/// Begins to send an object of 8 MiB over one that is there, and stops after 4 of them.
fn half_sent_over(server: &Server) -> Connection {
    server.call("PUT", "/container/box", "");
    assert_eq!(server.call("PUT", "/object/box/a", "before").summary(), "204 ");
    half_sent(server, "a")
}

/// Begins to send an object of 8 MiB, and stops after 4 of them.
pub(crate) fn half_sent(server: &Server, name: &str) -> Connection {
    let mut connection = server.connect();
    let head = format!("PUT /object/box/{name} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 8 * MIB);
    connection.send(head);
    send_rest(&mut connection);
    connection
}

/// Sends the other half of it.
pub(crate) fn send_rest(connection: &mut Connection) {
    connection.send(vec![b'x'; 4 * MIB]);
}

/// A guest that finds that its client is gone does not finish its value.
#[test]
fn a_client_that_leaves_in_the_middle() {
    let [draft, _] = faces();
    for backend in ["disk", "memory"] {
        let app = app(&draft, backend, "");
        let server = WATTLE.up(&app).start();
        drop(half_sent_over(&server));
        let whole = vec![b'y'; 8 * MIB];
        assert_eq!(server.get("/object/box/a").text(), "before");
        assert_eq!(server.call("PUT", "/object/box/a", &whole).summary(), "204 ");
        assert!(server.get("/object/box/a").body == whole);
    }
}

/// What does not come before the deadline is a failure that the guest can still tell, and nothing is kept of it.
#[test]
fn a_content_that_does_not_come() {
    let [_, concurrent] = faces();
    let app = app(&concurrent, "memory", "limits = { deadline = \"5s\" }");
    let server = WATTLE.up(&app).start();
    let mut connection = half_sent_over(&server);
    assert_eq!(connection.answer("PUT").summary(), "422 timeout");
    assert_eq!(server.get("/object/box/a").text(), "before");
}

/// While one request of an instance waits for its client in the middle of a write, others go on.
#[test]
fn calls_do_not_wait_for_each_other() {
    let [_, concurrent] = faces();
    let app = app(&concurrent, "disk", "");
    let server = WATTLE.up(&app).start();
    let mut writing = half_sent_over(&server);
    for _ in 0..20 {
        assert_eq!(server.get("/object/box/a").text(), "before");
    }
    send_rest(&mut writing);
    assert_eq!(writing.answer("PUT").summary(), "204 ");
    assert!(server.get("/object/box/a").body == vec![b'x'; 8 * MIB]);
}

/// A call that its guest gives up in the middle leaves what was there; a stream that it does not read costs nothing.
#[test]
fn calls_that_are_given_up() {
    for backend in ["disk", "memory"] {
        let app = app(&faces()[1], backend, "");
        let server = WATTLE.up(&app).start();
        server.call("PUT", "/container/box", "");
        assert_eq!(server.call("PUT", "/object/box/a", vec![b'x'; 2 * MIB]).summary(), "204 ");
        for _ in 0..3 {
            assert_eq!(server.call("POST", "/drop/box/a", "").summary(), "204 ");
            assert_eq!(server.call("POST", "/unread/box/a", "").summary(), "204 ");
        }
        assert!(server.get("/object/box/a").body == vec![b'x'; 2 * MIB]);
    }
}

/// A server that is killed in the middle of writes: what it said it has, it has, and of the rest nothing or all.
#[test]
fn acknowledged_objects_survive_a_kill() {
    const SIZE: usize = 200_000;
    for face in faces() {
        let app = app(&face, "disk", "");
        let server = WATTLE.up(&app).start();
        server.call("PUT", "/container/box", "");
        let (address, count) = (server.address(), AtomicUsize::new(0));
        let mut written = BTreeSet::new();
        thread::scope(|scope| {
            let count = &count;
            let write = |writer: usize| {
                scope.spawn(move || {
                    let mut connection = Connection::open(address);
                    let put = |name: &String| {
                        let head =
                            format!("PUT /object/box/{name} HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n");
                        let sent = connection.try_send(head).and_then(|()| connection.try_send(content(name)));
                        sent.is_ok() && connection.try_answer("PUT").is_ok_and(|answer| answer.status() == 204)
                    };
                    let names = (0..).map(|number| format!("w{writer}n{number}")).take_while(put);
                    names.inspect(|_| _ = count.fetch_add(1, Ordering::Relaxed)).collect::<Vec<_>>()
                })
            };
            let writers: Vec<_> = (0..4).map(write).collect();
            until("there are writes to lose", || (count.load(Ordering::Relaxed) > 20).then_some(()));
            server.kill();
            writers.into_iter().for_each(|writer| written.extend(writer.join().unwrap()));
        });
        let server = WATTLE.up(&app).start();
        let listed = server.get("/list/box").json()["names"].take();
        let listed: BTreeSet<String> = serde_json::from_value(listed).unwrap();
        assert!(listed.is_superset(&written), "lost: {:?}", written.difference(&listed));
        for name in listed {
            let found = server.get(&format!("/object/box/{name}"));
            assert!(found.body == content(&name), "{name} has {} bytes", found.body.len());
        }
    }

    fn content(name: &str) -> Vec<u8> {
        name.bytes().cycle().take(SIZE).collect()
    }
}

/// A content that is found to be damaged while it is sent never looks complete, and the log names its file.
#[test]
fn a_damaged_content_is_cut() {
    for face in faces() {
        let app = app(&face, "disk", "");
        let server = WATTLE.up(&app).start();
        server.call("PUT", "/container/box", "");
        assert_eq!(server.call("PUT", "/object/box/a", vec![b'x'; 8 * MIB]).summary(), "204 ");
        let file = largest_file(&app.data_dir());
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let answer = server.get("/object/box/a");
        assert!(!answer.is_complete() && answer.body.len() < 8 * MIB, "{}: {}", face.package, answer.body.len());
        assert_eq!(server.call("PUT", "/object/box/a", "new").summary(), "204 ");
        assert_eq!(server.get("/object/box/a").text(), "new");
        let log = server.stop().stderr;
        assert!(log.contains(file.file_name().unwrap().to_str().unwrap()), "{log}");
    }
}

fn largest_file(directory: &Path) -> PathBuf {
    let mut directories = vec![directory.to_owned()];
    let mut files = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => directories.push(entry.path()),
                false => files.push((entry.metadata().unwrap().len(), entry.path())),
            }
        }
    }
    files.into_iter().max().unwrap().1
}
