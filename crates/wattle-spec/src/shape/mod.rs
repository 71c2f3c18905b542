//! The shape of Wasm bytes: what kind they are, what they import and what they export.

mod error;
mod reach;
mod read;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use self::error::{NotWasm, ShapeError};
pub use self::reach::{reach, stands_for, touches_nothing};
pub use self::values::Handle;
use crate::interface::Interface;
use crate::label::Label;

/// What Wasm bytes are, read without compiling them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Core module or component, and for which WASI.
    pub kind: Kind,
    /// What must be provided, in the order of the binary.
    pub imports: Vec<ImportName>,
    /// What is offered, in the order of the binary.
    pub exports: Vec<ImportName>,
    /// The interfaces that are only names for types of values, so that nothing has to provide them.
    pub types_only: BTreeSet<Interface>,
    /// The interfaces that pass handles, with the first kind of these: others pass plain values.
    pub handles: BTreeMap<Interface, Handle>,
}

/// The kind of Wasm bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A core module, perhaps of WASI preview 1.
    Module,
    /// A component without component-model async: WASI 0.2, or no WASI at all. It validates with async off.
    Component02,
    /// A component that uses component-model async or imports or exports WASI 0.3.
    Component03,
}

/// The interface through which a component answers HTTP requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpHandler {
    /// `wasi:http/incoming-handler@0.2`
    Wasi02,
    /// `wasi:http/handler@0.3`
    Wasi03,
}

/// The interface through which a component takes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageHandler {
    /// `wasi:messaging/incoming-handler@0.2.0-draft`
    Wasi,
    /// `wasmcloud:messaging/handler@0.2`
    Wasmcloud,
}

/// The name of an import or export at the top of a component.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImportName {
    /// An interface: `wasi:keyvalue/store@0.2.0-draft`.
    Interface(Interface),
    /// An interface under a name of the component's own (`implements` in the component model): an import `sessions` of
    /// `wasi:keyvalue/store`.
    Labelled {
        /// The name.
        label: Label,
        /// What it implements.
        interface: Interface,
    },
    /// A plain name: a function, a type, or in a core module `module.name`.
    Plain(String),
}

impl Shape {
    /// Reads and validates Wasm bytes, with the features that Wasmtime 48 has on by default.
    ///
    /// The work is linear in the bytes, twice at most; whoever does not trust them bounds their number.
    ///
    /// # Errors
    ///
    /// If they are not Wasm, end too soon, or are invalid.
    pub fn read(bytes: &[u8]) -> Result<Self, ShapeError> {
        read::read(bytes, read::Functions::Validated)
    }

    /// The same of bytes that were [`read`](Self::read) before: what their functions do is not looked at again, which is most of
    /// the work. Nothing is safer by it: who compiles them validates them in any case.
    ///
    /// # Errors
    ///
    /// The same, but for what is wrong within functions, which is not found.
    pub fn read_again(bytes: &[u8]) -> Result<Self, ShapeError> {
        read::read(bytes, read::Functions::Known)
    }

    /// The interface through which it answers HTTP requests, the newer one if it has two.
    pub fn http_handler(&self) -> Option<HttpHandler> {
        let exports = |name, minor| self.exports_wasi("http", name, minor);
        match self.kind {
            Kind::Module => None,
            _ if exports("handler", 3) => Some(HttpHandler::Wasi03),
            _ if exports("incoming-handler", 2) => Some(HttpHandler::Wasi02),
            _ => None,
        }
    }

    /// The interface through which it takes messages, that of WASI if it has two.
    pub fn message_handler(&self) -> Option<MessageHandler> {
        let exports = |handler: &MessageHandler| {
            let interface = handler.interface();
            self.exports.iter().filter_map(ImportName::interface).any(|export| interface.serves(export))
        };
        [MessageHandler::Wasi, MessageHandler::Wasmcloud].into_iter().find(exports)
    }

    /// Whether a person can run it: it exports `wasi:cli/run` of 0.2 or 0.3, or as a core module `_start`.
    pub fn is_command(&self) -> bool {
        match self.kind {
            Kind::Module => self.exports.contains(&ImportName::Plain("_start".into())),
            Kind::Component02 | Kind::Component03 => [2, 3].iter().any(|minor| self.exports_wasi("cli", "run", *minor)),
        }
    }

    /// The interfaces that it exports.
    pub fn exported_interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.exports.iter().filter_map(ImportName::interface)
    }

    /// The interface among its exports that serves a component which imports `wanted`.
    pub fn export_for(&self, wanted: &Interface) -> Option<&Interface> {
        self.exported_interfaces().find(|export| export.serves(wanted))
    }

    fn exports_wasi(&self, package: &str, name: &str, minor: u64) -> bool {
        self.exports.iter().filter_map(ImportName::interface).any(|export| {
            let is_track =
                |version: &semver::Version| (version.major, version.minor) == (0, minor) && version.pre.is_empty();
            (export.namespace.as_str(), export.package.as_str()) == ("wasi", package)
                && export.name.as_deref() == Some(name)
                && export.version.as_ref().is_some_and(is_track)
        })
    }

    /// The interfaces that it imports.
    pub fn imported_interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.imports.iter().filter_map(ImportName::interface)
    }
}

impl MessageHandler {
    /// The interface.
    pub fn interface(self) -> Interface {
        let name = match self {
            MessageHandler::Wasi => "wasi:messaging/incoming-handler@0.2.0-draft",
            MessageHandler::Wasmcloud => "wasmcloud:messaging/handler@0.2.0",
        };
        name.parse().expect("invariant: names of built-in interfaces parse")
    }
}

impl ImportName {
    /// The interface, if it is one.
    pub fn interface(&self) -> Option<&Interface> {
        match self {
            ImportName::Interface(interface) | ImportName::Labelled { interface, .. } => Some(interface),
            ImportName::Plain(_) => None,
        }
    }

    /// The name as the bytes have it.
    pub fn in_binary(&self) -> String {
        match self {
            ImportName::Labelled { label, .. } => label.to_string(),
            ImportName::Interface(_) | ImportName::Plain(_) => self.to_string(),
        }
    }

    /// The name that the component gave it, if it gave one to an interface.
    pub fn label(&self) -> Option<&Label> {
        match self {
            ImportName::Labelled { label, .. } => Some(label),
            ImportName::Interface(_) | ImportName::Plain(_) => None,
        }
    }
}

impl fmt::Display for ImportName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImportName::Interface(interface) => interface.fmt(f),
            ImportName::Labelled { label, interface } => write!(f, "{interface}#{label}"),
            ImportName::Plain(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Module => "core module",
            Kind::Component02 => "component (WASI 0.2)",
            Kind::Component03 => "component (WASI 0.3)",
        })
    }
}
