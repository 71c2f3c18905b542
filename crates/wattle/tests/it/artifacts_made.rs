//! An artifact that is made by hand, and a registry that answers with it what a test wants of it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use wattle_spec::digest::Digest;
use wattle_testkit::upstream::Request;
use wattle_testkit::{Connection, FakeRegistry, Reply, guests};

/// What an image index is called.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A Wasm artifact with its parts, which need not fit.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) wasm: Vec<u8>,
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

impl Made {
    /// Of these bytes, as the format of the CNCF has it.
    pub(crate) fn of(wasm: Vec<u8>) -> Self {
        let config = br#"{"architecture":"wasm","os":"wasip2"}"#.to_vec();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described("application/vnd.wasm.config.v0+json", &config),
            "layers": [described("application/wasm", &wasm)],
        });
        Self { wasm, config, manifest: manifest.to_string().into_bytes() }
    }

    /// Of the guest `hello`.
    pub(crate) fn hello() -> Self {
        Self::of(fs::read(guests::hello()).unwrap())
    }

    /// Of a component of about so many bytes.
    pub(crate) fn large(len: usize) -> Self {
        Self::of(guests::large(len))
    }

    /// With another manifest.
    pub(crate) fn changed(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let mut manifest = serde_json::from_slice(&self.manifest).unwrap();
        change(&mut manifest);
        self.manifest = manifest.to_string().into_bytes();
        self
    }

    /// The digest of its manifest.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// What a registry answers that has nothing else.
    pub(crate) fn answer(&self, request: &Request) -> Reply {
        let target = request.head.split(' ').nth(1).unwrap_or_default();
        let name = target.rsplit('/').next().unwrap_or_default();
        let is = |bytes: &[u8]| Digest::of(bytes).to_string() == name;
        if target.contains("/blobs/") {
            let blob = [&self.wasm, &self.config].into_iter().find(|blob| is(blob));
            return blob.map_or_else(missing, |blob| Reply::new("200 OK", "", blob));
        }
        match is(&self.manifest) || !name.contains(':') {
            true => self.manifest(request),
            false => missing(),
        }
    }

    /// The manifest, or the head of the answer with it.
    pub(crate) fn manifest(&self, request: &Request) -> Reply {
        let fields = format!("content-type: {MANIFEST}\r\ndocker-content-digest: {}\r\n", self.digest());
        match request.head.starts_with("HEAD") {
            true => Reply::Whole(
                format!("HTTP/1.1 200 OK\r\n{fields}content-length: {}\r\n\r\n", self.manifest.len()).into_bytes(),
            ),
            false => Reply::new("200 OK", &fields, &self.manifest),
        }
    }

    /// Whether somebody asks for its component.
    pub(crate) fn is_layer(&self, request: &Request) -> bool {
        request.head.contains(&format!("/blobs/{} ", Digest::of(&self.wasm)))
    }

    /// A registry that answers what `reply` says, given the number of the request from 1, and with this where it says
    /// nothing.
    pub(crate) fn registry(
        &self,
        reply: impl Fn(&Self, &Request, usize) -> Option<Reply> + Send + Sync + 'static,
    ) -> FakeRegistry {
        let made = self.clone();
        FakeRegistry::start(move |request, number| {
            reply(&made, request, number).unwrap_or_else(|| made.answer(request))
        })
    }
}

/// There is no such thing.
pub(crate) fn missing() -> Reply {
    Reply::new("404 Not Found", "", "")
}

/// A descriptor of `bytes`.
pub(crate) fn described(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len() })
}

/// The body of what is at `path` of this registry.
#[track_caller]
pub(crate) fn get(registry: &str, path: &str, accept: &str) -> Vec<u8> {
    let address: SocketAddr = registry.parse().unwrap();
    let mut connection = Connection::open(address);
    connection.send(format!("GET {path} HTTP/1.1\r\nhost: {registry}\r\naccept: {accept}\r\n\r\n"));
    let answer = connection.answer("GET");
    assert_eq!(answer.status(), 200, "{path}");
    answer.body
}

/// The names of the files in a directory, if there is one.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let files = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
