//! Who may do what costs money: whoever has the key, or anyone on this machine where nobody else can
//! reach docent.

use std::net::SocketAddr;

use axum::http::{HeaderMap, StatusCode, header};
use docent_core::config::Config;
use docent_core::document::text_hash;

use super::problem::Problem;

/// Refuses whoever may not.
pub(super) fn check(config: &Config, peer: SocketAddr, headers: &HeaderMap) -> Result<(), Problem> {
    let key = &config.access.admin_key;
    if key.is_empty() {
        // With a public address a proxy stands in front: everyone comes from this machine then.
        let is_alone = config.server.is_loopback() && config.server.public_url.is_empty();
        if is_alone && peer.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "admin_key_not_set",
            "docent can be reached from elsewhere, so this wants a key: set access.admin_key \
             (DOCENT_ACCESS__ADMIN_KEY) and send it as `Authorization: Bearer KEY`",
        ));
    }
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            let (scheme, given) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| given.trim())
        });
    match given {
        // Hashes, so that the time taken says nothing about the key.
        Some(given) if text_hash(given) == text_hash(key.expose()) => Ok(()),
        Some(_) => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "admin_key_wrong",
            "this is not the key that access.admin_key says",
        )),
        None => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "admin_key_required",
            "send the key of access.admin_key as `Authorization: Bearer KEY`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use docent_core::config::{Overrides, Secret, load};

    use super::*;

    fn check_with(change: impl FnOnce(&mut Config), peer: &str, key: Option<&str>) -> u16 {
        let mut config = load(&Overrides::default()).unwrap();
        change(&mut config);
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            headers.insert(header::AUTHORIZATION, key.parse().unwrap());
        }
        match check(&config, peer.parse().unwrap(), &headers) {
            Ok(()) => 200,
            Err(problem) => problem.status().as_u16(),
        }
    }

    #[test]
    fn without_a_key_only_this_machine_may_and_only_where_nobody_else_comes_through_it() {
        let nothing = |_: &mut Config| {};
        assert_eq!(check_with(nothing, "127.0.0.1:4000", None), 200);
        assert_eq!(check_with(nothing, "10.0.0.7:4000", None), 403);
        let proxied = |config: &mut Config| {
            config.server.public_url = "https://docs.example.com".to_owned();
        };
        assert_eq!(check_with(proxied, "127.0.0.1:4000", None), 403);
        let open = |config: &mut Config| config.server.host = "0.0.0.0".to_owned();
        assert_eq!(check_with(open, "127.0.0.1:4000", None), 403);
    }

    #[test]
    fn with_a_key_only_whoever_has_it_may() {
        let keyed = |config: &mut Config| {
            config.server.host = "0.0.0.0".to_owned();
            config.access.admin_key = Secret::new("s3cret");
        };
        let from = "10.0.0.7:4000";
        assert_eq!(check_with(keyed, from, None), 401);
        assert_eq!(check_with(keyed, from, Some("Bearer other")), 401);
        assert_eq!(check_with(keyed, from, Some("Basic s3cret")), 401);
        assert_eq!(check_with(keyed, from, Some("Bearer s3cret")), 200);
        // Also on this machine: whoever set a key wants it.
        assert_eq!(check_with(keyed, "127.0.0.1:4000", None), 401);
    }
}
