//! One run: from the component to an instance, to its entry, to its end.

use wasmtime::Store;
use wasmtime::component::InstancePre;
use wasmtime_wasi::{p2, p3};
use wattle_spec::shape::Kind;

use super::call::Call;
use super::{Command, CommandError, Ended, Start};
use crate::component::{Component, Program};
use crate::instance::{Guest, ProcessStreams, command_store};

/// Runs `command` to its end.
pub(super) async fn run(
    component: &Component,
    command: &Command,
    streams: &ProcessStreams,
) -> Result<Ended, CommandError> {
    let call = match &command.start {
        Start::Main => None,
        Start::Export(text) => {
            let refused = |fault| CommandError::Call { call: text.clone(), fault: Box::new(fault) };
            Some(Call::read(text, &component.program).map_err(refused)?)
        }
    };
    let mut store = command_store(&component.engine, &component.identity, &command.arguments, streams);
    let ended = match call {
        Some(call) => call.make(&component.program, &mut store).await.map(Ended::Value),
        None => main(component, &mut store).await.map(Ended::Exit),
    };
    Ok(ended.unwrap_or_else(|error| Ended::with(&error, &store)))
}

/// Lets a command run. The code that it ends with.
async fn main(component: &Component, store: &mut Store<Guest>) -> wasmtime::Result<u8> {
    match &component.program {
        Program::Module(pre) => {
            let instance = pre.instantiate_async(&mut *store).await?;
            let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
            start.call_async(store, ()).await.map(|()| 0)
        }
        Program::Component(pre) => {
            let returned = match exports_run_03(component.identity.kind, pre) {
                true => run_03(pre, store).await?,
                false => run_02(pre, store).await?,
            };
            Ok(u8::from(returned.is_err()))
        }
    }
}

fn exports_run_03(kind: Kind, pre: &InstancePre<Guest>) -> bool {
    kind == Kind::Component03 && p3::bindings::CommandIndices::new(pre).is_ok()
}

async fn run_02(pre: &InstancePre<Guest>, store: &mut Store<Guest>) -> wasmtime::Result<Result<(), ()>> {
    let command = p2::bindings::CommandPre::new(pre.clone())?.instantiate_async(&mut *store).await?;
    command.wasi_cli_run().call_run(store).await
}

/// What the guest has left to do when it has returned, it still does.
async fn run_03(pre: &InstancePre<Guest>, store: &mut Store<Guest>) -> wasmtime::Result<Result<(), ()>> {
    let indices = p3::bindings::CommandIndices::new(pre)?;
    let instance = pre.instantiate_async(&mut *store).await?;
    let command = indices.load(&mut *store, &instance)?;
    let run = store.run_concurrent(async |accessor| {
        let returned = command.wasi_cli_run().call_run(accessor).await;
        std::future::poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
        returned
    });
    run.await?
}
