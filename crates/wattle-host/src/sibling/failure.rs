//! What ended a callee, as the error of the call: for functions whose error can carry a text.

use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Type, Val};

use super::job::Answer;
use crate::telemetry::CallEnd;
use crate::trigger::call::Failed;

/// The cases of an error that mean no more than that something went wrong: what a callee's end is said as, if its error
/// is a variant. Any other case means something to whoever gets it.
const GENERAL: [&str; 6] = ["other", "internal", "internal-error", "unexpected", "unknown", "unspecified"];

/// How a call ended that ended so, for those who count.
pub(super) fn counted(answer: &Answer) -> CallEnd {
    match answer {
        Ok(_) => CallEnd::Returned,
        Err(Failed::Exited(_)) => CallEnd::Exited,
        Err(Failed::Trapped(_)) => CallEnd::Trapped,
        Err(Failed::Deadline) => CallEnd::Deadline,
        Err(Failed::Busy(_)) => CallEnd::Busy,
        Err(Failed::NoRoom | Failed::Full { .. } | Failed::TooMuch) => CallEnd::NoRoom,
        Err(Failed::NotStarted | Failed::NotRunning | Failed::Over) => CallEnd::NotRunning,
        Err(Failed::Lost) => CallEnd::Lost,
    }
}

/// The value that a function of the type `ty` returns to say `text`. `None`: it has no error, or none for a text.
pub(super) fn value(ty: &ComponentFunc, text: &str) -> Option<Val> {
    let mut results = ty.results();
    let (Some(Type::Result(result)), None) = (results.next(), results.next()) else { return None };
    let error = error(&result.err()?, text)?;
    Some(Val::Result(Err(Some(Box::new(error)))))
}

fn error(ty: &Type, text: &str) -> Option<Val> {
    match ty {
        Type::String => Some(Val::String(text.to_owned())),
        Type::Option(option) => Some(Val::Option(Some(Box::new(error(&option.ty(), text)?)))),
        Type::Variant(variant) => GENERAL.iter().find_map(|general| {
            let case = variant.cases().find(|case| case.name == *general)?;
            let said = error(&case.ty?, text)?;
            Some(Val::Variant((*general).to_owned(), Some(Box::new(said))))
        }),
        _ => None,
    }
}
