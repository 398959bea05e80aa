//! Questions of one meaning together: each joins the first group whose leader it is near to, the heaviest
//! questions lead, and a group is named by its most central one.
//!
//! Near are questions whose vectors are, or whose words are. Two questions that name different things
//! (`fct_trips`, `fct_orders`) never mean the same, however alike they sound.

use std::collections::BTreeSet;

use docent_core::index::lexical;

/// Cosine from which on two questions mean the same.
const SAME: f32 = 0.86;
/// The same after the mean of all has been taken away: models differ in how near everything is to
/// everything.
const SAME_CENTRED: f32 = 0.72;
/// Questions from which on a mean says something.
const ENOUGH: usize = 30;
/// Share of common words (of all words of both) from which on they mean the same.
const SAME_WORDS: f32 = 0.75;
/// Members that are compared to find the most central one.
const NAMED_BY: usize = 40;

/// A question to be grouped.
pub(crate) struct Item<'a> {
    pub(crate) text: &'a str,
    pub(crate) embedding: Option<&'a [f32]>,
    /// How often it was asked, or how many people it reached.
    pub(crate) weight: i64,
}

/// Questions of one meaning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Places of its questions, heaviest first.
    pub(crate) members: Vec<usize>,
    /// Place of the one that it is named by.
    pub(crate) named: usize,
}

struct Point {
    vector: Option<Vec<f32>>,
    words: BTreeSet<String>,
    names: BTreeSet<String>,
}

/// Groups of questions, heaviest first.
pub(crate) fn groups(items: &[Item<'_>]) -> Vec<Group> {
    let (points, same) = points(items);
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|at| (std::cmp::Reverse(items[*at].weight), *at));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in order {
        let mut best: Option<(f32, usize)> = None;
        for (number, group) in groups.iter().enumerate() {
            let near = nearness(&points[group[0]], &points[at], same);
            if near >= 0.0 && best.is_none_or(|(other, _)| near > other) {
                best = Some((near, number));
            }
        }
        match best {
            Some((_, number)) => groups[number].push(at),
            None => groups.push(vec![at]),
        }
    }
    let weight = |members: &[usize]| members.iter().map(|at| items[*at].weight).sum::<i64>();
    groups.sort_by_key(|members| std::cmp::Reverse(weight(members)));
    groups
        .into_iter()
        .map(|members| Group {
            named: central(&members, items, &points),
            members,
        })
        .collect()
}

/// Vectors of one length, and the cosine that means "the same" among them.
fn points(items: &[Item<'_>]) -> (Vec<Point>, f32) {
    let length = items
        .iter()
        .find_map(|item| item.embedding.map(<[f32]>::len))
        .unwrap_or(0);
    let mut points: Vec<Point> = items
        .iter()
        .map(|item| Point {
            // Another length is another model.
            vector: item
                .embedding
                .filter(|vector| vector.len() == length && length > 0)
                .map(<[f32]>::to_vec),
            words: lexical::distinct_terms(item.text).into_iter().collect(),
            names: names(item.text),
        })
        .collect();
    let many = points.iter().filter(|point| point.vector.is_some()).count();
    let centred = many >= ENOUGH;
    if centred {
        let mut mean = vec![0.0; length];
        for vector in points.iter().filter_map(|point| point.vector.as_ref()) {
            for (sum, part) in mean.iter_mut().zip(vector) {
                *sum += part / many as f32;
            }
        }
        for vector in points.iter_mut().filter_map(|point| point.vector.as_mut()) {
            for (part, mean) in vector.iter_mut().zip(&mean) {
                *part -= mean;
            }
        }
    }
    for vector in points.iter_mut().filter_map(|point| point.vector.as_mut()) {
        let length = dot(vector, vector).sqrt();
        if length > 0.0 {
            for part in vector.iter_mut() {
                *part /= length;
            }
        }
    }
    (points, if centred { SAME_CENTRED } else { SAME })
}

/// How far two questions are beyond what makes them the same; below 0: they are not.
fn nearness(a: &Point, b: &Point, same: f32) -> f32 {
    if a.names != b.names && !a.names.is_empty() && !b.names.is_empty() {
        return -1.0;
    }
    let by_vector = match (&a.vector, &b.vector) {
        (Some(a), Some(b)) => dot(a, b) - same,
        _ => -1.0,
    };
    if by_vector >= 0.0 {
        return by_vector;
    }
    let common = a.words.intersection(&b.words).count();
    let all = a.words.len() + b.words.len() - common;
    if all == 0 {
        return -1.0;
    }
    common as f32 / all as f32 - SAME_WORDS
}

/// Sums of eight lanes, which the compiler makes one instruction of.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (a_parts, b_parts) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_parts
        .remainder()
        .iter()
        .zip(b_parts.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in a_parts.zip(b_parts) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// What a question names: words that nobody writes by chance.
fn names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .map(|word| word.trim_matches('.'))
        .filter(|word| {
            word.contains(['_', '.'])
                || (word.chars().any(|c| c.is_ascii_digit())
                    && word.chars().any(char::is_alphabetic))
        })
        // Korean particles stand at a name without a blank.
        .map(|word| {
            word.trim_end_matches(|c: char| !c.is_ascii())
                .to_lowercase()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// The member that is nearest to the others, each counted as often as it was asked.
fn central(members: &[usize], items: &[Item<'_>], points: &[Point]) -> usize {
    let compared = &members[..members.len().min(NAMED_BY)];
    let score = |at: usize| -> f32 {
        compared
            .iter()
            .map(|other| {
                let near = match (&points[at].vector, &points[*other].vector) {
                    (Some(a), Some(b)) => dot(a, b),
                    _ if at == *other => 1.0,
                    _ => 1.0 + nearness(&points[at], &points[*other], 0.0),
                };
                near * items[*other].weight as f32
            })
            .sum()
    };
    let mut best = (f32::MIN, members[0]);
    for at in compared {
        let score = score(*at);
        if score > best.0 {
            best = (score, *at);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[(&str, i64)]) -> Vec<Vec<usize>> {
        let items: Vec<Item<'_>> = texts
            .iter()
            .map(|(text, weight)| Item {
                text,
                embedding: None,
                weight: *weight,
            })
            .collect();
        groups(&items)
            .into_iter()
            .map(|group| group.members)
            .collect()
    }

    #[test]
    fn the_same_words_are_one_question_and_another_name_is_another() {
        assert_eq!(
            texts(&[
                ("Who owns fct_trips?", 3),
                ("who owns fct_orders?", 5),
                ("Who owns the fct_trips", 9),
                ("how fresh is fct_trips?", 1),
            ]),
            [vec![2, 0], vec![1], vec![3]]
        );
        assert_eq!(
            names("fct_trips는 언제 갱신되나요?"),
            ["fct_trips".to_owned()].into()
        );
    }

    #[test]
    fn a_group_is_named_by_its_most_central_question() {
        let vectors: [[f32; 3]; 4] = [
            [1.0, 0.25, 0.0],
            [1.0, 0.0, 0.0],
            [1.0, -0.25, 0.0],
            [0.0, 0.0, 1.0],
        ];
        let words = [
            "people who go",
            "churned riders",
            "lost customers",
            "revenue",
        ];
        let items: Vec<Item<'_>> = vectors
            .iter()
            .zip(words)
            .map(|(vector, text)| Item {
                text,
                embedding: Some(vector),
                weight: 1,
            })
            .collect();
        let found = groups(&items);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            (found[0].named, found[0].members.len()),
            (1, 3),
            "{found:?}"
        );
    }

    #[test]
    fn nothing_is_no_group() {
        assert!(groups(&[]).is_empty());
    }
}
