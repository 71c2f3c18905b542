//! One link of an app that runs, led elsewhere by its operator: what the app is then.
//!
//! An import that a backend provides can be led to another backend that keeps the same, one that a component provides to
//! another component that exports the same, and each back to what was resolved. Which of the two it is, and what the host
//! provides by itself, is part of how the component was joined when the app was started.

use std::collections::{BTreeMap, BTreeSet};

use super::siblings::Callee;
use super::{State, chains};
use crate::app::{App, ComponentSpec};
use crate::backend::BackendSpec;
use crate::control::{Refusal, RefusalCode};
use crate::fault::{Fault, listed, nearest};
use crate::host_file::{backend_of, implicit_backends};
use crate::label::LinkKey;
use crate::link::{Link, Mode, Provider, Rule};
use crate::name::{BackendName, ComponentName, ProviderName};

/// A link that is to lead elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relink {
    /// Of which component.
    pub component: ComponentName,
    /// What of its imports, as in `links`.
    pub key: LinkKey,
    /// Where to. `None`: where it led when the app was started.
    pub to: Option<ProviderName>,
}

/// What a link is to lead to.
enum Target<'a> {
    Backend(BackendName, BackendSpec),
    Component(Callee<'a>),
}

/// `app`, which began as `first` on a host that names `hosts`, with one of its links led elsewhere.
///
/// # Errors
///
/// If there is no such link, or it cannot lead there.
pub fn relinked(
    app: &App,
    first: &App,
    hosts: &BTreeMap<BackendName, BackendSpec>,
    change: &Relink,
) -> Result<App, Refusal> {
    let Relink { component, key, to } = change;
    let known = || first.components.keys().cloned();
    let began = first.components.get(component).ok_or_else(|| Refusal::no_component(&app.id, component, known()))?;
    let target = to.as_ref().map(|to| Target::find(first, hosts, to)).transpose()?;
    let mut app = app.clone();
    let links = &mut app.components.get_mut(component).expect("invariant: it began with the same components").links;
    let meant = links.iter_mut().zip(&began.links).filter(|(link, first)| can_be_set(first) && is_meant(link, key));
    let mut meant: Vec<_> = meant.collect();
    let Some((one, _)) = meant.first() else { return Err(no_link(component, key, &began.links)) };
    if let Some(target) = &target {
        // Of a package some may call a component, and others ask a backend.
        let other = joined_otherwise(one, target);
        meant.retain(|(link, _)| target.fits(link));
        if meant.is_empty() {
            return Err(other);
        }
    }
    for (link, first) in meant {
        *link = match &target {
            None => first.clone(),
            Some(target) => target.linked(component, link)?,
        };
    }
    split(component, links)?;
    chains::check(&app).map_err(refused)?;
    Ok(app)
}

/// Whether somebody can lead a link elsewhere that was resolved so.
fn can_be_set(first: &Link) -> bool {
    first.state.is_some() || first.provider.component().is_some()
}

/// Whether `key` speaks of what `link` joins.
pub(super) fn is_meant(link: &Link, key: &LinkKey) -> bool {
    link.what.label() == key.label.as_ref() && link.what.interface().is_some_and(|own| key.interface.covers(own))
}

impl<'a> Target<'a> {
    /// What `name` means in `app`, on a host that names `hosts`.
    fn find(app: &'a App, hosts: &BTreeMap<BackendName, BackendSpec>, name: &ProviderName) -> Result<Self, Refusal> {
        let backend = backend_of(app, hosts, &name.backend());
        match (backend, app.components.get_key_value(&name.component())) {
            (Some(spec), None) => Ok(Self::Backend(name.backend(), spec)),
            (None, Some((name, ComponentSpec { shape, service, .. }))) => {
                Ok(Self::Component(Callee { name, shape, is_service: service.is_some() }))
            }
            (Some(_), Some(_)) => Err(two_meanings(name)),
            (None, None) => Err(nothing_of_this_name(app, hosts, name)),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Backend(name, _) => name.as_str(),
            Self::Component(callee) => callee.name.as_str(),
        }
    }

    /// Whether what `link` joins is joined to such a provider.
    fn fits(&self, link: &Link) -> bool {
        match (self, &link.provider) {
            (Self::Component(_), Provider::Component { mode, .. }) => *mode == Mode::Apart,
            (Self::Backend(..), Provider::Backend(_) | Provider::BuiltIn) => true,
            (Self::Component(_), _) | (Self::Backend(..), Provider::Component { .. }) => false,
        }
    }

    /// `link` of `component`, led to it.
    fn linked(&self, component: &ComponentName, link: &Link) -> Result<Link, Refusal> {
        let provider = match (self, link.what.interface(), link.state) {
            (Self::Component(Callee { name, .. }), ..) if *name == component => return Err(itself(component)),
            (Self::Component(callee), Some(wanted), _) => {
                callee.serves(wanted, component).map_err(refused)?;
                Provider::Component { name: callee.name.clone(), mode: Mode::Apart }
            }
            (Self::Backend(name, spec), _, Some(state)) if !spec.engine.kind().keeps(state) => {
                return Err(cannot_keep(name, &spec.engine.kind(), state));
            }
            (Self::Backend(name, _), _, Some(_)) => Provider::Backend(name.clone()),
            _ => return Err(joined_otherwise(link, self)),
        };
        let reason = format!("set to `{}` while the app runs", self.name());
        Ok(Link { provider, rule: Rule::Operator, reason, ..link.clone() })
    }
}

/// The interfaces of one package share what they open.
pub(super) fn split(component: &ComponentName, links: &[Link]) -> Result<(), Refusal> {
    let mut places = BTreeMap::new();
    for link in links.iter().filter(|link| link.what.label().is_none()) {
        let (Some(interface), Provider::Backend(name)) = (link.what.interface(), &link.provider) else { continue };
        let package = interface.package_key();
        let first = *places.entry(package.clone()).or_insert(name);
        if first != name {
            let message =
                format!("component `{component}` would keep `{package}` in two backends, `{first}` and `{name}`");
            let hint = format!("its interfaces share what they open: set all of `{package}`");
            return Err(Refusal::new(RefusalCode::LinkRefused, message).hint(hint));
        }
    }
    Ok(())
}

pub(super) fn no_link(component: &ComponentName, key: &LinkKey, links: &[Link]) -> Refusal {
    let known: Vec<String> = links.iter().filter(|link| can_be_set(link)).map(|link| link.what.to_string()).collect();
    let refusal = Refusal::new(
        RefusalCode::NoSuchLink,
        format!("component `{component}` has no link of `{key}` that can be set"),
    );
    match known.is_empty() {
        true => refusal.hint("it imports nothing that a backend or a component provides"),
        false => refusal.hint(format!("these can be set: {}", listed(known))),
    }
}

pub(super) fn no_backend(app: &App, hosts: &BTreeMap<BackendName, BackendSpec>, wanted: &BackendName) -> Refusal {
    let names = app.backends.keys().chain(hosts.keys()).map(ToString::to_string);
    let known: BTreeSet<String> =
        names.chain(implicit_backends().into_iter().map(|(name, _)| name.to_owned())).collect();
    let near = nearest(wanted.as_str(), known.iter().map(String::as_str));
    let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
    Refusal::new(RefusalCode::NoSuchBackend, format!("there is no backend `{wanted}`"))
        .hint(format!("{near}the backends are {}", listed(known)))
}

fn nothing_of_this_name(app: &App, hosts: &BTreeMap<BackendName, BackendSpec>, wanted: &ProviderName) -> Refusal {
    let backends = app.backends.keys().chain(hosts.keys()).map(ToString::to_string);
    let backends: BTreeSet<String> =
        backends.chain(implicit_backends().into_iter().map(|(name, _)| name.to_owned())).collect();
    let components: Vec<String> = app.components.keys().map(ToString::to_string).collect();
    let near = nearest(wanted.as_str(), backends.iter().chain(&components).map(String::as_str));
    let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
    let message = format!("there is no backend `{wanted}`, and no component of this name");
    let (backends, components) = (listed(backends), listed(components));
    Refusal::new(RefusalCode::NoSuchBackend, message)
        .hint(format!("{near}the backends are {backends}, the components {components}"))
}

fn two_meanings(name: &ProviderName) -> Refusal {
    let message = format!("`{name}` is a component and a backend, and a link to it could mean either");
    Refusal::new(RefusalCode::LinkRefused, message).hint("give one of the two another name")
}

fn itself(component: &ComponentName) -> Refusal {
    Refusal::new(RefusalCode::LinkRefused, format!("component `{component}` cannot be linked to itself"))
}

/// That what calls a component cannot become what asks the host, nor the other way round.
fn joined_otherwise(link: &Link, target: &Target<'_>) -> Refusal {
    let (what, now) = (&link.what, &link.provider);
    let kind = match target {
        Target::Backend(..) => "backend",
        Target::Component(_) => "component",
    };
    let message =
        format!("`{what}` is joined to {now}, and cannot lead to {kind} `{}` while the app runs", target.name());
    Refusal::new(RefusalCode::LinkRefused, message).hint("change the link in the manifest, and start the app again")
}

fn cannot_keep(name: &BackendName, kind: &impl ToString, state: State) -> Refusal {
    let message = format!("backend `{name}`, which is of the type `{}`, cannot keep {state}", kind.to_string());
    Refusal::new(RefusalCode::BackendUnfit, message)
}

/// The same as at the start.
fn refused(fault: Fault) -> Refusal {
    let refusal = Refusal::new(RefusalCode::LinkRefused, fault.message);
    match fault.hint {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}
