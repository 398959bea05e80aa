//! The Slack bridge. What goes out: [`api`] calls the Web API within its [`limits`], [`render`] makes
//! Slack's messages of an answer, [`reply`] shows one turn in one thread while it is under way.

pub mod api;
pub mod limits;
pub mod render;
pub mod reply;

pub use api::{Slack, SlackError};
