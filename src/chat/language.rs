//! The language of a question, for answers that the program itself writes.

/// Languages that docent's own sentences exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    Korean,
}

impl Language {
    /// Korean where at least a fifth of the letters are Hangul.
    pub fn of(text: &str) -> Self {
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        let hangul = text
            .chars()
            .filter(|c| matches!(*c, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7a3}'))
            .count();
        if hangul > 0 && hangul * 5 >= letters {
            Self::Korean
        } else {
            Self::English
        }
    }

    /// As the ledger notes it.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    /// Its English name, for prompts.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Korean => "Korean",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_with_identifiers_is_still_korean() {
        assert_eq!(
            Language::of("fct_weekly_active_riders 테이블은 언제 갱신되나요?"),
            Language::Korean
        );
        assert_eq!(Language::of("what is WAU?"), Language::English);
    }
}
