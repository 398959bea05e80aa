//! Two statements of which only one can be right: of the same thing they say the same, but for one
//! figure, time, rate or a "not".

use super::Quote;
use super::align::{self, Item};
use super::claim::Claim;
use super::passage::{Passage, Statement};

/// Words and details that both must have in common.
const COMMON: usize = 2;
/// The share of the longer one that must go along with the other, besides what differs.
const ALIKE: f32 = 0.8;

/// The statement of another passage that contradicts a claim. `same_asset`: both passages are about one
/// asset, so that it need not be named.
///
/// Deliberately narrow: dates differ because things happen more than once, rows of tables because their
/// columns do, questions state nothing, and two differences make two things.
pub fn contradiction(claim: &Claim, passage: &Passage, same_asset: bool) -> Option<Quote> {
    if !states(&claim.text) {
        return None;
    }
    let opposes = |statement: &&Statement| {
        states(&statement.text)
            && statement.terms.intersection(&claim.terms).count() * 2 >= claim.terms.len()
            && is_opposed(&claim.items, &statement.items, passage, same_asset)
    };
    let statement = passage.statements.iter().find(opposes)?;
    Some(Quote {
        passage: 0,
        text: statement.text.clone(),
        span: statement.span.clone(),
        heading: statement.heading.clone(),
        score: 0.0,
    })
}

fn states(text: &str) -> bool {
    let text = text.trim();
    !text.starts_with('|') && !text.ends_with(['?', '？'])
}

fn is_opposed(claim: &[Item], statement: &[Item], passage: &Passage, same_asset: bool) -> bool {
    let beside = align::beside(claim, statement, &passage.units);
    let longest = claim.len().max(statement.len());
    let goes_along = beside.common >= COMMON
        && beside.common as f32 >= ALIKE * (longest.saturating_sub(1)) as f32
        && (same_asset || beside.names_the_same);
    goes_along
        && match align::difference(claim, statement, &passage.units) {
            Some(align::Difference::Detail { kind, .. }) => {
                kind.is_standing() && beside.apart == (1, 1)
            }
            Some(align::Difference::Negation) => beside.apart == (0, 0),
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contradicted(said: &str, other: &str) -> Option<String> {
        let passage = Passage::new("", other, &[]);
        contradiction(&Claim::new(said), &passage, false).map(|quote| quote.text)
    }

    #[test]
    fn a_figure_a_time_a_rate_and_a_not_contradict() {
        for (said, other) in [
            ("fct_trips is loaded hourly.", "fct_trips is loaded daily."),
            (
                "The table fct_trips is loaded at 06:30 by Airflow.",
                "The table fct_trips is loaded at 07:30 by Airflow.",
            ),
            (
                "Rows of fct_trips are kept for 24 months.",
                "Rows of fct_trips are kept for 13 months.",
            ),
            (
                "fct_trips contains trips of employees.",
                "fct_trips does not contain trips of employees.",
            ),
            (
                "fct_trips는 매시간 적재됩니다.",
                "fct_trips는 매일 적재됩니다.",
            ),
        ] {
            assert_eq!(contradicted(said, other).as_deref(), Some(other), "{said}");
        }
    }

    #[test]
    fn what_may_both_be_true_does_not() {
        for (said, other) in [
            // The same in other units, or of another thing.
            (
                "Rows of fct_trips are kept for 2 years.",
                "Rows of fct_trips are kept for 24 months.",
            ),
            ("fct_trips is loaded hourly.", "fct_rides is loaded daily."),
            ("The table is loaded hourly.", "The table is loaded daily."),
            // It happened twice.
            (
                "On 2026-03-02 the load of fct_trips was late.",
                "On 2026-04-09 the load of fct_trips was late.",
            ),
            // Two differences are two things.
            (
                "Release 3 of fct_trips has 12 columns and 4 tests.",
                "Release 4 of fct_trips has 14 columns and 4 tests.",
            ),
            ("fct_trips is loaded hourly.", "Is fct_trips loaded daily?"),
            (
                "| fct_trips | hourly | loaded |",
                "| fct_trips | daily | loaded |",
            ),
            ("fct_trips is loaded hourly.", "fct_trips is loaded hourly."),
        ] {
            assert_eq!(contradicted(said, other), None, "{said}");
        }
    }

    #[test]
    fn pages_of_one_asset_need_not_name_it() {
        let passage = Passage::new("", "The table is loaded daily at night.", &[]);
        let claim = Claim::new("The table is loaded hourly at night.");
        assert!(contradiction(&claim, &passage, true).is_some());
        assert_eq!(contradiction(&claim, &passage, false), None);
    }
}
