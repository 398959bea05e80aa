//! Slack's signature of a request: `v0=` and the HMAC-SHA256 of `v0:TIMESTAMP:BODY` under the app's
//! signing secret (<https://docs.slack.dev/authentication/verifying-requests-from-slack>).

use aws_lc_rs::hmac;

/// How far a request's time may be from ours, either way, in seconds.
const WINDOW: u64 = 300;
const VERSION: &str = "v0";

/// Why a request is not believed to be Slack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    #[error("the request has no X-Slack-Request-Timestamp, or none that is a number")]
    NoTimestamp,
    #[error(
        "the request's time is more than five minutes from ours; is this machine's clock right?"
    )]
    OtherTime,
    #[error("the request is not signed with slack.signing_secret")]
    OtherSecret,
}

/// Whether Slack has signed these bytes, at about `now` (seconds since 1970). Takes as long for a
/// signature that is nearly right as for any other.
pub fn verify(
    secret: &str,
    timestamp: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
    now: i64,
) -> Result<(), Unsigned> {
    let timestamp = timestamp.ok_or(Unsigned::NoTimestamp)?;
    let at: i64 = timestamp.parse().map_err(|_| Unsigned::NoTimestamp)?;
    if at.abs_diff(now) > WINDOW {
        return Err(Unsigned::OtherTime);
    }
    let given = signature
        .and_then(|signature| signature.strip_prefix("v0="))
        .and_then(bytes_of)
        .ok_or(Unsigned::OtherSecret)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, &signed(timestamp, body), &given).map_err(|_| Unsigned::OtherSecret)
}

fn signed(timestamp: &str, body: &[u8]) -> Vec<u8> {
    [VERSION.as_bytes(), b":", timestamp.as_bytes(), b":", body].concat()
}

/// Bytes written as hexadecimal digits.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of Slack's documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const TIMESTAMP: &str = "1531420618";
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn at(now: i64) -> Result<(), Unsigned> {
        verify(SECRET, Some(TIMESTAMP), Some(SIGNATURE), BODY, now)
    }

    #[test]
    fn slacks_own_example_is_believed() {
        assert_eq!(at(1_531_420_618), Ok(()));
    }

    #[test]
    fn five_minutes_either_way_are_the_limit() {
        for now in [1_531_420_318, 1_531_420_918] {
            assert_eq!(at(now), Ok(()));
        }
        for now in [1_531_420_317, 1_531_420_919, 0, i64::MAX] {
            assert_eq!(at(now), Err(Unsigned::OtherTime));
        }
    }

    #[test]
    fn nothing_else_is_believed() {
        let now = 1_531_420_618;
        let other = |secret: &str, signature: Option<&str>, body: &[u8]| {
            verify(secret, Some(TIMESTAMP), signature, body, now)
        };
        assert_eq!(
            other("another", Some(SIGNATURE), BODY),
            Err(Unsigned::OtherSecret)
        );
        assert_eq!(
            other(SECRET, Some(SIGNATURE), b"token=1"),
            Err(Unsigned::OtherSecret)
        );
        for signature in [
            None,
            Some(""),
            Some("v0="),
            Some("v0=zz"),
            Some("v0=+1"),
            Some(&SIGNATURE[3..]),
            Some(&SIGNATURE[..40]),
        ] {
            assert_eq!(other(SECRET, signature, BODY), Err(Unsigned::OtherSecret));
        }
        for timestamp in [None, Some(""), Some("now")] {
            assert_eq!(
                verify(SECRET, timestamp, Some(SIGNATURE), BODY, now),
                Err(Unsigned::NoTimestamp)
            );
        }
    }
}
