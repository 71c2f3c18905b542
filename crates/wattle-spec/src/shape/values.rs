//! What the functions of an interface pass: plain values, which can be copied from one instance to another, or handles
//! to what belongs to the instance that made it.

use std::collections::HashSet;
use std::fmt;

use wasmparser::PrimitiveValType;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentInstanceTypeId, ComponentItem,
    ComponentValType,
};
use wasmparser::types::TypesRef;

/// A kind of values that belong to the instance that made them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Handle {
    /// Handles of resources.
    Resource,
    /// Streams.
    Stream,
    /// Futures.
    Future,
    /// Error contexts.
    ErrorContext,
}

/// What an import or an export at the top of a component is, if it is an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Values {
    /// The first kind of handles that was found in it.
    pub(super) handle: Option<Handle>,
    /// Whether it is names for types of values, and nothing else.
    pub(super) is_types_only: bool,
}

impl Values {
    /// Those of what `entity` is.
    pub(super) fn of(entity: &ComponentEntityType, types: TypesRef<'_>) -> Option<Self> {
        let ComponentEntityType::Instance(instance) = entity else { return None };
        let exports = &types[*instance].exports;
        let is_value_type = |item: &ComponentItem| {
            matches!(item.ty, ComponentEntityType::Type { referenced: ComponentAnyTypeId::Defined(_), .. })
        };
        let handle = Search::new(types).instance(*instance);
        Some(Self { handle, is_types_only: !exports.is_empty() && exports.values().all(is_value_type) })
    }
}

/// A walk through the types that something is made of, each of them once.
struct Search<'a> {
    types: TypesRef<'a>,
    waiting: Vec<ComponentAnyTypeId>,
    seen: HashSet<ComponentAnyTypeId>,
}

impl<'a> Search<'a> {
    fn new(types: TypesRef<'a>) -> Self {
        Self { types, waiting: Vec::new(), seen: HashSet::new() }
    }

    /// The first kind of handles in an instance.
    fn instance(mut self, instance: ComponentInstanceTypeId) -> Option<Handle> {
        self.later(ComponentAnyTypeId::Instance(instance));
        while let Some(next) = self.waiting.pop() {
            if let Some(found) = self.look_into(next) {
                return Some(found);
            }
        }
        None
    }

    fn later(&mut self, id: ComponentAnyTypeId) {
        if self.seen.insert(id) {
            self.waiting.push(id);
        }
    }

    fn look_into(&mut self, id: ComponentAnyTypeId) -> Option<Handle> {
        let types = self.types;
        match id {
            ComponentAnyTypeId::Resource(_) => Some(Handle::Resource),
            ComponentAnyTypeId::Defined(id) => self.defined(&types[id]),
            ComponentAnyTypeId::Func(id) => {
                let function = &types[id];
                function
                    .params
                    .iter()
                    .map(|(_, value)| value)
                    .chain(&function.result)
                    .find_map(|value| self.value(value))
            }
            ComponentAnyTypeId::Instance(id) => types[id].exports.values().find_map(|item| self.entity(&item.ty)),
            ComponentAnyTypeId::Component(_) => None,
        }
    }

    fn entity(&mut self, entity: &ComponentEntityType) -> Option<Handle> {
        match entity {
            ComponentEntityType::Func(id) => self.later(ComponentAnyTypeId::Func(*id)),
            ComponentEntityType::Type { referenced, .. } => self.later(*referenced),
            ComponentEntityType::Instance(id) => self.later(ComponentAnyTypeId::Instance(*id)),
            ComponentEntityType::Value(value) => return self.value(value),
            ComponentEntityType::Module(_) | ComponentEntityType::Component(_) => {}
        }
        None
    }

    fn value(&mut self, value: &ComponentValType) -> Option<Handle> {
        match value {
            ComponentValType::Primitive(PrimitiveValType::ErrorContext) => return Some(Handle::ErrorContext),
            ComponentValType::Primitive(_) => {}
            ComponentValType::Type(id) => self.later(ComponentAnyTypeId::Defined(*id)),
        }
        None
    }

    fn defined(&mut self, defined: &ComponentDefinedType) -> Option<Handle> {
        use ComponentDefinedType as Type;
        match defined {
            Type::Primitive(primitive) => self.value(&ComponentValType::Primitive(*primitive)),
            Type::Record(record) => record.fields.values().find_map(|value| self.value(value)),
            Type::Variant(variant) => {
                variant.cases.values().flat_map(|case| &case.ty).find_map(|value| self.value(value))
            }
            Type::List { element, .. } | Type::FixedLengthList { element, .. } => self.value(element),
            Type::Map { key, value, .. } => self.value(key).or_else(|| self.value(value)),
            Type::Tuple(tuple) => tuple.types.iter().find_map(|value| self.value(value)),
            Type::Flags(_) | Type::Enum(_) => None,
            Type::Option { ty, .. } => self.value(ty),
            Type::Result { ok, err, .. } => ok.iter().chain(err).find_map(|value| self.value(value)),
            Type::Own(_) | Type::Borrow(_) => Some(Handle::Resource),
            Type::Future { .. } => Some(Handle::Future),
            Type::Stream { .. } => Some(Handle::Stream),
        }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Handle::Resource => "resources",
            Handle::Stream => "streams",
            Handle::Future => "futures",
            Handle::ErrorContext => "error contexts",
        })
    }
}
