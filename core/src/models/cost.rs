//! The cost book: what each model call used and cost, whatever it was for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use parking_lot::Mutex;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::config::Price;
use crate::ledger::{CallOutcome, ModelCall, Purpose, Record, UsageSource, Writer};

/// What a call is made for, and whom it is booked to.
#[derive(Debug, Clone, Copy)]
pub struct CallFor {
    pub purpose: Purpose,
    pub run_id: Option<Uuid>,
    pub interaction_id: Option<Uuid>,
}

impl CallFor {
    /// A call of an ingest run.
    pub fn run(purpose: Purpose, run_id: Uuid) -> Self {
        Self {
            purpose,
            run_id: Some(run_id),
            interaction_id: None,
        }
    }

    /// A call for a question.
    pub fn interaction(purpose: Purpose, interaction_id: Uuid) -> Self {
        Self {
            purpose,
            run_id: None,
            interaction_id: Some(interaction_id),
        }
    }
}

/// Tokens of a call, as the provider reported them or as docent counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub input_tokens: u64,
    /// The part of `input_tokens` that the provider had in its cache.
    pub cached_tokens: u64,
    pub output_tokens: u64,
    pub source: UsageSource,
}

/// Books calls: prices them and hands them to the ledger's writer, which never makes anyone wait.
#[derive(Clone)]
pub struct CostBook {
    prices: Arc<BTreeMap<String, Price>>,
    writer: Writer,
    /// What the interactions under way have come to so far.
    meters: Arc<Mutex<HashMap<Uuid, Tally>>>,
}

/// Tokens and cost of several calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub input_tokens: u64,
    /// The part of `input_tokens` that providers had in their cache.
    pub cached_tokens: u64,
    pub output_tokens: u64,
    /// US dollars; `None`: the price of one of the calls is unknown.
    pub cost: Option<Decimal>,
}

impl Tally {
    const NOTHING: Self = Self {
        input_tokens: 0,
        cached_tokens: 0,
        output_tokens: 0,
        cost: Some(Decimal::ZERO),
    };

    fn add(&mut self, usage: &Usage, cost: Option<Decimal>) {
        self.input_tokens += usage.input_tokens;
        self.cached_tokens += usage.cached_tokens;
        self.output_tokens += usage.output_tokens;
        self.cost = self.cost.zip(cost).map(|(sum, cost)| sum + cost);
    }
}

/// Adds up the calls for one interaction while it is kept: also those that failed or were cancelled.
pub struct Meter {
    meters: Arc<Mutex<HashMap<Uuid, Tally>>>,
    interaction_id: Uuid,
}

impl Meter {
    /// What was booked so far.
    pub fn read(&self) -> Tally {
        let meters = self.meters.lock();
        meters
            .get(&self.interaction_id)
            .copied()
            .unwrap_or(Tally::NOTHING)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.meters.lock().remove(&self.interaction_id);
    }
}

impl CostBook {
    pub fn new(prices: BTreeMap<String, Price>, writer: Writer) -> Self {
        Self {
            prices: Arc::new(prices),
            writer,
            meters: Arc::default(),
        }
    }

    /// Begins to add up the calls for an interaction.
    pub fn meter(&self, interaction_id: Uuid) -> Meter {
        self.meters.lock().insert(interaction_id, Tally::NOTHING);
        Meter {
            meters: Arc::clone(&self.meters),
            interaction_id,
        }
    }

    /// US dollars for `usage` of `model`; `None` where no price is configured.
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<Decimal> {
        let price = self.prices.get(model)?;
        let cached = usage.cached_tokens.min(usage.input_tokens);
        // Who bills by searches alone has no price for tokens.
        let of_input = price.input.or(price.searches.map(|_| Decimal::ZERO))?;
        let fresh = Decimal::from(usage.input_tokens - cached) * of_input;
        let from_cache = Decimal::from(cached) * price.cached_input.unwrap_or(of_input);
        let output = match price.output {
            Some(price) => Decimal::from(usage.output_tokens) * price,
            None if usage.output_tokens == 0 => Decimal::ZERO,
            None => return None,
        };
        Some((fresh + from_cache + output) / Decimal::from(1_000_000))
    }

    /// Books one attempt and answers its cost. `usage` is `None` where nothing was used or known
    /// (a refused or failed attempt).
    pub fn record(
        &self,
        call: &CallFor,
        model: &str,
        usage: Option<Usage>,
        latency: Duration,
        outcome: CallOutcome,
    ) -> Option<Decimal> {
        let cost = usage.and_then(|usage| self.cost(model, &usage));
        self.write(call, model, usage, cost, latency, outcome)
    }

    /// The same of a call that is billed by searches (`used`: tokens and searches).
    pub(super) fn record_searches(
        &self,
        call: &CallFor,
        model: &str,
        (usage, searches): (Usage, Decimal),
        latency: Duration,
        outcome: CallOutcome,
    ) -> Option<Decimal> {
        let of_searches = self
            .prices
            .get(model)
            .and_then(|price| price.searches)
            .map(|price| searches * price / Decimal::from(1000));
        let cost = self
            .cost(model, &usage)
            .map(|cost| cost + of_searches.unwrap_or_default());
        self.write(call, model, Some(usage), cost, latency, outcome)
    }

    fn write(
        &self,
        call: &CallFor,
        model: &str,
        usage: Option<Usage>,
        cost: Option<Decimal>,
        latency: Duration,
        outcome: CallOutcome,
    ) -> Option<Decimal> {
        if let (Some(id), Some(usage)) = (call.interaction_id, &usage)
            && let Some(tally) = self.meters.lock().get_mut(&id)
        {
            tally.add(usage, cost);
        }
        self.writer.write(Record::ModelCall(ModelCall {
            id: Uuid::now_v7(),
            at: Utc::now(),
            purpose: call.purpose,
            model: model.to_owned(),
            input_tokens: usage.map(|usage| usage.input_tokens as i64),
            cached_tokens: usage.map(|usage| usage.cached_tokens as i64),
            output_tokens: usage.map(|usage| usage.output_tokens as i64),
            usage_source: usage.map(|usage| usage.source),
            cost,
            latency_ms: latency.as_millis() as i64,
            outcome,
            run_id: call.run_id,
            interaction_id: call.interaction_id,
        }));
        cost
    }
}
