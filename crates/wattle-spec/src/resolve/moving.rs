//! What an app keeps of one kind in one backend, moved to another: what the app is then, and what is recorded of it.
//!
//! State belongs to the app and is apart by backend, not by component: every link that leads to what is moved is led along.

use std::collections::BTreeMap;

use super::relink::{is_meant, no_backend, no_link, split};
use super::{Other, State};
use crate::app::App;
use crate::backend::{BackendKind, BackendSpec, Scope};
use crate::choices::{BackendPlace, Choices, Chosen, ChosenBy, Moved, Moving, key_of};
use crate::control::{Moment, Refusal, RefusalCode};
use crate::host_file::backend_of;
use crate::label::LinkKey;
use crate::link::{Link, Linked, Provider, Rule};
use crate::name::{BackendName, ComponentName};

/// A link whose state is to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Of which component.
    pub component: ComponentName,
    /// What of its imports, as in `links`.
    pub key: LinkKey,
    /// Where to.
    pub to: BackendName,
}

/// A move that can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovePlan {
    /// What is moved.
    pub state: State,
    /// Where it is.
    pub from: BackendName,
    /// Where to.
    pub to: BackendName,
    /// The app when it is moved.
    pub app: App,
    /// What it is then without links that are set while it runs.
    pub first: App,
    /// What is recorded of the app while it is moved, and then.
    pub choices: [Choices; 2],
    /// Whether a move to the same place began earlier and did not end: what is there is what it left.
    pub is_again: bool,
}

/// An app that runs, as it is and as it began, and what is recorded of it.
#[derive(Debug, Clone, Copy)]
pub struct Movable<'a> {
    /// As it is.
    pub app: &'a App,
    /// As it began.
    pub first: &'a App,
    /// What is recorded of it.
    pub choices: &'a Choices,
    /// The backends that its host names.
    pub hosts: &'a BTreeMap<BackendName, BackendSpec>,
}

/// What it is to do `change`, decided `now`.
///
/// # Errors
///
/// If there is no such link, or what it keeps cannot be moved there.
pub fn moved(movable: Movable<'_>, change: &Move, now: Moment) -> Result<MovePlan, Refusal> {
    let Movable { app, first, choices, hosts } = movable;
    let Move { component, key, to } = change;
    let known = || app.components.keys().cloned();
    let spec = app.components.get(component).ok_or_else(|| Refusal::no_component(&app.id, component, known()))?;
    let links = spec.links.iter().filter(|link| is_meant(link, key));
    let kept = |link: &Link| match (&link.provider, link.state) {
        (Provider::Backend(from), Some(state)) => Some((from.clone(), state, link.rule)),
        _ => None,
    };
    let (from, state, rule) = links.filter_map(kept).next().ok_or_else(|| no_link(component, key, &spec.links))?;
    movable_state(key, state)?;
    let place = backend_of(app, hosts, to).ok_or_else(|| no_backend(app, hosts, to))?;
    target(&from, (to, &place), state)?;
    let source = backend_of(app, hosts, &from).ok_or_else(|| no_backend(app, hosts, &from))?;
    for (name, spec) in [(&from, &source), (to, &place)] {
        if spec.scope == Scope::Shared {
            return Err(refused(format!(
                "what is in backend `{name}` is shared by all apps, and not of `{}`",
                app.id.name
            )));
        }
    }
    if rule == Rule::Operator {
        let hint = format!("lead it back with `wattle link rm {} {component} {key}`, and then move it", app.id.name);
        return Err(refused(format!("`{key}` of `{component}` leads to `{from}` only until the host ends")).hint(hint));
    }
    let is_at = |link: &&Link, name: &BackendName| {
        link.state == Some(state) && link.provider == Provider::Backend(name.clone())
    };
    // What an operator leads elsewhere for now is led back there.
    if let Some((other, link)) = all(app).chain(all(first)).find(|(_, link)| is_at(link, to)) {
        return Err(refused(format!("component `{other}` keeps {state} in `{to}` already, through `{}`", link.what)));
    }
    if let Some((other, link)) = all(app).find(|(_, link)| is_at(link, &from) && link.rule == Rule::Operator) {
        let hint = format!("lead it back with `wattle link rm {} {other} {}`", app.id.name, link.what);
        return Err(refused(format!("component `{other}` uses `{from}` only until the host ends")).hint(hint));
    }
    let led = Led { state, from: &from, to, now };
    if let Some(other) = led.taken(first) {
        let message =
            format!("`{}` of component `{}` was moved before, and the record has one place for both", key, other);
        let hint = "write into the manifest where that one is now, and start the app again";
        return Err(refused(message).hint(hint));
    }
    let (mut app, mut began) = (app.clone(), first.clone());
    led.along(&mut app);
    led.along(&mut began);
    app.components.iter().try_for_each(|(name, component)| split(name, &component.links))?;
    let after = led.recorded(choices, first, &BackendPlace::of(to, &place));
    let moving = Moving { key: key.clone(), to: to.clone(), since: now };
    let is_again = choices
        .moving
        .as_ref()
        .is_some_and(|known| known.to == *to && known.key.interface.package_key() == key.interface.package_key());
    let during = Choices { moving: Some(moving), ..choices.clone() };
    Ok(MovePlan { state, from, to: to.clone(), app, first: began, choices: [during, after], is_again })
}

/// All links of an app, with whose they are.
fn all(app: &App) -> impl Iterator<Item = (&ComponentName, &Link)> {
    app.components.iter().flat_map(|(name, component)| component.links.iter().map(move |link| (name, link)))
}

/// Refuses what cannot be carried from one backend to another.
fn movable_state(key: &LinkKey, state: State) -> Result<(), Refusal> {
    match state {
        State::KeyValue | State::Blobs => Ok(()),
        State::Bus | State::Config | State::Secrets | State::Log => {
            let refusal = refused(format!("{state}, which `{key}` is for, cannot be moved"));
            Err(refusal
                .hint("keys and values can be, and blobs; change the link in the manifest or in the host's file"))
        }
    }
}

/// Refuses a backend that what is in `from` cannot be moved to.
fn target(from: &BackendName, (to, spec): (&BackendName, &BackendSpec), state: State) -> Result<(), Refusal> {
    let kind = spec.engine.kind();
    match kind {
        _ if from == to => Err(refused(format!("it is in `{to}` already"))),
        BackendKind::Memory => Err(refused(format!("what is in `{to}` ends with the host"))),
        kind if !kind.keeps(state) => {
            Err(refused(format!("backend `{to}`, which is of the type `{kind}`, cannot keep {state}")))
        }
        _ => Ok(()),
    }
}

fn refused(message: String) -> Refusal {
    Refusal::new(RefusalCode::LinkRefused, message)
}

/// Links that lead to what is moved.
struct Led<'a> {
    state: State,
    from: &'a BackendName,
    to: &'a BackendName,
    now: Moment,
}

impl Led<'_> {
    fn is_led(&self, link: &Link) -> bool {
        link.state == Some(self.state) && link.provider == Provider::Backend(self.from.clone())
    }

    /// Another component with a link of the same key as one of these, which was moved from elsewhere: where one of the two is
    /// would be lost with the end of the host.
    fn taken<'a>(&self, first: &'a App) -> Option<&'a ComponentName> {
        let written = |link: &&Link| self.is_led(link) && is_written(link.rule) && link.rule != Rule::Moved;
        let keys: Vec<_> = all(first).map(|(_, link)| link).filter(written).filter_map(key_of).collect();
        let is_other = |link: &Link| link.rule == Rule::Moved && key_of(link).is_some_and(|key| keys.contains(&key));
        all(first).find(|(_, link)| is_other(link)).map(|(name, _)| name)
    }

    /// Leads them to where it is then.
    fn along(&self, app: &mut App) {
        let links = app.components.values_mut().flat_map(|component| &mut component.links);
        for link in links.filter(|link| self.is_led(link)) {
            if !matches!(link.rule, Rule::Moved | Rule::Recorded) {
                let (outcome, reason) = (Ok(link.provider.clone()), link.reason.clone());
                link.others.insert(0, Other { rule: link.rule, outcome, reason });
            }
            link.provider = Provider::Backend(self.to.clone());
            link.rule = if is_written(link.rule) { Rule::Moved } else { Rule::Recorded };
            link.reason = format!("what was kept in `{}` was moved to `{}` on {}", self.from, self.to, self.now.date());
        }
    }

    /// What is recorded when they are led there, of an app that began as `first`.
    fn recorded(&self, known: &Choices, first: &App, place: &BackendPlace) -> Choices {
        let mut choices = Choices { moving: None, ..known.clone() };
        for link in first.components.values().flat_map(|component| &component.links) {
            let (true, Some(key)) = (self.is_led(link), key_of(link)) else { continue };
            let place = place.clone();
            if is_written(link.rule) {
                // Where the link itself leads, however often it was moved since.
                let before = known.moved.get(&key).filter(|_| link.rule == Rule::Moved);
                let from = before.map_or(self.from, |before| &before.from).clone();
                match from == *self.to {
                    true => _ = choices.moved.remove(&key),
                    false => _ = choices.moved.insert(key, Moved { from, place, since: self.now }),
                }
            } else {
                let by_name = choices.chosen.get(&key).is_some_and(|known| known.by_name);
                let by_name = by_name || matches!(link.what, Linked::Name { .. });
                choices.chosen.insert(key, Chosen { place, by_name, by: ChosenBy::Move, since: self.now });
            }
        }
        choices
    }
}

/// Whether a link of the manifest leads there.
fn is_written(rule: Rule) -> bool {
    matches!(rule, Rule::ComponentLink | Rule::AppLink | Rule::Moved)
}
