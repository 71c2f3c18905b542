//! The configuration of a Wasm artifact: <https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>.

use serde::{Deserialize, Serialize};
use wattle_spec::digest::Digest;
use wattle_spec::shape::{Kind, Shape};

/// What a registry's clients see of a component without its bytes. In the order and with the nulls that other tools
/// write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WasmConfig {
    /// When it was made (RFC 3339).
    #[serde(default)]
    pub created: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub author: Option<String>,
    /// `wasm`
    pub architecture: String,
    /// `wasip1` for a core module, `wasip2` for a component, also for one of WASI 0.3: the specification has no other.
    pub os: String,
    /// The digests of the layers, so that no two artifacts have the same configuration.
    #[serde(default)]
    pub layer_digests: Vec<String>,
    /// What a component imports and exports.
    #[serde(default)]
    pub component: Option<World>,
}

/// The imports and exports of a component.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct World {
    /// By name, sorted.
    #[serde(default)]
    pub exports: Vec<String>,
    /// By name, sorted.
    #[serde(default)]
    pub imports: Vec<String>,
    /// The world that it was made for, as in `wasi:http/proxy@0.2.0`.
    #[serde(default)]
    pub target: Option<String>,
}

impl WasmConfig {
    /// The configuration of bytes with `digest` that import and export what `shape` says.
    pub fn of(digest: Digest, shape: &Shape, created: &str, target: Option<&str>) -> Self {
        let sorted = |names: &[wattle_spec::shape::ImportName]| {
            let mut names: Vec<_> = names.iter().map(|name| name.in_binary()).collect();
            names.sort_unstable();
            names
        };
        let is_component = shape.kind != Kind::Module;
        let world = || World {
            exports: sorted(&shape.exports),
            imports: sorted(&shape.imports),
            target: target.map(Into::into),
        };
        Self {
            created: Some(created.into()),
            author: None,
            architecture: "wasm".into(),
            os: if is_component { "wasip2" } else { "wasip1" }.into(),
            layer_digests: vec![digest.to_string()],
            component: is_component.then(world),
        }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: texts are JSON")
    }
}
