//! Which servers are local: what is sent to them stays in the house.

use std::net::{IpAddr, Ipv6Addr};

use reqwest::Url;

/// Whether an address is of this machine or of a private network, or its host is named by
/// `local_hosts` (`tei`, `*.corp`, `models.corp:8080`). A name says nothing about its address, so one
/// that is not named there is not local, `localhost` excepted. An empty address is a provider's own.
pub fn is_local(base_url: &str, local_hosts: &[String]) -> bool {
    let Ok(url) = Url::parse(base_url) else {
        return false;
    };
    let Some(host) = url.host_str() else {
        return false;
    };
    let host = host.trim_end_matches('.').to_lowercase();
    let with_port = url
        .port_or_known_default()
        .map_or_else(String::new, |port| format!("{host}:{port}"));
    let is_named = local_hosts.iter().any(|name| {
        let name = name.to_lowercase();
        match name.strip_prefix('*') {
            Some(ending) if ending.starts_with('.') => {
                host.ends_with(ending) || with_port.ends_with(ending)
            }
            _ => name == host || name == with_port,
        }
    });
    if is_named || host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .is_ok_and(is_private)
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || is_unique_local(v6),
    }
}

/// `fc00::/7` (RFC 4193) and `fe80::/10` (RFC 4291).
fn is_unique_local(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_private_addresses_are_local_and_names_are_where_they_are_named() {
        let local = |url: &str| is_local(url, &[]);
        for url in [
            "http://localhost:11434/v1",
            "http://127.0.0.1:8000",
            "http://[::1]:8000/v1",
            "http://10.1.2.3/v1",
            "https://192.168.0.5",
            "http://172.20.0.2:80",
            "http://[fd00::5]:80",
            "http://[::ffff:10.0.0.1]/",
        ] {
            assert!(local(url), "{url}");
        }
        for url in [
            "",
            "https://api.openai.com/v1",
            "http://8.8.8.8",
            "http://172.32.0.1",
            "http://tei:80",
            "http://localhost.example.com",
            "http://10.example.com",
            "nonsense",
        ] {
            assert!(!local(url), "{url}");
        }
        let named = ["tei".to_owned(), "*.corp".to_owned(), "gpu:8080".to_owned()];
        assert!(is_local("http://tei:80", &named));
        assert!(is_local("https://llm.corp/v1", &named));
        assert!(is_local("http://gpu:8080", &named));
        assert!(!is_local("http://gpu:9090", &named));
        assert!(!is_local("https://corp.example.com", &named));
        assert!(!is_local("https://evilcorp", &named));
    }
}
