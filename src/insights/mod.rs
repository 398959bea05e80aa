//! `/insights`: what the data team looks at. Each page is a file here and one in `core/src/ledger/insights`:
//! it reads the ledger and says what is to be seen ([`view`]); one template shows them all.
//!
//! [`filter`] is what stands in the address, [`chart`] draws, [`meaning`] puts questions of one meaning
//! together, [`language`] has the words, [`keep`] sums days and asks gaps again.

mod filter;
mod language;
mod view;
mod chart;
mod desk;
mod format;
pub(crate) mod meaning;
mod texts;

mod usage;
mod gaps;
mod cost;
mod ingest;
mod interaction;
mod program;

mod serve;
mod visit;
mod sign_in;

pub(crate) mod ask_again;
pub mod keep;

pub(crate) use serve::routes;
