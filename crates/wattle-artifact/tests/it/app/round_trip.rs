//! From directories over a real registry to another machine, and offline.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tempfile::TempDir;
use wattle_artifact::fetch::{By, FetchError, Wanted};
use wattle_artifact::folder::{self, FolderLimits};
use wattle_artifact::format::app::{PackedApp, pack};
use wattle_artifact::format::manifest::{Annotations, Descriptor, Document, Index};
use wattle_artifact::format::media_type;
use wattle_artifact::progress::{Moved, Progress};
use wattle_artifact::publish::{Options, publish_app};
use wattle_artifact::store::{Prune, children};
use wattle_spec::manifest::Pull;
use wattle_spec::reference::Reference;
use wattle_testkit::Registry;

use super::{LIMITS, LOCK, MANIFEST, about, app, parts};
use crate::registry_setup::{client, repository, told};
use crate::shelf::{Machine, Shelf, packed, wasm, written};

const ANY: Wanted<'_> = Wanted { component: None, max: 1 << 20 };

fn wanted(component: &str) -> Wanted<'_> {
    Wanted { component: Some(component), ..ANY }
}

/// A folder, its files made in this order.
fn folder(root: &Path, files: &[(&str, &str)]) -> Bytes {
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder::pack(root, FolderLimits::default()).unwrap()
}

fn with_folders(files: &[(&str, &str)]) -> PackedApp {
    let root = TempDir::new().unwrap();
    let mut parts = parts(&["cart", "search"]);
    parts.folders.insert("public".parse().unwrap(), folder(root.path(), files));
    parts.folders.insert("./none".parse().unwrap(), Bytes::from(vec![0; 1024]));
    pack(parts, &about()).unwrap()
}

fn shop() -> PackedApp {
    with_folders(&[("index.html", "<h1>"), ("css/a.css", "a {}"), ("css/b.css", "b {}")])
}

fn is_send<T: Send>(future: T) -> T {
    future
}

#[tokio::test]
async fn an_app_goes_there_and_comes_back() {
    let Some(registry) = Registry::start() else { return };
    let (client, app, there) = (client(|_| {}), shop(), Progress::default());
    let reference: Reference = format!("{}/shop/app:1", registry.authority()).parse().unwrap();
    let options = Options { progress: Some(there.clone()), ..Options::default() };
    let published = is_send(publish_app(&client, &reference, &app, &options)).await.unwrap();
    assert_eq!((published.digest, published.present), (app.descriptor.digest, 0));
    assert_eq!(there.now(), Moved { done: published.sent, of: published.sent });
    let again = publish_app(&client, &reference, &app, &Options::default()).await.unwrap();
    assert_eq!((again.digest, again.sent, again.present), (published.digest, 0, published.sent));

    let (machine, back) = (Machine::new(), Progress::default());
    let artifacts = machine.artifacts.observed(back.clone());
    let resolved = artifacts.resolve(&reference, Pull::Missing, None).await.unwrap();
    assert_eq!((resolved.digest, resolved.by), (published.digest, By::Registry));
    assert!(artifacts.is_app(&reference, resolved).await.unwrap());
    assert_eq!(back.now().of, 0);
    let fetched = is_send(artifacts.app(&reference, resolved, LIMITS)).await.unwrap();
    assert_eq!((fetched.manifest.as_str(), fetched.lock.as_deref()), (MANIFEST, Some(LOCK)));
    assert_eq!(fetched.reference, reference.pinned(published.digest));
    let components: Vec<_> = fetched.components.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    assert_eq!(components, [("cart", wasm("cart")), ("search", wasm("search"))]);
    let moved = back.now();
    assert!(moved.done == moved.of && moved.of > 0, "{moved:?}");
    let target = TempDir::new().unwrap();
    let public = target.path().join("public");
    folder::unpack(&fetched.folders[&"./public/".parse().unwrap()], &public, FolderLimits::default()).unwrap();
    assert_eq!(fs::read_to_string(public.join("css/b.css")).unwrap(), "b {}");
    assert_eq!(fetched.folders.keys().map(|path| path.as_str()).collect::<Vec<_>>(), ["none", "public"]);

    // Without a network, also after the store was cleaned.
    drop(registry);
    let prune = Prune {
        keep: &BTreeSet::new(),
        children: &children,
        grace: Duration::ZERO,
        forget_after: None,
        now: SystemTime::now() + Duration::from_secs(3600),
    };
    assert_eq!(artifacts.store().prune(&prune).unwrap().blobs, []);
    let offline = artifacts.offline();
    let resolved = offline.resolve(&reference, Pull::Missing, None).await.unwrap();
    assert_eq!((resolved.digest, resolved.by), (published.digest, By::Store));
    assert_eq!(offline.app(&reference, resolved, LIMITS).await.unwrap(), fetched);
    assert_eq!(back.now(), moved);
}

/// A tool that knows of no types in an index leaves them out when it copies one, as skopeo 1.9 does.
#[tokio::test]
async fn an_app_whose_index_lost_its_types() {
    let without_types = |index: &[u8]| {
        let Ok(Document::Index(mut index)) = Document::read(index, None) else { panic!("no index") };
        index.artifact_type = None;
        index.manifests.iter_mut().for_each(|listed| listed.artifact_type = None);
        index.to_bytes()
    };
    for names in [&["cart", "search"][..], &["cart"], &[]] {
        let (app, machine, mut shelf) = (app(names), Machine::new(), Shelf::default());
        app.members.iter().for_each(|member| shelf.add_packed(member));
        let index = shelf.add(media_type::INDEX, without_types(&app.index));
        let registry = shelf.serve();
        let reference: Reference = format!("{}/shop/app:1", registry.authority()).parse().unwrap();
        let (artifacts, resolved) = (&machine.artifacts, written(index.digest));
        assert!(artifacts.is_app(&reference, resolved).await.unwrap(), "{names:?}");
        let fetched = artifacts.app(&reference, resolved, LIMITS).await.unwrap();
        assert_eq!(fetched.components.keys().map(|name| name.as_str()).collect::<Vec<_>>(), names);
        if let [.., last] = names {
            assert_eq!(artifacts.component(&reference, resolved, wanted(last)).await.unwrap().wasm, wasm(last));
        }
        drop(registry);
        assert!(artifacts.offline().is_app(&reference, resolved).await.unwrap(), "{names:?}");
    }
    // A component that is alone in an index is none.
    let (packed, machine, mut shelf) = (packed("cart", &wasm("cart")), Machine::new(), Shelf::default());
    shelf.add_packed(&packed);
    let listed = vec![Descriptor::of(media_type::MANIFEST, &packed.manifest)];
    let index = Index { artifact_type: None, manifests: listed, annotations: Annotations::new() };
    let index = shelf.add(media_type::INDEX, index.to_bytes());
    let registry = shelf.serve();
    let reference: Reference = format!("{}/shop/app:1", registry.authority()).parse().unwrap();
    let resolved = written(index.digest);
    assert!(!machine.artifacts.is_app(&reference, resolved).await.unwrap());
    assert_eq!(machine.artifacts.component(&reference, resolved, ANY).await.unwrap().wasm, wasm("cart"));
}

#[tokio::test]
async fn a_component_of_an_app() {
    let Some(registry) = Registry::start() else { return };
    let (client, app, machine) = (client(|_| {}), app(&["cart", "search"]), Machine::new());
    let reference: Reference = format!("{}/shop/app:1", registry.authority()).parse().unwrap();
    publish_app(&client, &reference, &app, &Options::default()).await.unwrap();
    let resolved = written(app.descriptor.digest);
    let component = async |wanted| machine.artifacts.component(&reference, resolved, wanted).await;
    let fetched = component(wanted("search")).await.unwrap();
    assert_eq!((fetched.wasm, fetched.manifest), (wasm("search"), app.members[2].descriptor.digest));
    let error = component(ANY).await.unwrap_err();
    let pinned = reference.pinned(app.descriptor.digest);
    assert_eq!(told(&error), format!("{pinned} is a whole app, and its components are: `cart` and `search`"));
    assert_eq!(error.hint().unwrap(), "name one, as in `--component cart`");
    let error = component(wanted("Cart")).await.unwrap_err();
    assert_eq!(told(&error), format!("{pinned} has no component `Cart`, but `cart` and `search`"));

    // What has no folders has no more blobs than its texts; a part that is not here is told.
    let offline = machine.artifacts.offline();
    assert!(offline.component(&reference, resolved, wanted("search")).await.is_ok());
    let error = offline.app(&reference, resolved, LIMITS).await.unwrap_err();
    assert!(matches!(error, FetchError::NotHere(_)), "{error}");

    // Whoever knows no apps pulls a component by its digest.
    let cart = app.members[1].descriptor.digest;
    let alone = repository(&registry.authority(), "shop/app").at(cart);
    let fetched = machine.artifacts.component(&alone, written(cart), ANY).await.unwrap();
    assert_eq!(fetched.wasm, wasm("cart"));
    assert!(!machine.artifacts.is_app(&alone, written(cart)).await.unwrap());
    let error = machine.artifacts.app(&alone, written(cart), LIMITS).await.unwrap_err();
    assert_eq!(told(&error), format!("{alone} is no app"));
}

/// The only component of an app needs no name.
#[tokio::test]
async fn an_app_of_one() {
    let Some(registry) = Registry::start() else { return };
    let (app, machine) = (app(&["cart"]), Machine::new());
    let reference: Reference = format!("{}/shop/app:1", registry.authority()).parse().unwrap();
    publish_app(&client(|_| {}), &reference, &app, &Options::default()).await.unwrap();
    let fetched = machine.artifacts.component(&reference, written(app.descriptor.digest), ANY).await.unwrap();
    assert_eq!(fetched.wasm, wasm("cart"));
}

#[tokio::test]
async fn forty_components() {
    let Some(registry) = Registry::start() else { return };
    let names: Vec<_> = (0..40).map(|number| format!("component-{number}")).collect();
    let app = app(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let (client, machine) = (client(|_| {}), Machine::new());
    let reference: Reference = format!("{}/shop/app:1", registry.authority()).parse().unwrap();
    publish_app(&client, &reference, &app, &Options::default()).await.unwrap();
    let fetched = machine.artifacts.app(&reference, written(app.descriptor.digest), LIMITS).await.unwrap();
    assert_eq!(fetched.components.len(), 40);
    for (name, bytes) in fetched.components {
        assert_eq!(bytes, wasm(name.as_str()));
    }

    // In another repository of the same registry nothing is sent; from another registry nothing is taken.
    let from = [repository("elsewhere.example", "x/y"), repository(&registry.authority(), "no/thing")];
    let may_have: Vec<_> = from.into_iter().chain([reference.repository.clone()]).collect();
    let (other, progress) = (format!("{}/shop/copy:1", registry.authority()).parse().unwrap(), Progress::default());
    let options = Options { may_have, progress: Some(progress.clone()) };
    let copied = publish_app(&client, &other, &app, &options).await.unwrap();
    assert_eq!((copied.digest, copied.sent), (app.descriptor.digest, 0));
    assert_eq!(progress.now(), Moved { done: copied.present, of: copied.present });
    assert_eq!(registry.uploads("shop/copy"), 0);
}

/// The same files, made in another order and at another time, are the same artifact.
#[test]
fn the_same_digest() {
    let app = shop();
    let other = with_folders(&[("css/b.css", "b {}"), ("index.html", "<h1>"), ("css/a.css", "a {}")]);
    assert_eq!(app.descriptor, other.descriptor);
    assert_eq!(app, other);
    let changed = with_folders(&[("css/b.css", "b {}"), ("index.html", "<h2>"), ("css/a.css", "a {}")]);
    assert_ne!(app.descriptor.digest, changed.descriptor.digest);
    let Document::Index(index) = Document::read(&app.index, None).unwrap() else { panic!("no index") };
    let said: Vec<_> = index.annotations.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let expected = ["created=1970-01-01T00:00:00Z", "title=shop", "version=1.2.0"];
    assert_eq!(said, expected.map(|rest| format!("org.opencontainers.image.{rest}")));
}
