//! The one living instance of a service, which others of its app call while it runs.
//!
//! One of WASI 0.3 answers several calls at a time; one of 0.2, which must not run anything else then, one after the
//! other. A call has as long as the service's own limit says, from when it begins.

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use wasmtime::component::{Accessor, Instance, InstancePre};
use wasmtime::{Store, format_err};
use wasmtime_wasi::p3::bindings::{Command, CommandIndices};
use wattle_spec::service::Cause;
use wattle_spec::shape::Kind;

use super::desk::Desk;
use super::job::{Called, Job};
use super::under_way::{Beside, Number, UnderWay};
use crate::capability::wasi::CommandLine;
use crate::component::{Component, Identity, Program};
use crate::instance::{Deadline, Guest};
use crate::invocation::Invocation;
use crate::trigger::call::{Failed, outcome};
use crate::trigger::entry::{Entry, Main, exports_run_02, exports_run_03, run_to_end};

/// The entry of a service: what it runs, and the calls that come meanwhile.
pub(crate) struct Living {
    pub(crate) main: Main,
    pub(crate) desk: Arc<Desk>,
}

/// How the instance of a service ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// With which code what it runs, or in which other way.
    pub(crate) how: Result<u8, Failed>,
    /// What may have ended it.
    pub(crate) cause: Cause,
}

/// Whether the living instance of a service with this code can be called. (The manifest of an app was checked for it; an
/// app may come from elsewhere.)
pub(super) fn takes_calls(kind: Kind, pre: &InstancePre<Guest>) -> bool {
    !exports_run_02(pre) || kind == Kind::Component03 && exports_run_03(pre)
}

impl Entry for Living {
    type Value = Ended;

    fn command_line(&self) -> CommandLine {
        self.main.command_line()
    }

    async fn enter(self, component: &Component, store: &mut Store<Guest>) -> wasmtime::Result<Ended> {
        let (kind, identity) = (component.identity.kind, &component.identity);
        match &component.program {
            Program::Component(pre) if takes_calls(kind, pre) => match kind {
                Kind::Component03 => concurrent(&self.desk, identity, pre, store).await,
                Kind::Component02 | Kind::Module => serial(&self.desk, identity, pre, store).await,
            },
            _ => {
                let code = self.main.enter(component, store).await?;
                Ok(Ended { how: Ok(code), cause: Cause::Itself })
            }
        }
    }
}

/// Runs the service, if it runs anything, and answers what comes meanwhile.
async fn concurrent(
    desk: &Desk,
    identity: &Identity,
    pre: &InstancePre<Guest>,
    store: &mut Store<Guest>,
) -> wasmtime::Result<Ended> {
    let instance = pre.instantiate_async(&mut *store).await?;
    let Some(places) = desk.places() else {
        return Err(format_err!("it answers one call at a time"));
    };
    let command = match exports_run_03(pre) {
        true => Some(CommandIndices::new(pre)?.load(&mut *store, &instance)?),
        false => None,
    };
    let beside = if command.is_some() { Beside::Run } else { Beside::Nothing };
    let current = store.data().first.current.clone();
    let under_way = UnderWay::new(places.clone(), current, beside);
    let answering = Answering { identity, instance: &instance, under_way: &under_way };
    let ended = {
        let driven = store.run_concurrent(async |accessor| {
            tokio::select! {
                biased;
                returned = run(command.as_ref(), accessor) => returned,
                error = answering.all(accessor, desk) => Err(error),
            }
        });
        tokio::select! {
            // What is inside gets its turn before it is judged.
            biased;
            ended = driven => ended.flatten(),
            verdict = under_way.verdict() => Err(verdict.into()),
        }
    };
    let how = ended.map(|returned| u8::from(returned.is_err())).map_err(|error| ended_by(error, store));
    let cause = under_way.cause();
    under_way.lose();
    Ok(Ended { how, cause })
}

async fn run(command: Option<&Command>, accessor: &Accessor<Guest>) -> wasmtime::Result<Result<(), ()>> {
    match command {
        Some(command) => run_to_end(command, accessor).await,
        None => std::future::pending().await,
    }
}

/// What an instance needs to answer several calls at a time.
struct Answering<'a> {
    identity: &'a Identity,
    instance: &'a Instance,
    under_way: &'a UnderWay,
}

impl Answering<'_> {
    /// Answers calls as they come, each beside the others. What ends the instance is returned.
    async fn all(&self, accessor: &Accessor<Guest>, desk: &Desk) -> wasmtime::Error {
        let mut calls = desk.open().await;
        let mut answering = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(answered) = answering.next() => {
                    if let Err(error) = answered {
                        return error;
                    }
                }
                Some(waiting) = calls.recv(), if self.under_way.has_room() => {
                    answering.extend(waiting.begin().map(|called| self.begin(accessor, called)));
                }
                else => std::future::pending().await,
            }
        }
    }

    /// Gives a call its place; what is returned answers it.
    fn begin<'a>(
        &'a self,
        accessor: &'a Accessor<Guest>,
        called: Called,
    ) -> impl Future<Output = wasmtime::Result<()>> + 'a {
        let Called { job, answer } = called;
        let invocation = begun(self.identity, &job);
        let number = self.under_way.begin(&invocation, answer);
        self.answer(accessor, Job { invocation, ..job }, number)
    }

    async fn answer(&self, accessor: &Accessor<Guest>, job: Job, number: Number) -> wasmtime::Result<()> {
        let function = accessor.with(|mut access| self.instance.get_func(&mut access, job.function.index));
        let function = function.ok_or_else(|| job.function.lacking())?;
        let mut call = std::pin::pin!(async {
            let mut results = job.results();
            function.call_concurrent(accessor, &job.arguments, &mut results).await.map(|()| results)
        });
        let returned = match job.invocation.within(call.as_mut()).await {
            Ok(returned) => returned?,
            Err(_) => {
                self.under_way.late(number);
                // Nothing can end it but the end of the instance.
                call.await?
            }
        };
        self.under_way.end(number, returned);
        Ok(())
    }
}

/// Answers what comes, one call after the other.
async fn serial(
    desk: &Desk,
    identity: &Identity,
    pre: &InstancePre<Guest>,
    store: &mut Store<Guest>,
) -> wasmtime::Result<Ended> {
    let instance = pre.instantiate_async(&mut *store).await?;
    let mut calls = desk.open().await;
    let mut has_answered = false;
    while let Some(waiting) = calls.recv().await {
        let Some(Called { job, answer }) = waiting.begin() else { continue };
        let invocation = begun(identity, &job);
        store.data_mut().wake(&invocation);
        store.set_epoch_deadline(1);
        let function = instance.get_func(&mut *store, job.function.index).ok_or_else(|| job.function.lacking())?;
        let mut results = job.results();
        // Nothing else gets a turn before it ends.
        let ended = invocation.within(function.call_async(&mut *store, &job.arguments, &mut results)).await;
        if let Err(how) = outcome(ended, store) {
            let _ = answer.send(Err(how.clone()));
            return Ok(Ended { how: Err(how), cause: Cause::Call { ended: None, has_answered } });
        }
        has_answered = true;
        let _ = answer.send(Ok(results));
        let guest = store.data_mut();
        guest.deadline = Deadline::None;
        guest.first.current.rest();
    }
    Ok(Ended { how: Ok(0), cause: Cause::Itself })
}

/// The call as it begins now: it has the time that the service gives it, however long it has waited.
fn begun(identity: &Identity, job: &Job) -> Invocation {
    Invocation { deadline: Some(Instant::now() + identity.limits.deadline), ..job.invocation.clone() }
}

/// How `error` ended the instance of `store`.
fn ended_by(error: wasmtime::Error, store: &Store<Guest>) -> Failed {
    match outcome::<()>(Ok(Err(error)), store) {
        Err(failed) => failed,
        Ok(()) => unreachable!("invariant: an error is a failure"),
    }
}
