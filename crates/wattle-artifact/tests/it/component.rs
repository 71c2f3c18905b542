//! A component as an artifact: what is said of it, and that the same bytes make the same artifact.

use std::collections::BTreeMap;

use bytes::Bytes;
use wattle_artifact::format::component::{About, pack};
use wattle_artifact::format::form::Form;
use wattle_artifact::format::image::{self, InLayer};
use wattle_artifact::format::manifest::{Descriptor, Document, Manifest};
use wattle_artifact::format::{media_type, spin};
use wattle_spec::digest::Digest;
use wattle_spec::shape::Shape;

fn component() -> Bytes {
    let text = r#"(component
        (import "wasi:logging/logging" (instance))
        (import "a:b/c@1.0.0" (instance))
        (core module (@custom "version" "9"))
        (@custom "version" "1.2.3")
        (@custom "licenses" "Apache-2.0")
        (@custom "description" "\ff")
    )"#;
    wat::parse_str(text).unwrap().into()
}

fn about() -> About {
    About {
        title: "cart.wasm".into(),
        created: "1970-01-01T00:00:00Z".into(),
        target: Some("wasi:http/proxy@0.2.0".into()),
        annotations: BTreeMap::new(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The configuration in the bytes of the tools that are around: its order, its nulls.
#[test]
fn bytes() {
    let wasm = component();
    let packed = pack(wasm.clone(), &Shape::read(&wasm).unwrap(), &about());
    assert_eq!(packed, pack(wasm.clone(), &Shape::read(&wasm).unwrap(), &about()));
    let digest = Digest::of(&wasm);
    assert_eq!(
        text(&packed.blobs[0].1),
        format!(
            "{{\"created\":\"1970-01-01T00:00:00Z\",\"author\":null,\"architecture\":\"wasm\",\"os\":\"wasip2\",\
             \"layerDigests\":[\"{digest}\"],\"component\":{{\"exports\":[],\"imports\":[\"a:b/c@1.0.0\",\
             \"wasi:logging/logging\"],\"target\":\"wasi:http/proxy@0.2.0\"}}}}"
        )
    );
    let Document::Manifest(manifest) = Document::read(&packed.manifest, None).unwrap() else { panic!("no manifest") };
    let said: Vec<_> = manifest.annotations.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let expected = ["created=1970-01-01T00:00:00Z", "licenses=Apache-2.0", "version=1.2.3"];
    assert_eq!(said, expected.map(|rest| format!("org.opencontainers.image.{rest}")));
    assert_eq!(manifest.layers[0].annotations["org.opencontainers.image.title"], "cart.wasm");
    assert_eq!(Form::of(&manifest, &packed.blobs[0].1).unwrap(), Form::Layer(manifest.layers[0].clone()));
    assert_eq!(packed.descriptor.digest, Digest::of(&packed.manifest));
}

/// A core module is said to be one.
#[test]
fn modules() {
    let wasm = Bytes::from(wat::parse_str("(module)").unwrap());
    let packed = pack(wasm.clone(), &Shape::read(&wasm).unwrap(), &about());
    let config: serde_json::Value = serde_json::from_slice(&packed.blobs[0].1).unwrap();
    assert_eq!((config["os"].as_str(), config["component"].is_null()), (Some("wasip1"), true));
}

/// What is packed as an image is found in it again, and nothing else is.
#[test]
fn images() {
    let wasm = component();
    let packed = image::pack(&wasm, &about()).unwrap();
    assert_eq!(packed, image::pack(&wasm, &about()).unwrap());
    let Document::Manifest(manifest) = Document::read(&packed.manifest, None).unwrap() else { panic!("no manifest") };
    let Form::Image { layers, entrypoint } = Form::of(&manifest, &packed.blobs[0].1).unwrap() else {
        panic!("no image")
    };
    let file = |path: &str, max| image::file(&packed.blobs[1].1, &layers[0].media_type, path, max);
    assert_eq!(
        (entrypoint.as_str(), file(&entrypoint, 1 << 20).unwrap()),
        ("/cart.wasm", InLayer::File(wasm.to_vec()))
    );
    assert_eq!(file("/other.wasm", 1 << 20).unwrap(), InLayer::Nothing);
    assert_eq!(file(&entrypoint, 8).unwrap_err().to_string(), "/cart.wasm has more than 8 bytes");
}

/// What archives can do to those who unpack them.
#[test]
fn hostile_layers() {
    let archive = |entry: tar::EntryType, name: &str, size: u64| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(entry);
        header.set_size(size);
        header.set_mode(0o644);
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.resize(2048, 0);
        bytes
    };
    let file = |layer: &[u8]| match image::file(layer, media_type::TAR, "app.wasm", 1 << 20) {
        Ok(found) => format!("{found:?}"),
        Err(error) => error.to_string(),
    };
    assert_eq!(file(&archive(tar::EntryType::Symlink, "app.wasm", 0)), "app.wasm is no regular file in it");
    assert_eq!(file(&archive(tar::EntryType::Link, "app.wasm", 0)), "app.wasm is no regular file in it");
    assert_eq!(file(&archive(tar::EntryType::Char, "app.wasm", 0)), "app.wasm is no regular file in it");
    assert_eq!(file(&archive(tar::EntryType::Regular, "app.wasm", 1 << 40)), "app.wasm has more than 1048576 bytes");
    assert_eq!(file(&archive(tar::EntryType::Regular, "app.wasm", 4096)), "a layer of it cannot be unpacked");
    assert_eq!(file(&archive(tar::EntryType::Regular, "../../etc/passwd", 1)), "Nothing");
    assert_eq!(file(b"no archive"), "a layer of it cannot be unpacked");

    // A bomb: a megabyte of zeros in front of the file, a thousand times smaller when packed.
    let mut bomb = archive(tar::EntryType::Regular, "zeros", 64 << 20)[..512].to_vec();
    bomb.resize(512 + (64 << 20), 0);
    bomb.extend(archive(tar::EntryType::Regular, "app.wasm", 1));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packed, &bomb).unwrap();
    let packed = packed.finish().unwrap();
    let refused = image::file(&packed, media_type::TAR_GZIP, "app.wasm", 1 << 20).unwrap_err();
    assert!(matches!(refused, image::ImageError::Bomb), "{refused}");
}

/// Layers that take away what layers below have, as the OCI image specification has it.
#[test]
fn whiteouts() {
    let layer = |entries: &[(&str, tar::EntryType)]| {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, kind) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(0);
            archive.append_data(&mut header, name, [].as_slice()).unwrap();
        }
        archive.into_inner().unwrap()
    };
    let says = |name: &str, kind: tar::EntryType| {
        image::file(&layer(&[(name, kind)]), media_type::TAR, "/opt/shop/app.wasm", 8).unwrap()
    };
    use tar::EntryType::{Directory, Regular, Symlink};
    for name in [
        "opt/shop/.wh.app.wasm",
        "./opt/shop/.wh.app.wasm",
        "opt/.wh.shop",
        ".wh.opt",
        "opt/shop/.wh..wh..opq",
        "opt/.wh..wh..opq",
        ".wh..wh..opq",
        "opt/shop",
    ] {
        assert_eq!(says(name, Regular), InLayer::Removed, "{name}");
    }
    assert_eq!(says("opt", Symlink), InLayer::Removed);
    for name in [
        "opt/shop/.wh.app",
        "opt/shop/.wh.app.wasm.old",
        "opt/shop/.wh.",
        "opt/.wh.app.wasm",
        "opt/other/.wh..wh..opq",
        "opt/shop/app.wasm/.wh..wh..opq",
        "opt/shop/.wh..wh.plnk",
        "opt/sho",
    ] {
        assert_eq!(says(name, Regular), InLayer::Nothing, "{name}");
    }
    assert_eq!(says("opt/shop", Directory), InLayer::Nothing);
    // What is new in the same layer stays, and a mark is no file itself.
    let file = ("opt/shop/app.wasm", Regular);
    let marks = [("opt/shop/.wh.app.wasm", Regular), ("opt/.wh..wh..opq", Regular)];
    for entries in [[file, marks[0]], [marks[0], file], [marks[1], file]] {
        let found = image::file(&layer(&entries), media_type::TAR, "/opt/shop/app.wasm", 8).unwrap();
        assert_eq!(found, InLayer::File(Vec::new()), "{entries:?}");
    }
    let mark = image::file(&layer(&marks), media_type::TAR, "/opt/shop/.wh.app.wasm", 8).unwrap();
    assert_eq!(mark, InLayer::Removed);
}

/// The forms that are around, told apart by media types.
#[test]
fn forms() {
    let layer = |kind: &str| Descriptor::of(kind, kind.as_bytes());
    let form = |config_type: &str, config: &str, layers: &[&str]| {
        let layers = layers.iter().map(|kind| layer(kind)).collect();
        let config_of = Descriptor::of(config_type, config.as_bytes());
        let manifest =
            Manifest { artifact_type: None, config: config_of, layers, subject: None, annotations: BTreeMap::new() };
        match Form::of(&manifest, config.as_bytes()) {
            Ok(Form::Layer(layer)) => layer.media_type,
            Ok(Form::Image { layers, entrypoint }) => format!("{entrypoint} in {} layers", layers.len()),
            Ok(Form::Spin { layers, .. }) => format!("spin with {}", layers.len()),
            Err(error) => {
                let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
                format!("{error}{}", source.unwrap_or_default())
            }
        }
    };
    let (image, wasm) = (media_type::IMAGE_CONFIG, media_type::WASM);
    let runs = r#"{"architecture":"wasm","os":"wasip1","config":{"Entrypoint":["/app.wasm"]}}"#;
    assert_eq!(form(media_type::WASM_CONFIG, "{}", &[wasm]), wasm);
    assert_eq!(form(media_type::LEGACY_CONFIG, "{}", &[media_type::LEGACY_WASM]), media_type::LEGACY_WASM);
    assert_eq!(
        form("application/vnd.wasmcloud.actor.archive.config", "", &[media_type::WASMCLOUD_WASM]),
        media_type::WASMCLOUD_WASM
    );
    assert_eq!(form(image, "{}", &[media_type::RUNWASI_WASM]), media_type::RUNWASI_WASM);
    assert_eq!(form(image, "{}", &[media_type::TAR_GZIP, wasm]), wasm);
    assert_eq!(form(image, runs, &[media_type::TAR, media_type::TAR_GZIP]), "/app.wasm in 2 layers");
    assert_eq!(form(media_type::DOCKER_CONFIG, runs, &[media_type::DOCKER_TAR_GZIP]), "/app.wasm in 1 layers");
    assert_eq!(
        form(image, "{}", &[media_type::LEGACY_WASM, media_type::LEGACY_WASM, media_type::SPIN_LOCK]),
        "spin with 2"
    );
    assert_eq!(form("application/vnd.oci.empty.v1+json", "{}", &[wasm]), wasm);

    assert_eq!(form(media_type::WASM_CONFIG, "{}", &[wasm, wasm]), "a Wasm artifact has one layer, and this one has 2");
    assert_eq!(form(media_type::WASM_CONFIG, "{}", &[]), "a Wasm artifact has one layer, and this one has 0");
    assert_eq!(
        form(media_type::WASM_CONFIG, "{}", &["text/plain"]),
        "its layer is of the media type \"text/plain\", and that of a Wasm artifact is \"application/wasm\""
    );
    assert_eq!(
        form(image, r#"{"architecture":"amd64","os":"linux"}"#, &[media_type::TAR]),
        "the image cannot be used: it is made for linux/amd64, and Wasm is made for the architecture wasm"
    );
    assert_eq!(
        form(image, r#"{"architecture":"wasm","os":"wasi"}"#, &[media_type::TAR]),
        "the image cannot be used: it has no entrypoint"
    );
    assert_eq!(form(image, "1", &[media_type::TAR]), "the image cannot be used: its configuration cannot be read");
    assert_eq!(
        form("application/x", "", &["text/plain", "a/b"]),
        "it holds no Wasm: its configuration is of the media type \"application/x\", its layers are of \"a/b\", \"text/plain\""
    );
}

/// The components of a Spin app by the names in its lock.
#[test]
fn spin_apps() {
    let layer = Descriptor::of(media_type::LEGACY_WASM, b"wasm");
    let lock = |digest: Digest| {
        format!(
            r#"{{"components":[{{"id":"hello","source":{{"content_type":"application/wasm","digest":"{digest}"}},"files":[]}}]}}"#
        )
    };
    let found = spin::components(lock(layer.digest).as_bytes(), std::slice::from_ref(&layer)).unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [("hello".to_owned(), layer.clone())]);
    let other = Digest::of(b"other");
    let refused = spin::components(lock(other).as_bytes(), &[layer]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("the lock of the Spin app names {other} as `hello`, and there is no such layer")
    );
}

/// A name that is read as a whole, and is as long as the layer may unpack to.
#[test]
fn a_long_name() {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_path("././@LongLink").unwrap();
    header.set_size(1 << 20);
    header.set_cksum();
    archive.append(&header, vec![b'a'; 1 << 20].as_slice()).unwrap();
    let refused = image::file(&archive.into_inner().unwrap(), media_type::TAR, "app.wasm", 1 << 20).unwrap_err();
    assert!(matches!(refused, image::ImageError::Bomb), "{refused}");
}
