//! What a component exports to take messages, and instances of it that are called more than once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, InstancePre, Resource, TypedFunc};
use wattle_backend::bus::Message;
use wattle_spec::shape::MessageHandler;

use crate::capability::bindings::wasi::messaging::types::Error;
use crate::capability::bindings::wasmcloud::messaging::types::BrokerMessage;
use crate::capability::messaging::GuestMessage;
use crate::component::{Component, Program};
use crate::cores::CoreId;
use crate::instance::{Deadline, Guest, new_store};
use crate::invocation::Invocation;
use crate::trigger::call::{Failed, outcome};

/// Which function of a component is called.
pub(super) struct Handler {
    handler: MessageHandler,
    function: ComponentExportIndex,
}

/// That function in one instance.
enum Bound {
    Wasi(TypedFunc<(Resource<GuestMessage>,), (Result<(), Error>,)>),
    Wasmcloud(TypedFunc<(BrokerMessage,), (Result<(), String>,)>),
}

/// An instance that takes messages, one at a time.
pub(super) struct Instance {
    store: Store<Guest>,
    bound: Bound,
    /// How many more it takes.
    left: u32,
}

/// Instances of one component that rest on one core.
#[derive(Default)]
pub(super) struct Warm(Mutex<Vec<Instance>>);

impl Handler {
    /// The export of `program` that `handler` speaks of.
    pub(super) fn find(handler: MessageHandler, program: &Program) -> Option<Self> {
        let Program::Component(pre) = program else { return None };
        let interface = pre.component().get_export_index(None, &*handler.interface().to_string())?;
        let name = match handler {
            MessageHandler::Wasi => "handle",
            MessageHandler::Wasmcloud => "handle-message",
        };
        let function = pre.component().get_export_index(Some(&interface), name)?;
        Some(Self { handler, function })
    }

    async fn bind(&self, pre: &InstancePre<Guest>, store: &mut Store<Guest>) -> wasmtime::Result<Bound> {
        let instance = pre.instantiate_async(&mut *store).await?;
        Ok(match self.handler {
            MessageHandler::Wasi => Bound::Wasi(instance.get_typed_func(store, self.function)?),
            MessageHandler::Wasmcloud => Bound::Wasmcloud(instance.get_typed_func(store, self.function)?),
        })
    }
}

impl Bound {
    /// Calls it. What the guest says to be wrong is text.
    async fn call(&self, store: &mut Store<Guest>, message: &Message) -> wasmtime::Result<Result<(), String>> {
        match self {
            Bound::Wasi(function) => {
                let message = store.data_mut().table.push(GuestMessage::received(message))?;
                let (returned,) = function.call_async(store, (message,)).await?;
                Ok(returned.map_err(text))
            }
            Bound::Wasmcloud(function) => {
                let (returned,) = function.call_async(store, (BrokerMessage::received(message),)).await?;
                Ok(returned)
            }
        }
    }
}

fn text(error: Error) -> String {
    match error {
        Error::Timeout => "timeout".to_owned(),
        Error::Connection(text) => format!("connection: {text}"),
        Error::PermissionDenied(text) => format!("permission denied: {text}"),
        Error::Other(text) => text,
    }
}

impl Instance {
    /// A new one, for `invocation` first.
    pub(super) async fn start(
        handler: &Handler,
        component: &Component,
        core: CoreId,
        invocation: &Invocation,
    ) -> Result<Self, Failed> {
        let Program::Component(pre) = &component.program else { return Err(Failed::Lost) };
        let mut store = new_store(component, core, invocation);
        let bound = invocation.within(handler.bind(pre, &mut store)).await;
        let bound = outcome(bound, &store)?;
        Ok(Self { store, bound, left: component.policy.reuse.get() })
    }

    /// Whether links were changed since its invocation began: what it holds open is of the old ones.
    pub(super) fn has_old_links(&self) -> bool {
        self.store.data().has_old_links()
    }

    /// Prepares one that has rested for `invocation`.
    pub(super) fn wake(&mut self, invocation: &Invocation) {
        self.store.data_mut().wake(invocation);
        self.store.set_epoch_deadline(1);
    }

    /// Lets it handle `message`.
    pub(super) async fn handle(
        &mut self,
        message: &Message,
        invocation: &Invocation,
    ) -> Result<Result<(), String>, Failed> {
        self.left -= 1;
        let ended = invocation.within(self.bound.call(&mut self.store, message)).await;
        outcome(ended, &self.store)
    }
}

impl Warm {
    /// One that rests, if one does: the last that was used.
    pub(super) fn take(&self) -> Option<Instance> {
        self.resting().pop()
    }

    /// Lets an instance rest that has returned, if it takes more.
    pub(super) fn give_back(&self, mut instance: Instance) {
        if instance.left > 0 {
            instance.store.data_mut().deadline = Deadline::None;
            self.resting().push(instance);
        }
    }

    /// Whether none rests.
    pub(super) fn is_empty(&self) -> bool {
        self.resting().is_empty()
    }

    /// Drops all that rest.
    pub(super) fn clear(&self) {
        // Dropped when the lock is given back.
        let _resting = std::mem::take(&mut *self.resting());
    }

    // A list is whole at every point where a panic could come.
    fn resting(&self) -> MutexGuard<'_, Vec<Instance>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
