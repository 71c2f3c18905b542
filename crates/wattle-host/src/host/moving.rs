//! What an app keeps in one backend, moved to another while the app runs: copied, compared, and then all links that lead
//! there are switched.
//!
//! While everything is copied the app goes on, and what it writes is noted and copied again. At the end its calls wait for
//! a moment, until the last of it is there too. Until the switch the old place is in force and whole, whatever happens; it
//! is left as it was then.

mod carrier;
mod carry;
mod progress;

use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;
use wattle_backend::error::BackendError;
use wattle_spec::app::ComponentSpec;
use wattle_spec::choices::{Choices, Moving};
use wattle_spec::control::{ComponentLinks, Done, LinkStatus, Moment, MoveProgress, MoveReport, Refusal, RefusalCode};
use wattle_spec::fault::listed;
use wattle_spec::link::{Link, Provider};
use wattle_spec::name::AppId;
use wattle_spec::resolve::{Movable, Move, MovePlan, State, moved};

use super::Host;
use super::keeps::{KeepsOf, Leading};
use super::links::Joining;
use super::relink::{callees, named, refused};
use crate::capability::keep::{NOTED_MAX, Side};
use crate::component::Links;
use crate::error::with_causes;
use crate::sibling::Sibling;
use carrier::{Carrier, buckets, clear};
use carry::Carry;
pub(super) use progress::Progress;

/// How long calls may go on that began before the move.
const BUSY_MAX: Duration = Duration::from_secs(60);
/// How long calls are held at the end.
const HELD_MAX: Duration = Duration::from_secs(10);

/// Why something was not moved.
#[derive(Debug, thiserror::Error)]
pub(super) enum MoveError {
    #[error("it cannot be read")]
    Read(#[source] BackendError),
    #[error("it cannot be written")]
    Write(#[source] BackendError),
    #[error("what was read back is not what was written")]
    Differs,
    #[error("more than {0} names changed at a time")]
    Changing(usize),
    #[error("a call that began before has not ended for {0:?}")]
    Busy(Duration),
    #[error("calls were held for {0:?}, and not everything was copied by then")]
    Held(Duration),
    #[error("the app ends")]
    Ends,
    #[error("it cannot be recorded")]
    Unrecorded(#[source] io::Error),
}

/// What somebody asked for, and what it means.
struct Asked<'a> {
    app: &'a AppId,
    plan: MovePlan,
    /// What was recorded before.
    known: Choices,
    /// Whether what is at the end of the move may be removed.
    replace: bool,
    /// Whether the app ends.
    ends: watch::Receiver<bool>,
}

impl Host {
    /// Moves what a link of `app` keeps.
    pub(super) async fn move_link(&self, app: &AppId, change: Move, replace: bool) -> Result<Done, Refusal> {
        let _turn = self.turns.of(app).await;
        let (now, first, ends) = {
            let apps = self.apps();
            let (_, running) = self.running(&apps, app)?;
            (running.app.clone(), running.first.clone(), running.ends.subscribe())
        };
        if *ends.borrow() {
            return Err(Refusal::new(RefusalCode::Stopping, format!("the app `{app}` ends")));
        }
        let backends = self.loader.backends();
        let known = self.choice_book.read(app).map_err(|error| failed(&MoveError::Unrecorded(error)))?;
        let movable = Movable { app: &now, first: &first, choices: &known, hosts: backends.named() };
        let plan = moved(movable, &change, Moment(self.ground.clock.now()))?;
        let open = self.usable(&plan.app, &now, &change.component).await?;
        backends.limit(&plan.app).map_err(refused)?;
        let to = backends.of(&plan.app, &change.component, &plan.to).map_err(refused)?;
        let (stores, owner, backend) = (to.opened.stores.clone(), to.owner, to.name);
        let cannot = || Refusal::new(RefusalCode::LinkRefused, format!("`{}` cannot keep {}", plan.to, plan.state));
        let asked = |plan| Asked { app, plan, known: known.clone(), replace, ends: ends.clone() };
        let report = match plan.state {
            State::KeyValue => {
                let store = stores.key_value.ok_or_else(cannot)?;
                self.carry(&backends.keeps.key_value, Side { store, owner, backend }, asked(plan)).await
            }
            State::Blobs => {
                let store = stores.blobs.ok_or_else(cannot)?;
                self.carry(&backends.keeps.blobs, Side { store, owner, backend }, asked(plan)).await
            }
            State::Bus | State::Config | State::Secrets | State::Log => Err(cannot()),
        }?;
        if let Some(running) = self.apps().get_mut(app) {
            running.depend_on(&open, &self.readiness);
        }
        let MoveReport { from, to, copied, bytes, held_ms, .. } = &report;
        tracing::info!(%app, %from, %to, copied, bytes, held_ms, "what the app keeps was moved");
        Ok(Done::Moved(report))
    }

    /// Carries what is to be moved to `to`, and removes what came there if that fails.
    async fn carry<S: Carry + ?Sized>(
        &self,
        keeps: &KeepsOf<S>,
        to: Side<S>,
        asked: Asked<'_>,
    ) -> Result<MoveReport, Refusal> {
        let Asked { app, plan, known, replace, ends } = &asked;
        let in_use = || {
            let message = format!("something of `{app}` still uses `{}`", plan.to);
            Refusal::new(RefusalCode::NotEmpty, message).hint("try again when calls that began before have ended")
        };
        let there = buckets(&to).await.map_err(|error| failed(&MoveError::Read(error)))?;
        if !there.is_empty() && !plan.is_again && !replace {
            return Err(not_empty(&asked, &there));
        }
        let leading = keeps.lead(app, &plan.from, &plan.to).ok_or_else(in_use)?;
        let [during, _] = &plan.choices;
        self.choice_book.write(app, during).map_err(|error| failed(&MoveError::Unrecorded(error)))?;
        let mut ends = ends.clone();
        let carried = tokio::select! {
            // An app that is started again finds what was recorded when this one ended.
            biased;
            _ = ends.wait_for(|ends| *ends) => Err(MoveError::Ends),
            carried = self.carried(leading, to.clone(), &asked) => carried,
        };
        let error = match carried {
            Ok(report) => return Ok(report),
            Err(error) => error,
        };
        // The next attempt finds what is there by the record of this one.
        let cleared = match &error {
            // What was recorded last may be there or not.
            MoveError::Unrecorded(_) => self.choice_book.write(app, during).map_err(|_| BackendError::Unfinished),
            MoveError::Ends => Err(BackendError::Unfinished),
            _ => {
                clear(&to).await.and_then(|()| self.choice_book.write(app, known).map_err(|_| BackendError::Unfinished))
            }
        };
        if let Err(error) = cleared {
            let error = &error as &dyn Error;
            tracing::warn!(%app, backend = %plan.to, error, "a part of a copy is left there: the next move removes it");
        }
        let refusal = failed(&error);
        Err(match *replace && !there.is_empty() {
            true => refusal
                .hint(format!("it is where it was, with all that is in it; what was in `{}` is removed", plan.to)),
            false => refusal,
        })
    }

    /// Carries everything and switches the links.
    async fn carried<S: Carry + ?Sized>(
        &self,
        leading: Leading<'_, S>,
        to: Side<S>,
        asked: &Asked<'_>,
    ) -> Result<MoveReport, MoveError> {
        let Asked { app, plan, .. } = asked;
        let (noted, ended) = leading.keep.note();
        let progress = Arc::new(Progress::new((*app).clone(), &plan.from, &plan.to));
        if let Some(running) = self.apps().get_mut(*app) {
            running.moving = Arc::downgrade(&progress);
        }
        clear(&to).await.map_err(MoveError::Write)?;
        timeout(BUSY_MAX, ended.wait()).await.map_err(|_| MoveError::Busy(BUSY_MAX))?;
        let carrier = Carrier { progress: progress.clone(), from: leading.keep.side(), to: to.clone() };
        let mut left = carrier.all(&noted).await?;
        let links = self.moved_links(plan).await;
        let closed = Instant::now();
        let last = async {
            leading.keep.close().wait().await;
            left.extend(noted.take().ok_or(MoveError::Changing(NOTED_MAX))?);
            carrier.items(left).await
        };
        timeout(HELD_MAX, last).await.map_err(|_| MoveError::Held(HELD_MAX))??;
        let [_, after] = &plan.choices;
        self.choice_book.write(app, after).map_err(MoveError::Unrecorded)?;
        // From here on nothing waits and nothing fails.
        let components = self.switch(app, plan, links);
        leading.moved(to);
        let MoveProgress { from, to, copied, bytes } = progress.told();
        let held_ms = closed.elapsed().as_millis() as u64;
        Ok(MoveReport { app: (*app).clone(), from, to, copied, bytes, held_ms, components })
    }

    /// What the components then lead to whose links are led along.
    async fn moved_links(&self, plan: &MovePlan) -> Vec<(Arc<Sibling>, Links)> {
        let siblings = match self.apps().get(&plan.app.id) {
            Some(running) => running.components.0.clone(),
            None => return Vec::new(),
        };
        let mut all = Vec::new();
        for (component, spec) in &plan.app.components {
            let Some(sibling) = named(&siblings, component) else { continue };
            let before = sibling.component().identity.links.load_full();
            if before.all == spec.links {
                continue;
            }
            let backends = self.loader.backends();
            let links = async {
                let leases = backends.leases(&plan.app, component, &before.leases).map_err(refused)?;
                let callees = callees(&sibling, spec, &siblings)?;
                let joining = Joining { app: &plan.app, component, spec, backends, leases, callees };
                joining.links().await.map_err(refused)
            };
            match links.await {
                Ok(links) => all.push((sibling, links)),
                Err(refusal) => {
                    let error = refusal.message;
                    tracing::warn!(%component, error, "its links are told as they were before the move");
                }
            }
        }
        all
    }

    /// Has the app be what it is after the move.
    fn switch(&self, app: &AppId, plan: &MovePlan, links: Vec<(Arc<Sibling>, Links)>) -> Vec<ComponentLinks> {
        let mut apps = self.apps();
        let Some(running) = apps.get_mut(app) else { return Vec::new() };
        let mut moved = Vec::new();
        for (sibling, links) in links {
            let identity = &sibling.component().identity;
            let told = links.all.iter().map(LinkStatus::from).collect();
            let links = Arc::new(links);
            let before = identity.links.swap(links.clone());
            // What is still held open goes along.
            before.leases.iter().for_each(|lease| lease.follow(&links.leases));
            running.clear(identity);
            moved.push(ComponentLinks { component: identity.name.clone(), links: told });
        }
        (running.app, running.first) = (plan.app.clone().into(), plan.first.clone().into());
        moved
    }
}

impl Host {
    /// Notes that `app` uses from now on what a component that is `spec` is linked to: what is there is no part of a copy any
    /// more.
    ///
    /// # Errors
    ///
    /// If that cannot be recorded: the next move would remove what is written there.
    pub(super) fn uses(&self, app: &AppId, spec: &ComponentSpec) -> Result<(), Refusal> {
        let choices = self.choice_book.read(app).map_err(|error| unrecorded(&error))?;
        let Some(Moving { to, .. }) = &choices.moving else { return Ok(()) };
        let leads_there = |link: &Link| link.provider == Provider::Backend(to.clone());
        if !spec.links.iter().any(leads_there) {
            return Ok(());
        }
        let known = Choices { moving: None, ..choices };
        self.choice_book.write(app, &known).map_err(|error| unrecorded(&error))
    }
}

fn not_empty(asked: &Asked<'_>, there: &BTreeSet<String>) -> Refusal {
    let Asked { app, plan, .. } = asked;
    let message = format!("`{}` has something of `{app}` already: {}", plan.to, listed(there));
    let hint = "what is there can be left from an earlier move; `--replace` removes it first";
    Refusal::new(RefusalCode::NotEmpty, message).hint(hint)
}

fn unrecorded(error: &io::Error) -> Refusal {
    let message = format!("what is recorded of the app cannot be changed: {error}");
    Refusal::new(RefusalCode::BackendUnusable, message).hint("the link stays as it was")
}

fn failed(error: &MoveError) -> Refusal {
    let message = format!("nothing was moved: {}", with_causes(error));
    Refusal::new(RefusalCode::MoveFailed, message).hint("it is where it was, with all that is in it")
}
