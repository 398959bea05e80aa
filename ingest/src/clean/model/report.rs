//! What cleaning with a model came to.

use docent_core::models::Usage;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Documents by what became of them, and what was used. Of a dry run: what would be used at the most.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CleaningReport {
    /// Documents that a model tidied, now or before.
    pub cleaned: u64,
    /// Documents with a part whose result did not pass the check: it stays as it was.
    pub refused: u64,
    /// Documents that the model could not be asked about: tried again in the next run.
    pub failed: u64,
    /// The first reason why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// Parts whose result was there from an earlier run.
    pub reused: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// US dollars; `None`: no price is configured for the model.
    #[serde(with = "rust_decimal::serde::float_option")]
    pub cost_usd: Option<Decimal>,
}

impl CleaningReport {
    pub(crate) fn new() -> Self {
        Self {
            cost_usd: Some(Decimal::ZERO),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, usage: &Usage, cost: Option<Decimal>) {
        self.input_tokens += usage.input_tokens;
        self.output_tokens += usage.output_tokens;
        self.cost_usd = self.cost_usd.zip(cost).map(|(sum, cost)| sum + cost);
    }
}
