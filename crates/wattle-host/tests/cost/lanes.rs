//! What is measured: requests to a host with one core, one after the other on one connection, within this process.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wattle_backend::memory::MemoryKeyValue;
use wattle_backend::stores::Stores;
use wattle_host::{CodeCache, Host, HostBuilder};
use wattle_spec::limits::HostLimits;
use wattle_testkit::guests;

use crate::serving::{REUSED, ROUTE, serve};

/// Requests before those that count: until then connections, caches and instances are made.
const WARM_UP: usize = 100;
/// Requests that count.
pub(crate) const REQUESTS: u32 = 400;
/// The functions between which it counts, as callgrind knows them.
pub(crate) const BEGINS: &str = "cost::lanes::begins";
pub(crate) const ENDS: &str = "cost::lanes::ends";

/// What is asked for, and of whom.
struct Lane {
    name: &'static str,
    guest: PathBuf,
    manifest: &'static str,
    path: &'static str,
}

fn lanes() -> [Lane; 4] {
    [
        Lane { name: "0.2, fresh instance", guest: guests::hello(), manifest: "", path: "/" },
        Lane { name: "0.2, reused instance", guest: guests::hello(), manifest: REUSED, path: "/" },
        Lane { name: "0.3, shared instance", guest: guests::hello_p3(), manifest: REUSED, path: "/" },
        Lane {
            name: "20 gets of key-value",
            guest: guests::mill(),
            manifest: "instances.reuse = 4294967295\nlinks = { \"wasi:keyvalue\" = \"memory\" }",
            path: "/get/20",
        },
    ]
}

/// Serves each lane's requests, and says on standard output how many page faults of the core there were, lane for lane.
/// Compiled code is kept in `cache`.
pub(crate) fn run(cache: &Path) {
    for Lane { name, guest, manifest, path } in lanes() {
        let stores = Stores { key_value: Some(Arc::new(MemoryKeyValue::default())), ..Stores::default() };
        let serving = serve(host(cache), &guest, &format!("{manifest}\n{ROUTE}"), stores);
        let core = core_thread();
        let mut client = Client::connect(serving.address(), path);
        (0..WARM_UP).for_each(|_| client.ask());
        let before = page_faults(&core);
        begins(&core);
        (0..REQUESTS).for_each(|_| client.ask());
        ends(&core);
        println!("{name}\t{}", page_faults(&core) - before);
    }
}

/// A small host: an emulated processor has less address space.
fn host(cache: &Path) -> HostBuilder {
    let limits = HostLimits { concurrent_requests: 2, concurrent_calls: 2, ..HostLimits::default() };
    let cache = CodeCache::open(cache).unwrap();
    Host::builder().cores(NonZeroUsize::MIN).limits(limits).code_cache(cache)
}

/// From here on it counts. Whoever traces this process sees the look at `core`.
#[inline(never)]
fn begins(core: &Path) {
    let _exists = fs::metadata(core);
}

/// Until here, likewise. It must not be the same code.
#[inline(never)]
fn ends(core: &Path) {
    let _exists = fs::symlink_metadata(core);
}

/// The directory of the thread that serves.
fn core_thread() -> PathBuf {
    let mut threads = fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
    let is_core =
        |thread: &PathBuf| fs::read_to_string(thread.join("comm")).is_ok_and(|name| name == "wattle-core-0\n");
    threads.find(is_core).unwrap()
}

/// The minor page faults of a thread so far: the tenth field of its `stat`, the eighth after the name (proc(5)).
fn page_faults(thread: &Path) -> u64 {
    let stat = fs::read_to_string(thread.join("stat")).unwrap();
    let (_, after_name) = stat.rsplit_once(')').unwrap();
    after_name.split_whitespace().nth(7).unwrap().parse().unwrap()
}

struct Client {
    stream: TcpStream,
    request: String,
    answer: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr, path: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
        Self { stream, request, answer: vec![0; 64 << 10] }
    }

    /// Asks once, and reads the answer to its end.
    fn ask(&mut self) {
        self.stream.write_all(self.request.as_bytes()).unwrap();
        let mut len = 0;
        while !is_whole(&self.answer[..len]) {
            match self.stream.read(&mut self.answer[len..]).unwrap() {
                0 => panic!("the connection ended in an answer"),
                more => len += more,
            }
        }
        assert!(self.answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
}

/// Guests whose answers have no length end them with an empty chunk; the others' are short and come at once.
fn is_whole(answer: &[u8]) -> bool {
    let text = std::str::from_utf8(answer).unwrap();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    match head.lines().find_map(|line| line.strip_prefix("content-length: ")) {
        Some(len) => body.len() == len.parse::<usize>().unwrap(),
        None => body.ends_with("0\r\n\r\n"),
    }
}
