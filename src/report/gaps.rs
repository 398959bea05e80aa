//! Gaps grouped by meaning: the same thing asked in other words is one thing to write.

use chrono::NaiveTime;
use docent_core::index::dot;
use docent_core::ledger::{GapFigure, Span};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Gaps, Quoting};

/// Questions whose vectors are this near (cosine) ask for the same.
const SAME: f32 = 0.86;
/// Groups that are listed.
const LISTED: usize = 10;

/// A group of questions that the documents did not answer, or not well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The newest question of it that reached most people. Empty where questions are not to be quoted.
    pub question: String,
    pub interaction_id: Uuid,
    /// Different wordings.
    pub wordings: usize,
    pub people: i64,
    pub abstained: i64,
    pub disliked: i64,
    /// What the nearest document is about, and whose it is.
    pub source: Option<String>,
    pub asset: Option<String>,
    pub owner: Option<String>,
}

/// `figures` come with those first that reached most people, so that a group is named after the one
/// that did.
pub(super) fn grouped(figures: Vec<GapFigure>, span: &Span, quoting: &Quoting) -> Gaps {
    let mut groups: Vec<(GapFigure, Vec<GapFigure>)> = Vec::new();
    for figure in figures {
        let group = groups.iter_mut().find(|(first, _)| {
            first.state == figure.state && means_the_same(first, &figure)
        });
        match group {
            Some((_, others)) => others.push(figure),
            None => groups.push((figure, Vec::new())),
        }
    }
    let begin = span.from.and_time(NaiveTime::MIN).and_utc();
    let mut gaps = Gaps::default();
    let mut open = Vec::new();
    for (first, others) in groups {
        if first.state == "closed" {
            gaps.closed += 1;
            continue;
        }
        gaps.open += 1;
        let all = || std::iter::once(&first).chain(&others);
        gaps.new += usize::from(all().all(|one| one.first_at >= begin));
        open.push(Gap {
            question: quoting.of_text(&first.question),
            interaction_id: first.interaction_id,
            wordings: others.len() + 1,
            // Somebody may have tried several wordings: the sum is at the most.
            people: all().map(|one| one.people).sum(),
            abstained: all().map(|one| one.abstained).sum(),
            disliked: all().map(|one| one.disliked).sum(),
            source: first.source.clone(),
            asset: first.asset.clone(),
            owner: first.owner.clone(),
        });
    }
    open.sort_by_key(|gap| std::cmp::Reverse((gap.people, gap.abstained + gap.disliked)));
    open.truncate(LISTED);
    gaps.largest = open;
    gaps
}

fn means_the_same(one: &GapFigure, other: &GapFigure) -> bool {
    match (&one.embedding, &other.embedding) {
        (Some(one), Some(other)) if one.len() == other.len() => {
            let length = |vector: &[f32]| dot(vector, vector).sqrt().max(f32::EPSILON);
            dot(one, other) / (length(one) * length(other)) >= SAME
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use docent_core::config::{Overrides, load};

    use super::*;

    fn figure(question: &str, people: i64, embedding: &[f32], state: &str) -> GapFigure {
        let first_at: DateTime<Utc> = "2026-11-20T10:00:00Z".parse().unwrap();
        GapFigure {
            interaction_id: Uuid::new_v4(),
            question: question.to_owned(),
            embedding: Some(embedding.to_vec()),
            abstained: people,
            disliked: 0,
            people,
            first_at,
            source: Some("docs".to_owned()),
            asset: None,
            owner: None,
            state: state.to_owned(),
            closed_at: None,
        }
    }

    #[test]
    fn the_same_in_other_words_is_one_gap() {
        let span = Span {
            from: "2026-11-19".parse().unwrap(),
            until: "2026-11-26".parse().unwrap(),
            owner: None,
        };
        let quoting = Quoting::of(&load(&Overrides::default()).unwrap());
        let figures = vec![
            figure("How is churn computed?", 4, &[1.0, 0.0], "open"),
            figure("Who owns invoices?", 3, &[0.0, 1.0], "open"),
            figure("formula of churn", 2, &[0.95, 0.1], "open"),
            figure("What is NPS?", 1, &[0.7, 0.7], "closed"),
        ];
        let gaps = grouped(figures, &span, &quoting);
        assert_eq!((gaps.open, gaps.new, gaps.closed), (2, 2, 1));
        let first = &gaps.largest[0];
        assert_eq!((first.question.as_str(), first.people, first.wordings), ("How is churn computed?", 6, 2));
    }
}
