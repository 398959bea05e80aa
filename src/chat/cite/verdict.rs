//! Whether a passage says what a claim says: the cited one, else another, else none.

use std::sync::OnceLock;

use docent_core::config::Grounding;

use crate::chat::ground::{Claim, Passage, Quote, Unsupported, check};
use crate::chat::language::Language;
use crate::chat::retrieve::Retrieved;

/// The passages that an answer may cite, read for checking when the first claim comes.
pub(in crate::chat) struct Sources<'a> {
    retrieved: &'a [Retrieved],
    read: OnceLock<Vec<Passage>>,
    settings: Grounding,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    /// The passages that say it, with their sentences. Empty: none does.
    pub(super) holds: Vec<(usize, Quote)>,
    /// Why what it cites does not say it, where none does.
    pub(super) reason: Option<Unsupported>,
}

impl<'a> Sources<'a> {
    pub(in crate::chat) fn new(retrieved: &'a [Retrieved], settings: Grounding) -> Self {
        Self {
            retrieved,
            read: OnceLock::new(),
            settings,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.retrieved.len()
    }

    fn passages(&self) -> &[Passage] {
        self.read.get_or_init(|| {
            let payloads = self.retrieved.iter().map(|passage| &passage.hit.payload);
            payloads.map(Passage::of).collect()
        })
    }

    /// Checks a claim against the passages that it cites: each by itself, then all together. Where they
    /// do not say it, the first other one that does takes their place.
    pub(super) fn verdict(&self, claim: &Claim, cites: &[usize]) -> Verdict {
        let passages = self.passages();
        let of = |number: &usize| passages.get(number.wrapping_sub(1));
        let mut holds = Vec::new();
        let mut reason = None;
        for number in cites {
            let Some(passage) = of(number) else { continue };
            let finding = check(claim, &[passage], &self.settings);
            match finding.unsupported {
                None => holds.extend(finding.quote.map(|quote| (*number, quote))),
                Some(unsupported) => reason = reason.or(Some(unsupported)),
            }
        }
        if holds.is_empty() && cites.len() > 1 {
            let together: Vec<&Passage> = cites.iter().filter_map(of).collect();
            if check(claim, &together, &self.settings).is_supported() {
                holds.extend(cites.iter().filter_map(|number| {
                    let quote = check(claim, &[of(number)?], &self.settings).quote?;
                    Some((*number, quote))
                }));
            }
        }
        if holds.is_empty() {
            holds.extend(self.elsewhere(claim, cites));
        }
        Verdict { holds, reason }
    }

    /// The passage besides those cited that says it, where one does: of several the best ranked.
    fn elsewhere(&self, claim: &Claim, cites: &[usize]) -> Option<(usize, Quote)> {
        let passages = self.passages().iter().enumerate();
        passages
            .map(|(at, passage)| (at + 1, passage))
            .filter(|(number, _)| !cites.contains(number))
            .find_map(|(number, passage)| {
                let finding = check(claim, &[passage], &self.settings);
                finding
                    .quote
                    .filter(|_| finding.unsupported.is_none())
                    .map(|quote| (number, quote))
            })
    }

    /// The sentence of a passage that comes nearest to a claim which was taken from it.
    pub(super) fn nearest(&self, claim: &Claim, number: usize) -> Option<(usize, Quote)> {
        let passage = self.passages().get(number.checked_sub(1)?)?;
        let quote = check(claim, &[passage], &self.settings).quote;
        let text = || {
            self.retrieved[number - 1]
                .hit
                .payload
                .text
                .trim()
                .to_owned()
        };
        // A claim without words: the passage itself.
        Some((
            number,
            quote.unwrap_or_else(|| Quote {
                passage: 0,
                text: text(),
                span: None,
                heading: String::new(),
                score: 0.0,
            }),
        ))
    }
}

/// Why a claim is not verified, for its reader.
pub(super) fn reason(unsupported: Option<&Unsupported>, language: Language) -> String {
    let korean = language == Language::Korean;
    match unsupported {
        None if korean => "읽은 문서에 이 내용이 없습니다".to_owned(),
        None => "none of the passages says this".to_owned(),
        Some(Unsupported::Missing(detail)) if korean => {
            format!("“{detail}”: 인용한 문단에 없는 내용입니다")
        }
        Some(Unsupported::Missing(detail)) => {
            format!("“{detail}” does not stand in the cited passage")
        }
        Some(Unsupported::Differs { said, stated }) if korean => {
            format!("인용한 문단에는 “{said}”이(가) 아니라 “{stated}”(이)라고 되어 있습니다")
        }
        Some(Unsupported::Differs { said, stated }) => {
            format!("it says “{said}” where the cited passage says “{stated}”")
        }
        Some(Unsupported::Negated) if korean => "인용한 문단과 반대되는 내용입니다".to_owned(),
        Some(Unsupported::Negated) => "the cited passage says the opposite".to_owned(),
        Some(Unsupported::FewWords) if korean => "인용한 문단에 이 내용이 없습니다".to_owned(),
        Some(Unsupported::FewWords) => "the cited passage does not say this".to_owned(),
        Some(Unsupported::OtherLanguage) if korean => {
            "다른 언어로 된 문단과 비교할 수 없습니다".to_owned()
        }
        Some(Unsupported::OtherLanguage) => {
            "it cannot be compared with a passage in another language".to_owned()
        }
    }
}
