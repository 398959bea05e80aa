//! What both walks of docent share, in the order one reads it.

pub mod config;
pub mod document;
pub mod redaction;
pub mod net;
pub mod models;
pub mod traces;
pub mod index;
pub mod lines;
pub mod ledger;
pub mod postgres;
pub mod data_folder;
pub mod process;
pub mod app;
