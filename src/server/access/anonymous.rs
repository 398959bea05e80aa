//! Who may ask without saying who they are.

use std::net::IpAddr;

use docent_core::config::{Anonymous, Config};

use super::{Arriving, unauthorized};
use crate::chat::turn::ANONYMOUS;
use crate::chat::{Caller, CallerKind};
use crate::server::problem::Problem;

/// Headers that a proxy adds: then whoever asks is not the one that connects.
const FORWARDING: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

pub(super) fn caller(config: &Config, arriving: &Arriving<'_>) -> Result<Caller, Problem> {
    let may = match config.access.anonymous {
        Anonymous::Anywhere => true,
        Anonymous::Loopback => is_alone(config, arriving),
        Anonymous::Never => false,
    };
    if !may {
        return Err(unauthorized(
            "key_required",
            "docent wants to know who asks: send a key as `Authorization: Bearer KEY` \
             (`docent key create` makes one)",
        ));
    }
    let groups = config.access.anonymous_groups.clone();
    let mut caller = Caller::named(ANONYMOUS, CallerKind::Anonymous, groups);
    caller.counted_as = format!("{ANONYMOUS} {}", arriving.address(config));
    Ok(caller)
}

/// Whether the request comes from this machine, and nobody elsewhere can send one through it: with a
/// public address or a proxy, everyone comes from this machine.
pub(super) fn is_alone(config: &Config, arriving: &Arriving<'_>) -> bool {
    config.server.is_loopback()
        && config.server.public_url.is_empty()
        && arriving.peer.ip().to_canonical().is_loopback()
        && FORWARDING
            .iter()
            .all(|name| !arriving.headers.contains_key(*name))
}

/// What one customer has of the network: an IPv4 address, or an IPv6 network of 64 bits.
pub(super) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_household_are_counted_together() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.7"), of("10.0.0.7"));
    }
}
