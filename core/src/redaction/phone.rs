//! Phone numbers, as people write them: international, Korean, North American, and numbers that begin
//! with 0 as most of Europe writes them. Dates, versions, amounts and identifiers are none.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::replace_accepted;

/// A form of number, and how many digits it has.
struct Form {
    pattern: &'static str,
    digits: Range<usize>,
}

const FORMS: [Form; 6] = [
    // +82 10-1234-5678, +1 (415) 555-0132, +49 30/123456 (E.164: 15 digits at the most).
    Form {
        pattern: r"\+\d{1,3}(?:[ .\-/]?\(?\d{1,4}\)?){2,6}",
        digits: 8..16,
    },
    // 010-1234-5678, 02-123-4567, (031) 123 4567, 070.1234.5678.
    Form {
        pattern: r"\(?0\d{1,3}(?:\) ?|[ .\-/])\d{3,4}[ .\-]\d{4}",
        digits: 9..12,
    },
    // 01012345678.
    Form {
        pattern: r"01[016789]\d{7,8}",
        digits: 10..12,
    },
    // Korean numbers of companies.
    Form {
        pattern: r"1(?:5(?:22|33|44|51|66|77|88|99)|6(?:00|44|61|66|68|70|88)|8(?:00|11|33|55|77|99))-\d{4}",
        digits: 8..9,
    },
    // (415) 555-0132, 1-800-555-0199.
    Form {
        pattern: r"(?:1[ .\-])?(?:\(\d{3}\) ?|\d{3}[.\-])\d{3}[.\-]\d{4}",
        digits: 10..12,
    },
    // 030 1234567, 0171/1234567, 01 23 45 67 89.
    Form {
        pattern: r"0\d{1,4}[ /\-]\d{5,8}(?:-\d{1,4})?|0\d(?:[ .]\d{2}){4}",
        digits: 8..16,
    },
];

static REGEXES: LazyLock<Vec<(Regex, Range<usize>)>> = LazyLock::new(|| {
    FORMS
        .iter()
        .filter_map(|form| Some((Regex::new(form.pattern).ok()?, form.digits.clone())))
        .collect()
});

/// The text with `[phone]` in place of each number; `None`: there is none.
pub(super) fn replace(text: &str) -> Option<String> {
    let digits = text.bytes().filter(u8::is_ascii_digit).take(8).count();
    if digits < 8 {
        return None;
    }
    let mut replaced: Option<String> = None;
    for (regex, digits) in REGEXES.iter() {
        let shown = replaced.as_deref().unwrap_or(text);
        if let Some(next) = replace_accepted(shown, regex, "[phone]", |text, found| {
            number(text, found, digits)
        }) {
            replaced = Some(next);
        }
    }
    replaced
}

/// The part of what was found that is a number: not a part of a longer word or number, and without
/// the figures that follow it.
fn number(text: &str, found: Range<usize>, digits: &Range<usize>) -> Option<Range<usize>> {
    let mut before = text[..found.start].chars().rev();
    if let Some(previous) = before.next() {
        let joins = matches!(previous, '-' | '.' | '/' | ',' | ':')
            && before.next().is_some_and(|c| c.is_ascii_digit());
        if joins || belongs(previous) || previous == '+' {
            return None;
        }
    }
    let mut end = found.end;
    loop {
        let candidate = &text[found.start..end];
        let count = candidate.bytes().filter(u8::is_ascii_digit).count();
        if count < digits.start {
            return None;
        }
        let goes_on = text[end..].chars().next().is_some_and(belongs);
        if count < digits.end && !goes_on {
            return Some(found.start..end);
        }
        // Another group of figures follows it: the number ends before.
        let shorter = candidate.rfind([' ', '.', '-', '/'])?;
        end = found.start + shorter;
    }
}

/// Whether a character beside digits makes them a part of a word. Korean particles follow a number
/// without a space.
fn belongs(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
