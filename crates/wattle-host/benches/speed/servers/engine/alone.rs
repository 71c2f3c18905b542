//! A component that is called by no other and by no server: each call has its own instance.

use std::path::Path;

use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wattle_spec::limits::ComponentLimits;

use super::{Concurrency, Guest, Limits, engine, store};

/// A component that adds.
pub(crate) struct Alone {
    pre: InstancePre<Guest>,
    add: ComponentExportIndex,
    limits: Limits,
}

impl Alone {
    /// `guest` exports `wattle:crossing/values`, and what it imports is not called.
    pub(crate) fn new(guest: &Path) -> Self {
        let limits = Limits::On(ComponentLimits::default());
        let joined = || {
            let engine = engine(limits, Concurrency::Off)?;
            let component = Component::from_file(&engine, guest)?;
            let mut linker = Linker::new(&engine);
            linker.define_unknown_imports_as_traps(&component)?;
            wasmtime::error::Ok((linker.instantiate_pre(&component)?, component))
        };
        let (pre, component) = joined().expect("the guest is a component");
        let values = component.get_export_index(None, "wattle:crossing/values@0.1.0");
        let add = component.get_export_index(values.as_ref(), "add").expect("the guest adds");
        Self { pre, add, limits }
    }

    /// Has an instance made that adds, and that ends.
    pub(crate) async fn add(&self, left: u32, right: u32) -> u32 {
        let added = async {
            let mut store = store(self.pre.engine(), self.limits);
            let instance = self.pre.instantiate_async(&mut store).await?;
            let add = instance.get_typed_func::<(u32, u32), (u32,)>(&mut store, self.add)?;
            add.call_async(&mut store, (left, right)).await
        };
        let (sum,) = added.await.expect("the guest adds");
        sum
    }
}
