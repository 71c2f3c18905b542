//! Chains of calls: no component is called by itself through others, none through too many of them, and not too many are
//! called together.

use std::collections::{BTreeMap, BTreeSet};

use super::{CHAIN_MAX, Explained, TOGETHER_MAX};
use crate::app::App;
use crate::document::Written;
use crate::fault::Fault;
use crate::link::{Mode, Provider};
use crate::manifest::Manifest;
use crate::name::ComponentName;

/// Who calls whom.
type Calls<'a> = BTreeMap<&'a ComponentName, BTreeSet<&'a ComponentName>>;

/// The names at each end of a chain that are told of it.
const ENDS: usize = 3;

/// The most circles that are told at once: of components that all call each other there are more than anybody reads.
const CIRCLES_MAX: usize = 20;

/// A chain that must not be.
struct Refused {
    /// The calls that are refused for it: who calls whom.
    calls: Vec<(ComponentName, ComponentName)>,
    /// Without a place.
    fault: Fault,
}

/// Refuses the imports by which components call each other in a circle, and the first of a chain that is too long.
pub(super) fn refuse(manifest: &Manifest, all: &mut [Explained]) {
    let together = calls(all, |mode| mode == Mode::Together);
    let crowds = together.keys().filter_map(|first| in_crowd(first, &together));
    let refused: Vec<Refused> = refused_of(&calls(all, |_| true)).into_iter().chain(crowds).collect();
    for Refused { calls, fault } in refused {
        let fault = fault.at(calls.first().and_then(|(first, _)| place(manifest, first)));
        for explained in &mut *all {
            let Ok((Provider::Component { name, .. }, _)) = &explained.outcome else { continue };
            if calls.iter().any(|(caller, callee)| (caller, callee) == (&explained.component, name)) {
                explained.reason.clone_from(&fault.message);
                explained.outcome = Err(fault.clone());
            }
        }
    }
}

/// The first chain of `app` that must not be, as a fault without a place.
pub(super) fn check(app: &App) -> Result<(), Fault> {
    let mut calls = Calls::new();
    for (component, spec) in &app.components {
        let callees = spec.links.iter().filter_map(|link| link.provider.component());
        calls.entry(component).or_default().extend(callees);
    }
    refused_of(&calls).into_iter().next().map_or(Ok(()), |refused| Err(refused.fault))
}

fn refused_of(calls: &Calls<'_>) -> Vec<Refused> {
    let mut walk = Walk::default();
    calls.keys().for_each(|component| walk.visit(component, calls));
    let circles = walk.circles.iter().map(|circle| in_circle(circle));
    let called: BTreeSet<_> = calls.values().flatten().collect();
    let first = calls.keys().filter(|component| !called.contains(component));
    let too_long = first.map(|first| walk.chain(first)).filter(|chain| chain.len() > CHAIN_MAX);
    circles.chain(too_long.map(|chain| in_chain(&chain))).collect()
}

fn calls(all: &[Explained], is_meant: impl Fn(Mode) -> bool) -> Calls<'_> {
    let mut calls = Calls::new();
    for explained in all {
        if let Ok((Provider::Component { name, mode }, _)) = &explained.outcome
            && is_meant(*mode)
        {
            calls.entry(&explained.component).or_default().insert(name);
        }
    }
    calls
}

/// A walk along all calls, each component once, without recursion: an app may have many.
#[derive(Default)]
struct Walk<'a> {
    /// Of each component that was left, the longest chain that it begins: its length and the next in it.
    longest: BTreeMap<&'a ComponentName, (usize, Option<&'a ComponentName>)>,
    /// Each circle from one of its components on, that one once.
    circles: Vec<Vec<&'a ComponentName>>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, start: &'a ComponentName, calls: &Calls<'a>) {
        let callees = |component| calls.get(component).into_iter().flatten().copied();
        let mut path = vec![(start, callees(start))];
        while let Some((component, rest)) = path.last_mut() {
            let component = *component;
            if self.longest.contains_key(component) {
                path.pop();
            } else if let Some(next) = rest.next() {
                match path.iter().position(|(on_path, _)| *on_path == next) {
                    Some(_) if self.circles.len() == CIRCLES_MAX => {}
                    Some(first) => self.circles.push(path[first..].iter().map(|(name, _)| *name).collect()),
                    None => path.push((next, callees(next))),
                }
            } else {
                let next = callees(component).filter_map(|next| Some((self.longest.get(next)?.0, next))).max();
                self.longest.insert(component, (next.map_or(0, |(length, _)| length) + 1, next.map(|(_, next)| next)));
                path.pop();
            }
        }
    }

    /// The longest chain from `first` on.
    fn chain(&self, first: &'a ComponentName) -> Vec<&'a ComponentName> {
        std::iter::successors(Some(first), |component| self.longest.get(component)?.1).collect()
    }
}

fn in_circle(circle: &[&ComponentName]) -> Refused {
    // The same circle reads the same wherever the walk met it.
    let least = circle.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(place, _)| place);
    let circle: Vec<_> = circle[least..].iter().chain(&circle[..=least]).copied().collect();
    let message = format!("components call each other in a circle: {}", path(&circle));
    let hint = "link one of them to something else, or let two of them be one component";
    refused(&circle, Fault::new(message).hint(hint))
}

fn in_chain(chain: &[&ComponentName]) -> Refused {
    let message = format!(
        "a chain of calls goes through {} components, and {CHAIN_MAX} are the most: {}",
        chain.len(),
        path(chain)
    );
    let hint = "let some of them be one component";
    refused(&chain[..2], Fault::new(message).hint(hint))
}

/// The component `first` with what it calls together, and what these call so themselves.
pub(super) fn crowd<'a, C>(first: &'a ComponentName, callees: impl Fn(&'a ComponentName) -> C) -> Vec<&'a ComponentName>
where
    C: Iterator<Item = &'a ComponentName>,
{
    let (mut crowd, mut next) = (vec![first], 0);
    while let Some(component) = crowd.get(next) {
        for callee in callees(component) {
            if !crowd.contains(&callee) {
                crowd.push(callee);
            }
        }
        next += 1;
    }
    crowd
}

/// Refuses what `first` calls together, if these are too many with what they call together themselves.
fn in_crowd(first: &ComponentName, together: &Calls<'_>) -> Option<Refused> {
    let crowd = crowd(first, |component| together.get(component).into_iter().flatten().copied());
    if crowd.len() <= TOGETHER_MAX {
        return None;
    }
    let message =
        format!("`{first}` and what it calls together are {} components, and {TOGETHER_MAX} are the most", crowd.len());
    let fault = Fault::new(message).hint("call some of them `apart`");
    let calls = together[first].iter().map(|callee| (first.clone(), (*callee).clone())).collect();
    Some(Refused { calls, fault })
}

fn refused(chain: &[&ComponentName], fault: Fault) -> Refused {
    let calls = chain.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    Refused { calls, fault }
}

/// A chain as people read it; of a long one its beginning and its end.
fn path(chain: &[&ComponentName]) -> String {
    let joined = |names: &[&ComponentName]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" -> ");
    match chain.len() > 2 * ENDS + 1 {
        true => format!("{} -> ... -> {}", joined(&chain[..ENDS]), joined(&chain[chain.len() - ENDS..])),
        false => joined(chain),
    }
}

/// Where a component is named.
fn place(manifest: &Manifest, component: &ComponentName) -> Option<std::ops::Range<usize>> {
    let named = |name: &&Written<ComponentName>| name.value == *component;
    manifest.entries().map(|(name, _)| name).find(named).and_then(|name| name.span.clone())
}
