//! From several components to one that holds them all: each is instantiated once, after those that it calls.
//!
//! Every import of each part becomes one of the whole, under a name of its own, so that whoever joins it knows whose it is.
//! A resource of the host that several parts import is one type all the same, and can go from one to the other.

use std::collections::BTreeMap;
use std::fmt;

use wasm_encoder::reencode::{self, ReencodeComponent as _};
use wasm_encoder::{ComponentBuilder, ComponentExportKind};
use wasmparser::{BinaryReaderError, ComponentAlias, ComponentImport, ComponentType, ComponentTypeRef};

use super::imports::{Head, Item};
use super::moved::{Moved, Shared};

/// A component that becomes a part of a larger one.
pub(crate) struct Part<'a> {
    pub(crate) wasm: &'a [u8],
    /// What its imports lead to, by their names.
    pub(crate) wires: &'a BTreeMap<String, Wire>,
}

/// What an import of a part leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wire {
    /// An import of the whole, which is called so.
    Import(String),
    /// The instance that an earlier part exports under this name.
    Part { place: usize, export: String },
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wire::Import(name) => write!(f, "import {name}"),
            Wire::Part { place, export } => write!(f, "{export} of part {place}"),
        }
    }
}

/// Why components cannot be composed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComposeError {
    /// One of them is not well formed.
    #[error("a component cannot be read")]
    Read(#[from] BinaryReaderError),
    /// One of them is made in a way that the usual tools do not make them.
    #[error("a component cannot be composed: it {0}")]
    Unusual(&'static str),
    /// Nobody said what an import leads to.
    #[error("a component imports {0}, which leads nowhere")]
    NoWire(String),
}

impl From<reencode::Error<std::convert::Infallible>> for ComposeError {
    fn from(error: reencode::Error<std::convert::Infallible>) -> Self {
        match error {
            reencode::Error::ParseError(error) => ComposeError::Read(error),
            _ => ComposeError::Unusual("has types that cannot be written again"),
        }
    }
}

/// Composes `parts`, each of which comes after those that it is wired to. The whole exports what the last one does.
///
/// # Errors
///
/// If a part cannot be read or is wired to nothing. That the types of imports and exports fit is not looked at: whoever
/// compiles the whole does so.
pub(crate) fn compose(parts: &[Part<'_>]) -> Result<Vec<u8>, ComposeError> {
    let mut whole = Whole::default();
    for part in parts {
        whole.add(part)?;
    }
    Ok(whole.finish())
}

#[derive(Default)]
struct Whole<'a> {
    builder: ComponentBuilder,
    /// The instance of each part.
    instances: Vec<u32>,
    shared: Shared,
    /// What the last part exports, with its kind.
    exports: Vec<(&'a str, ComponentExportKind)>,
}

impl<'a> Whole<'a> {
    fn add(&mut self, part: &Part<'a>) -> Result<(), ComposeError> {
        let head = Head::read(part.wasm)?;
        let component = self.builder.component_raw(None, part.wasm);
        let mut moved = Moved::new(&mut self.shared);
        let mut arguments = Vec::new();
        for item in head.items {
            match item {
                Item::Type(ComponentType::Resource { .. }) => {
                    return Err(ComposeError::Unusual("defines resources before its last import"));
                }
                Item::Type(ty) => {
                    let (index, encoder) = self.builder.ty(None);
                    moved.begin_type(head.imported_as.get(&moved.next_type()).copied());
                    moved.parse_component_type(encoder, ty)?;
                    moved.add(ComponentExportKind::Type, index)?;
                }
                Item::Alias(ComponentAlias::InstanceExport { kind, instance_index, name }) => {
                    let instance = moved.instance(instance_index)?;
                    let index = self.builder.alias_export(instance, name, kind.into());
                    moved.add(kind.into(), index)?;
                }
                Item::Alias(_) => return Err(ComposeError::Unusual("uses what it has inside before its last import")),
                Item::Import(import) => {
                    let wire = part.wires.get(import.name.name);
                    let wire = wire.ok_or_else(|| ComposeError::NoWire(import.name.name.to_owned()))?;
                    let name = import.name.name;
                    let (kind, index) = match wire {
                        Wire::Import(called) => import_as(&mut self.builder, &mut moved, import, called)?,
                        Wire::Part { place, export } => {
                            let instance = *self.instances.get(*place).ok_or(ComposeError::NoWire(name.to_owned()))?;
                            let kind = ComponentExportKind::Instance;
                            (kind, self.builder.alias_export(instance, export, kind))
                        }
                    };
                    moved.add(kind, index)?;
                    arguments.push((name, kind, index));
                }
            }
        }
        self.instances.push(self.builder.instantiate(None, component, arguments));
        self.exports = head.exports;
        Ok(())
    }

    fn finish(mut self) -> Vec<u8> {
        let last = self.instances.last().copied().unwrap_or(u32::MAX);
        for (name, kind) in self.exports {
            let index = self.builder.alias_export(last, name, kind);
            self.builder.export(name, kind, index, None);
        }
        self.builder.finish()
    }
}

/// Lets the whole import what a part imports, as `called`.
fn import_as(
    builder: &mut ComponentBuilder,
    moved: &mut Moved<'_>,
    import: ComponentImport<'_>,
    called: &str,
) -> Result<(ComponentExportKind, u32), ComposeError> {
    let kind = match import.ty {
        ComponentTypeRef::Instance(_) => ComponentExportKind::Instance,
        ComponentTypeRef::Func(_) => ComponentExportKind::Func,
        _ => return Err(ComposeError::Unusual("imports something else than interfaces and functions")),
    };
    let ty = moved.component_type_ref(import.ty)?;
    let index = match called == import.name.name {
        // With whatever else its name says.
        true => builder.import(import.name, ty),
        false => builder.import(called, ty),
    };
    moved.share(builder, import.name.name, index);
    Ok((kind, index))
}
