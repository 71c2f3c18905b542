//! The components of a store. Most have one; those that are called `together` share the store of their caller, each with
//! an identity, links, files and a log of its own.

use std::fmt;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::cli::WasiCliCtxView;
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::sockets::WasiSocketsCtxView;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView};
use wattle_spec::resolve::TOGETHER_MAX;

use super::{Current, Deadline, Guest, LineLog, LinksInForce, Wasi};
use crate::capability::blobs::Ahead;
use crate::capability::http::{self, HttpHooks};
use crate::component::Identity;
use crate::outgoing::Found;

/// The most components that one store holds.
pub(crate) const MEMBERS_MAX: usize = TOGETHER_MAX;

/// Which of the components of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemberId(u8);

impl MemberId {
    /// The one that the store was made for.
    pub(crate) const FIRST: Self = Self(0);

    /// All that there can be.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..MEMBERS_MAX as u8).map(Self)
    }

    /// What is its own among `all`.
    pub(crate) fn of<T: Copy>(self, all: [T; MEMBERS_MAX]) -> T {
        all[usize::from(self.0)]
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}", self.0)
    }
}

/// For each component of a store, the function by which its calls of the host find what is its own.
macro_rules! for_each_member {
    ($view:ident) => {
        [$view::<0>, $view::<1>, $view::<2>, $view::<3>, $view::<4>, $view::<5>, $view::<6>, $view::<7>]
    };
    ($view:ident of $what:ty) => {
        [
            $view::<0, $what>,
            $view::<1, $what>,
            $view::<2, $what>,
            $view::<3, $what>,
            $view::<4, $what>,
            $view::<5, $what>,
            $view::<6, $what>,
            $view::<7, $what>,
        ]
    };
}
pub(crate) use for_each_member;

/// What a store holds for one of its components.
pub(crate) struct Member {
    pub(super) wasi: Wasi,
    /// What the names lead to that it has looked up.
    pub(crate) found: Found,
    http: WasiHttpCtx,
    hooks: HttpHooks,
    /// Who this is.
    pub(crate) identity: Arc<Identity>,
    /// What its imports lead to.
    pub(crate) links: LinksInForce,
    /// Where its lines go.
    pub(crate) log: LineLog,
    /// What it does now.
    pub(crate) current: Current,
}

impl Member {
    pub(super) fn new(current: Current, (wasi, found): (Wasi, Found)) -> Self {
        let identity = current.identity().clone();
        let log = LineLog::new(current.clone());
        Self {
            wasi,
            found,
            http: http::context(&identity.limits),
            hooks: HttpHooks::new(log.clone()),
            links: LinksInForce::of_new(&current),
            identity,
            log,
            current,
        }
    }

    /// From now on its imports lead where those of a new instance do.
    pub(super) fn renew_links(&mut self) {
        self.links = LinksInForce::of_new(&self.current);
    }

    /// Whether its links were changed since its invocation began.
    pub(super) fn has_old_links(&self) -> bool {
        self.links.are_old(&self.identity)
    }

    fn component(&mut self) -> &mut WasiCtx {
        match &mut self.wasi {
            Wasi::Component(context) => context,
            Wasi::Module(context) => context.ctx().ctx,
        }
    }

    /// What the engine's own WASI works on.
    pub(super) fn wasi<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiCtxView<'a> {
        match &mut self.wasi {
            Wasi::Component(context) => WasiCtxView { ctx: context, table },
            Wasi::Module(context) => context.ctx(),
        }
    }

    pub(super) fn http<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiHttpCtxView<'a> {
        WasiHttpCtxView { ctx: &mut self.http, table, hooks: &mut self.hooks }
    }
}

/// One of the components of a store, and what all of them share.
pub(crate) struct Split<'a> {
    pub(crate) member: &'a mut Member,
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) blobs_ahead: &'a mut Ahead,
    pub(crate) deadline: &'a Deadline,
}

impl Guest {
    /// The component with the number `MEMBER`: only those of stores with that many are joined to what asks for it.
    pub(crate) fn split<const MEMBER: usize>(&mut self) -> Split<'_> {
        let Self { first, others, table, blobs_ahead, deadline, .. } = self;
        let member = match MEMBER.checked_sub(1) {
            None => first,
            Some(other) => &mut others[other],
        };
        Split { member, table, blobs_ahead, deadline }
    }

    /// The component with this number.
    pub(crate) fn member_mut(&mut self, id: MemberId) -> &mut Member {
        match usize::from(id.0).checked_sub(1) {
            None => &mut self.first,
            Some(other) => &mut self.others[other],
        }
    }

    /// The same, to look at.
    pub(crate) fn member(&self, id: MemberId) -> &Member {
        match usize::from(id.0).checked_sub(1) {
            None => &self.first,
            Some(other) => &self.others[other],
        }
    }
}

/// The arguments, the environment and the standard streams of a component.
pub(crate) fn cli<const MEMBER: usize>(guest: &mut Guest) -> WasiCliCtxView<'_> {
    let Split { member, table, .. } = guest.split::<MEMBER>();
    WasiCliCtxView { ctx: member.component().cli(), table }
}

/// The files of a component.
pub(crate) fn filesystem<const MEMBER: usize>(guest: &mut Guest) -> WasiFilesystemCtxView<'_> {
    let Split { member, table, .. } = guest.split::<MEMBER>();
    WasiFilesystemCtxView { ctx: member.component().filesystem(), table }
}

/// The sockets of a component.
pub(crate) fn sockets<const MEMBER: usize>(guest: &mut Guest) -> WasiSocketsCtxView<'_> {
    let Split { member, table, .. } = guest.split::<MEMBER>();
    WasiSocketsCtxView { ctx: member.component().sockets(), table }
}

/// The way out of a component.
pub(crate) fn http<const MEMBER: usize>(guest: &mut Guest) -> WasiHttpCtxView<'_> {
    let Split { member, table, .. } = guest.split::<MEMBER>();
    member.http(table)
}
