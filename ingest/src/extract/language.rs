//! The language of a text, by its script and its commonest words.

/// How many characters are looked at.
const SAMPLE: usize = 4_000;

const ENGLISH: [&str; 16] = [
    "the", "of", "and", "to", "is", "in", "a", "for", "this", "are", "on", "that", "it", "be",
    "with", "as",
];

/// `ko`, `ja`, `zh` or `en`, or nothing where none of them is likely. Shares of letters are low on
/// purpose: documents about data are full of English names.
pub(crate) fn guess(text: &str) -> Option<&'static str> {
    let (mut letters, mut latin, mut hangul, mut kana, mut han) = (0, 0, 0, 0, 0);
    let end = text
        .char_indices()
        .nth(SAMPLE)
        .map_or(text.len(), |(at, _)| at);
    let sample = &text[..end];
    for c in sample.chars().filter(|c| c.is_alphabetic()) {
        letters += 1;
        match c {
            'a'..='z' | 'A'..='Z' => latin += 1,
            '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}' => {
                hangul += 1;
            }
            '\u{3040}'..='\u{30ff}' => kana += 1,
            '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' => han += 1,
            _ => {}
        }
    }
    if hangul * 100 > letters * 15 {
        Some("ko")
    } else if kana * 100 > letters * 5 {
        Some("ja")
    } else if han * 100 > letters * 15 {
        Some("zh")
    } else if latin > 0 && latin * 100 > letters * 95 && is_english(sample) {
        Some("en")
    } else {
        None
    }
}

fn is_english(sample: &str) -> bool {
    let words: Vec<&str> = sample
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .collect();
    let common = words
        .iter()
        .filter(|word| ENGLISH.iter().any(|known| word.eq_ignore_ascii_case(known)))
        .count();
    words.len() < 20 || common * 100 > words.len() * 4
}

/// The two-letter code of a language tag: `en` of `en-US`.
pub(super) fn code(tag: &str) -> Option<String> {
    let code = tag.split(['-', '_']).next()?.trim().to_lowercase();
    let fits = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase());
    fits.then_some(code)
}
