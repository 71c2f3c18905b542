//! Apps that somebody made by hand: nothing is guessed, and a part is never taken for the whole.

use bytes::Bytes;
use wattle_artifact::fetch::{AppLimits, Wanted};
use wattle_artifact::folder::ARCHIVE_MAX_LEN;
use wattle_artifact::format::app::{APP_MAX_LEN, AppFormError, COMPONENT, FOLDER, MEMBERS_MAX_LEN, TEXT_MAX_LEN, pack};
use wattle_artifact::format::image;
use wattle_artifact::format::manifest::{Annotations, Descriptor, Document, Index, Manifest};
use wattle_artifact::format::media_type;
use wattle_artifact::publish::{Options, publish_app};
use wattle_testkit::{FakeRegistry, Reply};

use super::{LIMITS, about, app, parts};
use crate::registry_setup::{client, repository, told};
use crate::shelf::{self, Machine, Shelf, wasm, written};

/// An app that can be changed in every part.
struct Open {
    shelf: Shelf,
    own: Manifest,
    index: Index,
}

impl Open {
    fn new() -> Self {
        let app = app(&["cart", "search"]);
        let mut shelf = Shelf::default();
        app.members.iter().for_each(|member| shelf.add_packed(member));
        let Ok(Document::Index(index)) = Document::read(&app.index, None) else { panic!("no index") };
        let Ok(Document::Manifest(own)) = Document::read(&app.members[0].manifest, None) else { panic!("no manifest") };
        Self { shelf, own, index }
    }

    /// What the component `cart` is in the index.
    fn cart(&mut self) -> &mut Descriptor {
        &mut self.index.manifests[1]
    }

    /// Puts bytes in the place of the component `cart`.
    fn replace(&mut self, bytes: Vec<u8>) {
        let replaced = self.shelf.add(media_type::MANIFEST, bytes);
        (self.cart().digest, self.cart().size) = (replaced.digest, replaced.size);
    }

    fn layer(&mut self, kind: &str, name: &str, value: &str) {
        let mut layer = self.shelf.add(kind, value.as_bytes().to_vec());
        layer.annotations.insert(name.into(), value.into());
        self.own.layers.push(layer);
    }
}

/// What pulling an app ends with after this `change`. Digests are not told.
async fn check(limits: AppLimits, change: impl FnOnce(&mut Open)) -> String {
    let mut open = Open::new();
    let before = open.own.clone();
    change(&mut open);
    if open.own != before {
        let own = open.shelf.add(media_type::MANIFEST, open.own.to_bytes());
        (open.index.manifests[0].digest, open.index.manifests[0].size) = (own.digest, own.size);
    }
    let top = open.shelf.add(media_type::INDEX, open.index.to_bytes());
    let registry = open.shelf.serve();
    let repository = repository(&registry.authority(), "a/b");
    let machine = Machine::new();
    let reference = repository.at(top.digest);
    let fetched = machine.artifacts.app(&reference, written(top.digest), limits).await;
    let text = fetched.map_or_else(|error| told(&error), |app| format!("an app of {}", app.components.len()));
    // Nothing that failed is noted as if it were here.
    let notes = machine.artifacts.store().references().unwrap().notes.len();
    assert_eq!(notes, usize::from(text.starts_with("an app of")), "{text}");
    let text = text.replace(&reference.to_string(), "APP").replace(&repository.to_string(), "REPO");
    without_digests(&text)
}

fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "DIGEST" + part.get(64..).unwrap_or_default())
}

/// The same, for faults of the form.
async fn unusable(change: impl FnOnce(&mut Open)) -> String {
    let told = check(LIMITS, change).await;
    told.strip_prefix("the app APP cannot be used: ").unwrap_or(&told).to_owned()
}

#[tokio::test]
async fn forms() {
    assert_eq!(unusable(|_| {}).await, "an app of 2");
    assert_eq!(
        unusable(|app| app.own.layers.push(Descriptor::of("application/x-new", b""))).await,
        "it holds a layer of the media type \"application/x-new\", which this `wattle` does not know"
    );
    assert_eq!(
        unusable(|app| app.index.artifact_type = Some("application/vnd.wattle.app.v2+json".into())).await,
        "its type \"application/vnd.wattle.app.v2+json\" is of a later format than this `wattle` knows"
    );
    assert_eq!(
        unusable(|app| app.own.artifact_type = Some("application/vnd.wattle.app.v2+json".into())).await,
        "its type \"application/vnd.wattle.app.v2+json\" is of a later format than this `wattle` knows"
    );
    assert_eq!(
        unusable(|app| app.own.artifact_type = None).await,
        "its type is \"\", and that of an app is \"application/vnd.wattle.app.v1+json\""
    );
    assert_eq!(unusable(|app| app.index.artifact_type = None).await, "APP is no app");
    assert_eq!(unusable(|app| app.index.manifests.clear()).await, "it lists no manifest of its own");
    assert_eq!(
        unusable(|app| drop(app.index.manifests.remove(0))).await,
        "the manifest DIGEST, which it lists first, is not its own"
    );
    assert_eq!(unusable(|app| drop(app.own.layers.remove(0))).await, "it holds no wattle.toml");
    assert_eq!(unusable(|app| app.layer(TOML, "x", "y")).await, "it holds wattle.toml twice");
}

const TOML: &str = wattle_artifact::format::app::MANIFEST_TEXT;
const LOCK: &str = wattle_artifact::format::app::LOCK_TEXT;

#[tokio::test]
async fn names() {
    let name =
        |name: &'static str| unusable(move |app| drop(app.cart().annotations.insert(COMPONENT.into(), name.into())));
    assert_eq!(name("search").await, "it holds the component `search` twice");
    assert_eq!(
        name("../x").await,
        "\"../x\" is no name of a component: a name is made of lower-case letters, digits and inner hyphens, '.' is not"
    );
    assert_eq!(
        unusable(|app| app.cart().annotations.clear()).await,
        "what it lists as DIGEST is not said to be a component"
    );
    assert_eq!(
        unusable(|app| app.index.manifests = vec![app.index.manifests[0].clone(); 1002]).await,
        "it has 1001 components, and may have 1000"
    );

    let folder = |path: &'static str| unusable(move |app| app.layer(media_type::TAR, FOLDER, path));
    assert_eq!(folder("public").await, "an app of 2");
    let own = "a path in an app names a folder below its manifest, and this one is the manifest's own";
    let hidden = |name| format!("a path in an app must not have parts that begin with `.`, as {name:?} does");
    for (path, wrong) in [
        ("/etc", "a path in an app starts at its manifest, and this one at the root"),
        ("a/../../b", "a path in an app must not go up with `..`"),
        ("", "a path must not be empty"),
        ("a\nb", "a path must not contain control characters"),
        (".", own),
        ("././/", own),
        (".git", &hidden(".git")),
        ("./site/.env", &hidden(".env")),
        ("a/...", &hidden("...")),
    ] {
        assert_eq!(folder(path).await, format!("{path:?} is no path of a folder: {wrong}"));
    }
    let long = "a".repeat(1025);
    let told = unusable(|app| app.layer(media_type::TAR, FOLDER, &long)).await;
    assert!(told.ends_with("a path in an app has at most 1024 bytes"), "{told}");
    assert_eq!(
        unusable(|app| app.layer(media_type::TAR, "x", "y")).await,
        "the archive DIGEST does not say which folder it is"
    );
    let twice = |app: &mut Open| (0..2).for_each(|_| app.layer(media_type::TAR, FOLDER, "public"));
    assert_eq!(unusable(twice).await, "it holds the folder `public` twice");
    // However they are spelled.
    for spelling in ["./public", "public/.", "public//", ".//public/./"] {
        let twice =
            |app: &mut Open| ["public", spelling].iter().for_each(|path| app.layer(media_type::TAR, FOLDER, path));
        assert_eq!(unusable(twice).await, "it holds the folder `public` twice", "{spelling}");
    }
    let many = |app: &mut Open| app.own.layers = vec![app.own.layers[0].clone(); 1003];
    assert_eq!(unusable(many).await, "it has 1001 folders, and may have 1000");
}

#[tokio::test]
async fn members() {
    let missing = |app: &mut Open| {
        let digest = app.cart().digest;
        app.shelf.remove(&digest);
    };
    assert_eq!(check(LIMITS, missing).await, "cannot pull REPO@DIGEST: there is no DIGEST in REPO");
    assert_eq!(
        unusable(|app| app.cart().media_type = media_type::INDEX.into()).await,
        "its component `cart` is of the media type \"application/vnd.oci.image.index.v1+json\", and not a manifest"
    );
    // One that says it is a manifest, and is a list, which lists a list: nobody goes there.
    let list = |app: &mut Open| {
        let mut inner = app.index.clone();
        for _ in 0..3 {
            inner.manifests[1] = app.shelf.add(media_type::INDEX, inner.to_bytes());
        }
        app.replace(inner.to_bytes());
    };
    assert_eq!(unusable(list).await, "it lists DIGEST as a manifest, and that is a list of manifests");
    let own = |app: &mut Open| {
        let listed = app.shelf.add(media_type::INDEX, app.index.to_bytes());
        (app.index.manifests[0].digest, app.index.manifests[0].size) = (listed.digest, listed.size);
    };
    assert_eq!(unusable(own).await, "it lists DIGEST as a manifest, and that is a list of manifests");
    let told = unusable(|app| app.cart().size += 1).await;
    assert!(told.starts_with("it lists DIGEST with ") && told.contains(" bytes, and that has "), "{told}");
    let told = check(LIMITS, |app| app.cart().size = u64::MAX).await;
    assert_eq!(told, format!("the manifests of the app APP have {} bytes, and may have {}", u64::MAX, 64 << 20));
    let image = |app: &mut Open| {
        let packed = image::pack(&wasm("cart"), &shelf::about("cart")).unwrap();
        app.shelf.add_packed(&packed);
        app.replace(packed.manifest.to_vec());
    };
    assert_eq!(
        check(LIMITS, image).await,
        "REPO@DIGEST cannot be run: its configuration is of the media type \
         \"application/vnd.oci.image.config.v1+json\", and that of a component is \
         \"application/vnd.wasm.config.v0+json\""
    );
    let itself = |app: &mut Open| app.replace(app.own.to_bytes());
    assert!(check(LIMITS, itself).await.contains("its configuration is of the media type"));
    let none = |app: &mut Open| app.replace(b"{}".to_vec());
    assert!(check(LIMITS, none).await.starts_with("the manifest DIGEST of APP cannot be used: it is no manifest"));
}

#[tokio::test]
async fn texts_and_bounds() {
    let text = |kind: &'static str, bytes: &'static [u8]| {
        check(LIMITS, move |app| {
            let replaced = app.shelf.add(kind, bytes);
            *app.own.layers.iter_mut().find(|layer| layer.media_type == kind).unwrap() = replaced;
        })
    };
    let no_text = "invalid utf-8 sequence of 1 bytes from index 1";
    assert_eq!(text(LOCK, b"a\xffb").await, format!("the wattle.lock of the app APP is not UTF-8: {no_text}"));
    assert_eq!(text(TOML, b"a\xffb").await, format!("the wattle.toml of the app APP is not UTF-8: {no_text}"));
    assert_eq!(text(LOCK, b"").await, "an app of 2");
    assert_eq!(
        unusable(|app| app.own.layers[1].size = TEXT_MAX_LEN + 1).await,
        "its wattle.lock has 1048577 bytes, and may have 1048576"
    );
    let huge = |app: &mut Open| {
        app.layer(media_type::TAR, FOLDER, "public");
        app.own.layers.last_mut().unwrap().size = u64::MAX;
    };
    let told = check(LIMITS, huge).await;
    assert_eq!(told, format!("the folder `public` of the app APP has {} bytes, and may have {}", u64::MAX, 8 << 20));
    let many = |app: &mut Open| {
        for path in ["a", "b", "c"] {
            app.layer(media_type::TAR, FOLDER, path);
            app.own.layers.last_mut().unwrap().size = 6 << 20;
        }
    };
    let told = check(LIMITS, many).await;
    assert!(told.starts_with("the app APP has 188") && told.ends_with(" bytes, and may have 16777216"), "{told}");
    // The same bytes, said to be of two sizes: one of them is a lie, and may be the bound of the other.
    let two_sizes = |app: &mut Open| {
        app.layer(media_type::TAR, FOLDER, "public");
        app.layer(media_type::TAR, FOLDER, "public");
        let last = app.own.layers.last_mut().unwrap();
        last.annotations.insert(FOLDER.into(), "size".into());
        last.size += 1;
    };
    let told = check(LIMITS, two_sizes).await;
    assert_eq!(told, "the app APP cannot be used: it lists DIGEST with 6 bytes and with 7");
    let as_text = |app: &mut Open| {
        app.layer(media_type::TAR, FOLDER, "public");
        let text = app.own.layers[0].clone();
        let folder = app.own.layers.last_mut().unwrap();
        (folder.digest, folder.size) = (text.digest, 7 << 20);
    };
    let told = check(LIMITS, as_text).await;
    assert!(
        told.starts_with("the app APP cannot be used: it lists DIGEST with ") && told.contains(" and with "),
        "{told}"
    );
    let told = check(AppLimits { component: 8, ..LIMITS }, |_| {}).await;
    assert!(told.ends_with("bytes, and a component may have 8 (limit compile-size)"), "{told}");
}

/// One component of an app of a later format is not taken for what it was.
#[tokio::test]
async fn a_component_of_a_later_app() {
    let mut open = Open::new();
    open.index.artifact_type = Some("application/vnd.wattle.app.v2+json".into());
    let top = open.shelf.add(media_type::INDEX, open.index.to_bytes());
    let (registry, machine) = (open.shelf.serve(), Machine::new());
    let reference = repository(&registry.authority(), "a/b").at(top.digest);
    let resolved = written(top.digest);
    assert!(machine.artifacts.is_app(&reference, resolved).await.unwrap());
    let wanted = Wanted { component: Some("cart"), max: 1 << 20 };
    let error = machine.artifacts.component(&reference, resolved, wanted).await.unwrap_err();
    assert!(told(&error).ends_with("is of a later format than this `wattle` knows"), "{error}");
    assert_eq!(error.hint().unwrap(), "a later release of `wattle` may know it: update this one");
}

/// Whatever fails on the way, nobody finds a part of an app under its tag.
#[tokio::test]
async fn nothing_is_tagged_before_all_is_there() {
    let app = app(&["cart", "search"]);
    let member = app.members[2].descriptor.digest.to_string();
    let layer = app.members[2].blobs[1].0.digest.hex();
    for broken in [format!("PUT /v2/a/b/manifests/{member}"), layer] {
        let at = broken.clone();
        let registry = FakeRegistry::start(move |request, _| match request.head.lines().next().unwrap_or_default() {
            line if line.contains(&at) && line.starts_with("PUT") => Reply::new("413 Too Large", "", ""),
            line if line.starts_with("HEAD") => Reply::new("404 Not Found", "", ""),
            line if line.starts_with("POST") => Reply::new("202 Accepted", "location: /v2/a/b/blobs/uploads/1\r\n", ""),
            _ => Reply::new("201 Created", "", ""),
        });
        let reference = format!("{}/a/b:1", registry.authority()).parse().unwrap();
        publish_app(&client(|_| {}), &reference, &app, &Options::default()).await.unwrap_err();
        let requests = registry.requests();
        assert!(requests.iter().any(|request| request.contains(&broken)), "{requests:?}");
        assert!(!requests.iter().any(|request| request.ends_with("/manifests/1")), "{requests:?}");
    }
}

/// An app of components from registries alone has none to name.
#[tokio::test]
async fn an_app_without_components() {
    let mut open = Open::new();
    open.index.manifests.truncate(1);
    let top = open.shelf.add(media_type::INDEX, open.index.to_bytes());
    let (registry, machine) = (open.shelf.serve(), Machine::new());
    let reference = repository(&registry.authority(), "a/b").at(top.digest);
    let wanted = |component| Wanted { component, max: 1 << 20 };
    let none = "and none of its components is in it";
    for (component, expected) in [
        (None, format!("{reference} is a whole app, {none}")),
        (Some("cart"), format!("{reference} has no component `cart`, {none}")),
    ] {
        let error = machine.artifacts.component(&reference, written(top.digest), wanted(component)).await.unwrap_err();
        assert_eq!((error.to_string(), error.hint(), error.is_bad_input()), (expected, None, true));
    }
}

/// What nobody could read is not made.
#[test]
fn nothing_too_large_is_made() {
    let refused = |change: &dyn Fn(&mut wattle_artifact::format::app::AppParts)| {
        let mut parts = parts(&["cart"]);
        change(&mut parts);
        pack(parts, &about()).unwrap_err()
    };
    let text = Bytes::from(vec![b'#'; TEXT_MAX_LEN as usize + 1]);
    let error = refused(&|parts| parts.manifest = text.clone());
    assert_eq!(error.to_string(), "its wattle.toml has 1048577 bytes, and may have 1048576");
    let error = refused(&|parts| parts.lock = Some(text.clone()));
    assert_eq!(error.to_string(), "its wattle.lock has 1048577 bytes, and may have 1048576");
    let error = refused(&|parts| {
        let path = |number| format!("folder-{number}").parse().unwrap();
        parts.folders = (0..1001).map(|number| (path(number), Bytes::new())).collect();
    });
    assert!(matches!(error, AppFormError::TooMany { what: "folders", count: 1001, max: 1000 }), "{error}");
    let archive = Bytes::from(vec![0; (ARCHIVE_MAX_LEN + 1) as usize]);
    let error = refused(&|parts| drop(parts.folders.insert("public".parse().unwrap(), archive.clone())));
    assert_eq!(error.to_string(), "its folder has 268435457 bytes, and may have 268435456");
    assert!(error.hint().is_some());
    // Nothing is so large here, and who reads it goes by what is said.
    let say = |size: u64| {
        move |parts: &mut wattle_artifact::format::app::AppParts| {
            parts.components.values_mut().for_each(|component| component.blobs[1].0.size = size);
        }
    };
    let error = refused(&say(APP_MAX_LEN));
    assert!(matches!(error, AppFormError::Total { what: "parts", max: APP_MAX_LEN, .. }), "{error}");
    let error = refused(&|parts| {
        parts.components.values_mut().for_each(|component| component.descriptor.size = MEMBERS_MAX_LEN);
    });
    assert!(matches!(error, AppFormError::Total { what: "manifests", max: MEMBERS_MAX_LEN, .. }), "{error}");
    let mut about = about();
    about.annotations = Annotations::from([("x".into(), "y".repeat(5 << 20))]);
    let error = pack(parts(&["cart"]), &about).unwrap_err();
    assert!(matches!(error, AppFormError::TooLong { what: "index", .. }), "{error}");
}
