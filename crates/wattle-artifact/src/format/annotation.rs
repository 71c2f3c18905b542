//! What is said of an artifact: the annotations of the OCI image specification, and where a component says them itself.

use wasmparser::{Encoding, Parser, Payload};

use super::manifest::Annotations;

/// The name of the file that a layer is.
pub const TITLE: &str = "org.opencontainers.image.title";
/// When the artifact was made.
pub const CREATED: &str = "org.opencontainers.image.created";
/// Its version.
pub const VERSION: &str = "org.opencontainers.image.version";

/// The longest text that is taken from a component.
const TEXT_MAX_LEN: usize = 4 << 10;

/// The custom sections that tell of a component, as `wasm-metadata` writes them, and the annotation for each.
const SECTIONS: [(&str, &str); 7] = [
    ("authors", "org.opencontainers.image.authors"),
    ("description", "org.opencontainers.image.description"),
    ("homepage", "org.opencontainers.image.url"),
    ("licenses", "org.opencontainers.image.licenses"),
    ("revision", "org.opencontainers.image.revision"),
    ("source", "org.opencontainers.image.source"),
    ("version", VERSION),
];

/// What the bytes of a component or module say of themselves. What cannot be read is not said.
pub fn of_wasm(bytes: &[u8]) -> Annotations {
    let mut said = Annotations::new();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload {
            Ok(Payload::Version { encoding: Encoding::Module | Encoding::Component, .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            // What is nested in it tells of itself.
            Ok(Payload::CustomSection(section)) if depth == 1 => {
                let annotation = SECTIONS.iter().find(|(name, _)| *name == section.name());
                let text = std::str::from_utf8(section.data()).ok().filter(|text| text.len() <= TEXT_MAX_LEN);
                if let (Some((_, annotation)), Some(text)) = (annotation, text) {
                    said.insert((*annotation).into(), text.into());
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    said
}
