//! The table in which the route of a request is found.
//!
//! One tree of segments per host name, and one for every host. A lookup walks down as far as the path has branches:
//! it allocates nothing, hashes each segment once, and costs the same with one route and with thousands.

use std::collections::HashMap;

use super::PathPattern;

/// Routes by host and path, for lookup. The most specific wins: a host name before none, then the exact path before a
/// prefix, then the longer prefix. What the routes of a host name do not cover falls to those of every host.
#[derive(Debug, Clone)]
pub struct RouteTable<T> {
    hosts: HashMap<Box<str>, Node<T>>,
    any_host: Node<T>,
}

/// A path in the tree, and what is below it.
#[derive(Debug, Clone)]
struct Node<T> {
    exact: Option<T>,
    prefix: Option<T>,
    below: HashMap<Box<str>, Node<T>>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { exact: None, prefix: None, below: HashMap::new() }
    }
}

impl<T> Default for RouteTable<T> {
    fn default() -> Self {
        Self { hosts: HashMap::new(), any_host: Node::default() }
    }
}

impl<T> RouteTable<T> {
    /// A table without routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route for a host name in lower case and without a port, or for every host.
    ///
    /// # Errors
    ///
    /// What is there already, if there is a route of the same host and pattern. Nothing is changed then.
    pub fn insert(&mut self, host: Option<&str>, path: &PathPattern, value: T) -> Result<(), &T> {
        let root = match host {
            Some(host) => self.hosts.entry(host.into()).or_default(),
            None => &mut self.any_host,
        };
        let slot = match path {
            PathPattern::Exact(path) => &mut root.at(path).exact,
            PathPattern::Prefix(path) => &mut root.at(path).prefix,
        };
        match slot {
            Some(there) => Err(there),
            None => {
                *slot = Some(value);
                Ok(())
            }
        }
    }

    /// The value of the most specific route for a host, as [`super::host_of`] gives it, and a path in the normal form of
    /// [`super::normalize_path`].
    pub fn get(&self, host: &str, path: &str) -> Option<&T> {
        self.hosts.get(host).and_then(|root| root.get(path)).or_else(|| self.any_host.get(path))
    }
}

/// The segments of a path that begins with `/`; none of an empty one.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}

impl<T> Node<T> {
    fn at(&mut self, path: &str) -> &mut Self {
        segments(path).fold(self, |node, segment| node.below.entry(segment.into()).or_default())
    }

    fn get(&self, path: &str) -> Option<&T> {
        let mut node = self;
        let mut prefix = self.prefix.as_ref();
        for segment in segments(path) {
            match node.below.get(segment) {
                Some(below) => node = below,
                None => return prefix,
            }
            prefix = node.prefix.as_ref().or(prefix);
        }
        node.exact.as_ref().or(prefix)
    }
}
