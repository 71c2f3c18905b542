//! A call of one export with typed arguments, in the text form of component values
//! ([WAVE](https://github.com/bytecodealliance/wasm-tools/tree/main/crates/wasm-wave)): `add(1, 2)`.

use wasmtime::component::wasm_wave::parser::ParserError;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::wasm_wave::wasm::{DisplayFuncResults, WasmType, WasmValue};
use wasmtime::component::{self, InstancePre};
use wasmtime::{Store, Val};
use wattle_spec::fault::Fault;

use super::signature::{Function, find, of_component, of_module};
use crate::component::Program;
use crate::instance::Guest;

/// What a core module that is no command may ask to be called before anything else.
const INITIALIZE: &str = "_initialize";

/// A call that fits the function.
pub(super) enum Call {
    Component { interface: Option<String>, name: String, arguments: Vec<component::Val>, results: usize },
    Module { name: String, arguments: Vec<Val>, results: usize },
}

impl Call {
    /// Reads `text` as a call of an export of `program`.
    pub(super) fn read(text: &str, program: &Program) -> Result<Self, Fault> {
        let asked = text.split('(').next().unwrap_or_default();
        Ok(match program {
            Program::Component(pre) => {
                let function = meant(of_component(pre.component()), asked)?;
                let arguments = arguments(text, asked.len(), &function)?;
                let Function { interface, name, results, .. } = function;
                Call::Component { interface, name, arguments, results: results.len() }
            }
            Program::Module(pre) => {
                let function = meant(of_module(pre.module()), asked)?;
                let arguments = arguments(text, asked.len(), &function)?;
                Call::Module { name: function.name, arguments, results: function.results.len() }
            }
        })
    }

    /// Calls the function in a new instance. What it returned, as text, if it returns anything.
    pub(super) async fn make(self, program: &Program, store: &mut Store<Guest>) -> wasmtime::Result<Option<String>> {
        match (self, program) {
            (Call::Component { interface, name, arguments, results }, Program::Component(pre)) => {
                let function = function_of(pre, store, interface.as_deref(), &name).await?;
                let mut returned = vec![component::Val::Bool(false); results];
                function.call_async(store, &arguments, &mut returned).await?;
                Ok(told(&returned))
            }
            (Call::Module { name, arguments, results }, Program::Module(pre)) => {
                let instance = pre.instantiate_async(&mut *store).await?;
                if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, INITIALIZE) {
                    initialize.call_async(&mut *store, ()).await?;
                }
                let function = instance.get_func(&mut *store, &name).ok_or_else(|| gone(&name))?;
                let mut returned = vec![Val::I32(0); results];
                function.call_async(store, &arguments, &mut returned).await?;
                Ok(told(&returned))
            }
            _ => unreachable!("invariant: a call is made of the program that it was read for"),
        }
    }
}

fn meant<T: WasmType>(functions: Vec<Function<T>>, asked: &str) -> Result<Function<T>, Fault> {
    let name = asked.trim();
    if name.is_empty() {
        return Err(Fault::new("a call begins with the name of a function").at(0..0).hint("as in `add(1, 2)`"));
    }
    let start = asked.len() - asked.trim_start().len();
    find(functions, name).map_err(|(message, hint)| Fault::new(message).at(start..start + name.len()).hint(hint))
}

/// The arguments in `text`, which begin behind a name of `name_len` bytes.
fn arguments<V>(text: &str, name_len: usize, function: &Function<V::Type>) -> Result<Vec<V>, Fault>
where
    V: WasmValue + 'static,
{
    if !function.is_plain() {
        let message = format!("`{}` takes or gives what has no text form, such as resources or streams", function.name);
        return Err(Fault::new(message).at(0..name_len).hint("call it from a component"));
    }
    // Names of exports are freer than those of WAVE, so it gets another in place of this one.
    let written = if text.len() == name_len { "()" } else { &text[name_len..] };
    let call = format!("f{written}");
    let types: Vec<_> = function.parameters.iter().map(|(_, ty)| ty).collect();
    let read = UntypedFuncCall::parse(&call).and_then(|call| call.to_wasm_params(types));
    read.map_err(|error| {
        let place = |at: usize| (at + name_len).saturating_sub(1).min(text.len());
        let span = place(error.span().start)..place(error.span().end);
        Fault::new(words(&error)).at(span).hint(format!("its signature is `{}`", function.signature()))
    })
}

fn words(error: &ParserError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    match cause.as_deref().or(error.detail()) {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

async fn function_of(
    pre: &InstancePre<Guest>,
    store: &mut Store<Guest>,
    interface: Option<&str>,
    name: &str,
) -> wasmtime::Result<component::Func> {
    let instance = pre.instantiate_async(&mut *store).await?;
    let outer = match interface {
        Some(interface) => {
            let index = instance.get_export_index(&mut *store, None, interface);
            Some(index.ok_or_else(|| gone(interface))?)
        }
        None => None,
    };
    let index = instance.get_export_index(&mut *store, outer.as_ref(), name).ok_or_else(|| gone(name))?;
    instance.get_func(&mut *store, index).ok_or_else(|| gone(name))
}

fn gone(name: &str) -> wasmtime::Error {
    wasmtime::format_err!("the instance lacks the export {name} that its type has")
}

fn told<V: WasmValue>(returned: &[V]) -> Option<String> {
    (!returned.is_empty()).then(|| DisplayFuncResults(returned).to_string())
}
