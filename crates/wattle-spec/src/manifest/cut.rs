//! What of a faulty text is left out: the names still count as known.

use std::collections::BTreeSet;

/// The tables that were written and are too faulty to be used, by name. Their faults are told where they are; that
/// something else refers to them is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cut {
    /// Of `components`.
    pub components: BTreeSet<String>,
    /// Of `backends`.
    pub backends: BTreeSet<String>,
    /// Whether there may have been routes among what was left out.
    pub routes: bool,
}
