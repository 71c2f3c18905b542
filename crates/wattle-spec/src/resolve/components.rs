//! One component with every default filled in.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;

use super::chains::crowd;
use super::{Found, Grants};
use crate::app::{ComponentSpec, InstancePolicy};
use crate::document::{Text, Written};
use crate::fault::Fault;
use crate::link::{Link, Provider};
use crate::manifest::{ComponentEntry, Instances, MountEntry};
use crate::name::ComponentName;
use crate::network::EndpointPattern;
use crate::shape::Kind;

/// The links of each component.
pub(super) type Links = BTreeMap<ComponentName, Vec<Link>>;

/// The component that `entry` means, where all components have these `links`, and what is wrong with it.
pub(super) fn resolved(
    (name, entry): (&ComponentName, &ComponentEntry),
    found: &Found,
    links: &Links,
    base: &Path,
    faults: &mut Vec<Fault>,
) -> ComponentSpec {
    faults.extend(same_place(&entry.mounts));
    faults.extend(entry.allow.udp.iter().filter(|pattern| !pattern.value.is_loopback()).map(beyond_loopback));
    let default = policy_default(found.shape.kind, &links_of_instance(name, links));
    let Grants { mounts, env, secrets, network } = Grants::of(entry, base);
    let written = entry.instances.as_ref().map(|instances| &instances.value);
    ComponentSpec {
        digest: found.digest,
        shape: found.shape.clone(),
        instances: policy(written, default, found.shape.kind).unwrap_or_else(|fault| {
            faults.push(fault);
            default
        }),
        links: of(links, name).to_vec(),
        config: entry.config.iter().map(|(key, Text(value))| (key.clone(), value.clone())).collect(),
        env,
        secrets,
        mounts,
        network,
        service: None,
        limits: entry.limits.0,
    }
}

/// Datagram sockets are bound to the loopback interface, and nothing else can be reached from there.
fn beyond_loopback(pattern: &Written<EndpointPattern>) -> Fault {
    let message = format!("UDP goes no further than the loopback interface, `{}` does", pattern.value);
    Fault::new(message).at(pattern.span.clone()).hint("write `loopback` and the port, as in `loopback:8125`")
}

fn same_place(mounts: &[MountEntry]) -> Vec<Fault> {
    let mut first: BTreeMap<_, &MountEntry> = BTreeMap::new();
    let mut faults = Vec::new();
    for mount in mounts {
        match first.insert(&mount.guest, mount) {
            Some(earlier) => faults.push(
                Fault::new(format!("two directories are mounted at `{}`", mount.guest.value.0))
                    .at(mount.guest.span.clone())
                    .also(earlier.guest.span.clone(), "the first is here")
                    .hint("mount each at a path of its own"),
            ),
            None => continue,
        }
    }
    faults
}

/// The links of the component `name`.
fn of<'a>(links: &'a Links, name: &ComponentName) -> &'a [Link] {
    links.get(name).map_or(&[], Vec::as_slice)
}

/// Those of all components that share an instance of the component `name`.
fn links_of_instance<'a>(name: &'a ComponentName, links: &'a Links) -> Vec<&'a Link> {
    let callees = |component| of(links, component).iter().filter_map(Link::together).map(|(_, callee)| callee);
    crowd(name, callees).into_iter().flat_map(|component| of(links, component)).collect()
}

/// What a component gets that says nothing. One of WASI 0.3 that keeps state through synchronous functions would only
/// queue on them, so it serves one request at a time. These are the `links` of all that share its instance: a function
/// that holds one of them up holds up all.
fn policy_default(kind: Kind, links: &[&Link]) -> InstancePolicy {
    match kind {
        Kind::Module | Kind::Component02 => InstancePolicy::FRESH,
        Kind::Component03 if links.iter().any(|link| is_sync_state(link)) => {
            InstancePolicy { concurrency: NonZeroU32::MIN, ..InstancePolicy::SHARED }
        }
        Kind::Component03 => InstancePolicy::SHARED,
    }
}

/// Whether a link is to state through functions that hold the instance up.
fn is_sync_state(link: &Link) -> bool {
    matches!(link.provider, Provider::Backend(_)) && !link.is_concurrent
}

fn policy(written: Option<&Instances>, default: InstancePolicy, kind: Kind) -> Result<InstancePolicy, Fault> {
    let Some(Instances { reuse, idle, concurrency }) = written else { return Ok(default) };
    let policy = InstancePolicy {
        reuse: reuse.as_ref().map_or(default.reuse, |reuse| reuse.value),
        idle: idle.as_ref().map_or(default.idle, |idle| idle.value.0),
        concurrency: concurrency.as_ref().map_or(default.concurrency, |concurrency| concurrency.value),
    };
    match concurrency {
        Some(Written { value, span }) if *value > NonZeroU32::MIN && kind != Kind::Component03 => {
            let fault = Fault::new("only a component of WASI 0.3 serves several requests at a time").at(span.clone());
            Err(fault.hint("remove `concurrency`: requests at the same time get an instance each"))
        }
        Some(Written { value, span }) if *value > policy.reuse => {
            let message = format!("an instance that serves {} requests cannot serve {value} at a time", policy.reuse);
            Err(Fault::new(message).at(span.clone()).hint(format!("write `reuse = {value}` or more")))
        }
        Some(_) => Ok(policy),
        None => Ok(InstancePolicy { concurrency: policy.concurrency.min(policy.reuse), ..policy }),
    }
}
