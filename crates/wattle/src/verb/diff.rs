//! `wattle diff`: what another version could touch that this one could not, and whether a policy would let it take its
//! place: a script learns that from the code that it ends with.

mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use wattle_spec::manifest::Pull;
use wattle_spec::name::ComponentName;
use wattle_spec::policy::Policy;
use wattle_spec::shape::reach;

use self::verdict::Verdict;
use super::{harmless, print, print_json, runtime};
use crate::app_file::{AppFile, Part, ReadHost};
use crate::artifacts::{Asking, of_host};
use crate::cli::Diff;
use crate::problem::Problem;

/// Registries are asked for what is not here.
const ASKING: Asking = Asking::Registries { pull: None };

/// What `--json` prints.
#[derive(Serialize)]
struct Compared {
    from: String,
    to: String,
    /// By name. Those of which nothing changed are left out.
    components: BTreeMap<String, Change>,
    asks: Asked,
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

/// What the app asks for of its host, as approvals count it. Empty if this host can run one of the two not at all.
#[derive(Serialize, Default)]
struct Asked {
    more: Vec<String>,
    less: Vec<String>,
}

/// One of the two.
struct Side {
    /// A reference with its digest, or a file.
    path: PathBuf,
    file: AppFile,
}

pub(crate) fn run(arguments: &Diff) -> Result<(), Problem> {
    let host = || ReadHost::of(arguments.config.as_deref());
    let (from, to) = (Side::read(&arguments.from, host()?)?, Side::read(&arguments.to, host()?)?);
    let (before, after) = (from.file.parts(), to.file.parts());
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let change = |name: &ComponentName| (name.to_string(), Change::of(before.get(name), after.get(name)));
    let components: BTreeMap<_, _> = names.into_iter().map(change).filter(|(_, change)| !change.is_none()).collect();
    let asks = Asked::of(&from.file, &to.file);
    let more = asks.more.len();
    let policy = match arguments.config {
        Some(_) => verdict::of(&to, host()?, more)?,
        None => Verdict::unasked(),
    };
    let compared = Compared { from: from.name(), to: to.name(), components, asks, policy };
    match arguments.json {
        true => print_json(&compared)?,
        // It is made up by whoever pushed it.
        false => print(&page(&compared).lines().map(|line| harmless(line) + "\n").collect::<String>())?,
    }
    match &arguments.config {
        Some(config) if !compared.policy.is_allowed() => Err(Problem::NotReplaced { config: config.clone() }),
        _ => Ok(()),
    }
}

impl Side {
    /// What `path` names, whether or not a policy lets it run. Where a tag leads is asked, and is not noted.
    fn read(path: &Path, mut host: ReadHost) -> Result<Self, Problem> {
        host.spec.policy = Policy::default();
        let path = match crate::app_file::reference(path) {
            None => path.to_path_buf(),
            Some(reference) => {
                let resolve = of_host(&host.spec)?;
                let resolved = runtime()?.block_on(resolve.resolve(&reference, Pull::Always, None))?;
                reference.pinned(resolved.digest).to_string().into()
            }
        };
        let file = AppFile::read_on(&path, host, ASKING)?.sound()?;
        Ok(Self { path, file })
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

impl Asked {
    /// What `to` asks for beyond `from`, if this host can run both; else what is known without one.
    fn of(from: &AppFile, to: &AppFile) -> Self {
        let (Ok(before), Ok(after)) = (from.resolve_unapproved(), to.resolve_unapproved()) else {
            return Self::default();
        };
        let (before, after) = (from.asks(&before), to.asks(&after));
        Self { more: after.beyond(&before), less: before.beyond(&after) }
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
}

fn page(compared: &Compared) -> String {
    let Compared { from, to, components, asks, policy } = compared;
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
    if !asks.more.is_empty() || !asks.less.is_empty() {
        page += "\nasks of its host\n";
        page.extend(asks.more.iter().map(|ask| format!("  + {ask}\n")));
        page.extend(asks.less.iter().map(|ask| format!("  - {ask}\n")));
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
