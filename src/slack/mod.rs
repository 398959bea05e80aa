//! The Slack bridge. What goes out: [`api`] calls the Web API within its [`limits`], [`render`] makes
//! Slack's messages of an answer, [`reply`] shows one turn in one thread while it is under way.
//!
//! What comes in: [`events`] checks, keeps and acknowledges what Slack sends ([`incoming`] and [`pressed`]
//! read it, [`socket`] fetches it instead), [`work`] claims it, [`ask`] makes one turn of a question.

pub mod signature;
pub(crate) mod events;
mod incoming;
mod pressed;
pub(crate) mod socket;
pub(crate) mod manifest;
pub(crate) mod check;
mod inbox;
pub mod bridge;
pub(crate) mod work;
mod ask;
mod who;
mod press;
mod dialog;
pub(crate) mod handoff;
pub(crate) mod answered;
pub(crate) mod alert;
pub(crate) mod again;
pub(crate) mod words;

pub mod api;
pub mod limits;
pub mod render;
pub mod reply;

pub use api::{Slack, SlackError};
pub use bridge::Bridge;
pub(crate) use words::plain;
