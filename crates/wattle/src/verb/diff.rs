//! `wattle diff`: what another version could touch that this one could not, and whether a policy would let it take its
//! place.

mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use wattle_spec::manifest::Pull;
use wattle_spec::name::ComponentName;
use wattle_spec::policy::Policy;
use wattle_spec::reference::Reference;
use wattle_spec::shape::reach;

use self::verdict::Verdict;
use super::{harmless, print, print_json, runtime};
use crate::app_file::{AppFile, Part, ReadHost};
use crate::artifacts::{Asking, of_host};
use crate::cli::Diff;
use crate::problem::Problem;

/// What `--json` prints.
#[derive(Serialize)]
struct Compared {
    from: String,
    to: String,
    /// By name. Those of which nothing changed are left out.
    components: BTreeMap<String, Change>,
    policy: Verdict,
}

/// What became of one component.
#[derive(Serialize, Default)]
struct Change {
    imports: Set,
    exports: Set,
    touches: Set,
    grants: Set,
    /// `None`: it was not there before, or is not there any more.
    size_bytes: (Option<usize>, Option<usize>),
    /// Whether its bytes are others.
    is_rebuilt: bool,
}

#[derive(Serialize, Default)]
struct Set {
    added: Vec<String>,
    removed: Vec<String>,
}

/// One of the two.
struct Side {
    /// The reference with its digest, if it is in a registry.
    reference: Option<Reference>,
    file: AppFile,
}

pub(crate) fn run(arguments: &Diff) -> Result<(), Problem> {
    let host = || ReadHost::of(arguments.config.as_deref());
    let policy = host()?.spec.policy;
    let (from, to) = (Side::read(&arguments.from, host()?)?, Side::read(&arguments.to, host()?)?);
    let (before, after) = (from.file.parts(), to.file.parts());
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let change = |name: &ComponentName| (name.to_string(), Change::of(before.get(name), after.get(name)));
    let components: BTreeMap<_, _> = names.into_iter().map(change).filter(|(_, change)| !change.is_none()).collect();
    let asks_for_more = components.values().any(Change::asks_for_more);
    let policy = to.verdict(&policy, asks_for_more)?;
    let name =
        |side: &Side, path: &Path| side.reference.as_ref().map_or(path.display().to_string(), ToString::to_string);
    let compared = Compared { from: name(&from, &arguments.from), to: name(&to, &arguments.to), components, policy };
    match arguments.json {
        true => print_json(&compared),
        // It is made up by whoever pushed it.
        false => print(&page(&compared).lines().map(|line| harmless(line) + "\n").collect::<String>()),
    }
}

impl Side {
    /// What `path` names, whether or not a policy lets it run. Where a tag leads is asked, and is not noted.
    fn read(path: &Path, mut host: ReadHost) -> Result<Self, Problem> {
        host.spec.policy = Policy::default();
        let asking = Asking::Registries { pull: None };
        let Some(reference) = crate::app_file::reference(path) else {
            return Ok(Self { reference: None, file: AppFile::read_on(path, host, asking)?.sound()? });
        };
        let artifacts = of_host(&host.spec)?;
        let resolved = runtime()?.block_on(artifacts.resolve(&reference, Pull::Always, None))?;
        let pinned = reference.pinned(resolved.digest);
        let file = AppFile::read_on(&PathBuf::from(pinned.to_string()), host, asking)?.sound()?;
        Ok(Self { reference: Some(pinned), file })
    }

    fn verdict(&self, policy: &Policy, asks_for_more: bool) -> Result<Verdict, Problem> {
        let signed = verdict::of_signers(policy, self.reference.as_ref(), &self.file)?;
        Ok(signed.and(verdict::of_imports(policy, &self.file)).and(verdict::of_approval(policy, asks_for_more)))
    }
}

impl Set {
    fn of(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Self {
        let beyond = |one: &BTreeSet<String>, other| one.difference(other).cloned().collect();
        Self { added: beyond(after, before), removed: beyond(before, after) }
    }

    fn is_none(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl Change {
    fn of(before: Option<&Part<'_>>, after: Option<&Part<'_>>) -> Self {
        let set = |names: fn(&Part<'_>) -> BTreeSet<String>| {
            Set::of(&before.map(names).unwrap_or_default(), &after.map(names).unwrap_or_default())
        };
        Self {
            imports: set(|part| part.shape.imports.iter().map(ToString::to_string).collect()),
            exports: set(|part| part.shape.exports.iter().map(ToString::to_string).collect()),
            touches: set(|part| reach(&part.shape.imports).into_iter().collect()),
            grants: set(|part| part.grants.in_words()),
            size_bytes: (before.map(|part| part.size), after.map(|part| part.size)),
            is_rebuilt: before.map(|part| part.digest) != after.map(|part| part.digest),
        }
    }

    fn is_none(&self) -> bool {
        let Self { imports, exports, touches, grants, is_rebuilt, .. } = self;
        !is_rebuilt && [imports, exports, touches, grants].into_iter().all(Set::is_none)
    }

    fn asks_for_more(&self) -> bool {
        !self.imports.added.is_empty() || !self.grants.added.is_empty()
    }
}

fn page(compared: &Compared) -> String {
    let Compared { from, to, components, policy } = compared;
    let mut page = format!("- {from}\n+ {to}\n");
    if components.is_empty() {
        page += "\nthe same components with the same grants\n";
    }
    for (name, change) in components {
        let _ = writeln!(page, "\n{name}{}", state(change));
        let Change { imports, exports, touches, grants, size_bytes, .. } = change;
        for (title, set) in [("imports", imports), ("exports", exports), ("touches", touches), ("granted", grants)] {
            let added = set.added.iter().map(|name| format!("+ {name}"));
            let lines = added.chain(set.removed.iter().map(|name| format!("- {name}")));
            for (index, line) in lines.enumerate() {
                let _ = writeln!(page, "  {:8}{line}", if index == 0 { title } else { "" });
            }
        }
        if let (Some(before), Some(after)) = size_bytes {
            let percent = (*after as f64 / (*before).max(1) as f64 - 1.0) * 100.0;
            let _ = writeln!(page, "  size    {before} -> {after} bytes ({percent:+.1} %)");
        }
    }
    page + "\n" + &policy.page()
}

fn state(change: &Change) -> &'static str {
    match (change.size_bytes, change.is_rebuilt) {
        ((None, _), _) => " (new)",
        ((_, None), _) => " (gone)",
        (_, false) => " (the same bytes)",
        (_, true) => "",
    }
}
