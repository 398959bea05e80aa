//! What a person reads in the terminal.

use std::io::{IsTerminal, Write};

/// A line on standard output. A reader that has gone away is no error.
pub(super) fn say(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout(), "{}", text.as_ref());
}

/// Text on standard output at once, without an end of line.
pub(super) fn write(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// A line on standard error.
pub(super) fn note(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
}

/// `error:` with its causes.
pub(super) fn error(error: &anyhow::Error) {
    note(format!("error: {error}"));
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            note(format!("  caused by: {cause}"));
        }
        said = cause;
    }
}

/// Whether a person watches standard error.
pub(super) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Control characters made visible, so that a file name or an answer cannot drive the terminal.
pub(super) fn safe(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// [`safe`] on one line.
pub(super) fn one_line(text: &str) -> String {
    safe(text).replace(['\n', '\t'], " ")
}

/// 1234567 as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Dollars, or that the price is unknown.
pub(super) fn dollars(cost: Option<rust_decimal::Decimal>) -> String {
    match cost {
        Some(cost) if cost.is_zero() => "$0".to_owned(),
        Some(cost) => format!("${}", cost.round_dp(6).normalize()),
        None => "cost unknown (see [prices])".to_owned(),
    }
}
