//! A component of an app as the provider of another one's import: a call goes to an instance of the callee's own, on the
//! caller's core, and plain values cross.
//!
//! Who the callee is, what it may and how long it takes is its own affair. What ends it is told to its caller as the
//! error of the call, if the function has one that can say it; else it ends the caller's invocation too.

mod admission;
mod apart;
mod arguments;
mod callees;
mod desk;
mod failure;
mod job;
mod living;
mod signature;
mod together;
mod under_way;

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{Component as Code, Linker, Val, types};
use wasmtime::format_err;
use wattle_spec::interface::Interface;
use wattle_spec::shape::Kind;

pub(crate) use self::admission::{Admission, LIMIT};
use self::apart::Apart;
pub(crate) use self::arguments::Arguments;
use self::arguments::Held;
use self::callees::Place;
pub(crate) use self::callees::{Callee, name_in_code, own_name, provided};
pub(crate) use self::desk::Desk;
use self::desk::Turns;
use self::job::Job;
pub(crate) use self::living::{Ended, Living};
use self::signature::Function;
pub(crate) use self::together::{Part, Wire, compose};
use crate::capability::patience::{Patience, last_moment};
use crate::component::{Component, Identity, Program};
use crate::cores::CoreId;
use crate::instance::{Deadline, Guest, Member, MemberId};
use crate::invocation::{Invocation, TriggerKind};
use crate::places::Places;
use crate::telemetry::{self, Called, Span};
use crate::trigger::call::Failed;

/// A component of an app, as others of that app call it.
pub(crate) struct Sibling {
    component: Arc<Component>,
    /// The interfaces that it exports.
    exports: Vec<Interface>,
    instances: Instances,
}

/// Where calls go.
enum Instances {
    /// To instances of a store each.
    Apart(Apart),
    /// To the one of a service.
    Living(Arc<Desk>),
}

/// Who calls: what of its invocation is the callee's, too.
struct Caller {
    name: String,
    core: CoreId,
    invocation: Invocation,
    patience: Patience,
    /// What its arguments hold, unless that is too much.
    held: Result<Held, Failed>,
    span: Option<Span>,
}

/// Joins what a `member` of the code `caller` imports under this name to whatever provides it when it is called. Beside the
/// name is the import's index among those that others provide to the member.
///
/// # Errors
///
/// If it does not import that.
pub(crate) fn join(
    linker: &mut Linker<Guest>,
    caller: &Code,
    member: MemberId,
    (import, at): (&str, usize),
) -> wasmtime::Result<()> {
    let wanted = signature::imported(caller, import).ok_or_else(|| format_err!("it does not import {import}"))?;
    // What the host has of that name is not what is meant.
    linker.allow_shadowing(true);
    let mut instance = linker.instance(import)?;
    for (number, (function, ty)) in wanted.into_iter().enumerate() {
        let place = Place { member, import: at, function: number };
        match ty.async_() {
            true => instance.func_new_concurrent(&function, move |accessor, ty, arguments, results| {
                Box::pin(async move {
                    let (callee, function, caller) =
                        accessor.with(|mut access| Sibling::called_at(place, access.data_mut(), arguments));
                    callee.call(caller, &function, &ty, (arguments, results)).await
                })
            })?,
            false => instance.func_new_async(&function, move |mut store, ty, arguments, results| {
                Box::new(async move {
                    let (callee, function, caller) = Sibling::called_at(place, store.data_mut(), arguments);
                    callee.call(caller, &function, &ty, (arguments, results)).await
                })
            })?,
        }
    }
    Ok(())
}

impl Sibling {
    /// A `component` that exports `exports`, on a host with so many `cores`, each call of which needs `admission`.
    pub(crate) fn apart<'a>(
        component: Arc<Component>,
        exports: impl IntoIterator<Item = &'a Interface>,
        cores: usize,
        admission: Admission,
    ) -> Arc<Self> {
        Self::new(component, exports, Instances::Apart(Apart::new(cores, admission)))
    }

    /// The same of a service.
    pub(crate) fn living<'a>(component: Arc<Component>, exports: impl IntoIterator<Item = &'a Interface>) -> Arc<Self> {
        let Identity { kind, limits, .. } = component.identity.as_ref();
        let turns = match kind {
            Kind::Component03 => {
                Turns::Places(Places::new(admission::LIMIT, &component.identity, limits.concurrent_calls))
            }
            Kind::Component02 | Kind::Module => Turns::One,
        };
        Self::new(component, exports, Instances::Living(Desk::new(turns)))
    }

    fn new<'a>(
        component: Arc<Component>,
        exports: impl IntoIterator<Item = &'a Interface>,
        instances: Instances,
    ) -> Arc<Self> {
        Arc::new(Self { component, exports: exports.into_iter().cloned().collect(), instances })
    }

    /// The component.
    pub(crate) fn component(&self) -> &Arc<Component> {
        &self.component
    }

    /// Where calls of its one instance wait, if it is a service.
    pub(crate) fn desk(&self) -> Option<&Arc<Desk>> {
        match &self.instances {
            Instances::Living(desk) => Some(desk),
            Instances::Apart(_) => None,
        }
    }

    /// Drops the instances of it that rest.
    pub(crate) fn clear(&self) {
        self.component.warm.clear();
        if let Instances::Apart(apart) = &self.instances {
            apart.clear();
        }
    }

    fn name(&self) -> String {
        self.component.identity.name.to_string()
    }

    /// The name under which it exports what serves `import`.
    fn export(&self, import: &Interface) -> wasmtime::Result<Interface> {
        let serving = self.exports.iter().find(|export| export.serves(import));
        serving.cloned().ok_or_else(|| format_err!("component {} does not export {import}", self.name()))
    }

    fn code(&self) -> wasmtime::Result<&Code> {
        let name = self.name();
        let Program::Component(pre) = &self.component.program else {
            return Err(format_err!("component {name} is a core module"));
        };
        let is_busy = self.desk().is_some() && !living::takes_calls(self.component.identity.kind, pre);
        match is_busy {
            true => Err(format_err!(
                "the service {name} is of WASI 0.2 and runs `wasi:cli/run`, during which it cannot be called: build it \
                 for WASI 0.3, or without `run`"
            )),
            false => Ok(pre.component()),
        }
    }

    /// A call with `arguments` by a component of `guest`, to whatever its import leads to now.
    fn called_at(place: Place, guest: &mut Guest, arguments: &[Val]) -> (Arc<Self>, Arc<Function>, Caller) {
        let (callee, function) = place.of(guest);
        let caller = callee.called_by(guest, place.member, &function, arguments);
        (callee, function, caller)
    }

    /// A call of `function` with `arguments` by a component of `guest`.
    fn called_by(&self, guest: &mut Guest, member: MemberId, function: &Function, arguments: &[Val]) -> Caller {
        let Member { current, identity, .. } = guest.member(member);
        let own = Instant::now() + self.component.identity.limits.deadline;
        // The callee is to be done before its caller must, unless that may change.
        let deadline = match &guest.deadline {
            Deadline::Of(deadline) => own.min(last_moment(*deadline)),
            Deadline::Shared(_) | Deadline::None => own,
        };
        let mut trace = current.trace();
        let kind = telemetry::Kind::Internal;
        let mut span = trace.as_ref().and_then(|trace| trace.child(kind, function.full_name.clone()));
        if let Some(span) = &mut span {
            span.set("wattle.component", self.name());
        }
        trace = trace.map(|trace| trace.below(span.as_ref()));
        let (request, trigger) = (current.request(), TriggerKind::Component);
        let invocation = Invocation { request, trigger, deadline: Some(deadline), trace, chain: current.chain() };
        Caller {
            name: identity.to_string(),
            core: current.core(),
            invocation,
            patience: Patience(guest.deadline.clone()),
            held: guest.arguments.hold(arguments, guest.first.identity.limits.host_call_bytes),
            span,
        }
    }

    async fn call(
        &self,
        caller: Caller,
        function: &Arc<Function>,
        ty: &types::ComponentFunc,
        (arguments, results): (&[Val], &mut [Val]),
    ) -> wasmtime::Result<()> {
        let Caller { name: caller, core, invocation, patience, held, mut span } = caller;
        let request = invocation.request;
        let called = Called::begin(self.component.identity.series.as_ref(), core);
        let job = |held| Job { function: function.clone(), arguments: arguments.to_vec(), invocation, _held: held };
        let answer = match (held.map(job), &self.instances) {
            (Err(too_much), _) => Err(too_much),
            (Ok(job), Instances::Living(desk)) => desk.call(job, &patience).await,
            (Ok(job), Instances::Apart(apart)) => apart.call(&self.component, core, job, &patience).await,
        };
        called.ended(failure::counted(&answer));
        let failed = match answer {
            Ok(returned) => {
                results.iter_mut().zip(returned).for_each(|(result, value)| *result = value);
                return Ok(());
            }
            Err(failed) => failed,
        };
        if let Some(span) = &mut span {
            span.fail("failed");
        }
        let identity = &self.component.identity;
        if identity.may_tell_failure() {
            let function = &function.full_name;
            tracing::warn!(component = %identity, %caller, %request, %function, "a call failed: {failed}");
        }
        let text = format!("component {}: {}", identity.name, brief(&failed));
        match (failure::value(ty, &text), &mut results[..]) {
            (Some(value), [result]) => {
                *result = value;
                Ok(())
            }
            _ => Err(format_err!("{text}, in {}", function.full_name)),
        }
    }
}

/// For another component: without the calls that led to it.
fn brief(failed: &Failed) -> String {
    match failed {
        Failed::Trapped(trap) => trap.to_string(),
        other => other.to_string(),
    }
}
