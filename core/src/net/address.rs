//! Which addresses may be reached: public ones, and the hosts that the configuration allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// Hosts that may be reached whatever their addresses are.
///
/// An entry is a name (`wiki.example.com`), all names below one (`*.example.com`), or an address,
/// each with or without a port.
#[derive(Debug, Clone, Default)]
pub struct AllowedHosts(Vec<(String, Option<u16>)>);

impl AllowedHosts {
    /// As a configuration writes them.
    pub fn of(entries: &[String]) -> Self {
        Self(entries.iter().map(|entry| parse(entry)).collect())
    }

    /// Whether a host is named. `port` is the one that is connected to.
    pub fn has(&self, host: &str, port: Option<u16>) -> bool {
        let host = host.trim_matches(['[', ']']).to_lowercase();
        self.0.iter().any(|(name, only)| {
            let named = match name.strip_prefix("*.") {
                Some(above) => host
                    .strip_suffix(above)
                    .is_some_and(|below| below.ends_with('.')),
                None => host == *name,
            };
            named && only.is_none_or(|only| port == Some(only))
        })
    }
}

fn parse(entry: &str) -> (String, Option<u16>) {
    let entry = entry.trim().to_lowercase();
    if entry.parse::<Ipv6Addr>().is_ok() {
        return (entry, None);
    }
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => (name, port.parse().ok()),
        _ => (entry.as_str(), None),
    };
    (name.trim_matches(['[', ']']).to_owned(), port)
}

/// Why an address is not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    #[error("{0} is neither an http nor an https address")]
    Scheme(String),
    #[error(
        "an address with a user name or password in it is not fetched; use token_env or token_file"
    )]
    Credentials,
    #[error("{0} is not on the public internet; where that is meant, add it to allow_hosts")]
    NotPublic(String),
}

/// Where a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The configuration names the host.
    Allowed,
    /// To public addresses: each one that its name resolves to is checked.
    Checked,
}

/// Judges an address by what is written in it. A name is judged again by what it resolves to, when
/// it is connected to.
pub fn reach(url: &Url, allowed: &AllowedHosts) -> Result<Reach, Forbidden> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Forbidden::Scheme(url.to_string()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Forbidden::Credentials);
    }
    let host = url.host_str().unwrap_or_default();
    if allowed.has(host, url.port_or_known_default()) {
        return Ok(Reach::Allowed);
    }
    // The URL parser has read numbers of every spelling: 0x7f.1 and 2130706433 are addresses here.
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) if !is_public(address) => Err(Forbidden::NotPublic(host.to_owned())),
        _ => Ok(Reach::Checked),
    }
}

/// Whether an address is one of the public internet.
///
/// Source: the registries of special-purpose addresses of IANA (RFC 6890 and its successors).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)          // this network, private, loopback, multicast, reserved
            | (100, 64..=127, _)            // shared by carriers (CGNAT), some clouds' metadata
            | (169, 254, _)                 // link-local, clouds' metadata
            | (172, 16..=31, _)             // private
            | (192, 168, _)                 // private
            | (192, 0, 0 | 2)               // protocol assignments, documentation
            | (192, 88, 99)                 // 6to4 relays
            | (198, 18..=19, _)             // benchmarks
            | (198, 51, 100)                // documentation
            | (203, 0, 113) // documentation
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let last = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    // Addresses that stand for IPv4 ones: mapped, and translated by NAT64.
    if let [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] = parts {
        return is_public_v4(last(high, low));
    }
    // Only 2000::/3 is given out, and some of it for other ends.
    let is_global = (0x2000..0x4000).contains(&parts[0]);
    let special = matches!(
        parts,
        // Teredo, benchmarks, ORCHID and other assignments; documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..]
            // 6to4: holds any IPv4 address.
            | [0x2002, ..]
            // Documentation.
            | [0x3fff, 0..=0xfff, ..]
    );
    is_global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        let private = "0.0.0.0 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 \
            169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.168.1.1 192.88.99.1 \
            198.18.0.1 198.51.100.7 203.0.113.7 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 \
            ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::a00:1 64:ff9b:1::1 100::1 2001::1 \
            2001:10::1 2001:db8::1 2002:7f00:1::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 \
            fec0::1 ff02::1";
        for address in private.split_whitespace() {
            assert!(!is_public(address.parse().unwrap()), "{address} is public");
        }
        let public = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.1.0.1 \
            198.17.0.1 223.255.255.255 2606:4700:4700::1111 2a00:1450:4001::1 ::ffff:8.8.8.8 \
            64:ff9b::808:808";
        for address in public.split_whitespace() {
            assert!(
                is_public(address.parse().unwrap()),
                "{address} is not public"
            );
        }
    }

    #[test]
    fn addresses_are_judged_however_they_are_written() {
        let said = |url: &str, allowed: &[&str]| {
            let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            reach(&url.parse().unwrap(), &AllowedHosts::of(&allowed))
        };
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:169.254.169.254]/latest/meta-data",
            "https://10.0.0.1:8443/",
        ] {
            assert!(
                matches!(said(url, &[]), Err(Forbidden::NotPublic(_))),
                "{url}"
            );
        }
        assert_eq!(
            said("http://u:p@example.com/", &[]),
            Err(Forbidden::Credentials)
        );
        assert!(matches!(
            said("file:///etc/passwd", &[]),
            Err(Forbidden::Scheme(_))
        ));
        assert_eq!(said("https://example.com/", &[]), Ok(Reach::Checked));
        assert_eq!(said("http://10.0.0.1/", &["10.0.0.1"]), Ok(Reach::Allowed));
        assert_eq!(
            said("http://[fd00::1]:81/", &["fd00::1"]),
            Ok(Reach::Allowed)
        );
        assert_eq!(
            said("https://Wiki.Corp/", &["wiki.corp"]),
            Ok(Reach::Allowed)
        );
        assert_eq!(
            said("https://a.corp:444/", &["*.corp:444"]),
            Ok(Reach::Allowed)
        );
        assert_eq!(said("https://corp/", &["*.corp"]), Ok(Reach::Checked));
        assert_eq!(said("https://evilcorp/", &["*.corp"]), Ok(Reach::Checked));
        assert!(said("http://127.0.0.1:2/", &["127.0.0.1:1"]).is_err());
    }
}
