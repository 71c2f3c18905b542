//! An app that is replaced by another version of itself: nothing is lost, nothing runs twice, and what cannot take over
//! changes nothing.

mod background;
mod failing;
mod racing;
mod serving;
