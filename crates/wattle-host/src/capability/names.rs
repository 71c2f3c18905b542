//! `wasi:sockets/ip-name-lookup`, 0.2 and 0.3: names as the component may look them up.
//!
//! It is in the place of the engine's own, which asks the C library for every name.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::vec;

use futures::FutureExt;
use futures::future::BoxFuture;
use tracing::Level;
use wasmtime::component::{LinkerInstance, Resource, ResourceType};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::p3::bindings::sockets::{ip_name_lookup, types};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

use super::joinable::Via;
use crate::instance::{Guest, MEMBERS_MAX, Member, Source, for_each_member};
use crate::outgoing::LookupError;

pub(super) const P2: &str = "wasi:sockets/ip-name-lookup@0.2.12";
pub(super) const P3: &str = "wasi:sockets/ip-name-lookup@0.3.0";

type Looked = Result<Vec<IpAddr>, LookupError>;

/// The resource `resolve-address-stream`.
enum Addresses {
    Waiting(AbortOnDropJoinHandle<Looked>),
    Done(Result<vec::IntoIter<IpAddr>, ErrorCode>),
}

impl Addresses {
    fn done(looked: Looked) -> Self {
        Self::Done(looked.map(Vec::into_iter).map_err(|error| code(&error)))
    }

    /// What there is by now.
    fn next(&mut self) -> Result<Option<IpAddress>, ErrorCode> {
        match self {
            Addresses::Waiting(_) => Err(ErrorCode::WouldBlock),
            Addresses::Done(Ok(addresses)) => Ok(addresses.next().map(Into::into)),
            Addresses::Done(Err(code)) => Err(*code),
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Addresses {
    async fn ready(&mut self) {
        if let Addresses::Waiting(lookup) = self {
            let looked = poll_fn(|cx| Pin::new(&mut *lookup).poll(cx)).await;
            *self = Self::done(looked);
        }
    }
}

/// Joins an import of 0.2.
pub(super) fn join_p2(names: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let look_up = via.of(LOOK_UP);
    names.resource("resolve-address-stream", ResourceType::host::<Addresses>(), |mut store, handle| {
        store.data_mut().table.delete(Resource::<Addresses>::new_own(handle))?;
        Ok(())
    })?;
    names.func_wrap("resolve-addresses", move |mut store, (_, name): (Resource<Network>, String)| {
        let guest = store.data_mut();
        let lookup = spawn(look_up(guest, name));
        Ok((Ok::<_, ErrorCode>(guest.table.push(Addresses::Waiting(lookup))?),))
    })?;
    names.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |mut store, (stream,): (Resource<Addresses>,)| Ok((store.data_mut().table.get_mut(&stream)?.next(),)),
    )?;
    names.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |mut store, (stream,): (Resource<Addresses>,)| -> wasmtime::Result<(Resource<DynPollable>,)> {
            Ok((subscribe(&mut store.data_mut().table, stream)?,))
        },
    )
}

/// Joins an import of 0.3.
pub(super) fn join_p3(names: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let look_up = via.of(LOOK_UP);
    names.func_wrap_concurrent("resolve-addresses", move |accessor, (name,): (String,)| {
        Box::pin(async move {
            let looked = accessor.with(|mut access| look_up(access.data_mut(), name)).await;
            let found = looked.map(|all| all.into_iter().map(types::IpAddress::from).collect::<Vec<_>>());
            Ok((found.map_err(|error| code_p3(&error)),))
        })
    })
}

/// How each component of a store looks names up.
const LOOK_UP: [fn(&mut Guest, String) -> BoxFuture<'static, Looked>; MEMBERS_MAX] = for_each_member!(look_up);

/// Looks `name` up for `guest`, and tells the log where that was refused.
fn look_up<const MEMBER: usize>(guest: &mut Guest, name: String) -> BoxFuture<'static, Looked> {
    let Member { identity, current, log, found, .. } = guest.split::<MEMBER>().member;
    let (identity, core, log, found) = (identity.clone(), current.core(), log.clone(), found.clone());
    let looked = async move {
        let looked = identity.outgoing.look_up(core, name, found).await;
        if let Err(error @ (LookupError::Denied(_) | LookupError::Prohibited { .. })) = &looked {
            let hint = match error {
                LookupError::Prohibited { class, .. } => {
                    format!("add `networks = [\"{class}\"]` to the component's `allow`")
                }
                _ => "add it with its port to `tcp` of the component's `allow`".to_owned(),
            };
            log.line(Source::Log(Level::WARN), "wasi:sockets", format!("{error} (to allow it, {hint})").as_bytes());
        }
        looked
    };
    looked.boxed()
}

fn code(error: &LookupError) -> ErrorCode {
    match error {
        LookupError::Denied(_) | LookupError::Prohibited { .. } => ErrorCode::AccessDenied,
        LookupError::NoName(_) => ErrorCode::InvalidArgument,
        LookupError::Unresolved(_) => ErrorCode::NameUnresolvable,
    }
}

fn code_p3(error: &LookupError) -> ip_name_lookup::ErrorCode {
    match error {
        LookupError::Denied(_) | LookupError::Prohibited { .. } => ip_name_lookup::ErrorCode::AccessDenied,
        LookupError::NoName(_) => ip_name_lookup::ErrorCode::InvalidArgument,
        LookupError::Unresolved(_) => ip_name_lookup::ErrorCode::NameUnresolvable,
    }
}
