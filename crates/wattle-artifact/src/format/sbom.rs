//! An SBOM as an artifact about another one: what it is is told from its content, and nothing else is taken for one.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::component::Packed;
use super::manifest::{Annotations, Descriptor, Manifest};
use super::{annotation, media_type};

/// SPDX as JSON: <https://spdx.github.io/spdx-spec/>.
pub const SPDX: &str = "application/spdx+json";
/// CycloneDX as JSON: <https://cyclonedx.org/specification/overview/>.
pub const CYCLONE_DX: &str = "application/vnd.cyclonedx+json";

/// The most bytes of an SBOM.
pub const SBOM_MAX_LEN: u64 = 64 << 20;
/// How the context of SPDX 3 begins, which is JSON-LD.
const SPDX_CONTEXT: &str = "https://spdx.org/rdf/";

/// Why a file is no SBOM.
#[derive(Debug, thiserror::Error)]
pub enum SbomFormError {
    /// It is larger than any.
    #[error("it has {0} bytes, and an SBOM may have {SBOM_MAX_LEN}")]
    TooLong(u64),
    /// It is no JSON object.
    #[error("it is no JSON, and SPDX and CycloneDX are understood as JSON only")]
    Json(#[source] serde_json::Error),
    /// It is something else.
    #[error("it is neither SPDX (with `spdxVersion` or the context of SPDX 3) nor CycloneDX (with `bomFormat`)")]
    Unknown,
}

/// The media type of an SBOM.
///
/// # Errors
///
/// If it is none that is understood.
pub fn kind(bytes: &[u8]) -> Result<&'static str, SbomFormError> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "spdxVersion")]
        spdx_version: Option<Value>,
        #[serde(rename = "@context")]
        context: Option<Value>,
        #[serde(rename = "bomFormat")]
        bom_format: Option<Value>,
    }
    let size = bytes.len() as u64;
    if size > SBOM_MAX_LEN {
        return Err(SbomFormError::TooLong(size));
    }
    let head: Head = serde_json::from_slice(bytes).map_err(SbomFormError::Json)?;
    let is_text = |value: &Option<Value>, is: &dyn Fn(&str) -> bool| match value {
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).any(is),
        Some(value) => value.as_str().is_some_and(is),
        None => false,
    };
    let is_spdx = is_text(&head.spdx_version, &|text| text.starts_with("SPDX-"))
        || is_text(&head.context, &|text| text.starts_with(SPDX_CONTEXT));
    match (is_spdx, is_text(&head.bom_format, &|text| text == "CycloneDX")) {
        (true, false) => Ok(SPDX),
        (false, true) => Ok(CYCLONE_DX),
        _ => Err(SbomFormError::Unknown),
    }
}

/// Makes the artifact of an SBOM that is the file `title` and about `subject`, made at `created` (RFC 3339).
///
/// # Errors
///
/// If it is none that is understood.
pub fn pack(bytes: Bytes, title: &str, created: &str, subject: Descriptor) -> Result<Packed, SbomFormError> {
    let kind = kind(&bytes)?;
    let empty = Bytes::from_static(b"{}");
    let mut layer = Descriptor::of(kind, &bytes);
    layer.annotations.insert(annotation::TITLE.into(), title.into());
    let manifest = Manifest {
        artifact_type: Some(kind.into()),
        config: Descriptor::of(media_type::EMPTY, &empty),
        layers: vec![layer.clone()],
        subject: Some(subject),
        annotations: Annotations::from([(annotation::CREATED.into(), created.into())]),
    };
    let mut packed = Packed::new(&manifest, vec![(manifest.config.clone(), empty), (layer, bytes)]);
    packed.descriptor.artifact_type = Some(kind.into());
    Ok(packed)
}
