//! Apps in a few lines: what components import and export, what a host offers, and what becomes of it.

use std::path::Path;

use wattle_spec::app::App;
use wattle_spec::digest::Digest;
use wattle_spec::fault::Fault;
use wattle_spec::host_file::HostSpec;
use wattle_spec::interface::Interface;
use wattle_spec::label::LinkKey;
use wattle_spec::manifest::Manifest;
use wattle_spec::name::ComponentName;
use wattle_spec::resolve::{Found, FoundComponents, Labelling, Offer, Other, State, explain, resolve};
use wattle_spec::shape::{Handle, ImportName, Kind, Shape};

use crate::render;

fn names(text: &str) -> Vec<ImportName> {
    let name = |text: &str| match text.trim_end_matches(['?', '!']).parse() {
        Ok(LinkKey { interface, label: None }) => ImportName::Interface(interface),
        Ok(LinkKey { interface, label: Some(label) }) => ImportName::Labelled { label, interface },
        Err(_) => ImportName::Plain(text.into()),
    };
    text.split_whitespace().map(name).collect()
}

/// The interfaces with `mark` behind them.
fn marked(text: &str, mark: char) -> Vec<Interface> {
    text.split_whitespace().filter_map(|text| text.strip_suffix(mark)).map(|text| text.parse().unwrap()).collect()
}

/// A component as `cart: KIND imports => exports`. An import of types alone ends in `?`, an export with handles in `!`.
pub(crate) fn found(lines: &str) -> FoundComponents {
    lines
        .lines()
        .map(|line| {
            let (name, rest) = line.split_once(": ").unwrap();
            let (kind, rest) = rest.split_once(' ').unwrap();
            let (imports, exports) = rest.split_once("=>").unwrap();
            let kind = match kind {
                "0.2" => Kind::Component02,
                "0.3" => Kind::Component03,
                _ => Kind::Module,
            };
            let shape = Shape {
                kind,
                imports: names(imports),
                exports: names(exports),
                types_only: marked(imports, '?').into_iter().collect(),
                handles: marked(exports, '!').into_iter().map(|interface| (interface, Handle::Resource)).collect(),
            };
            (name.parse::<ComponentName>().unwrap(), Found { digest: Digest::of(line.as_bytes()), shape })
        })
        .collect()
}

/// What a host of today implements, more or less.
pub(crate) fn offers() -> Vec<Offer> {
    let stateful =
        ["store@0.2.0-draft", "atomics@0.2.0-draft", "batch@0.2.0-draft"].map(|name| format!("wasi:keyvalue/{name}"));
    let stateless = [
        "wasi:http/types@0.2.12",
        "wasi:http/types@0.3.0",
        "wasi:clocks/wall-clock@0.2.12",
        "wasi:io/streams@0.2.12",
        "wasi:config/store@0.2.0-rc.1",
        "wasmcloud:keyvalue/types@0.2.0",
    ];
    let offer = |text: &str, state| {
        let interface: Interface = text.parse().unwrap();
        let labelling = match interface.name.as_deref() {
            Some("store") => Labelling::Allowed,
            Some("secret") => Labelling::Required,
            _ => Labelling::Never,
        };
        let is_concurrent = interface.package == "keyvalue" && interface.namespace == "wasmcloud";
        let has_names = state == Some(State::KeyValue);
        Offer { interface, state, is_concurrent, has_names, labelling }
    };
    let stateful = stateful.iter().map(String::as_str).chain(["wasmcloud:keyvalue/store@0.2.0"]);
    let others = [
        offer("wasmcloud:messaging/consumer@0.2.0", Some(State::Bus)),
        offer("wasmcloud:secrets/store@2.1.0", Some(State::Secrets)),
        offer("wasi:logging/logging@0.1.0-draft", Some(State::Log)),
    ];
    let stateful = stateful.map(|text| offer(text, Some(State::KeyValue)));
    stateful.chain(others).chain(stateless.map(|text| offer(text, None))).collect()
}

/// A manifest with a component `cart` and `lines`, run with `components` on a host with `host`.
pub(crate) struct Case<'a> {
    pub(crate) lines: &'a str,
    pub(crate) components: &'a str,
    pub(crate) host: &'a str,
}

impl Case<'_> {
    pub(crate) fn text(&self) -> String {
        format!("name = 'shop'\ncomponents.cart.source = 'cart.wasm'\n{}", self.lines)
    }

    /// What every import gets and why, then what is wrong.
    pub(crate) fn links(&self) -> String {
        let (manifest, found) = (Manifest::parse(&self.text()).unwrap(), found(self.components));
        let host = HostSpec::parse(self.host).unwrap();
        let mut out = String::new();
        for explained in explain(&manifest, &found, &offers(), &host) {
            let choice = match &explained.outcome {
                Ok((provider, rule)) => format!("{provider} ({rule})"),
                Err(_) => "refused".into(),
            };
            out += &format!("{} {} -> {choice}: {}\n", explained.component, explained.what, explained.reason);
            for Other { rule, outcome, reason } in &explained.others {
                let other = outcome.as_ref().map_or("refused".into(), ToString::to_string);
                out += &format!("    else {other} ({rule}): {reason}\n");
            }
        }
        out + &self.faults()
    }

    /// The app that it is on `host`.
    pub(crate) fn app(&self, host: &HostSpec) -> Result<App, Vec<Fault>> {
        let (manifest, found) = (Manifest::parse(&self.text()).unwrap(), found(self.components));
        resolve(&manifest, &found, &offers(), host, Path::new("/app"))
    }

    pub(crate) fn faults(&self) -> String {
        let text = self.text();
        let (manifest, found) = (Manifest::parse(&text).unwrap(), found(self.components));
        let host = HostSpec::parse(self.host).unwrap();
        resolve(&manifest, &found, &offers(), &host, Path::new("/app"))
            .map_or_else(|faults| render(&text, &faults), |_| String::new())
    }
}

/// The links of a component that imports a store of keys and values and an HTTP type.
pub(crate) fn check(lines: &str, host: &str) -> String {
    check_imports("wasi:keyvalue/store@0.2.0-draft wasi:http/types@0.2.3", lines, host)
}

pub(crate) fn check_imports(imports: &str, lines: &str, host: &str) -> String {
    Case { lines, components: &format!("cart: 0.2 {imports} =>"), host }.links()
}
