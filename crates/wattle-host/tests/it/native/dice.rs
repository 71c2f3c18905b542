//! Dice that remember who rolled them, and the app that rolls them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use wattle_host::wattle_spec::name::AppId;
use wattle_host::{Host, Native, NativeCall, NativeCapability, NativeInterface, ResolveError, Resolved};
use wattle_testkit::guests;

mod bindings {
    wattle_host::wasmtime::component::bindgen!({
        inline: "package acme:dice@0.1.0;
                 interface roll { roll: func(sides: u32) -> u32; }
                 world house { import roll; }",
        imports: { default: async },
        wasmtime_crate: wattle_host::wasmtime,
    });
}
use bindings::acme::dice::roll;

/// Dice that show as much as they have sides. One with 13 sides panics, and one with 1000 waits to be released.
#[derive(Clone, Default)]
pub(super) struct Dice(Arc<State>);

#[derive(Default)]
struct State {
    calls: Mutex<Vec<Call>>,
    /// How often each app has rolled.
    rolls: Mutex<BTreeMap<AppId, usize>>,
    waiting: AtomicUsize,
    released: Notify,
}

/// A call that was seen.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) app: String,
    pub(super) component: String,
    pub(super) trigger: String,
    pub(super) request: String,
    pub(super) left: Option<Duration>,
    pub(super) sides: u32,
}

impl Dice {
    pub(super) fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().unwrap().clone()
    }

    /// How many wait now.
    pub(super) fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn release(&self) {
        self.0.released.notify_waiters();
    }

    async fn wait(&self) {
        let _waiting = Waiting::on(&self.0.waiting);
        self.0.released.notified().await;
    }
}

/// Somebody waits until this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn on(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl NativeCapability for Dice {
    /// A later version than the guest's, of the same track.
    fn interfaces(&self) -> Vec<NativeInterface<Self>> {
        vec![NativeInterface::new("acme:dice/roll@0.1.7", roll::add_to_linker_instance::<_, Native<Self>>)]
    }
}

impl roll::Host for NativeCall<'_, Dice> {
    async fn roll(&mut self, sides: u32) -> u32 {
        let left = self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let (app, component) = (self.app().name.to_string(), self.component().to_string());
        let (trigger, request) = (self.trigger().to_string(), self.request().to_string());
        let state = &self.capability().0;
        state.calls.lock().unwrap().push(Call { app, component, trigger, request, left, sides });
        *state.rolls.lock().unwrap().entry(self.app().clone()).or_default() += 1;
        match sides {
            13 => panic!("nobody has such a die"),
            1000 => self.capability().wait().await,
            _ => {}
        }
        sides * 10 + state.rolls.lock().unwrap()[self.app()] as u32 % 10
    }
}

/// The app `name`, whose croupier has these `lines` more and answers below the path of that name.
pub(super) fn casino(host: &Host, name: &str, lines: &str) -> Result<Resolved, ResolveError> {
    let manifest = format!(
        "name = \"{name}\"\n[[triggers.http]]\npath = \"/{name}/...\"\ncomponent = \"croupier\"\n\
         [components.croupier]\nsource = \"croupier.wasm\"\n{lines}\n"
    );
    host.resolve(&manifest, [("croupier", std::fs::read(guests::croupier()).unwrap())])
}
