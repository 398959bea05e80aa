//! Measures of a ranking, as `trec_eval` computes them.
//!
//! Source of the formulas: `trec_eval` 9.0.8 (<https://github.com/usnistgov/trec_eval>), measures
//! `recall`, `recip_rank` and `ndcg_cut`: the gain of a document is its grade, discounted by
//! `log2(rank + 1)`; the ideal ranking has all relevant documents, best grade first.

use std::collections::HashMap;

/// Grades of a question's documents; a document that is missing has grade 0.
pub type Grades = HashMap<String, u32>;

/// Orders documents as `trec_eval` does: by score, and equal scores by id, descending. Each
/// document stands where its best passage does, so a ranking of passages is one of documents.
pub fn rank(scored: &[(String, f32)]) -> Vec<String> {
    let mut best: Vec<(&str, f32)> = Vec::with_capacity(scored.len());
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (id, score) in scored {
        if let Some(place) = places.get(id.as_str()) {
            best[*place].1 = best[*place].1.max(*score);
        } else {
            places.insert(id, best.len());
            best.push((id, *score));
        }
    }
    best.sort_by(|left, right| right.1.total_cmp(&left.1).then_with(|| right.0.cmp(left.0)));
    best.into_iter().map(|(id, _)| id.to_owned()).collect()
}

/// The share of the relevant documents among the first `k`; 0 where none is relevant.
pub fn recall_at(ranking: &[String], grades: &Grades, k: usize) -> f64 {
    let relevant = grades.values().filter(|grade| **grade > 0).count();
    let found = ranking
        .iter()
        .take(k)
        .filter(|id| grade(grades, id) > 0)
        .count();
    if relevant == 0 {
        return 0.0;
    }
    found as f64 / relevant as f64
}

/// One divided by the rank of the first relevant document among the first `k`; 0 without one.
pub fn reciprocal_rank_at(ranking: &[String], grades: &Grades, k: usize) -> f64 {
    ranking
        .iter()
        .take(k)
        .position(|id| grade(grades, id) > 0)
        .map_or(0.0, |position| 1.0 / (position + 1) as f64)
}

/// Normalized discounted cumulative gain of the first `k`; 0 where nothing is relevant.
pub fn ndcg_at(ranking: &[String], grades: &Grades, k: usize) -> f64 {
    let gained = gain(ranking.iter().take(k).map(|id| grade(grades, id)));
    let mut ideal: Vec<u32> = grades.values().copied().collect();
    ideal.sort_unstable_by(|left, right| right.cmp(left));
    let possible = gain(ideal.into_iter().take(k));
    if possible > 0.0 {
        gained / possible
    } else {
        0.0
    }
}

fn grade(grades: &Grades, id: &str) -> u32 {
    grades.get(id).copied().unwrap_or_default()
}

fn gain(grades: impl Iterator<Item = u32>) -> f64 {
    grades
        .enumerate()
        .map(|(position, grade)| f64::from(grade) / ((position + 2) as f64).log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn grades(grades: &[(&str, u32)]) -> Grades {
        grades
            .iter()
            .map(|(id, grade)| ((*id).to_owned(), *grade))
            .collect()
    }

    fn close(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-9, "{left} is not {right}");
    }

    #[test]
    fn ndcg_has_graded_gains_and_an_ideal_of_all_relevant_documents() {
        let grades = grades(&[("a", 2), ("b", 1), ("c", 0), ("missing", 1)]);
        let ranking = ids(&["c", "a", "x", "b"]);
        // Gained: 0/log2(2) + 2/log2(3) + 0 + 1/log2(5); ideal: 2/1 + 1/log2(3) + 1/log2(4).
        let gained = 2.0 / 1.584_962_500_721_156 + 1.0 / 2.321_928_094_887_362;
        let ideal = 2.0 + 1.0 / 1.584_962_500_721_156 + 0.5;
        close(ndcg_at(&ranking, &grades, 10), gained / ideal);
        close(gained / ideal, 0.540_585_767_945_010_2);
        // Cut at 2: the ideal is cut as well.
        let cut = (2.0 / 1.584_962_500_721_156) / (2.0 + 1.0 / 1.584_962_500_721_156);
        close(ndcg_at(&ranking, &grades, 2), cut);
        close(ndcg_at(&ids(&["a", "b", "missing"]), &grades, 10), 1.0);
        close(ndcg_at(&[], &grades, 10), 0.0);
    }

    #[test]
    fn recall_counts_relevant_documents_and_not_grades() {
        let grades = grades(&[("a", 3), ("b", 1), ("c", 0)]);
        close(recall_at(&ids(&["a", "c", "b"]), &grades, 1), 0.5);
        close(recall_at(&ids(&["a", "c", "b"]), &grades, 3), 1.0);
        close(recall_at(&ids(&["c"]), &grades, 10), 0.0);
        close(recall_at(&ids(&["c"]), &Grades::new(), 10), 0.0);
    }

    #[test]
    fn the_reciprocal_rank_is_cut_off() {
        let grades = grades(&[("a", 1)]);
        let ranking = ids(&["x", "y", "a"]);
        close(reciprocal_rank_at(&ranking, &grades, 10), 1.0 / 3.0);
        close(reciprocal_rank_at(&ranking, &grades, 2), 0.0);
    }

    #[test]
    fn equal_scores_are_ordered_by_id_descending_and_the_best_passage_counts() {
        let scored = [
            ("10".to_owned(), 0.5),
            ("9".to_owned(), 0.5),
            ("b".to_owned(), 0.9),
            ("10".to_owned(), 0.4),
            ("c".to_owned(), 0.2),
            ("c".to_owned(), 0.7),
        ];
        assert_eq!(rank(&scored), ids(&["b", "c", "9", "10"]));
    }
}
