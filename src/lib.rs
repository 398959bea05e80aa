//! docent: the chat service and the commands. Read [`commands`] for the roles of the one binary,
//! [`chat`] for the walk of a question, [`server`] for the routes, [`insights`] for the pages of the data team.

pub mod commands;
pub mod server;
pub mod chat;
pub mod eval;
mod mcp;
pub mod insights;
pub mod owner;
pub mod retention;
pub mod alerts;
pub mod notify;
pub mod report;
pub mod metrics;
mod traces;
mod lease;
mod runs;
pub mod slack;
