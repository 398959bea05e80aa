//! HTTP for sources: servers that are not trusted with this machine's network, its memory or its
//! time.

mod address;
mod fetch;

pub(crate) use address::{AllowedHosts, is_public};
pub(crate) use fetch::{
    Body, FetchError, Fetched, Fetcher, Limits, USER_AGENT, Validators, bounded, retry_after,
    unreachable,
};
