//! HTTP to servers that a configuration names and that are not trusted with this machine's network:
//! sources that are fetched, webhooks that are told.

mod address;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use address::{AllowedHosts, Forbidden, Reach, is_public, reach};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

/// What docent calls itself; a site's robots.txt can name it.
pub const USER_AGENT: &str = concat!("docent/", env!("CARGO_PKG_VERSION"));

/// Reaches public addresses, and those that are allowed. A name's addresses are checked in the
/// resolver that the connection itself uses, so that what was checked is what is connected to.
/// Redirects are not followed: each is an address of its own.
#[derive(Debug, Clone)]
pub struct CheckedClient {
    checked: Client,
    allowed: Client,
    hosts: AllowedHosts,
}

impl CheckedClient {
    /// `limit` is the longest time for one request.
    pub fn new(hosts: AllowedHosts, limit: Duration) -> Result<Self, reqwest::Error> {
        let client = || {
            Client::builder()
                .user_agent(USER_AGENT)
                .redirect(Policy::none())
                .connect_timeout(Duration::from_secs(10))
                .timeout(limit)
        };
        Ok(Self {
            // Behind a proxy the proxy resolves names, and nothing could be checked.
            checked: client()
                .no_proxy()
                .dns_resolver(Arc::new(CheckedResolver))
                .build()?,
            allowed: client().build()?,
            hosts,
        })
    }

    /// The client that may ask this address.
    pub fn of(&self, url: &Url) -> Result<&Client, Forbidden> {
        Ok(match reach(url, &self.hosts)? {
            Reach::Allowed => &self.allowed,
            Reach::Checked => &self.checked,
        })
    }
}

struct CheckedResolver;

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let addresses: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            // One private address among public ones is the mark of a name made to mislead.
            if addresses.iter().any(|address| !is_public(address.ip())) {
                return Err(Forbidden::NotPublic(host).into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
