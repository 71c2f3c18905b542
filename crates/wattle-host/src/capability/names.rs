//! `wasi:sockets/ip-name-lookup`, 0.2 and 0.3: names as the component may look them up.
//!
//! It takes the place of the engine's own, which asks the C library for every name.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::vec;

use tracing::Level;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::p3::bindings::sockets::{ip_name_lookup, types};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

use crate::engine::Profile;
use crate::instance::{Guest, Source};
use crate::outgoing::LookupError;

const P2: &str = "wasi:sockets/ip-name-lookup@0.2.12";
const P3: &str = "wasi:sockets/ip-name-lookup@0.3.0";

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

/// Puts these in the place of what `linker` has.
pub(super) fn link(linker: &mut Linker<Guest>, profile: Profile) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut names = linker.instance(P2)?;
    names.resource("resolve-address-stream", ResourceType::host::<Addresses>(), |mut store, handle| {
        store.data_mut().table.delete(Resource::<Addresses>::new_own(handle))?;
        Ok(())
    })?;
    names.func_wrap("resolve-addresses", |mut store, (_, name): (Resource<Network>, String)| {
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
    )?;
    if let Profile::Concurrent = profile {
        linker.instance(P3)?.func_wrap_concurrent("resolve-addresses", |accessor, (name,): (String,)| {
            Box::pin(async move {
                let looked = accessor.with(|mut access| look_up(access.data_mut(), name)).await;
                let found = looked.map(|all| all.into_iter().map(types::IpAddress::from).collect::<Vec<_>>());
                Ok((found.map_err(|error| code_p3(&error)),))
            })
        })?;
    }
    linker.allow_shadowing(false);
    Ok(())
}

/// Looks `name` up for `guest`, and tells the log where that was refused.
fn look_up(guest: &Guest, name: String) -> impl Future<Output = Looked> + Send + use<> {
    let (identity, core, log, found) =
        (guest.identity.clone(), guest.current.core(), guest.log.clone(), guest.found.clone());
    async move {
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
    }
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
