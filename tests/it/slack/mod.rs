//! The Slack bridge, against a scripted workspace.

mod alert;
mod answered;
mod exactly_once;
mod handoff;
mod handoff_from_browser;
mod incoming;
mod judge;
mod limits;
mod outgoing;
mod outgoing_faults;
mod pressed;
mod receiver;
mod socket;
mod support;
mod workspace;
