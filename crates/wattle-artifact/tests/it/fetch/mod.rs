//! Pulling components in all forms into a store.

mod faults;
mod forms;
