//! Components that are called `together`: composed into one with their caller, in one instance of one store, so that any
//! type crosses and a call costs next to nothing.

mod compose;
mod imports;
mod moved;

pub(crate) use self::compose::{Part, Wire, compose};
