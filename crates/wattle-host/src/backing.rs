//! What stands behind links: backends that are open, each as long as somebody uses it, and what a link has of one: a
//! lease, which ends some time after the link was led elsewhere.

mod lease;
mod leased;
mod opened;

pub(crate) use self::lease::{Lease, Retired, Term};
pub(crate) use self::opened::Opened;
