//! What a component's links to one kind of state lead to: by package, and within a package by label.

use wattle_spec::label::Label;
use wattle_spec::link::{Link, Provider};
use wattle_spec::name::BackendName;
use wattle_spec::resolve::State;

use super::Via;

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

impl<T> Default for Joined<T> {
    fn default() -> Self {
        Self { links: Vec::new() }
    }
}

impl<T> Joined<T> {
    /// Leads each link of `links` to `state` to what `join` makes of it and the backend that it names. What is provided
    /// without a backend is left out.
    pub(crate) fn new<E>(
        links: &[Link],
        state: State,
        join: impl Fn(&Link, &BackendName) -> Result<T, E>,
    ) -> Result<Self, E> {
        Self::with_built_in(links, state, |link| match &link.provider {
            Provider::Backend(name) => join(link, name).map(Some),
            Provider::BuiltIn | Provider::Component { .. } => Ok(None),
        })
    }

    /// The same, where what is provided without a backend leads somewhere, too.
    pub(crate) fn with_built_in<E>(
        links: &[Link],
        state: State,
        join: impl Fn(&Link) -> Result<Option<T>, E>,
    ) -> Result<Self, E> {
        let mut joined = Self::default();
        for link in links.iter().filter(|link| link.state == Some(state)) {
            let Some(interface) = link.what.interface() else { continue };
            let (package, label) = (interface.package_key().to_string(), link.what.label().cloned());
            // The interfaces of a package share a link: one of them stands for all.
            if joined.links.iter().any(|known| known.package == package && known.label == label) {
                continue;
            }
            if let Some(to) = join(link)? {
                joined.links.push(Joint { package, label, to });
            }
        }
        Ok(joined)
    }

    /// What a component gets of `package` that opens `name` through `via`: an import with a label has its own link, and any
    /// other the one whose label is the name. Without such a link it is the one that has no label.
    pub(crate) fn named(&self, package: &str, via: &Via, name: &str) -> Option<&T> {
        let label = via.label.as_ref().map_or(name, Label::as_str);
        self.called(package, label).or_else(|| self.unlabelled(package))
    }

    /// What the link of `package` with this label leads to.
    pub(crate) fn called(&self, package: &str, label: &str) -> Option<&T> {
        let is_called = |link: &&Joint<T>| link.label.as_ref().is_some_and(|own| own.as_str() == label);
        self.of(package).find(is_called).map(|link| &link.to)
    }

    /// What it gets through `via` where nothing has a name.
    pub(crate) fn unnamed(&self, package: &str, via: &Via) -> Option<&T> {
        match &via.label {
            None => self.unlabelled(package),
            Some(label) => self.named(package, via, label.as_str()),
        }
    }

    /// Everything that they lead to.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.links.iter().map(|link| &link.to)
    }

    fn of(&self, package: &str) -> impl Iterator<Item = &Joint<T>> {
        self.links.iter().filter(move |link| link.package == package)
    }

    fn unlabelled(&self, package: &str) -> Option<&T> {
        self.of(package).find(|link| link.label.is_none()).map(|link| &link.to)
    }
}
