//! HTTP for sources: servers that are not trusted with this machine's network, its memory or its
//! time.

mod fetch;

pub(crate) use docent_core::net::{AllowedHosts, USER_AGENT, is_public};
pub(crate) use fetch::{
    Body, FetchError, Fetched, Fetcher, Limits, Validators, bounded, retry_after, unreachable,
};
