//! The bytes of manifests, and reading those of others.

use wattle_artifact::format::manifest::{Descriptor, Document, Manifest};
use wattle_artifact::format::media_type;

fn manifest() -> Manifest {
    let config = Descriptor::of(media_type::WASM_CONFIG, b"{}");
    let layer = Descriptor::of(media_type::WASM, b"\0asm");
    Manifest {
        artifact_type: None,
        config,
        layers: vec![layer],
        subject: None,
        annotations: [("k".into(), "v".into())].into(),
    }
}

/// As the tools that are around write it: sorted, without blanks, and read back as it was.
#[test]
fn bytes() {
    let bytes = manifest().to_bytes();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(
        text,
        "{\"annotations\":{\"k\":\"v\"},\"config\":{\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\
         \"mediaType\":\"application/vnd.wasm.config.v0+json\",\"size\":2},\"layers\":[{\"digest\":\
         \"sha256:cd5d4935a48c0672cb06407bb443bc0087aff947c6b864bac886982c73b3027f\",\"mediaType\":\"application/wasm\",\"size\":4}],\
         \"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"schemaVersion\":2}"
    );
    assert_eq!(Document::read(&bytes, None).unwrap(), Document::Manifest(manifest()));
}

/// What kind it is comes from the bytes, then from what was told, then from what is in it.
#[test]
fn kinds() {
    let kind = |text: &str, told| match Document::read(text.as_bytes(), told) {
        Ok(Document::Manifest(_)) => "manifest".to_owned(),
        Ok(Document::Index(_)) => "index".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(kind(r#"{"schemaVersion":2,"manifests":null}"#, Some(media_type::INDEX)), "index");
    assert_eq!(kind(r#"{"schemaVersion":2,"manifests":[]}"#, None), "index");
    assert_eq!(kind(r#"{"schemaVersion":1}"#, None), "its schemaVersion is 1, and only 2 is known");
    assert_eq!(kind(r#"{"schemaVersion":2}"#, None), "it is no manifest");
    assert_eq!(
        kind(r#"{"schemaVersion":2,"mediaType":"text/html"}"#, None),
        "its media type \"text/html\" is neither that of a manifest nor that of an index"
    );
    assert_eq!(kind(&" ".repeat((4 << 20) + 1), None), "a manifest has at most 4194304 bytes");
}
