//! Cite: every `[n]` of an answer is the number of a passage that says what stands before it, with the
//! sentence that says so. Checked while the answer streams ([`Checker`]), without a model.

mod checker;
mod contradiction;
mod note;
mod verdict;

use std::collections::BTreeMap;

use docent_core::document::Status;

use super::generate::GeneratedAnswer;
use super::ground::Quote;
use super::retrieve::{Retrieval, Retrieved};
use super::turn::{Citation, Mark, Span};

pub(super) use self::checker::{Checker, Shown};
pub(super) use self::contradiction::contradictions;
pub(super) use self::note::notes;
pub(crate) use self::note::plain;
pub(super) use self::verdict::Sources;

/// What the passages that an answer cites say for it, by their numbers.
pub(super) type Evidence = BTreeMap<usize, Quote>;

/// An answer and its citations, in the order of their numbers.
pub(super) struct Cited {
    pub(super) answer: String,
    pub(super) citations: Vec<Citation>,
    pub(super) marks: Vec<Mark>,
}

/// The citations that were found to hold. `None`: none was, so the answer cannot be given.
pub(super) fn cite(generated: GeneratedAnswer, retrieval: &Retrieval) -> Option<Cited> {
    if generated.evidence.is_empty() {
        return None;
    }
    let citations = generated.evidence.iter().filter_map(|(number, quote)| {
        let passage = retrieval.passages.get(number.checked_sub(1)?)?;
        Some(citation(passage, quote))
    });
    Some(Cited {
        citations: citations.collect(),
        answer: generated.text.trim_end().to_owned(),
        marks: generated.marks,
    })
}

fn citation(passage: &Retrieved, quote: &Quote) -> Citation {
    let payload = &passage.hit.payload;
    // Small sections share a chunk: the heading above the quote says more than the chunk's own.
    let mut heading = payload.heading.clone();
    if !quote.heading.is_empty()
        && quote.heading != payload.title
        && heading.last().is_none_or(|last| *last != quote.heading)
    {
        heading.push(quote.heading.clone());
    }
    let start = quote.span.as_ref().map_or(0, |span| span.start);
    let page = payload.page_at(start);
    heading.extend(page.map(|page| format!("page {page}")));
    // Whoever reads the citation should see that a person says so, and when that was.
    heading.extend(payload.facts().answered);
    Citation {
        number: passage.number,
        title: payload.title.clone(),
        uri: payload.uri_at(page),
        path: payload.path.clone(),
        heading: heading.join(" > "),
        quote: quote.text.clone(),
        span: quote.span.clone().map(|span| Span {
            start: payload.text[..span.start].chars().count(),
            end: payload.text[..span.end].chars().count(),
        }),
        score: passage.hit.score,
        verified: Some(true),
        updated_at: payload.updated_at,
        fresh_at: payload.fresh_at,
        status: payload.status.map(|status| Status::name(status).to_owned()),
        owner: payload.owner.clone(),
        author: payload
            .curated
            .as_ref()
            .map(|curated| curated.author.clone()),
    }
}
