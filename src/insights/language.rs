//! The words of the pages in English and Korean. English words are their own keys, so that a page reads as
//! what it shows; `web/insights/korean.txt` has a line `English = Korean` for each.

use std::collections::HashMap;
use std::sync::LazyLock;

static KOREAN: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    include_str!("../../web/insights/korean.txt")
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .collect()
});

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Korean,
}

impl Language {
    /// The one that the address names, or else the browser prefers.
    pub(super) fn of(asked: &str, accepted: &str) -> Self {
        let named = if asked.is_empty() {
            accepted.split([',', ';', '-']).next().unwrap_or_default().trim()
        } else {
            asked
        };
        if named.eq_ignore_ascii_case("ko") {
            Self::Korean
        } else {
            Self::English
        }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    /// Words in this language; what has no Korean stays English.
    pub(super) fn say(self, english: &str) -> String {
        let korean = KOREAN.get(english).filter(|_| self == Self::Korean);
        korean.map_or(english, |korean| *korean).to_owned()
    }

    /// Words with figures in the places of `{}`.
    pub(super) fn fill(self, english: &str, figures: &[&str]) -> String {
        let mut parts = self.say(english);
        for figure in figures {
            parts = parts.replacen("{}", figure, 1);
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_chooses_and_an_address_overrules_it() {
        assert_eq!(Language::of("", "ko-KR,ko;q=0.9"), Language::Korean);
        assert_eq!(Language::of("", "en-GB"), Language::English);
        assert_eq!(Language::of("ko", "en-GB"), Language::Korean);
    }

    #[test]
    fn every_korean_line_keeps_the_places_of_its_figures() {
        for (english, korean) in KOREAN.iter() {
            let places = |text: &str| text.matches("{}").count();
            assert_eq!(places(english), places(korean), "{english}");
        }
        assert!(KOREAN.len() > 50);
    }
}
