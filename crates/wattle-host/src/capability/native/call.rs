//! One call of a native capability: what it is called on, and for whom.

use std::time::Instant;

use wasmtime::component::ResourceTable;
use wattle_spec::name::{AppId, ComponentName};

use super::NativeCapability;
use crate::instance::{Current, Deadline, Guest, MEMBERS_MAX, Split, for_each_member};
use crate::invocation::{RequestId, TriggerKind};

/// One call of a native capability `C` by a component.
pub struct NativeCall<'a, C> {
    capability: &'a C,
    current: &'a Current,
    table: &'a mut ResourceTable,
    deadline: &'a Deadline,
}

impl<'a, C> NativeCall<'a, C> {
    /// What the host was built with.
    pub fn capability(&self) -> &'a C {
        self.capability
    }

    /// Whose component calls.
    pub fn app(&self) -> &'a AppId {
        &self.current.identity().app
    }

    /// Which component of the app calls. One that others call `together` with themselves is told by its own name.
    pub fn component(&self) -> &'a ComponentName {
        &self.current.identity().name
    }

    /// The request, or the run, that the instance works for. One that serves several at a time goes by the latest.
    pub fn request(&self) -> RequestId {
        self.current.request()
    }

    /// What called the instance.
    pub fn trigger(&self) -> TriggerKind {
        self.current.trigger()
    }

    /// When the call is given up, with all that it waits for, if it has not returned. `None`: nobody gives it up.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.instant()
    }

    /// The resources of the instance: what a component holds by a handle is put here, and is dropped with the instance at
    /// the latest. How many there can be is limited (`handles`).
    pub fn table(&mut self) -> &mut ResourceTable {
        self.table
    }
}

fn view<const MEMBER: usize, C: NativeCapability>(guest: &mut Guest) -> NativeCall<'_, C> {
    let Split { member, table, deadline, .. } = guest.split::<MEMBER>();
    NativeCall { capability: member.identity.natives.get(), current: &member.current, table, deadline }
}

/// What each component of a store sees of `C`.
pub(super) const fn views<C: NativeCapability>() -> [super::ViewNative<C>; MEMBERS_MAX] {
    for_each_member!(view of C)
}
