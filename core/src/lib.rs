//! What both walks of docent share, in the order one reads it.

pub mod app;
pub mod config;
pub mod data_folder;
pub mod document;
pub mod index;
pub mod ledger;
pub mod models;
pub mod postgres;
