//! What a component's links to one kind of state lead to: by package, and within a package by label.

use wattle_spec::label::Label;
use wattle_spec::link::{Link, Provider, Rule};
use wattle_spec::name::BackendName;
use wattle_spec::resolve::State;

/// The links of one component to one kind of state, each led to a `T`.
pub(crate) struct Joined<T> {
    links: Vec<Joint<T>>,
}

struct Joint<T> {
    /// As in `wasi:keyvalue`.
    package: String,
    /// `None`: for everything of the package that has no link of its own.
    label: Option<Label>,
    to: T,
}

impl<T> Joined<T> {
    /// Leads each link of `links` to `state` to what `join` makes of the backend that it names and the rule that
    /// chose it. What is provided
    /// without a backend is left out.
    pub(crate) fn new<E>(
        links: &[Link],
        state: State,
        join: impl Fn(&BackendName, Rule) -> Result<T, E>,
    ) -> Result<Self, E> {
        let mut joined = Self { links: Vec::new() };
        for link in links.iter().filter(|link| link.state == Some(state)) {
            let (Some(interface), Provider::Backend(name)) = (link.what.interface(), &link.provider) else { continue };
            let (package, label) = (interface.package_key().to_string(), link.what.label().cloned());
            // The interfaces of a package share a link: one of them stands for all.
            if !joined.links.iter().any(|known| known.package == package && known.label == label) {
                joined.links.push(Joint { package, label, to: join(name, link.rule)? });
            }
        }
        Ok(joined)
    }

    /// What a component gets of `package` that opens `name`: the link with that label, else the one without any.
    pub(crate) fn named(&self, package: &str, name: &str) -> Option<&T> {
        let of_package = || self.links.iter().filter(|link| link.package == package);
        let labelled = of_package().find(|link| link.label.as_ref().is_some_and(|label| label.as_str() == name));
        labelled.or_else(|| of_package().find(|link| link.label.is_none())).map(|link| &link.to)
    }

    /// Everything that they lead to.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.links.iter().map(|link| &link.to)
    }

    /// What a component gets of `package` that opens nothing: the link without a label.
    pub(crate) fn only(&self, package: &str) -> Option<&T> {
        self.links.iter().find(|link| link.package == package && link.label.is_none()).map(|link| &link.to)
    }

    /// What it gets through an import that it calls `label`.
    pub(crate) fn labelled(&self, package: &str, label: &Label) -> Option<&T> {
        self.named(package, label.as_str())
    }
}
