//! Cuts a sentence into words, numbers and signs, as its details are read from them.

/// A word, a number with what is written together with it, a run of Hangul, or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// As it is written, signs made plain.
    pub(crate) raw: String,
    pub(crate) lower: String,
    pub(crate) kind: TokenKind,
    /// Whether white space stands before it.
    pub(crate) spaced: bool,
    /// Whether it stands in a code span.
    pub(crate) code: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Letters, digits, `_`, and signs that join them: `fct_trips`, `06:00`, `1,000`, `gps-readers`.
    Word,
    Hangul,
    Sign,
}

impl Token {
    pub(crate) fn is(&self, text: &str) -> bool {
        self.lower == text
    }

    pub(crate) fn is_hangul(&self) -> bool {
        self.kind == TokenKind::Hangul
    }

    pub(crate) fn is_word(&self) -> bool {
        self.kind == TokenKind::Word
    }
}

/// The tokens of a text in reading order. Targets of links and marks of emphasis are left out.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let text = plain(text);
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut spaced, mut code) = (0, true, false);
    while at < chars.len() {
        let c = chars[at];
        let start = at;
        if c.is_whitespace() {
            spaced = true;
            at += 1;
            continue;
        }
        if c == '`' {
            code = !code;
            at += 1;
            continue;
        }
        let kind = if is_hangul(c) {
            while chars.get(at).is_some_and(|c| is_hangul(*c)) {
                at += 1;
            }
            TokenKind::Hangul
        } else if is_word(c) || starts_channel(&chars, at, spaced) {
            at += 1;
            while at < chars.len() && (is_word(chars[at]) || joins(&chars, start, at, code)) {
                at += 1;
            }
            TokenKind::Word
        } else {
            at += 1;
            TokenKind::Sign
        };
        let raw: String = chars[start..at].iter().collect();
        let mut raw = raw.strip_suffix("'s").unwrap_or(&raw);
        if !code {
            // Emphasis.
            raw = raw.trim_matches('_');
            if raw.is_empty() {
                continue;
            }
        }
        let raw = raw.to_owned();
        found.push(Token {
            lower: raw.to_lowercase(),
            raw,
            kind,
            spaced,
            code,
        });
        spaced = false;
    }
    found
}

/// Signs of the same meaning made one; link targets, emphasis and escapes left out.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut last = ' ';
    while let Some(c) = chars.next() {
        let c = match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            '−' | '–' | '—' | '‐' | '‑' => '-',
            '’' | '‘' => '\'',
            '∼' | '〜' => '~',
            '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
            c => c,
        };
        match c {
            '*' => {}
            '\\' if chars.peek().is_some_and(char::is_ascii_punctuation) => {}
            '(' if last == ']' => {
                let mut depth = 1;
                for c in chars.by_ref() {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    if depth == 0 {
                        break;
                    }
                }
                plain.push(' ');
            }
            c => plain.push(c),
        }
        last = c;
    }
    plain
}

pub(crate) fn is_hangul(c: char) -> bool {
    matches!(c, '가'..='힣' | '\u{3131}'..='\u{318e}')
}

fn is_word(c: char) -> bool {
    !is_hangul(c) && (c.is_alphanumeric() || c == '_')
}

/// `#finance-data`
fn starts_channel(chars: &[char], at: usize, spaced: bool) -> bool {
    let after_sign = at == 0 || spaced || "(`,[".contains(chars[at - 1]);
    chars[at] == '#' && after_sign && chars.get(at + 1).is_some_and(|c| is_word(*c))
}

/// Whether the sign at `at` joins what began at `start` with what follows.
fn joins(chars: &[char], start: usize, at: usize, code: bool) -> bool {
    let next = |ahead: usize| chars.get(at + ahead).copied().unwrap_or(' ');
    let before = chars[at - 1];
    let digits = before.is_ascii_digit() && next(1).is_ascii_digit();
    match chars[at] {
        // A sentence may begin without a space before it; then with a capital.
        '.' => digits || (is_word(next(1)) && is_word(before) && (code || !next(1).is_uppercase())),
        '-' | '@' => is_word(before) && is_word(next(1)),
        '/' => (digits || code) && is_word(next(1)),
        ':' => digits,
        ',' => {
            digits
                && next(2).is_ascii_digit()
                && next(3).is_ascii_digit()
                && !next(4).is_ascii_digit()
                && chars[start..at]
                    .iter()
                    .all(|c| c.is_ascii_digit() || *c == ',')
        }
        '\'' => next(1) == 's' && !is_word(next(2)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_identifiers_stay_whole() {
        let raw: Vec<String> = tokens(
            "`tandemoor-dw.core.fct_trips` held 1,234.5 rows at 06:00, **see** [the page](x/2.md). 3만 명; −60%",
        )
        .into_iter()
        .map(|token| token.raw)
        .collect();
        assert_eq!(
            raw,
            [
                "tandemoor-dw.core.fct_trips",
                "held",
                "1,234.5",
                "rows",
                "at",
                "06:00",
                ",",
                "see",
                "[",
                "the",
                "page",
                "]",
                ".",
                "3",
                "만",
                "명",
                ";",
                "-",
                "60",
                "%"
            ]
        );
    }
}
