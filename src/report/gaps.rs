//! Gaps grouped by meaning: the same thing asked in other words is one thing to write.

use std::collections::HashSet;

use chrono::NaiveTime;
use docent_core::ledger::{GapFigure, Span};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Gaps, Quoting};
use crate::insights::meaning::{self, Group, Item};

/// Groups that are listed.
const LISTED: usize = 10;

/// A group of questions that the documents did not answer, or not well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The most central of its questions. Empty where questions are not to be quoted.
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

pub(super) fn grouped(figures: Vec<GapFigure>, span: &Span, quoting: &Quoting) -> Gaps {
    let (closed, open): (Vec<GapFigure>, Vec<GapFigure>) = figures
        .into_iter()
        .partition(|figure| figure.state == "closed");
    let begin = span.from.and_time(NaiveTime::MIN).and_utc();
    let groups = meaning::groups(&items(&open));
    let is_new = |group: &&Group| group.members.iter().all(|at| open[*at].first_at >= begin);
    let mut largest: Vec<Gap> = groups
        .iter()
        .map(|group| gap(&open, group, quoting))
        .collect();
    largest.sort_by_key(|gap| std::cmp::Reverse((gap.people, gap.abstained + gap.disliked)));
    largest.truncate(LISTED);
    Gaps {
        open: groups.len(),
        new: groups.iter().filter(is_new).count(),
        closed: meaning::groups(&items(&closed)).len(),
        largest,
    }
}

fn items(figures: &[GapFigure]) -> Vec<Item<'_>> {
    figures
        .iter()
        .map(|figure| Item {
            text: &figure.question,
            embedding: figure.embedding.as_deref(),
            weight: figure.persons.len() as i64,
        })
        .collect()
}

fn gap(figures: &[GapFigure], group: &Group, quoting: &Quoting) -> Gap {
    let named = &figures[group.named];
    let all = || group.members.iter().map(|at| &figures[*at]);
    let people: HashSet<&Uuid> = all().flat_map(|one| &one.persons).collect();
    Gap {
        question: quoting.of_text(&named.question),
        interaction_id: named.interaction_id,
        wordings: group.members.len(),
        people: people.len() as i64,
        abstained: all().map(|one| one.abstained).sum(),
        disliked: all().map(|one| one.disliked).sum(),
        source: named.source.clone(),
        asset: named.asset.clone(),
        owner: named.owner.clone(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use docent_core::config::{Overrides, load};

    use super::*;

    fn figure(question: &str, people: u128, embedding: &[f32], state: &str) -> GapFigure {
        let first_at: DateTime<Utc> = "2026-11-20T10:00:00Z".parse().unwrap();
        GapFigure {
            interaction_id: Uuid::new_v4(),
            question: question.to_owned(),
            embedding: Some(embedding.to_vec()),
            abstained: people as i64,
            disliked: 0,
            persons: (0..people).map(Uuid::from_u128).collect(),
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
        // The two who used the other words are among the four.
        assert_eq!((first.people, first.abstained, first.wordings), (4, 6, 2));
    }
}
