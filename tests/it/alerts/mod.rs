//! What needs a person reaches that person: once, not at night, and until it is over.

mod acting;
mod delivery;
mod rules_of_sources;
mod rules_of_use;
pub(crate) mod support;
mod year;
