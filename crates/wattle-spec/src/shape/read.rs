//! Reading a shape: one pass of validation that notes the names at the top on its way.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::component_types::ComponentItem;
use wasmparser::types::Types;
use wasmparser::{
    BinaryReader, BinaryReaderError, ComponentExternName, Encoding, FuncValidatorAllocations, Parser, Payload,
    ValidPayload, Validator, WasmFeatures,
};

use super::error::{NotWasm, ShapeError};
use super::values::Values;
use super::{Handle, ImportName, Kind, Shape};
use crate::interface::Interface;

/// What our engine takes without concurrency support: the defaults of Wasmtime 48 (`Config::features` in its
/// `config.rs`) without shared memories, and with labelled imports and maps.
const SYNC: WasmFeatures = WasmFeatures::WASM3
    .difference(WasmFeatures::THREADS)
    .union(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::COMPONENT_MODEL)
    .union(WasmFeatures::CM_IMPLEMENTS)
    .union(WasmFeatures::CM_MAP);

/// The same with concurrency support.
const ASYNC: WasmFeatures = SYNC.union(WasmFeatures::CM_ASYNC);

const MAGIC: &[u8] = b"\0asm";

/// How deep components may be in components. What tools make has a handful of levels, and validating takes time that grows
/// with the square of this.
const DEPTH_MAX: usize = 100;

/// The bytes in front of the first section: the magic number, the version and the layer.
const HEADER_LEN: usize = 8;

/// Whether somebody has validated the functions in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Functions {
    /// They are validated now.
    Validated,
    /// It was done before.
    Known,
}

pub(super) fn read(bytes: &[u8], functions: Functions) -> Result<Shape, ShapeError> {
    if !bytes.starts_with(MAGIC) {
        return Err(match !bytes.is_empty() && MAGIC.starts_with(bytes) {
            true => ShapeError::Truncated { offset: bytes.len() },
            false => ShapeError::NotWasm(NotWasm::sniff(bytes)),
        });
    }
    // A component is for the fast engine only if it is valid with async off, so that is asked first.
    if let Ok(names) = walk(bytes, SYNC, functions) {
        return Ok(names.shape(Kind::Component02));
    }
    walk(bytes, ASYNC, functions).map(|names| names.shape(Kind::Component03)).map_err(|error| match ends_early(bytes) {
        true => ShapeError::Truncated { offset: bytes.len() },
        false => error,
    })
}

fn invalid(error: BinaryReaderError) -> ShapeError {
    ShapeError::Invalid { offset: error.offset(), reason: error.message().into() }
}

/// Whether the bytes stop inside of the header or of a section of the outermost level.
fn ends_early(bytes: &[u8]) -> bool {
    let known = Parser::is_core_wasm(bytes) || Parser::is_component(bytes);
    let Some(sections) = bytes.get(HEADER_LEN..) else { return true };
    let mut reader = BinaryReader::new(sections, HEADER_LEN);
    while known && !reader.eof() {
        if reader.read_u8().and_then(|_| reader.read_reader()).is_err() {
            return true;
        }
    }
    false
}

/// The names at the top of the bytes, as they are found.
#[derive(Default)]
struct Names {
    is_component: bool,
    imports: Vec<ImportName>,
    exports: Vec<ImportName>,
    types_only: BTreeSet<Interface>,
    handles: BTreeMap<Interface, Handle>,
}

impl Names {
    /// The shape of a core module, or of a component that is of `kind` at least.
    fn shape(self, kind: Kind) -> Shape {
        let is_wasi_03 = self.imports.iter().chain(&self.exports).any(is_wasi_03);
        let kind = match self.is_component {
            false => Kind::Module,
            true if is_wasi_03 => Kind::Component03,
            true => kind,
        };
        let Self { imports, exports, types_only, handles, .. } = self;
        Shape { kind, imports, exports, types_only, handles }
    }

    fn note(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::Version { encoding, .. } => self.is_component = *encoding == Encoding::Component,
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    let import = import?;
                    self.imports.push(ImportName::Plain(format!("{}.{}", import.module, import.name)));
                }
            }
            Payload::ExportSection(section) => {
                for export in section.clone() {
                    self.exports.push(ImportName::Plain(export?.name.into()));
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    self.imports.push(import_name(&import?.name));
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    self.exports.push(name(export?.name.name));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What the interfaces among the names are made of, by the types at the end of the bytes.
    fn look_into(&mut self, types: &Types) {
        let types = types.as_ref();
        let values = |item: &ComponentItem| Values::of(&item.ty, types);
        let imports = self.imports.iter().map(|name| (name, types.component_item_for_import(&name.in_binary())));
        let exports = self.exports.iter().map(|name| (name, types.component_item_for_export(&name.in_binary())));
        let interfaces = imports.chain(exports).filter_map(|(name, item)| Some((name.interface()?, values(item?)?)));
        for (interface, Values { handle, is_types_only }) in interfaces {
            self.handles.extend(handle.map(|handle| (interface.clone(), handle)));
            self.types_only.extend(is_types_only.then(|| interface.clone()));
        }
    }
}

/// Validates everything with `features`, also what the `functions` do if nobody has, and notes the names of the outermost
/// level.
fn walk(bytes: &[u8], features: WasmFeatures, functions: Functions) -> Result<Names, ShapeError> {
    let mut names = Names::default();
    let mut validator = Validator::new_with_features(features);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut allocations = FuncValidatorAllocations::default();
    let mut depth = 0_usize;
    for payload in parser.parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        if let Payload::Version { range, .. } = &payload {
            depth += 1;
            if depth > DEPTH_MAX {
                let reason = format!("components are nested more than {DEPTH_MAX} deep");
                return Err(ShapeError::Invalid { offset: range.start, reason });
            }
        }
        let valid = validator.payload(&payload).map_err(invalid)?;
        if depth == 1 {
            names.note(&payload).map_err(invalid)?;
        }
        depth -= usize::from(matches!(payload, Payload::End(_)));
        match valid {
            ValidPayload::Func(function, body) if functions == Functions::Validated => {
                let mut function = function.into_validator(allocations);
                function.validate(&body).map_err(invalid)?;
                allocations = function.into_allocations();
            }
            ValidPayload::End(types) if depth == 0 => names.look_into(&types),
            _ => {}
        }
    }
    Ok(names)
}

fn import_name(written: &ComponentExternName<'_>) -> ImportName {
    let labelled = || Some((written.name.parse().ok()?, interface(written.implements?)?));
    match labelled() {
        Some((label, interface)) => ImportName::Labelled { label, interface },
        None => name(written.name),
    }
}

fn interface(text: &str) -> Option<Interface> {
    text.parse().ok().filter(|interface: &Interface| interface.name.is_some())
}

fn name(text: &str) -> ImportName {
    interface(text).map_or_else(|| ImportName::Plain(text.into()), ImportName::Interface)
}

fn is_wasi_03(name: &ImportName) -> bool {
    let is_03 = |version: &semver::Version| (version.major, version.minor) == (0, 3);
    name.interface()
        .is_some_and(|interface| interface.namespace == "wasi" && interface.version.as_ref().is_some_and(is_03))
}
