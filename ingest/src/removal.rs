//! What is gone from a source, and whether that is believed.
//!
//! A listing that comes back empty, or without a large part of what it had, is more often a fault (an
//! unmounted folder, an expired token, half an export) than a wish. What only a fault would explain
//! is not removed; the report says so, and `--allow-removals` goes ahead.

use std::collections::{HashMap, HashSet};

use docent_core::document::Outcome;
use docent_core::ledger::DocumentRow;
use serde::{Deserialize, Serialize};

use crate::source::Listing;

/// A larger share of a source that is gone at once is taken for a fault, in percent. A single
/// document never is, unless it was the only one.
const BELIEVED: usize = 30;

/// Documents that were not removed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    pub documents: u64,
    pub reason: String,
}

/// What a listing says about documents that are known.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Removals<'a> {
    /// To be removed.
    pub(crate) rows: Vec<&'a DocumentRow>,
    /// Not to be removed, though they are gone.
    pub(crate) held_back: Option<HeldBack>,
}

impl<'a> Removals<'a> {
    /// Compares a listing with what is known. `allowed`: what is gone is believed to be gone.
    pub(crate) fn of(
        listing: &Listing,
        known: &'a HashMap<String, DocumentRow>,
        allowed: bool,
    ) -> Self {
        let present: HashSet<&str> = listing
            .found
            .iter()
            .map(|found| found.path.as_str())
            .chain(listing.problems.iter().map(|problem| problem.path.as_str()))
            .collect();
        // Nothing is known of what lies in a folder that cannot be read, nor of the documents made of
        // parts of a file that cannot be read (`file#part`): they stay.
        let unreadable: Vec<String> = listing
            .problems
            .iter()
            .filter_map(|problem| match problem.outcome {
                _ if problem.path.ends_with('/') => Some(problem.path.clone()),
                Outcome::Failed(_) => Some(format!("{}#", problem.path)),
                _ => None,
            })
            .collect();
        let is_gone = |path: &str| match listing.incomplete {
            Some(_) => listing.gone.contains(path) && !present.contains(path),
            None => !present.contains(path) && !unreadable.iter().any(|at| path.starts_with(at)),
        };
        let mut removals = Self::default();
        let mut gone = Vec::new();
        for row in known.values() {
            if is_withdrawn(listing, &row.path) {
                removals.rows.push(row);
            } else if is_gone(&row.path) {
                // What has no points is forgotten without a thought.
                if row.indexed {
                    gone.push(row);
                } else {
                    removals.rows.push(row);
                }
            }
        }
        let indexed = known.values().filter(|row| row.indexed).count();
        let is_empty = listing.found.is_empty() && listing.problems.is_empty();
        let fault = fault(gone.len(), indexed, is_empty).filter(|_| !allowed);
        match fault {
            Some(reason) => {
                removals.held_back = Some(HeldBack {
                    documents: gone.len() as u64,
                    reason,
                });
            }
            None => removals.rows.append(&mut gone),
        }
        removals.rows.sort_by(|a, b| a.path.cmp(&b.path));
        removals
    }
}

fn is_withdrawn(listing: &Listing, path: &str) -> bool {
    let folders = path.match_indices('/').map(|(at, _)| &path[..=at]);
    folders
        .chain([path])
        .any(|name| listing.withdrawn.contains(name))
}

fn fault(gone: usize, indexed: usize, is_empty: bool) -> Option<String> {
    if gone == 0 {
        return None;
    }
    let what = if is_empty {
        format!("it lists nothing, and had {indexed} documents")
    } else if gone > 1 && gone * 100 > indexed * BELIEVED {
        format!("{gone} of its {indexed} documents are gone at once, more than {BELIEVED}%")
    } else {
        return None;
    };
    Some(format!(
        "{what}: that is taken for a fault and nothing is removed; where it is meant, run it with \
         --allow-removals"
    ))
}

#[cfg(test)]
mod tests {
    use docent_core::document::{Outcome, document_id};
    use docent_core::ledger::DocumentOutcome;

    use super::*;
    use crate::extract::FrontMatter;
    use crate::source::{Found, Problem};

    fn known(count: usize) -> HashMap<String, DocumentRow> {
        (0..count)
            .map(|number| {
                let path = format!("part{}/{number}.md", number % 2);
                let row = DocumentRow {
                    document_id: document_id("s", &path),
                    path: path.clone(),
                    source: "s".to_owned(),
                    raw_hash: String::new(),
                    content_hash: String::new(),
                    metadata_hash: String::new(),
                    title: String::new(),
                    chunks: 1,
                    lexical_length: 1,
                    indexed: true,
                    outcome: DocumentOutcome::Indexed,
                    reason: None,
                };
                (path, row)
            })
            .collect()
    }

    fn listing(known: &HashMap<String, DocumentRow>, without: impl Fn(&str) -> bool) -> Listing {
        let found = known
            .keys()
            .filter(|path| !without(path))
            .map(|path| Found::made(path.clone(), String::new(), FrontMatter::default()))
            .collect();
        Listing {
            found,
            ..Listing::default()
        }
    }

    /// How many are removed, and how many held back.
    fn decided(
        listing: &Listing,
        known: &HashMap<String, DocumentRow>,
        allowed: bool,
    ) -> (usize, u64) {
        let removals = Removals::of(listing, known, allowed);
        (
            removals.rows.len(),
            removals.held_back.map_or(0, |held| held.documents),
        )
    }

    #[test]
    fn a_large_part_that_is_gone_at_once_is_held_back_until_it_is_allowed() {
        let ten = known(10);
        let number = |path: &str| path[6..path.len() - 3].parse::<usize>().unwrap_or(0);
        let three_gone = listing(&ten, |path| number(path) < 3);
        assert_eq!(decided(&three_gone, &ten, false), (3, 0));
        let four_gone = listing(&ten, |path| number(path) < 4);
        assert_eq!(decided(&four_gone, &ten, false), (0, 4));
        assert_eq!(decided(&four_gone, &ten, true), (4, 0));
        assert_eq!(decided(&Listing::default(), &ten, false), (0, 10));
        assert_eq!(decided(&Listing::default(), &ten, true), (10, 0));
    }

    #[test]
    fn a_single_document_may_go_unless_it_was_the_only_one() {
        let two = known(2);
        assert_eq!(
            decided(&listing(&two, |path| path == "part0/0.md"), &two, false),
            (1, 0)
        );
        let one = known(1);
        assert_eq!(decided(&Listing::default(), &one, false), (0, 1));
    }

    #[test]
    fn what_could_not_be_looked_at_stays_and_what_nobody_may_read_goes() {
        let ten = known(10);
        let mut half = listing(&ten, |path| path.starts_with("part1/"));
        half.problems.push(Problem {
            path: "part1/".to_owned(),
            outcome: Outcome::Failed("unreadable".to_owned()),
        });
        assert_eq!(decided(&half, &ten, true), (0, 0));

        let mut cut = listing(&ten, |path| path != "part0/0.md");
        cut.incomplete = Some("a limit".to_owned());
        cut.gone.insert("part0/2.md".to_owned());
        assert_eq!(decided(&cut, &ten, true), (1, 0));

        let mut hidden = listing(&ten, |path| path.starts_with("part1/"));
        hidden.withdrawn.insert("part1/".to_owned());
        assert_eq!(decided(&hidden, &ten, false), (5, 0));
    }
}
