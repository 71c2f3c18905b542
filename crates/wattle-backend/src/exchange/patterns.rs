//! Who hears of a subject: patterns in a tree of tokens, so that looking costs as much as there are tokens and hearers,
//! however many other patterns there are.

use std::collections::HashMap;
use std::str::Split;

use wattle_spec::subject::{Subject, SubjectPattern};

/// Patterns, and who listens to each.
pub(super) struct Patterns<T> {
    /// By the next token.
    tokens: HashMap<Box<str>, Patterns<T>>,
    /// Behind a `*`.
    any: Option<Box<Patterns<T>>>,
    /// Of patterns that end with `>` here.
    rest: Vec<T>,
    /// Of patterns that end here.
    here: Vec<T>,
}

impl<T> Default for Patterns<T> {
    fn default() -> Self {
        Self { tokens: HashMap::new(), any: None, rest: Vec::new(), here: Vec::new() }
    }
}

impl<T> Patterns<T> {
    /// Adds one who listens to `pattern`.
    pub(super) fn insert(&mut self, pattern: &SubjectPattern, hearer: T) {
        let mut node = self;
        for token in pattern.as_str().split('.') {
            node = match token {
                ">" => return node.rest.push(hearer),
                "*" => node.any.get_or_insert_default(),
                token => node.tokens.entry(token.into()).or_default(),
            };
        }
        node.here.push(hearer);
    }

    /// Removes those who listen to `pattern` and are meant.
    pub(super) fn remove(&mut self, pattern: &SubjectPattern, is_meant: impl Fn(&T) -> bool) {
        self.remove_below(pattern.as_str().split('.'), &is_meant);
    }

    fn remove_below(&mut self, mut tokens: Split<'_, char>, is_meant: &impl Fn(&T) -> bool) {
        match tokens.next() {
            None => self.here.retain(|hearer| !is_meant(hearer)),
            Some(">") => self.rest.retain(|hearer| !is_meant(hearer)),
            Some("*") => {
                let Some(next) = &mut self.any else { return };
                next.remove_below(tokens, is_meant);
                if next.is_empty() {
                    self.any = None;
                }
            }
            Some(token) => {
                let Some(next) = self.tokens.get_mut(token) else { return };
                next.remove_below(tokens, is_meant);
                if next.is_empty() {
                    self.tokens.remove(token);
                }
            }
        }
    }

    /// Everyone who listens to `subject`.
    pub(super) fn hearers(&self, subject: &Subject) -> Vec<&T> {
        let mut found = Vec::new();
        self.find(subject.as_str().split('.'), &mut found);
        found
    }

    fn find<'a>(&'a self, mut tokens: Split<'_, char>, found: &mut Vec<&'a T>) {
        let Some(token) = tokens.next() else { return found.extend(&self.here) };
        found.extend(&self.rest);
        if let Some(next) = self.tokens.get(token) {
            next.find(tokens.clone(), found);
        }
        if let Some(next) = &self.any {
            next.find(tokens, found);
        }
    }

    /// Calls `see` with everyone who listens to anything.
    pub(super) fn each(&self, see: &mut impl FnMut(&T)) {
        self.here.iter().chain(&self.rest).for_each(&mut *see);
        self.tokens.values().chain(self.any.as_deref()).for_each(|next| next.each(see));
    }

    /// Whether nobody listens to anything.
    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.any.is_none() && self.rest.is_empty() && self.here.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use proptest::prelude::*;

    fn patterns() -> impl Strategy<Value = Vec<SubjectPattern>> {
        let pattern = "([ab*](\\.[ab*]){0,3}|([ab*]\\.){0,3}>)";
        let parse = |texts: Vec<String>| texts.iter().map(|text| text.parse().expect("a pattern")).collect();
        prop::collection::vec(pattern, 0..12).prop_map(parse)
    }

    fn tree_of(patterns: &[SubjectPattern]) -> Patterns<usize> {
        let mut tree = Patterns::default();
        patterns.iter().enumerate().for_each(|(number, pattern)| tree.insert(pattern, number));
        tree
    }

    proptest! {
        #[test]
        fn finds_what_matches(patterns in patterns(), removed in 0usize..12, subject in "[abc](\\.[abc]){0,4}") {
            let subject: Subject = subject.parse().expect("a subject");
            let mut tree = tree_of(&patterns);
            if let Some(pattern) = patterns.get(removed) {
                tree.remove(pattern, |number| *number == removed);
            }
            let mut found: Vec<usize> = tree.hearers(&subject).into_iter().copied().collect();
            found.sort_unstable();
            let expected = (0..patterns.len()).filter(|&number| number != removed && patterns[number].matches(&subject));
            prop_assert_eq!(found, expected.collect::<Vec<_>>());
        }

        #[test]
        fn nothing_is_left_of_what_was_removed(patterns in patterns()) {
            let mut tree = tree_of(&patterns);
            for (number, pattern) in patterns.iter().enumerate() {
                tree.remove(pattern, |other| *other == number);
            }
            prop_assert!(tree.is_empty());
        }
    }

    /// The least time that looking for what one of `count` listens to took, of some rounds.
    fn time_among(count: usize) -> Duration {
        let patterns: Vec<SubjectPattern> =
            (0..count).map(|number| format!("a.{number}.*").parse().expect("a pattern")).collect();
        let (tree, subject) = (tree_of(&patterns), "a.7.b".parse().expect("a subject"));
        let round = || {
            let start = Instant::now();
            for _ in 0..1000 {
                assert_eq!(tree.hearers(&subject), [&7]);
            }
            start.elapsed()
        };
        (0..10).map(|_| round()).min().expect("there were rounds")
    }

    #[test]
    fn looking_costs_no_more_among_many() {
        let (few, many) = (time_among(10), time_among(10_000));
        assert!(many < few * 20, "{few:?} among 10, {many:?} among 10,000");
    }
}
