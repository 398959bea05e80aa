//! Cuts a text into words and character pairs, without looking into the words.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// What the text is cut into, in reading order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// ASCII letters, digits and `_`, with single `.` or `-` between them, in the case they were
    /// written in: a word, a number or an identifier.
    Word(&'a str),
    /// A lowercased word with letters beyond ASCII.
    Foreign(&'a str),
    /// Two neighbouring characters of a script that is not written word by word, or one that has
    /// no neighbour.
    Gram(&'a str),
}

/// Calls `visit` with every piece of the text. ASCII, the common case, is walked by bytes; a
/// stretch with letters beyond ASCII is normalised (NFKC) first.
pub(super) fn scan(text: &str, visit: &mut impl FnMut(Piece<'_>)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        if is_word_byte(bytes[at]) {
            at = word_end(bytes, at);
            if joins_ascii_word(text, at) {
                at = stretch_end(text, start);
                scan_stretch(&text[start..at], visit);
                continue;
            }
            let word = text[start..at].trim_matches('_');
            let (keep, after) = contraction(text, at);
            at = after;
            if keep && !word.is_empty() {
                visit(Piece::Word(word));
            }
        } else if bytes[at].is_ascii() {
            at += 1;
        } else {
            let character = first_char(text, at);
            if class(character) == Class::Separator {
                at += character.len_utf8();
            } else {
                at = stretch_end(text, start);
                scan_stretch(&text[start..at], visit);
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Letters, digits, marks.
    Word,
    /// A script whose words are not told apart by spaces, or (Hangul) carry their particles.
    Unspaced,
    Separator,
}

fn class(character: char) -> Class {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => Class::Word,
        '\u{0}'..='\u{7f}' | '\u{30fb}' => Class::Separator,
        // Thai, Lao, Myanmar, Hangul Jamo, Khmer, Kana, Hangul, Han with their extensions.
        '\u{0e01}'..='\u{0eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1100}'..='\u{11ff}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{318f}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ffdc}'
        | '\u{20000}'..='\u{3ffff}' => Class::Unspaced,
        _ if character.is_alphanumeric() || is_mark(character) => Class::Word,
        _ => Class::Separator,
    }
}

/// Combining marks that may follow a letter (the ones that `is_alphanumeric` leaves out).
fn is_mark(character: char) -> bool {
    unicode_normalization::char::is_combining_mark(character)
}

fn is_word_byte(byte: u8) -> bool {
    WORD_BYTES[byte as usize]
}

const WORD_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

/// The end of the ASCII word that starts at `at`, over single `.` and `-` inside it.
fn word_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        if is_word_byte(byte) {
            at += 1;
            continue;
        }
        let connects = matches!(byte, b'.' | b'-')
            && bytes.get(at + 1).is_some_and(|&next| is_word_byte(next));
        if !connects {
            break;
        }
        at += 1;
    }
    at
}

fn first_char(text: &str, at: usize) -> char {
    text[at..].chars().next().unwrap_or(' ')
}

/// Whether a letter or mark beyond ASCII follows at once, so that the word goes on (`café`).
fn joins_ascii_word(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(|byte| !byte.is_ascii())
        && class(first_char(text, at)) == Class::Word
}

/// The end of the stretch up to the next white space.
fn stretch_end(text: &str, start: usize) -> usize {
    text[start..]
        .find(char::is_whitespace)
        .map_or(text.len(), |length| start + length)
}

/// An English contraction after a word: `'s`, `'re`, `'ve`, `'ll`, `'d`, `'m` are dropped, and
/// `'t` drops its word too (`don't`, `isn't`: all of them stop words). Gives whether the word is
/// kept, and where to go on.
fn contraction(text: &str, at: usize) -> (bool, usize) {
    if !matches!(text.as_bytes().get(at), Some(b'\'' | 0xe2)) {
        // Neither quote begins here (the second takes three bytes, of which this is the first).
        return (true, at);
    }
    let rest = &text[at..];
    let Some(suffix) = rest.strip_prefix(['\'', '’']) else {
        return (true, at);
    };
    let letters = suffix
        .bytes()
        .take_while(u8::is_ascii_alphanumeric)
        .take(3)
        .count();
    let end = text.len() - suffix.len() + letters;
    match suffix[..letters].to_ascii_lowercase().as_str() {
        "s" | "re" | "ve" | "ll" | "d" | "m" => (true, end),
        "t" => (false, end),
        _ => (true, at),
    }
}

/// A stretch without white space that has letters beyond ASCII: normalised, then cut where the
/// kind of script changes.
fn scan_stretch(stretch: &str, visit: &mut impl FnMut(Piece<'_>)) {
    let normal: String = stretch.nfkc().collect();
    let mut rest = normal.as_str();
    while let Some(first) = rest.chars().next() {
        let kind = class(first);
        let end = rest
            .char_indices()
            .find(|&(at, character)| class(character) != kind && !connects(rest, at, kind))
            .map_or(rest.len(), |(at, _)| at);
        let (run, after) = rest.split_at(end);
        match kind {
            Class::Separator => {}
            Class::Unspaced => grams(run, visit),
            // No letters beyond ASCII are left in it: the other branch cannot be reached again.
            Class::Word if run.is_ascii() => scan(run, visit),
            Class::Word => {
                for word in run.unicode_words() {
                    if word.is_ascii() {
                        scan(word, visit);
                    } else {
                        visit(Piece::Foreign(&word.to_lowercase()));
                    }
                }
            }
        }
        rest = after;
    }
}

/// Whether a `.` or `-` at `at` stands between two characters of words.
fn connects(run: &str, at: usize, kind: Class) -> bool {
    kind == Class::Word
        && matches!(run.as_bytes()[at], b'.' | b'-')
        && run[at + 1..]
            .chars()
            .next()
            .is_some_and(|next| class(next) == Class::Word)
}

fn grams(run: &str, visit: &mut impl FnMut(Piece<'_>)) {
    let mut starts = run
        .char_indices()
        .map(|(at, _)| at)
        .chain([run.len()])
        .collect::<Vec<_>>();
    if starts.len() == 2 {
        starts.insert(0, 0);
    }
    for window in starts.windows(3) {
        visit(Piece::Gram(&run[window[0]..window[2]]));
    }
}
