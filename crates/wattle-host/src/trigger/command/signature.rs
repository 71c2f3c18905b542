//! Functions as people see them: their names, their types, and which of them a name means.

use std::fmt::Write;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::wasm_wave::wasm::{DisplayType, WasmType, WasmTypeKind};
use wasmtime::component::{Component, Type};
use wasmtime::{Module, ValType};
use wattle_spec::fault::{listed, nearest};

/// A function that a program exports, with types of a component (`Type`) or of a core module (`ValType`).
pub(super) struct Function<T> {
    /// The exported interface that it is in, with its version.
    pub(super) interface: Option<String>,
    pub(super) name: String,
    pub(super) parameters: Vec<(Option<String>, T)>,
    pub(super) results: Vec<T>,
}

/// The functions of a component, those of its interfaces included.
pub(super) fn of_component(component: &Component) -> Vec<Function<Type>> {
    let mut functions = Vec::new();
    let engine = component.engine();
    for (name, export) in component.component_type().exports(engine) {
        match export.ty {
            ComponentItem::ComponentFunc(ty) => functions.push(Function::of(None, name, &ty)),
            ComponentItem::ComponentInstance(interface) => {
                functions.extend(interface.exports(engine).filter_map(|(function, export)| match export.ty {
                    ComponentItem::ComponentFunc(ty) => Some(Function::of(Some(name), function, &ty)),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    functions
}

/// The functions of a core module.
pub(super) fn of_module(module: &Module) -> Vec<Function<ValType>> {
    let function = |export: wasmtime::ExportType<'_>| {
        let ty = export.ty();
        let ty = ty.func()?;
        let parameters = ty.params().map(|ty| (None, ty)).collect();
        Some(Function { interface: None, name: export.name().into(), parameters, results: ty.results().collect() })
    };
    module.exports().filter_map(function).collect()
}

/// The function that `asked` means: `name`, or `interface.name` with the interface's short or full name. The error
/// says which there are.
pub(super) fn find<T: WasmType>(functions: Vec<Function<T>>, asked: &str) -> Result<Function<T>, (String, String)> {
    let names: Vec<String> = functions.iter().filter(|function| function.is_plain()).map(Function::full_name).collect();
    let (exact, meant): (Vec<_>, Vec<_>) =
        functions.into_iter().filter(|function| function.is_meant(asked)).partition(|function| function.is_at_top());
    let mut meant = if exact.is_empty() { meant } else { exact };
    match (meant.pop(), meant.is_empty()) {
        (Some(function), true) => Ok(function),
        (Some(last), false) => {
            let all = meant.iter().chain([&last]).map(Function::full_name);
            Err((format!("`{asked}` could be one of several functions"), format!("they are {}", listed(all))))
        }
        (None, _) => {
            let short = |name: &String| name.rsplit('.').next().unwrap_or_default().to_owned();
            let shorts: Vec<String> = names.iter().map(short).collect();
            let hint = match nearest(asked, names.iter().chain(&shorts).map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "it exports no functions that could be called".into(),
                None => format!("it exports {}", listed(names)),
            };
            Err((format!("there is no exported function `{asked}`"), hint))
        }
    }
}

impl Function<Type> {
    fn of(interface: Option<&str>, name: &str, ty: &wasmtime::component::types::ComponentFunc) -> Self {
        Self {
            interface: interface.map(Into::into),
            name: name.into(),
            parameters: ty.params().map(|(name, ty)| (Some(name.into()), ty)).collect(),
            results: ty.results().collect(),
        }
    }
}

impl<T: WasmType> Function<T> {
    fn is_at_top(&self) -> bool {
        self.interface.is_none()
    }

    fn full_name(&self) -> String {
        match &self.interface {
            Some(interface) => format!("{interface}.{}", self.name),
            None => self.name.clone(),
        }
    }

    fn is_meant(&self, asked: &str) -> bool {
        let Some(interface) = &self.interface else { return asked == self.name };
        let qualifier = asked.strip_suffix(self.name.as_str()).and_then(|rest| rest.strip_suffix(['.', '#']));
        let unversioned = interface.split('@').next().unwrap_or_default();
        let short = unversioned.rsplit('/').next().unwrap_or_default();
        asked == self.name || qualifier.is_some_and(|asked| [interface, unversioned, short].contains(&asked))
    }

    /// As WIT writes it: `add: func(a: s32, b: s32) -> s32`.
    pub(super) fn signature(&self) -> String {
        let mut text = format!("{}: func(", self.name);
        for (place, (name, ty)) in self.parameters.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            let name = name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            let _ = write!(text, "{comma}{name}{}", DisplayType(ty));
        }
        text.push(')');
        let results: Vec<String> = self.results.iter().map(|ty| DisplayType(ty).to_string()).collect();
        let _ = match &results[..] {
            [] => Ok(()),
            [one] => write!(text, " -> {one}"),
            more => write!(text, " -> ({})", more.join(", ")),
        };
        text
    }

    /// Whether all its values can be written as text: no handles, streams or references.
    pub(super) fn is_plain(&self) -> bool {
        self.parameters.iter().map(|(_, ty)| ty).chain(&self.results).all(is_plain)
    }
}

fn is_plain<T: WasmType>(ty: &T) -> bool {
    match ty.kind() {
        WasmTypeKind::Unsupported | WasmTypeKind::FixedLengthList => false,
        WasmTypeKind::List => ty.list_element_type().is_some_and(|ty| is_plain(&ty)),
        WasmTypeKind::Option => ty.option_some_type().is_some_and(|ty| is_plain(&ty)),
        WasmTypeKind::Record => ty.record_fields().all(|(_, ty)| is_plain(&ty)),
        WasmTypeKind::Tuple => ty.tuple_element_types().all(|ty| is_plain(&ty)),
        WasmTypeKind::Variant => ty.variant_cases().all(|(_, ty)| ty.is_none_or(|ty| is_plain(&ty))),
        WasmTypeKind::Result => {
            let (ok, err) = ty.result_types().unwrap_or_default();
            ok.iter().chain(&err).all(is_plain)
        }
        _ => true,
    }
}
