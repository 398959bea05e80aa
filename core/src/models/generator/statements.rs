//! What the metadata answer: who owns something, how fresh it is. A statement names the document and
//! then gives the line of its metadata as it stands.

use std::collections::HashSet;

use super::marks::escaped;
use super::{GenerateRequest, Passage};
use crate::index::{AskedFacts, lexical};

/// Most documents that are spoken of: two may have the same name.
const MOST: usize = 3;
/// A document is what the question is about when it has this share of the question's subject.
const ENOUGH: f32 = 0.5;

/// The statements of a question that asks for facts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Statements {
    /// Each with its citation.
    pub(super) lines: Vec<String>,
    /// Whether they are all that was asked for.
    pub(super) suffice: bool,
}

/// How well a passage is what the question is about.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Match {
    /// Share of the subject that its document's name holds.
    named: f32,
    /// Share that stands anywhere in the passage.
    told: f32,
}

/// States what the metadata of the documents that are asked about say.
pub(super) fn statements(request: &GenerateRequest) -> Statements {
    let asked = AskedFacts::of(&request.question);
    let subject = asked.subject(&request.question);
    if asked.is_none() || subject.is_empty() {
        return Statements::default();
    }
    let mut best: Option<Match> = None;
    let mut found: Vec<(Match, &Passage)> = Vec::new();
    for passage in &request.passages {
        let matched = matched(request, &subject, passage);
        if asked.answered_by(&passage.facts).is_empty() || matched.told < ENOUGH {
            continue;
        }
        // Named beats told; of equals the first is the best ranked.
        if best.is_none_or(|best| matched.named > best.named) {
            best = Some(matched);
        }
        found.push((matched, passage));
    }
    let Some(best) = best else {
        return Statements::default();
    };
    let mut lines = Vec::new();
    let mut said = HashSet::new();
    for (matched, passage) in found {
        let facts = asked.answered_by(&passage.facts).join(" · ");
        let same = matched.named >= best.named && (best.named >= ENOUGH || lines.is_empty());
        if same && lines.len() < MOST && said.insert((&passage.title, facts.clone())) {
            let title = escaped(&passage.title);
            lines.push(format!("**{title}** · {facts} [{}]", passage.number));
        }
    }
    Statements {
        lines,
        suffice: best.named > 0.99,
    }
}

fn matched(request: &GenerateRequest, subject: &[String], passage: &Passage) -> Match {
    let asset = passage.asset.as_deref().unwrap_or_default();
    let name = format!("{} {asset}", passage.title);
    let named: HashSet<String> = lexical::terms(&name).into_iter().collect();
    let text = format!("{} {}", passage.heading.join(" "), passage.text);
    let told: HashSet<String> = lexical::terms(&text).into_iter().collect();
    let weights = request.terms.weights();
    let weight = |term: &String| weights.get(term).copied().unwrap_or(1.0).max(0.01);
    let all: f32 = subject.iter().map(weight).sum();
    let share = |has: &dyn Fn(&String) -> bool| {
        let held: f32 = subject.iter().filter(|term| has(term)).map(weight).sum();
        held / all
    };
    Match {
        named: share(&|term| named.contains(term)),
        told: share(&|term| named.contains(term) || told.contains(term)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Facts;

    fn passage(number: usize, title: &str, text: &str, owner: &str) -> Passage {
        Passage {
            number,
            title: title.to_owned(),
            text: text.to_owned(),
            facts: Facts {
                owner: Some(format!("owner: {owner}")),
                fresh: Some("data as of: 2026-11-20 05:20 UTC".to_owned()),
                ..Facts::default()
            },
            ..Passage::default()
        }
    }

    fn ask(question: &str) -> Statements {
        statements(&GenerateRequest {
            question: question.to_owned(),
            passages: vec![
                passage(
                    1,
                    "Net revenue",
                    "Shown on the revenue dashboard.",
                    "Finance",
                ),
                passage(
                    2,
                    "Revenue dashboard",
                    "Net revenue by day.",
                    "Finance Data",
                ),
                passage(3, "Revenue dashboard", "A yellow banner.", "Finance Data"),
                passage(4, "Orders[1]", "One row an order.", "Shop"),
            ],
            ..GenerateRequest::default()
        })
    }

    #[test]
    fn the_document_that_is_named_is_spoken_of_once() {
        let said = ask("Who owns the revenue dashboard?");
        assert_eq!(
            said.lines,
            ["**Revenue dashboard** · owner: Finance Data [2]"]
        );
        assert!(said.suffice);
    }

    #[test]
    fn freshness_is_told_beside_the_owner_and_the_text_adds_what_else_was_asked() {
        let said = ask("Is the orders row fresh, who owns it, and what about winter?");
        let line = r"**Orders\[1]** · owner: Shop · data as of: 2026-11-20 05:20 UTC [4]";
        assert_eq!(said.lines, [line]);
        assert!(!said.suffice);
    }

    #[test]
    fn a_document_that_is_only_about_it_is_named_where_none_is_called_so() {
        let said = ask("Who owns the yellow banner?");
        assert_eq!(
            said.lines,
            ["**Revenue dashboard** · owner: Finance Data [3]"]
        );
        assert!(!said.suffice);
    }

    #[test]
    fn nothing_is_stated_of_what_is_not_there_or_not_asked() {
        assert!(ask("Who owns the moon landing?").lines.is_empty());
        assert!(
            ask("What is shown on the revenue dashboard?")
                .lines
                .is_empty()
        );
    }
}
