//! Curated answers: one that somebody gave to just this question comes before every document; to
//! another question it is a document as any other, and once it has expired it is none.

use chrono::{DateTime, Utc};
use docent_core::index::{AskedFacts, Hit, Payload, Question, TermFrequencies, lexical};

use super::names;

/// What an answer to the question is worth beside the best other hit: more than all else that changes the
/// order ([`super::rank`]) can make up for.
const LIFT: f32 = 2.0;
/// How much the questions must share besides the things that they name, as a share of `min_match`: "who
/// owns `fct_trips`?" and "how fresh is `fct_trips`?" share the name, which is rare, and nothing else.
const BESIDES_NAMES: f32 = 0.8;

/// Takes out what no longer holds, also where no run has removed it yet.
pub(super) fn leave_out_expired(hits: &mut Vec<Hit>, now: DateTime<Utc>) {
    hits.retain(|hit| {
        let curated = hit.payload.curated.as_ref();
        curated.is_none_or(|curated| curated.holds(now))
    });
}

/// Puts the answers to the question before all other hits.
pub(super) fn lift(hits: &mut [Hit], likeness: &Likeness<'_>) {
    let best = hits.iter().map(|hit| hit.score).fold(0.0, f32::max);
    for hit in hits {
        if likeness.is_answered_by(&hit.payload) {
            hit.score = best * LIFT + hit.score.max(0.0);
        }
    }
}

/// The question, to be compared with those that have an answer.
pub(super) struct Likeness<'a> {
    pub(super) text: &'a str,
    pub(super) question: &'a Question,
    pub(super) frequencies: &'a TermFrequencies,
    /// The least share of their words.
    pub(super) least: f32,
}

impl Likeness<'_> {
    /// Whether a passage is somebody's answer to the question.
    pub(super) fn is_answered_by(&self, payload: &Payload) -> bool {
        if payload.curated.is_none() || AskedFacts::of(self.text) != AskedFacts::of(&payload.title)
        {
            return false;
        }
        let average = self.frequencies.average_length();
        let whole = lexical::passage_vector(&payload.lexical_text(), average);
        if names::missing(self.text, self.question, &[whole]) > 0.0 {
            return false;
        }
        let (asked, answered) = (without_names(self.text), without_names(&payload.title));
        let besides = if asked.trim().is_empty() && answered.trim().is_empty() {
            1.0
        } else {
            let asked_of = Question::new(&asked, self.frequencies);
            self.shared(&asked_of, &asked, &answered)
        };
        self.shared(self.question, self.text, &payload.title) >= self.least
            && besides >= self.least * BESIDES_NAMES
    }

    /// How much two questions share: the harmonic mean of the shares of each that the other has, words
    /// weighted by their rarity. 0 where one has no words.
    fn shared(&self, question: &Question, asked: &str, answered: &str) -> f32 {
        let vector = |text: &str| lexical::passage_vector(text, self.frequencies.average_length());
        let of_asked = question.met_by(&vector(answered)).coverage;
        let of_answered = Question::new(answered, self.frequencies)
            .met_by(&vector(asked))
            .coverage;
        let sum = of_asked + of_answered;
        if sum > 0.0 {
            2.0 * of_asked * of_answered / sum
        } else {
            0.0
        }
    }
}

/// A question without what it names.
fn without_names(question: &str) -> String {
    let mut text = question.to_owned();
    for name in names::names(question) {
        text = text.replace(name, " ");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_answered(asked: &str, title: &str) -> bool {
        let payload: Payload = serde_json::from_value(serde_json::json!({
            "document_id": uuid::Uuid::nil(), "source": "curated-answers", "uri": "", "path": "1.md",
            "title": title, "heading": [], "text": "It is so.", "language": null, "ordinal": 0,
            "text_hash": "", "asset": null, "owner": "Ana", "owner_slack": null, "owner_email": null,
            "groups": ["everyone"], "status": null, "updated_at": null, "fresh_at": null,
            "curated": { "author": "Ana", "at": "2026-11-20T00:00:00Z" },
        }))
        .unwrap();
        let frequencies = TermFrequencies::default();
        let likeness = Likeness {
            text: asked,
            question: &Question::new(asked, &frequencies),
            frequencies: &frequencies,
            least: 0.6,
        };
        likeness.is_answered_by(&payload)
    }

    #[test]
    fn the_same_question_in_nearly_the_same_words_is_answered() {
        let title = "Why does fct_trips have fewer rows on Mondays?";
        for asked in [
            title,
            "why does fct_trips have fewer rows on mondays",
            "Why are there fewer rows in fct_trips on Mondays?",
        ] {
            assert!(is_answered(asked, title), "{asked}");
        }
        assert!(is_answered(
            "월요일에 fct_trips 행이 왜 적은가요?",
            "fct_trips 행이 월요일에 왜 적은가요?"
        ));
    }

    #[test]
    fn another_question_about_the_same_thing_is_not() {
        let title = "Why does fct_trips have fewer rows on Mondays?";
        for asked in [
            "Who owns fct_trips?",
            "How fresh is fct_trips?",
            "What is fct_trips?",
            "Which columns does fct_trips have?",
            "Why does fct_riders have fewer rows on Mondays?",
            "Why do Mondays exist?",
        ] {
            assert!(!is_answered(asked, title), "{asked}");
        }
        assert!(!is_answered(
            "Who owns fct_trips?",
            "How fresh is fct_trips?"
        ));
    }
}
