//! Pulling components in all forms into a store.

mod economy;
mod faults;
mod forms;
