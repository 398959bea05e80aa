//! The pages of the data team. `docent.default.toml` describes the keys.

use rust_decimal::Decimal;
use serde::Deserialize;

/// What of questions and answers the pages show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Texts {
    All,
    /// Without mail addresses, phone numbers and keys.
    Redacted,
    /// Counts alone.
    None,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Insights {
    /// Who may see the pages besides administrators.
    pub groups: Vec<String>,
    pub texts: Texts,
    /// Groups that are teams.
    pub teams: Vec<String>,
    /// What models should cost in a month; zero: nothing is compared.
    pub month_usd: Decimal,
    /// How many gaps are asked again after a run; zero: none.
    pub ask_again: u32,
}

impl Insights {
    /// The team that a caller with these groups is counted under.
    pub fn team_of(&self, groups: &[String]) -> Option<String> {
        self.teams
            .iter()
            .find(|team| groups.contains(team))
            .cloned()
    }

    /// What a month should cost, where that is said.
    pub fn of_a_month(&self) -> Option<Decimal> {
        Some(self.month_usd).filter(|limit| !limit.is_zero())
    }
}
