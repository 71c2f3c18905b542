//! SBOMs: told apart by their content, and found from what they are about.

use bytes::Bytes;
use wattle_artifact::format::sbom::{CYCLONE_DX, SPDX, kind};
use wattle_artifact::publish::{Options, Sbom, SbomError, publish_app, sbom};
use wattle_spec::reference::Reference;
use wattle_testkit::Registry;

use crate::registry_setup::{client, told};
use crate::shelf;

const CYCLONE: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}"#;

fn file<'a>(title: &'a str, text: &'static str) -> Sbom<'a> {
    Sbom { title, created: "1970-01-01T00:00:00Z", bytes: Bytes::from_static(text.as_bytes()) }
}

#[test]
fn kinds() {
    let told = |text: &str| kind(text.as_bytes()).map_or_else(|error| error.to_string(), ToOwned::to_owned);
    let v3 = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld";
    assert_eq!(told(CYCLONE), CYCLONE_DX);
    assert_eq!(told(r#"{"spdxVersion":"SPDX-2.3","packages":[]}"#), SPDX);
    assert_eq!(told(&format!(r#"{{"@context":"{v3}","@graph":[]}}"#)), SPDX);
    assert_eq!(told(&format!(r#"{{"@context":["{v3}"]}}"#)), SPDX);
    let unknown = "it is neither SPDX (with `spdxVersion` or the context of SPDX 3) nor CycloneDX (with `bomFormat`)";
    let both = r#"{"bomFormat":"CycloneDX","spdxVersion":"SPDX-2.3"}"#;
    for text in ["{}", both, r#"{"bomFormat":1}"#, r#"{"spdxVersion":null}"#, r#"{"@context":"https://schema.org"}"#] {
        assert_eq!(told(text), unknown, "{text}");
    }
    for text in ["", "SPDXVersion: SPDX-2.3", "<bom/>", "[]", "1", "{"] {
        assert!(told(text).starts_with("it is no JSON, and SPDX"), "{text}");
    }
}

#[tokio::test]
async fn attached() {
    let Some(registry) = Registry::start() else { return };
    let client = client(|_| {});
    let reference: Reference = format!("{}/shop/cart:1", registry.authority()).parse().unwrap();
    let packed = shelf::packed("cart", &shelf::wasm("cart"));
    wattle_artifact::publish::publish_with(&client, &reference, &packed, &Options::default()).await.unwrap();
    let (repository, subject) = (&reference.repository, packed.descriptor.clone());
    for _ in 0..2 {
        sbom(&client, repository, subject.clone(), file("cart.cdx.json", CYCLONE)).await.unwrap();
    }
    let listed = client.referrers(repository, subject.digest, None).await.unwrap();
    assert_eq!(listed.len(), 1, "the same one twice is one");
    assert_eq!(listed[0].artifact_type.as_deref(), Some(CYCLONE_DX));
    let manifest = client.manifest(repository, &repository.at(listed[0].digest).which).await.unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.bytes).unwrap();
    let layer = &manifest["layers"][0];
    assert_eq!(layer["annotations"]["org.opencontainers.image.title"], "cart.cdx.json");
    assert_eq!((&manifest["artifactType"], &layer["mediaType"]), (&CYCLONE_DX.into(), &CYCLONE_DX.into()));

    assert_eq!(file("cart.cdx.json", CYCLONE).kind().unwrap(), CYCLONE_DX);
    let refused = file("cart.txt", "{}").kind().unwrap_err();
    assert!(told(&refused).starts_with("cart.txt cannot be attached as an SBOM: it is neither"), "{refused}");
    let error = sbom(&client, repository, subject, file("cart.txt", "{}")).await.unwrap_err();
    assert!(matches!(error, SbomError::Form { .. }) && error.hint().is_some());
    assert!(told(&error).starts_with("cart.txt cannot be attached as an SBOM: it is neither"), "{error}");
}

/// An app has them as a component has.
#[tokio::test]
async fn of_an_app() {
    let Some(registry) = Registry::start() else { return };
    let client = client(|_| {});
    let reference: Reference = format!("{}/shop/app:1", registry.authority()).parse().unwrap();
    let app = crate::app::app(&["cart"]);
    publish_app(&client, &reference, &app, &Options::default()).await.unwrap();
    let subject = app.descriptor.clone();
    sbom(&client, &reference.repository, subject.clone(), file("a.json", CYCLONE)).await.unwrap();
    assert_eq!(client.referrers(&reference.repository, subject.digest, None).await.unwrap().len(), 1);
}
