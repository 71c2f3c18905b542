//! Capabilities of the program that embeds the host: interfaces that it implements beside those that are built in.
//!
//! They are joined import by import, so that each call knows whose it is, also where components share a store.

mod call;
mod registry;

use std::fmt;
use std::marker::PhantomData;

use wasmtime::component::{HasData, LinkerInstance};

pub use self::call::NativeCall;
pub(crate) use self::registry::Natives;
use crate::engine::Profile;
use crate::instance::Guest;

/// Interfaces that the program around the host implements, for components that import them.
///
/// The value is made once and called by all apps, on all cores at a time; a [`NativeCall`] has it, and says for whom the call
/// is. A function that waits for something is `async`: whoever blocks its thread holds up every request of that core.
pub trait NativeCapability: Sized + Send + Sync + 'static {
    /// The interfaces, of which nothing else provides one. This is asked once.
    fn interfaces(&self) -> Vec<NativeInterface<Self>>;
}

/// An interface of a native capability, and how an import of it is joined to it.
pub struct NativeInterface<C> {
    name: String,
    join: JoinNative<C>,
    profiles: &'static [Profile],
}

/// Joins one import of an interface: the `add_to_linker_instance` that `wasmtime::component::bindgen!` makes of it, or a
/// function that defines what the interface has on the instance. The calls find what they need through the second argument.
pub type JoinNative<C> = fn(&mut LinkerInstance<'_, Guest>, ViewNative<C>) -> wasmtime::Result<()>;

/// What a call of a native capability `C` finds in the store that it comes from.
pub type ViewNative<C> = fn(&mut Guest) -> NativeCall<'_, C>;

impl<C: NativeCapability> NativeInterface<C> {
    /// The interface `name`, written `namespace:package/interface@version`, each of whose imports is joined by `join`. It
    /// serves all versions that are compatible with that.
    pub fn new(name: impl Into<String>, join: JoinNative<C>) -> Self {
        Self { name: name.into(), join, profiles: &Profile::ALL }
    }

    /// The same with functions that are `async` in WIT, which only components of WASI 0.3 can import.
    #[must_use]
    pub fn concurrent(self) -> Self {
        Self { profiles: &[Profile::Concurrent], ..self }
    }
}

impl<C> fmt::Debug for NativeInterface<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeInterface").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Says in generated bindings that their functions work on calls of `C`: `add_to_linker_instance::<_, Native<C>>`.
pub struct Native<C>(PhantomData<fn() -> C>);

impl<C: NativeCapability> HasData for Native<C> {
    type Data<'a> = NativeCall<'a, C>;
}
