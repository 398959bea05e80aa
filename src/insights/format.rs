//! Figures as people read them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

/// `1,234,567`.
pub(super) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if number < 0 { format!("-{out}") } else { out }
}

/// `12.3 %`; of nothing, a dash.
pub(super) fn share(part: i64, of: i64) -> String {
    if of == 0 {
        return "–".to_owned();
    }
    format!("{:.1} %", 100.0 * part as f64 / of as f64)
}

/// The same for a program: a number from 0 to 1.
pub(super) fn ratio(part: i64, of: i64) -> String {
    if of == 0 {
        return String::new();
    }
    format!("{:.4}", part as f64 / of as f64)
}

/// `340 ms`, `1.2 s`, `2 min`.
pub(super) fn duration(ms: i64) -> String {
    match ms {
        ..1000 => format!("{ms} ms"),
        ..60_000 => format!("{:.1} s", ms as f64 / 1000.0),
        _ => format!("{:.1} min", ms as f64 / 60_000.0),
    }
}

/// `$1,234.56`, `$0.0012`.
pub(super) fn dollars(cost: Decimal) -> String {
    let cents = cost.round_dp(2);
    if cost.is_zero() || cost.abs() >= Decimal::ONE {
        let whole = cents.trunc();
        let rest = (cents - whole).abs() * Decimal::ONE_HUNDRED;
        let whole = i64::try_from(whole).unwrap_or(i64::MAX);
        return format!("${}.{:02}", count(whole), i64::try_from(rest).unwrap_or(0));
    }
    let digits = if cost.abs() >= Decimal::new(1, 2) { 3 } else { 6 };
    format!("${}", cost.round_dp(digits).normalize())
}

/// What is known of a cost; `unknown` of its calls have no price.
pub(super) fn cost(cost: Option<Decimal>, unknown: i64) -> String {
    match (cost, unknown) {
        (None, 0) => "$0.00".to_owned(),
        (None, _) => "unknown".to_owned(),
        (Some(cost), 0) => dollars(cost),
        (Some(cost), _) => format!("{} + unknown", dollars(cost)),
    }
}

/// `2026-11-26 14:05`, in UTC.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_readable() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(-12), "-12");
        assert_eq!(share(1, 3), "33.3 %");
        assert_eq!(share(0, 0), "–");
        assert_eq!(duration(999), "999 ms");
        assert_eq!(duration(1240), "1.2 s");
        let usd = |text: &str| dollars(text.parse().unwrap());
        assert_eq!(usd("1234.567"), "$1,234.57");
        assert_eq!(usd("0.1234567"), "$0.123");
        assert_eq!(usd("0.00123"), "$0.00123");
        assert_eq!(usd("0"), "$0.00");
    }

    #[test]
    fn an_unknown_price_is_never_zero() {
        assert_eq!(cost(None, 3), "unknown");
        assert_eq!(cost(Some(Decimal::ONE), 3), "$1.00 + unknown");
        assert_eq!(cost(None, 0), "$0.00");
    }
}
