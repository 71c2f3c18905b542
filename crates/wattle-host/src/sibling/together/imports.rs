//! What a component says before its code: the types and imports that it begins with, and what it exports.

use std::collections::HashMap;

use wasm_encoder::ComponentExportKind;
use wasmparser::{ComponentAlias, ComponentImport, ComponentType, ComponentTypeRef, Parser, Payload};

use super::compose::ComposeError;

/// What a component says before its code.
pub(super) struct Head<'a> {
    /// All up to its last import, in their order.
    pub(super) items: Vec<Item<'a>>,
    /// As what the types of its imports are imported, by their indices.
    pub(super) imported_as: HashMap<u32, &'a str>,
    pub(super) exports: Vec<(&'a str, ComponentExportKind)>,
}

/// One thing that takes an index.
pub(super) enum Item<'a> {
    Type(ComponentType<'a>),
    Import(ComponentImport<'a>),
    Alias(ComponentAlias<'a>),
}

impl<'a> Head<'a> {
    pub(super) fn read(wasm: &'a [u8]) -> Result<Self, ComposeError> {
        let mut head = Self { items: Vec::new(), imported_as: HashMap::new(), exports: Vec::new() };
        let (mut depth, mut len) = (0_u32, 0);
        // What takes indices beside `items`: after the last import it does not matter.
        let mut unusual = None;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                Payload::ComponentTypeSection(types) => {
                    for ty in types {
                        head.items.push(Item::Type(ty?));
                    }
                }
                Payload::ComponentAliasSection(aliases) => {
                    for alias in aliases {
                        head.items.push(Item::Alias(alias?));
                    }
                }
                Payload::ComponentImportSection(imports) => {
                    if let Some(unusual) = unusual {
                        return Err(ComposeError::Unusual(unusual));
                    }
                    for import in imports {
                        head.import(import?);
                    }
                    len = head.items.len();
                }
                Payload::CoreTypeSection(_) => unusual = Some("has core types before its last import"),
                Payload::ComponentInstanceSection(_) => {
                    unusual = Some("has instances of its own before its last import")
                }
                Payload::ComponentExportSection(exports) => {
                    unusual = Some("exports something before its last import");
                    for export in exports {
                        let export = export?;
                        head.exports.push((export.name.name, export.kind.into()));
                    }
                }
                _ => {}
            }
        }
        head.items.truncate(len);
        Ok(head)
    }

    fn import(&mut self, import: ComponentImport<'a>) {
        if let ComponentTypeRef::Instance(ty) = import.ty {
            self.imported_as.insert(ty, import.name.name);
        }
        self.items.push(Item::Import(import));
    }
}
