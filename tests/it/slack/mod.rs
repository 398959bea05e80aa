//! The Slack bridge, against a scripted workspace.

mod judge;
mod limits;
mod outgoing;
mod support;
