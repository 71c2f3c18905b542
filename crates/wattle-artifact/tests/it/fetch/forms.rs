//! The forms that others push.

use wattle_artifact::fetch::{FetchError, Fetched, Wanted};
use wattle_artifact::format::image;
use wattle_artifact::format::manifest::{Annotations, Descriptor, Index, Manifest, Platform};
use wattle_artifact::format::media_type;
use wattle_spec::digest::Digest;
use wattle_testkit::FakeRegistry;

use crate::registry_setup::{repository, told};
use crate::shelf::{Machine, Shelf, about, packed, wasm, written};

const ANY: Wanted<'_> = Wanted { component: None, max: 1 << 20 };

/// Pulls `digest` twice: from the registry, and without it.
async fn pulled(registry: &FakeRegistry, digest: Digest, wanted: Wanted<'_>) -> Result<Fetched, FetchError> {
    let machine = Machine::new();
    let reference = repository(&registry.authority(), "a/b").at(digest);
    let fetched = machine.artifacts.component(&reference, written(digest), wanted).await?;
    let asked = registry.requests().len();
    let again = machine.artifacts.offline().component(&reference, written(digest), wanted).await?;
    assert_eq!((again, registry.requests().len()), (fetched.clone(), asked));
    Ok(fetched)
}

fn manifest(config: Descriptor, layers: Vec<Descriptor>) -> Vec<u8> {
    Manifest { artifact_type: None, config, layers, subject: None, annotations: Annotations::new() }.to_bytes()
}

#[tokio::test]
async fn a_wasi_image() {
    let (mut shelf, bytes) = (Shelf::default(), wasm("cart"));
    let image = image::pack(&bytes, &about("cart")).unwrap();
    shelf.add_packed(&image);
    let registry = shelf.serve();
    assert_eq!(pulled(&registry, image.descriptor.digest, ANY).await.unwrap().wasm, bytes);
    let error =
        pulled(&registry, image.descriptor.digest, Wanted { max: 5000, ..ANY }).await.map(|fetched| fetched.wasm);
    assert_eq!(error.unwrap(), bytes, "the bound is for the component");
}

/// What a later layer removed is not run, and what one above that has again is.
#[tokio::test]
async fn an_image_that_removes_what_it_had() {
    let mut shelf = Shelf::default();
    let layer = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_data(&mut header, name, bytes).unwrap();
        archive.into_inner().unwrap()
    };
    let mut layers = [("app.wasm", wasm("old")), (".wh.app.wasm", "".into()), ("note", "".into())]
        .map(|(name, bytes)| shelf.add(media_type::TAR, layer(name, &bytes)))
        .to_vec();
    let runs = r#"{"architecture":"wasm","os":"wasip1","config":{"Entrypoint":["/app.wasm"]}}"#;
    let config = shelf.add(media_type::IMAGE_CONFIG, runs);
    let removed = shelf.add("", manifest(config.clone(), layers.clone())).digest;
    layers.push(shelf.add(media_type::TAR, layer("app.wasm", &wasm("new"))));
    let again = shelf.add("", manifest(config, layers)).digest;
    let registry = shelf.serve();
    let error = pulled(&registry, removed, ANY).await.unwrap_err();
    assert!(told(&error).ends_with("there is no file /app.wasm in it"), "{}", told(&error));
    assert_eq!(pulled(&registry, again, ANY).await.unwrap().wasm, wasm("new"));
}

#[tokio::test]
async fn a_spin_app() {
    let mut shelf = Shelf::default();
    let layers = ["hello", "world"].map(|name| shelf.add(media_type::LEGACY_WASM, wasm(name)));
    let component = |name: &str, layer: &Descriptor| serde_json::json!({"id": name, "source": {"content_type": "application/wasm", "digest": layer.digest.to_string()}});
    let lock = serde_json::json!({"components": [component("hello", &layers[0]), component("world", &layers[1])]});
    let lock = shelf.add(media_type::SPIN_LOCK, lock.to_string());
    let config = shelf.add(media_type::IMAGE_CONFIG, "{}");
    let digest = shelf.add("", manifest(config, layers.into_iter().chain([lock]).collect())).digest;
    let registry = shelf.serve();
    let wanted = |name| Wanted { component: Some(name), ..ANY };
    assert_eq!(pulled(&registry, digest, wanted("world")).await.unwrap().wasm, wasm("world"));
    let error = pulled(&registry, digest, ANY).await.unwrap_err();
    assert!(told(&error).ends_with("has several components: `hello` and `world`"), "{error}");
    assert_eq!(error.hint().unwrap(), "name one, as in `--component hello`");
    let error = pulled(&registry, digest, wanted("moon")).await.unwrap_err();
    assert!(told(&error).ends_with("has no component `moon`, but `hello` and `world`"), "{error}");
}

#[tokio::test]
async fn an_index_for_several_platforms() {
    let mut shelf = Shelf::default();
    let packed = packed("cart", &wasm("cart"));
    shelf.add_packed(&packed);
    let of = |architecture: &str, os: &str, digest| Descriptor {
        platform: Some(Platform { architecture: architecture.into(), os: os.into() }),
        digest,
        ..packed.descriptor.clone()
    };
    let index = |manifests| Index { artifact_type: None, manifests, annotations: Annotations::new() };
    let elsewhere = || of("amd64", "linux", Digest::of(b"not there"));
    let right = of("wasm", "wasip1", packed.descriptor.digest);
    let several = shelf.add("", index(vec![elsewhere(), right]).to_bytes());
    let only = shelf.add("", index(vec![packed.descriptor.clone()]).to_bytes());
    let none = shelf.add("", index(vec![elsewhere(), elsewhere()]).to_bytes());
    let nested = shelf.add("", index(vec![several.clone()]).to_bytes());
    let empty = shelf.add("", index(Vec::new()).to_bytes());
    let registry = shelf.serve();
    for index in [several.digest, only.digest] {
        let fetched = pulled(&registry, index, ANY).await.unwrap();
        assert_eq!((fetched.manifest, fetched.wasm), (packed.descriptor.digest, wasm("cart")));
    }
    let place = repository(&registry.authority(), "a/b");
    let inner = several.digest;
    for (index, wrong) in [
        (none.digest, "lists no manifest for Wasm".to_owned()),
        (empty.digest, "lists no manifest for Wasm".to_owned()),
        (nested.digest, format!("leads to another index, {inner}, which is not followed")),
    ] {
        let error = pulled(&registry, index, ANY).await.unwrap_err();
        assert_eq!(told(&error), format!("the index {index} of {place} {wrong}"));
        assert!(error.is_bad_input());
    }
}
