//! Where a component is entered outside of HTTP.

use wasmtime::Store;
use wasmtime::component::{Accessor, InstancePre};
use wasmtime_wasi::{p2, p3};
use wattle_spec::shape::Kind;

use crate::capability::wasi::CommandLine;
use crate::component::{Component, Program};
use crate::instance::Guest;

/// Which export is called with what.
pub(crate) trait Entry: Send + 'static {
    /// What the call gives.
    type Value: Send + 'static;

    /// What the instance is called with.
    fn command_line(&self) -> CommandLine {
        CommandLine::default()
    }

    /// Makes an instance of `component` in `store` and calls it.
    fn enter(
        self,
        component: &Component,
        store: &mut Store<Guest>,
    ) -> impl Future<Output = wasmtime::Result<Self::Value>> + Send;
}

/// The entry of commands: `wasi:cli/run`, or `_start` of a core module. It gives the code that the command ends with.
pub(crate) struct Main(pub(crate) CommandLine);

impl Entry for Main {
    type Value = u8;

    fn command_line(&self) -> CommandLine {
        self.0.clone()
    }

    async fn enter(self, component: &Component, store: &mut Store<Guest>) -> wasmtime::Result<u8> {
        match &component.program {
            Program::Module(pre) => {
                let instance = pre.instantiate_async(&mut *store).await?;
                let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
                start.call_async(store, ()).await.map(|()| 0)
            }
            Program::Component(pre) => {
                let returned = match component.identity.kind == Kind::Component03 && exports_run_03(pre) {
                    true => run_03(pre, store).await?,
                    false => run_02(pre, store).await?,
                };
                Ok(u8::from(returned.is_err()))
            }
        }
    }
}

/// Whether it exports `wasi:cli/run` of 0.3.
pub(crate) fn exports_run_03(pre: &InstancePre<Guest>) -> bool {
    p3::bindings::CommandIndices::new(pre).is_ok()
}

/// Whether it exports `wasi:cli/run` of 0.2.
pub(crate) fn exports_run_02(pre: &InstancePre<Guest>) -> bool {
    p2::bindings::CommandPre::new(pre.clone()).is_ok()
}

async fn run_02(pre: &InstancePre<Guest>, store: &mut Store<Guest>) -> wasmtime::Result<Result<(), ()>> {
    let command = p2::bindings::CommandPre::new(pre.clone())?.instantiate_async(&mut *store).await?;
    command.wasi_cli_run().call_run(store).await
}

async fn run_03(pre: &InstancePre<Guest>, store: &mut Store<Guest>) -> wasmtime::Result<Result<(), ()>> {
    let indices = p3::bindings::CommandIndices::new(pre)?;
    let instance = pre.instantiate_async(&mut *store).await?;
    let command = indices.load(&mut *store, &instance)?;
    store.run_concurrent(async |accessor| run_to_end(&command, accessor).await).await?
}

/// Runs `command`, and what the guest has left to do when it has returned.
pub(crate) async fn run_to_end(
    command: &p3::bindings::Command,
    accessor: &Accessor<Guest>,
) -> wasmtime::Result<Result<(), ()>> {
    let returned = command.wasi_cli_run().call_run(accessor).await;
    std::future::poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
    returned
}
