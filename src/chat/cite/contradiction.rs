//! What other passages say against what an answer cites: told below it, so that its reader sees both.

use super::Evidence;
use super::note::plain;
use super::verdict::Sources;
use crate::chat::ground::{Claim, Quote};
use crate::chat::language::Language;

/// Contradictions that are told below one answer.
const TOLD: usize = 2;

/// A passage that says otherwise.
pub(in crate::chat) struct Contradiction {
    cited: usize,
    /// The other one's number.
    pub(in crate::chat) number: usize,
    /// What it says.
    pub(in crate::chat) quote: Quote,
}

/// The passages that contradict what an answer cites, each once.
pub(in crate::chat) fn contradictions(
    sources: &Sources<'_>,
    evidence: &Evidence,
) -> Vec<Contradiction> {
    let mut found: Vec<Contradiction> = Vec::new();
    for (cited, quote) in evidence {
        let claim = Claim::new(&quote.text);
        for number in 1..=sources.count() {
            let is_told = found
                .iter()
                .any(|told| told.number == number || (told.number, told.cited) == (*cited, number));
            if is_told || found.len() == TOLD {
                continue;
            }
            if let Some(quote) = sources.against(&claim, *cited, number) {
                found.push(Contradiction {
                    cited: *cited,
                    number,
                    quote,
                });
            }
        }
    }
    found
}

impl Contradiction {
    /// The line that tells it, with its citation. `answer` is what stands above.
    pub(in crate::chat) fn line(
        &self,
        sources: &Sources<'_>,
        answer: &str,
        language: Language,
    ) -> String {
        let (cited, number) = (self.cited, self.number);
        let title = plain(sources.title(number));
        let said = plain(&self.quote.text);
        let is_shown = answer.contains(self.quote.text.trim());
        match (language, is_shown) {
            (Language::English, true) => {
                format!("*Note: the documents do not agree on this:* [{cited}] [{number}]")
            }
            (Language::English, false) => {
                format!("*Note: “{title}” says otherwise: “{said}”* [{number}]")
            }
            (Language::Korean, true) => {
                format!("*참고: 문서들의 내용이 서로 다릅니다:* [{cited}] [{number}]")
            }
            (Language::Korean, false) => {
                format!("*참고: “{title}”에는 다르게 적혀 있습니다: “{said}”* [{number}]")
            }
        }
    }
}
