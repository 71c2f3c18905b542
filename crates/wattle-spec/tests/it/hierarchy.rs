//! The hierarchy of links as properties of any app: which rule wins, what comes after it, and what nothing may change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use wattle_spec::app::App;
use wattle_spec::fault::Fault;
use wattle_spec::host_file::HostSpec;
use wattle_spec::label::LinkKey;
use wattle_spec::link::{Linked, Provider, Rule};
use wattle_spec::manifest::Manifest;
use wattle_spec::resolve::{Behind, Explained, FoundComponents, explain, explain_app, resolve};

use crate::case::{found, offers};

/// What `cart` imports: an interface of the host and one that only components have, each with and without a label.
const IMPORTS: [&str; 4] = [
    "wasi:keyvalue/store@0.2.0-draft",
    "acme:log/log@1.0.0",
    "wasi:keyvalue/store@0.2.0-draft#a",
    "acme:log/log@1.0.0#a",
];
const KEYS: [&str; 8] = [
    "wasi:keyvalue",
    "wasi:keyvalue/store",
    "wasi:keyvalue/store@0.2.0-draft",
    "acme:log",
    "acme:log/log",
    "acme:log/log@1.0.0",
    "wasi:keyvalue#a",
    "acme:log/log#a",
];
/// The layers of links in their order.
const LAYERS: [Rule; 3] = [Rule::ComponentLink, Rule::AppLink, Rule::HostDefault];

type Links = BTreeMap<&'static str, &'static str>;

/// An app of `cart`, `pricing` and `tax` on a host.
#[derive(Debug, Clone)]
struct Config {
    /// The links of each of the [`LAYERS`].
    links: [Links; 3],
    /// Which of the three components export the log.
    exporters: BTreeSet<&'static str>,
    defaults: &'static str,
}

fn links(targets: &'static [&'static str]) -> impl Strategy<Value = Links> {
    prop::collection::btree_map(prop::sample::select(&KEYS[..]), prop::sample::select(targets), 0..4)
}

fn configs() -> impl Strategy<Value = Config> {
    let of_app: &[&str] = &["memory", "disk", "pricing", "tax", "nowhere"];
    let exporters = prop::collection::btree_set(prop::sample::select(&["cart", "pricing", "tax"][..]), 0..3);
    let layers = (links(of_app), links(of_app), links(&["memory", "disk", "main"]));
    let config = |((of_component, of_app, of_host), exporters, defaults)| Config {
        links: [of_component, of_app, of_host],
        exporters,
        defaults,
    };
    (layers, exporters, prop::sample::select(&["dev", "nats"][..])).prop_map(config)
}

impl Config {
    fn parts(&self) -> (Manifest, FoundComponents, HostSpec) {
        let lines =
            |layer: usize| self.links[layer].iter().map(|(key, to)| format!("'{key}' = '{to}'\n")).collect::<String>();
        let manifest = format!(
            "name = 'shop'\n[components]\ncart.source = 'a'\npricing.source = 'b'\ntax.source = 'c'\n\
             [components.cart.links]\n{}[links]\n{}",
            lines(0),
            lines(1)
        );
        let host = format!("defaults = '{}'\n[links]\n{}[backends.main]\ntype = 'disk'\n", self.defaults, lines(2));
        let component = |name: &str, imports: &str| {
            let exports = if self.exporters.contains(name) { "acme:log/log@1.0.0" } else { "" };
            format!("{name}: 0.2 {imports} => {exports}")
        };
        let components = [component("cart", &IMPORTS.join(" ")), component("pricing", ""), component("tax", "")];
        (Manifest::parse(&manifest).unwrap(), found(&components.join("\n")), HostSpec::parse(&host).unwrap())
    }

    fn explain(&self) -> Vec<Explained> {
        let (manifest, found, host) = self.parts();
        explain(&manifest, &found, &offers(), &host)
    }

    fn import(&self, import: &str) -> Explained {
        self.explain()
            .into_iter()
            .find(|explained| explained.what.to_string() == import && matches!(explained.what, Linked::Import(_)))
            .unwrap()
    }

    fn resolve(&self) -> Result<App, Vec<Fault>> {
        let (manifest, found, host) = self.parts();
        resolve(&manifest, &found, &offers(), &host, Path::new("/app"))
    }

    /// The links that speak of an import, the first of which wins, by layer and key: those with its label, then those with
    /// none, in each the layers in their order, and of a layer the longest key. What no host implements, no host links.
    fn links_of(&self, import: &str) -> Vec<(usize, &'static str)> {
        let (interface, label) =
            import.split_once('#').map_or((import, None), |(interface, label)| (interface, Some(label)));
        let speaks = |key: &str| {
            let LinkKey { interface: key, label: own } = key.parse().unwrap();
            key.covers(&interface.parse().unwrap()) && own.is_none_or(|own| label == Some(own.as_str()))
        };
        let in_layer = |layer: usize| self.links[layer].keys().map(move |key| (layer, *key));
        let mut links: Vec<_> = (0..3).flat_map(in_layer).filter(|(_, key)| speaks(key)).collect();
        links.retain(|(layer, _)| *layer < 2 || interface.starts_with("wasi:"));
        links.sort_by_key(|(layer, key)| (!key.contains('#'), *layer, usize::MAX - key.len()));
        links
    }

    /// The rules that apply to an import, the first of which wins.
    fn rules_of(&self, import: &str) -> Vec<Rule> {
        let mut rules: Vec<_> = self.links_of(import).iter().map(|(layer, _)| LAYERS[*layer]).collect();
        let has_sibling = self.exporters.iter().any(|name| *name != "cart");
        if import.starts_with("acme:") && !import.contains('#') && has_sibling {
            rules.push(Rule::Sibling);
            rules.sort();
        }
        if import.starts_with("wasi:") {
            rules.push(if self.defaults == "dev" { Rule::BuiltIn } else { Rule::HostDefault });
        }
        rules
    }

    /// The same with links that lead to what is there, so that most apps can run.
    fn mended(&self) -> Self {
        let mut config = self.clone();
        config.exporters.insert("pricing");
        for links in &mut config.links[..2] {
            let is_possible = |key: &str, to: &str| match key.starts_with("wasi:") {
                true => ["memory", "disk"].contains(&to),
                false => to == "pricing",
            };
            links.retain(|key, to| is_possible(key, to));
        }
        config.links[0].insert("acme:log/log", "pricing");
        config.links[0].insert("acme:log/log#a", "pricing");
        config
    }

    /// The same without what provides an import now.
    fn without_winner(&self, import: &str) -> Option<Self> {
        let mut config = self.clone();
        match (self.rules_of(import).first()?, self.links_of(import).first()) {
            (Rule::Sibling, _) => config.exporters.retain(|name| *name == "cart"),
            (_, Some((layer, key))) => drop(config.links[*layer].remove(key)),
            // What is built in cannot be taken away.
            (_, None) => return None,
        }
        Some(config)
    }
}

/// What each rule gives, in order: the rule, which of a refused winner is not told, and the provider or why there is none.
fn choices(explained: &Explained) -> Vec<Result<Provider, String>> {
    let told = |outcome: Result<&Provider, &Fault>| outcome.cloned().map_err(|refusal| refusal.message.clone());
    let first = told(explained.outcome.as_ref().map(|(provider, _)| provider));
    std::iter::once(first).chain(explained.others.iter().map(|other| told(other.outcome.as_ref()))).collect()
}

/// What an import gets and what would come next, of an app in a line: links as `LAYER key=target`, who exports the log as
/// `NAME!`, `nats` as the default, and last the import.
fn case(line: &'static str) -> String {
    let mut config = Config { links: Default::default(), exporters: BTreeSet::new(), defaults: "dev" };
    let (written, import) = line.rsplit_once(' ').unwrap_or(("", line));
    let mut layer = 0;
    for word in written.split_whitespace() {
        match (word, word.split_once('='), word.strip_suffix('!')) {
            ("cart" | "app" | "host", ..) => {
                layer = ["cart", "app", "host"].iter().position(|known| *known == word).unwrap()
            }
            (_, Some((key, to)), _) => drop(config.links[layer].insert(key, to)),
            (_, _, Some(exporter)) => drop(config.exporters.insert(exporter)),
            _ => config.defaults = word,
        }
    }
    let import =
        IMPORTS.iter().find(|known| known.replace("@0.2.0-draft", "").replace("@1.0.0", "") == import).unwrap();
    let explained = config.import(import);
    let told = |provider: Option<&Provider>| provider.map_or("refused".into(), ToString::to_string);
    let rule = explained.outcome.as_ref().map_or(String::new(), |(_, rule)| format!(" ({rule})"));
    let others: Vec<_> =
        explained.others.iter().map(|other| format!(", else {}", told(other.outcome.as_ref().ok()))).collect();
    format!("{line}: {}{rule}{}\n", told(explained.provider()), others.concat())
}

#[test]
fn a_table_of_cases() {
    let lines = [
        "wasi:keyvalue/store",
        "nats wasi:keyvalue/store",
        "host wasi:keyvalue=main wasi:keyvalue/store",
        "host wasi:keyvalue=main nats wasi:keyvalue/store",
        "app wasi:keyvalue=memory host wasi:keyvalue=main wasi:keyvalue/store",
        "cart wasi:keyvalue=disk app wasi:keyvalue=memory wasi:keyvalue/store",
        "cart wasi:keyvalue=disk app wasi:keyvalue/store=memory wasi:keyvalue/store",
        "cart wasi:keyvalue=disk wasi:keyvalue/store=memory wasi:keyvalue/store",
        "cart wasi:keyvalue=nowhere wasi:keyvalue/store",
        "cart wasi:keyvalue#a=memory wasi:keyvalue/store",
        "cart wasi:keyvalue#a=memory wasi:keyvalue/store#a",
        "cart wasi:keyvalue=disk host wasi:keyvalue#a=memory wasi:keyvalue/store#a",
        "acme:log/log",
        "pricing! acme:log/log",
        "cart! acme:log/log",
        "cart! pricing! acme:log/log",
        "pricing! tax! acme:log/log",
        "app acme:log=tax pricing! tax! acme:log/log",
        "cart acme:log=pricing app acme:log=tax pricing! tax! acme:log/log",
        "cart acme:log=tax pricing! acme:log/log",
        "app acme:log=cart cart! pricing! acme:log/log",
        "pricing! acme:log/log#a",
        "cart acme:log=pricing pricing! acme:log/log#a",
        "cart acme:log=pricing acme:log/log#a=tax pricing! tax! acme:log/log#a",
    ];
    insta::assert_snapshot!(lines.map(case).concat(), @"
    wasi:keyvalue/store: backend disk (built-in)
    nats wasi:keyvalue/store: backend nats (default of the host)
    host wasi:keyvalue=main wasi:keyvalue/store: backend main (default of the host), else backend disk
    host wasi:keyvalue=main nats wasi:keyvalue/store: backend main (default of the host), else backend nats
    app wasi:keyvalue=memory host wasi:keyvalue=main wasi:keyvalue/store: backend memory (link on the app), else backend main, else backend disk
    cart wasi:keyvalue=disk app wasi:keyvalue=memory wasi:keyvalue/store: backend disk (link on the component), else backend memory, else backend disk
    cart wasi:keyvalue=disk app wasi:keyvalue/store=memory wasi:keyvalue/store: backend disk (link on the component), else backend memory, else backend disk
    cart wasi:keyvalue=disk wasi:keyvalue/store=memory wasi:keyvalue/store: backend memory (link on the component), else backend disk, else backend disk
    cart wasi:keyvalue=nowhere wasi:keyvalue/store: refused, else backend disk
    cart wasi:keyvalue#a=memory wasi:keyvalue/store: backend disk (built-in)
    cart wasi:keyvalue#a=memory wasi:keyvalue/store#a: backend memory (link on the component), else backend disk
    cart wasi:keyvalue=disk host wasi:keyvalue#a=memory wasi:keyvalue/store#a: backend memory (default of the host), else backend disk, else backend disk
    acme:log/log: refused
    pricing! acme:log/log: component pricing (apart) (sibling)
    cart! acme:log/log: refused
    cart! pricing! acme:log/log: component pricing (apart) (sibling)
    pricing! tax! acme:log/log: refused
    app acme:log=tax pricing! tax! acme:log/log: component tax (apart) (link on the app), else refused
    cart acme:log=pricing app acme:log=tax pricing! tax! acme:log/log: component pricing (apart) (link on the component), else component tax (apart), else refused
    cart acme:log=tax pricing! acme:log/log: refused, else component pricing (apart)
    app acme:log=cart cart! pricing! acme:log/log: component pricing (apart) (sibling)
    pricing! acme:log/log#a: refused
    cart acme:log=pricing pricing! acme:log/log#a: component pricing (apart) (link on the component)
    cart acme:log=pricing acme:log/log#a=tax pricing! tax! acme:log/log#a: component tax (apart) (link on the component), else component pricing (apart)
    ");
}

proptest! {
    /// Of the rules that apply the first one wins, and all others follow in their order.
    #[test]
    fn the_first_rule_wins(config in configs()) {
        for import in IMPORTS {
            let explained = config.import(import);
            let rules = config.rules_of(import);
            if let Ok((_, rule)) = &explained.outcome {
                prop_assert_eq!(Some(rule), rules.first());
            }
            let others: Vec<_> = explained.others.iter().map(|other| other.rule).collect();
            prop_assert_eq!(&others[..], rules.get(1..).unwrap_or_default(), "{}", import);
        }
    }

    /// What is said to come next does, if what provides an import is taken away.
    #[test]
    fn the_next_rule_follows(config in configs()) {
        for import in IMPORTS {
            let Some(without) = config.without_winner(import) else { continue };
            let (before, after) = (config.import(import), without.import(import));
            match before.others.is_empty() {
                true => prop_assert!(after.outcome.is_err() && after.others.is_empty(), "{}", import),
                false => prop_assert_eq!(&choices(&before)[1..], &choices(&after)[..], "{}", import),
            }
        }
    }

    /// A default of the host changes nothing that a rule above it chose.
    #[test]
    fn a_default_changes_nothing_above_it(config in configs(), key in prop::sample::select(&KEYS[..6])) {
        let mut more = config.clone();
        more.links[2].insert(key, "main");
        more.defaults = if config.defaults == "dev" { "nats" } else { "dev" };
        for import in IMPORTS {
            let (before, after) = (config.import(import), more.import(import));
            if config.rules_of(import).first().is_some_and(|rule| *rule < Rule::HostDefault) {
                prop_assert_eq!(&choices(&before)[0], &choices(&after)[0], "{}", import);
            }
        }
    }

    /// A component is never its own provider.
    #[test]
    fn no_component_calls_itself(config in configs()) {
        for explained in config.explain() {
            let providers = choices(&explained);
            let is_itself = |provider: &Result<Provider, _>| matches!(provider, Ok(Provider::Component { name, .. }) if *name == explained.component);
            prop_assert!(!providers.iter().any(is_itself));
        }
    }

    /// An app has the links that were explained, or is refused with all that were refused.
    #[test]
    fn what_is_explained_is_what_runs(config in configs(), is_mended in any::<bool>()) {
        let config = if is_mended { config.mended() } else { config };
        let explained = config.explain();
        let refused: BTreeSet<_> = explained.iter().filter_map(|explained| explained.outcome.as_ref().err()).map(|fault| &fault.message).collect();
        match config.resolve() {
            Err(faults) => prop_assert_eq!(refused, faults.iter().map(|fault| &fault.message).collect()),
            Ok(app) => {
                prop_assert!(refused.is_empty());
                let runs = explain_app(&app, &app);
                let links = |all: &[Explained]| -> Vec<_> {
                    all.iter().map(|one| Explained { offer: None, ..one.clone() }).collect()
                };
                prop_assert_eq!(links(&runs), links(&explained));
                let (manifest, found, host) = config.parts();
                let behind = Behind::of_manifest(&manifest, &found, &host.backends, Path::new("/app"));
                prop_assert_eq!(behind, Behind::of_app(&app, &host.backends));
            }
        }
    }
}
