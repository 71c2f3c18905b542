//! Whether an app fits beside those that run. What its services may hold is kept for them for as long as it runs, and beside
//! all of that there is room for one instance of each component; what requests need above that they take while it is there.
//!
//! In an update the services of both versions run for a while, so that both count.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wattle_spec::app::App;
use wattle_spec::name::{AppId, ComponentName};
use wattle_spec::units::ByteSize;

use crate::error::StartError;
use crate::instance::GuestMemory;

/// The most apps that are named when one does not fit.
const NAMED_MAX: usize = 8;

/// What is kept for the apps of a host.
pub(super) struct Rooms {
    memory: Arc<GuestMemory>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The number of the next one.
    next: u64,
    needs: BTreeMap<u64, Need>,
}

/// What is kept for a version of an app, until this is dropped.
pub(super) struct Room {
    rooms: Arc<Rooms>,
    number: u64,
}

/// What a version of an app needs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Need {
    app: AppId,
    /// What each of its services may hold.
    services: Vec<u64>,
    /// What one instance of the largest of its other components may hold.
    largest: Option<(u64, ComponentName)>,
}

/// Why there is no room for an app: the sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    need: Need,
    /// What the services of its versions that run may hold.
    earlier: u64,
    /// What the services of others may hold, the most first.
    others: Vec<(u64, AppId)>,
    /// The largest instance, and of which app it is.
    largest: Option<(u64, ComponentName, AppId)>,
    most: ByteSize,
}

impl Rooms {
    pub(super) fn new(memory: Arc<GuestMemory>) -> Arc<Self> {
        Arc::new(Self { memory, kept: Mutex::default() })
    }

    /// Keeps room for `app`, if it fits beside what runs, earlier versions of it included.
    pub(super) fn of(self: &Arc<Self>, app: &App) -> Result<Room, StartError> {
        let need = Need::of(app);
        let mut kept = self.kept();
        need.fits(kept.needs.values(), self.memory.most()).map_err(StartError::NoRoom)?;
        let number = kept.next;
        kept.next += 1;
        kept.needs.insert(number, need);
        self.keep(&kept);
        Ok(Room { rooms: self.clone(), number })
    }

    fn keep(&self, kept: &Kept) {
        self.memory.keep(kept.needs.values().fold(0, |sum, need| need.sum().saturating_add(sum)));
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Whole at every point where a panic could come.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut kept = self.rooms.kept();
        kept.needs.remove(&self.number);
        self.rooms.keep(&kept);
    }
}

impl Need {
    fn of(app: &App) -> Self {
        let all = || app.components.iter();
        let services = all().filter(|(_, spec)| spec.service.is_some()).map(|(_, spec)| spec.limits.memory.0);
        let others = all().filter(|(_, spec)| spec.service.is_none());
        let largest = others.map(|(name, spec)| (spec.limits.memory.0, name.clone())).max();
        Self { app: app.id.clone(), services: services.collect(), largest }
    }

    /// What its services may hold together.
    fn sum(&self) -> u64 {
        self.services.iter().fold(0, |sum, bytes| bytes.saturating_add(sum))
    }

    /// Whether it does beside what is `kept`, of so much in all.
    fn fits<'a>(&'a self, kept: impl Iterator<Item = &'a Self> + Clone, most: ByteSize) -> Result<(), Box<NoRoom>> {
        let all = kept.clone().chain([self]);
        let largest = all.clone().filter_map(|need| {
            let (bytes, component) = need.largest.as_ref()?;
            Some((*bytes, component, &need.app))
        });
        let largest = largest.max();
        let services = all.fold(0, |sum: u64, need| sum.saturating_add(need.sum()));
        if services.saturating_add(largest.map_or(0, |(bytes, ..)| bytes)) <= most.0 {
            return Ok(());
        }
        let largest = largest.map(|(bytes, component, app)| (bytes, component.clone(), app.clone()));
        let (versions, others): (Vec<_>, Vec<_>) = kept.partition(|kept| kept.app == self.app);
        let earlier = versions.into_iter().fold(0, |sum: u64, version| sum.saturating_add(version.sum()));
        let others = others.into_iter().map(|other| (other.sum(), other.app.clone()));
        let mut others: Vec<_> = others.filter(|(bytes, _)| *bytes > 0).collect();
        others.sort_by(|(one, of_one), (other, of_other)| other.cmp(one).then(of_one.cmp(of_other)));
        Err(Box::new(NoRoom { need: self.clone(), earlier, others, largest, most }))
    }
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { need, earlier, others, largest, most } = self;
        let mut parts = Vec::new();
        if !need.services.is_empty() {
            parts.push(format!("its services may hold {}", product(&need.services)));
        }
        if *earlier > 0 {
            parts.push(format!("those of its versions that still run {}", ByteSize(*earlier)));
        }
        if !others.is_empty() {
            parts.push(format!("those of other apps {}", listed(others)));
        }
        if let Some((bytes, component, app)) = largest {
            parts.push(format!("one instance of {app}/{component} may hold {}", ByteSize(*bytes)));
        }
        let own = need.sum().saturating_add(*earlier);
        let services = others.iter().fold(own, |sum, (bytes, _)| sum.saturating_add(*bytes));
        let sum = services.saturating_add(largest.as_ref().map_or(0, |(bytes, ..)| *bytes));
        let parts = parts.join(", ");
        write!(f, "{parts}: {} in all, and this host has {most} (limit guest-memory)", ByteSize(sum))
    }
}

/// How much that is: as in `3 x 64MiB + 1MiB = 193MiB`.
fn product(all: &[u64]) -> String {
    let mut counts = BTreeMap::<u64, usize>::new();
    all.iter().for_each(|bytes| *counts.entry(*bytes).or_default() += 1);
    let sum = ByteSize(all.iter().fold(0, |sum, bytes| bytes.saturating_add(sum)));
    if all.len() == 1 {
        return sum.to_string();
    }
    let terms = counts.into_iter().rev().map(|(bytes, count)| match count {
        1 => ByteSize(bytes).to_string(),
        count => format!("{count} x {}", ByteSize(bytes)),
    });
    format!("{} = {sum}", terms.collect::<Vec<_>>().join(" + "))
}

/// How much that is together, and what of it is whose.
fn listed(all: &[(u64, AppId)]) -> String {
    let sum = all.iter().fold(0, |sum: u64, (bytes, _)| sum.saturating_add(*bytes));
    let mut named: Vec<_> =
        all.iter().take(NAMED_MAX).map(|(bytes, app)| format!("{app} {}", ByteSize(*bytes))).collect();
    if all.len() > NAMED_MAX {
        named.push(format!("{} more", all.len() - NAMED_MAX));
    }
    format!("{} ({})", ByteSize(sum), named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn need(app: &str, services: &[u64], largest: Option<u64>) -> Need {
        let services = services.iter().map(|mib| mib * MIB).collect();
        let largest = largest.map(|mib| (mib * MIB, "web".parse().expect("a name")));
        Need { app: format!("default/{app}").parse().expect("an app"), services, largest }
    }

    fn fits(need: &Need, others: &[Need], mib: u64) -> String {
        need.fits(others.iter(), ByteSize(mib * MIB)).map_or_else(|no_room| no_room.to_string(), |()| "yes".into())
    }

    #[test]
    fn the_sum_is_told() {
        let shop = need("shop", &[64, 64, 64], None);
        assert_eq!(fits(&shop, &[], 192), "yes");
        assert_eq!(
            fits(&shop, &[], 191),
            "its services may hold 3 x 64MiB = 192MiB: 192MiB in all, and this host has 191MiB (limit guest-memory)"
        );
        let others = [need("a", &[100], None), need("b", &[200, 100], Some(128)), need("c", &[], Some(8))];
        assert_eq!(fits(&shop, &others, 720), "yes");
        assert_eq!(
            fits(&shop, &others, 512),
            "its services may hold 3 x 64MiB = 192MiB, those of other apps 400MiB (default/b 300MiB, default/a 100MiB), \
             one instance of default/b/web may hold 128MiB: 720MiB in all, and this host has 512MiB (limit guest-memory)"
        );
        assert_eq!(
            fits(&need("shop", &[], Some(128)), &[], 64),
            "one instance of default/shop/web may hold 128MiB: 128MiB in all, and this host has 64MiB (limit guest-memory)"
        );
        let before = [need("shop", &[64], Some(32)), need("a", &[8], None)];
        assert_eq!(
            fits(&need("shop", &[64], Some(32)), &before, 128),
            "its services may hold 64MiB, those of its versions that still run 64MiB, those of other apps 8MiB \
             (default/a 8MiB), one instance of default/shop/web may hold 32MiB: 168MiB in all, and this host has 128MiB (limit guest-memory)"
        );
        let many: Vec<_> = (0..10).map(|number| need(&format!("app{number}"), &[1], None)).collect();
        let told = fits(&need("shop", &[2, 1], None), &many, 12);
        assert!(told.contains("2MiB + 1MiB = 3MiB, those of other apps 10MiB (default/app0 1MiB, "), "{told}");
        assert!(told.contains("default/app7 1MiB, 2 more): 13MiB in all"), "{told}");
    }

    /// What is kept is given back, of each version by itself.
    #[test]
    fn a_room_ends() {
        let rooms = Rooms::new(GuestMemory::new(ByteSize(100)));
        let keep = |number, bytes| {
            let need = Need { services: vec![bytes], ..need("shop", &[], None) };
            let mut kept = rooms.kept();
            kept.needs.insert(number, need);
            rooms.keep(&kept);
            Room { rooms: rooms.clone(), number }
        };
        let (one, two) = (keep(1, 30), keep(2, 20));
        assert_eq!(rooms.kept().needs.len(), 2);
        drop(one);
        assert_eq!(rooms.kept().needs.values().map(Need::sum).sum::<u64>(), 20);
        drop(two);
        assert!(rooms.kept().needs.is_empty());
    }
}
