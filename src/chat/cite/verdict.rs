//! Whether a passage says what a claim says: the cited one, else another, else none.

use std::sync::OnceLock;

use docent_core::config::Grounding;

use crate::chat::ground::{Claim, Passage, Quote, Unsupported, check, contradiction};
use crate::chat::language::Language;
use crate::chat::retrieve::Retrieved;

/// Bytes of a quote that is made of several statements, at the most.
const LONGEST: usize = 1_000;

/// The passages that an answer may cite, each read for checking when a claim is first held to it.
pub(in crate::chat) struct Sources<'a> {
    retrieved: &'a [Retrieved],
    read: Vec<OnceLock<Passage>>,
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
            read: vec![OnceLock::new(); retrieved.len()],
            settings,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.retrieved.len()
    }

    /// A passage by its number in the answer.
    fn passage(&self, number: usize) -> Option<&Passage> {
        let at = number.checked_sub(1)?;
        let read = || Passage::of(&self.retrieved[at].hit.payload);
        Some(self.read.get(at)?.get_or_init(read))
    }

    /// Checks a claim against the passages that it cites: each by itself, then all together. Where they
    /// do not say it, the first other one that does takes their place.
    pub(super) fn verdict(&self, claim: &Claim, cites: &[usize]) -> Verdict {
        let of = |number: &usize| self.passage(*number);
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
        (1..=self.count())
            .filter(|number| !cites.contains(number))
            .find_map(|number| {
                let finding = check(claim, &[self.passage(number)?], &self.settings);
                finding
                    .quote
                    .filter(|_| finding.unsupported.is_none())
                    .map(|quote| (number, quote))
            })
    }

    /// What a passage says against a claim that another one was cited for. Those of the same document, and
    /// those that cannot be about the same, are not looked into.
    pub(super) fn against(&self, claim: &Claim, cited: usize, number: usize) -> Option<Quote> {
        let of = |number: usize| Some(&self.retrieved.get(number.checked_sub(1)?)?.hit.payload);
        let (mine, other) = (of(cited)?, of(number)?);
        if mine.document_id == other.document_id {
            return None;
        }
        let same_asset = mine.asset.is_some() && mine.asset == other.asset;
        if !same_asset && !claim.may_be_about(&other.text) {
            return None;
        }
        contradiction(claim, self.passage(number)?, same_asset)
    }

    /// The title of a passage's document.
    pub(super) fn title(&self, number: usize) -> &str {
        let retrieved = number.checked_sub(1).and_then(|at| self.retrieved.get(at));
        retrieved.map_or("", |retrieved| &retrieved.hit.payload.title)
    }

    /// A passage from the first of two of its statements to the last, word for word; `None` where that is too
    /// long to be read as a quote, they stand under different headings, or one is a line of its metadata.
    pub(super) fn through(&self, number: usize, one: &Quote, other: &Quote) -> Option<Quote> {
        let text = &self.retrieved.get(number.checked_sub(1)?)?.hit.payload.text;
        if one.heading != other.heading {
            return None;
        }
        let (a, b) = (one.span.clone()?, other.span.clone()?);
        let span = a.start.min(b.start)..a.end.max(b.end);
        Some(Quote {
            text: text
                .get(span.clone())
                .filter(|text| text.len() <= LONGEST)?
                .to_owned(),
            span: Some(span),
            score: one.score.max(other.score),
            ..one.clone()
        })
    }

    /// The sentence of a passage that comes nearest to a claim which was taken from it.
    pub(super) fn nearest(&self, claim: &Claim, number: usize) -> Option<(usize, Quote)> {
        let passage = self.passage(number)?;
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
