//! Functions of two components that are to fit: what one imports and the other exports.

use std::collections::BTreeMap;

use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Type};

/// A function of an interface that a component exports.
pub(super) struct Function {
    /// `namespace:package/interface.function`, for people.
    pub(super) full_name: String,
    /// Where it is in the component.
    pub(super) index: ComponentExportIndex,
    pub(super) results: usize,
}

/// What a component exports as one interface.
pub(super) struct Offered {
    interface: String,
    functions: BTreeMap<String, (ComponentFunc, ComponentExportIndex)>,
}

/// The functions of the interface that `component` imports as `name`. `None`: it does not.
pub(super) fn imported(component: &Component, name: &str) -> Option<Vec<(String, ComponentFunc)>> {
    let (engine, ty) = (component.engine(), component.component_type());
    match ty.get_import(engine, name)?.ty {
        ComponentItem::ComponentInstance(instance) => Some(functions(&instance, component)),
        _ => None,
    }
}

/// What `component` exports as `interface`.
pub(super) fn exported(component: &Component, interface: &impl ToString) -> Offered {
    let interface = interface.to_string();
    let (engine, ty) = (component.engine(), component.component_type());
    let instance = ty.get_export(engine, &interface).and_then(|export| match export.ty {
        ComponentItem::ComponentInstance(instance) => Some(instance),
        _ => None,
    });
    let outer = component.get_export_index(None, &interface);
    let all = instance.map(|instance| functions(&instance, component)).unwrap_or_default();
    let with_index = |(name, ty): (String, ComponentFunc)| {
        let index = component.get_export_index(outer.as_ref(), &name)?;
        Some((name, (ty, index)))
    };
    Offered { interface, functions: all.into_iter().filter_map(with_index).collect() }
}

fn functions(instance: &ComponentInstance, component: &Component) -> Vec<(String, ComponentFunc)> {
    let exports = instance.exports(component.engine());
    let functions = exports.filter_map(|(name, export)| match export.ty {
        ComponentItem::ComponentFunc(ty) => Some((name.to_owned(), ty)),
        _ => None,
    });
    functions.collect()
}

impl Function {
    /// That an instance does not have it, though its type does.
    pub(super) fn lacking(&self) -> wasmtime::Error {
        wasmtime::format_err!("the instance lacks {}, which its type has", self.full_name)
    }

    /// The function of `offered` that can be called as `name` with the type `wanted`.
    ///
    /// # Errors
    ///
    /// Why there is none, in words.
    pub(super) fn find(name: &str, wanted: &ComponentFunc, offered: &Offered) -> Result<Self, String> {
        let Some((ty, index)) = offered.functions.get(name) else { return Err(format!("it has no function {name}")) };
        let same =
            wanted.params().map(|(_, ty)| ty).eq(ty.params().map(|(_, ty)| ty)) && wanted.results().eq(ty.results());
        if !same {
            return Err(format!("the types of {name} differ"));
        }
        if !ty.params().map(|(_, ty)| ty).chain(ty.results()).all(|ty| is_plain(&ty)) {
            return Err(format!("{name} passes resources, streams or futures, which do not cross between instances"));
        }
        let unversioned = offered.interface.split('@').next().unwrap_or_default();
        let full_name = format!("{unversioned}.{name}");
        Ok(Self { full_name, index: *index, results: ty.results().len() })
    }
}

/// Whether values of this type mean the same in another store.
fn is_plain(ty: &Type) -> bool {
    match ty {
        Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => false,
        Type::List(list) => is_plain(&list.ty()),
        Type::FixedLengthList(list) => is_plain(&list.ty()),
        Type::Map(map) => is_plain(&map.key()) && is_plain(&map.value()),
        Type::Record(record) => record.fields().all(|field| is_plain(&field.ty)),
        Type::Tuple(tuple) => tuple.types().all(|ty| is_plain(&ty)),
        Type::Variant(variant) => variant.cases().all(|case| case.ty.is_none_or(|ty| is_plain(&ty))),
        Type::Option(option) => is_plain(&option.ty()),
        Type::Result(result) => [result.ok(), result.err()].into_iter().flatten().all(|ty| is_plain(&ty)),
        Type::Bool
        | Type::S8
        | Type::U8
        | Type::S16
        | Type::U16
        | Type::S32
        | Type::U32
        | Type::S64
        | Type::U64
        | Type::Float32
        | Type::Float64
        | Type::Char
        | Type::String
        | Type::Enum(_)
        | Type::Flags(_) => true,
    }
}
