//! The table in which the route of a request is found.
//!
//! One tree of segments per host name, and one for every host. A lookup walks down as far as the path has branches:
//! it allocates nothing, hashes each segment once, and costs the same with one route and with thousands. A copy of a table
//! shares what it has with the first, so that a change of one app's routes costs the same beside one app and beside thousands.

use rpds::HashTrieMapSync;

use super::PathPattern;

/// Routes by host and path, for lookup. The most specific wins: a host name before none, then the exact path before a
/// prefix, then the longer prefix. What the routes of a host name do not cover falls to those of every host.
#[derive(Debug, Clone)]
pub struct RouteTable<T> {
    hosts: HashTrieMapSync<Box<str>, Node<T>>,
    any_host: Node<T>,
}

/// A path in the tree, and what is below it.
#[derive(Debug, Clone)]
struct Node<T> {
    exact: Option<T>,
    prefix: Option<T>,
    below: HashTrieMapSync<Box<str>, Node<T>>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { exact: None, prefix: None, below: HashTrieMapSync::default() }
    }
}

impl<T> Default for RouteTable<T> {
    fn default() -> Self {
        Self { hosts: HashTrieMapSync::default(), any_host: Node::default() }
    }
}

impl<T: Clone> RouteTable<T> {
    /// A table without routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route for a host name in lower case and without a port, or for every host.
    ///
    /// # Errors
    ///
    /// What is there already, if there is a route of the same host and pattern. Nothing is changed then.
    pub fn insert(&mut self, host: Option<&str>, path: &PathPattern, value: T) -> Result<(), T> {
        if let Some(there) = self.holder(host, path) {
            return Err(there.clone());
        }
        let root = match host {
            Some(host) => below(&mut self.hosts, host),
            None => &mut self.any_host,
        };
        let (path, is_exact) = split(path);
        *segments(path).fold(root, |node, segment| below(&mut node.below, segment)).slot(is_exact) = Some(value);
        Ok(())
    }

    /// Takes away the route of this host and pattern, and gives what was there.
    pub fn remove(&mut self, host: Option<&str>, path: &PathPattern) -> Option<T> {
        let (path, is_exact) = split(path);
        let Some(host) = host else { return self.any_host.take(&mut segments(path), is_exact) };
        let root = self.hosts.get_mut(host)?;
        let taken = root.take(&mut segments(path), is_exact);
        if root.is_empty() {
            self.hosts.remove_mut(host);
        }
        taken
    }

    /// What is there for exactly this host and pattern.
    pub fn holder(&self, host: Option<&str>, path: &PathPattern) -> Option<&T> {
        let root = host.map_or(Some(&self.any_host), |host| self.hosts.get(host))?;
        let (path, is_exact) = split(path);
        let node = segments(path).try_fold(root, |node, segment| node.below.get(segment))?;
        if is_exact { node.exact.as_ref() } else { node.prefix.as_ref() }
    }

    /// The value of the most specific route for a host, as [`super::host_of`] gives it, and a path in the normal form of
    /// [`super::normalize_path`].
    pub fn get(&self, host: &str, path: &str) -> Option<&T> {
        self.hosts.get(host).and_then(|root| root.get(path)).or_else(|| self.any_host.get(path))
    }
}

/// The text of a pattern, and whether it is for that path alone.
fn split(pattern: &PathPattern) -> (&str, bool) {
    match pattern {
        PathPattern::Exact(path) => (path, true),
        PathPattern::Prefix(path) => (path, false),
    }
}

/// The segments of a path that begins with `/`; none of an empty one.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}

/// The node of that name among `nodes`, which is made if it is not there.
fn below<'a, T: Clone>(nodes: &'a mut HashTrieMapSync<Box<str>, Node<T>>, name: &str) -> &'a mut Node<T> {
    if !nodes.contains_key(name) {
        nodes.insert_mut(name.into(), Node::default());
    }
    nodes.get_mut(name).expect("invariant: it was put there")
}

impl<T: Clone> Node<T> {
    fn slot(&mut self, is_exact: bool) -> &mut Option<T> {
        if is_exact { &mut self.exact } else { &mut self.prefix }
    }

    /// Takes what is at the end of a path; nodes that lead nowhere any more go with it.
    fn take(&mut self, path: &mut dyn Iterator<Item = &str>, is_exact: bool) -> Option<T> {
        let Some(segment) = path.next() else { return self.slot(is_exact).take() };
        let below = self.below.get_mut(segment)?;
        let taken = below.take(path, is_exact);
        if below.is_empty() {
            self.below.remove_mut(segment);
        }
        taken
    }

    fn is_empty(&self) -> bool {
        self.exact.is_none() && self.prefix.is_none() && self.below.is_empty()
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
