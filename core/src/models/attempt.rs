//! One attempt at a call, from its start to its line in the cost book.

use std::sync::Arc;
use std::time::Instant;

use rust_decimal::Decimal;

use super::failure::{Failed, outcome};
use super::{CallFor, CostBook, TokenCounter, Usage};
use crate::ledger::{CallOutcome, UsageSource};
use crate::traces;

/// An attempt under way. It is booked exactly once: by [`Attempt::close`], or as cancelled with
/// estimated tokens when it is dropped before its end.
pub(super) struct Attempt {
    book: CostBook,
    call: CallFor,
    model: String,
    started: Instant,
    counter: TokenCounter,
    input: Arc<Vec<String>>,
    /// What the model has said so far.
    pub(super) output: String,
    trace: traces::ModelCall,
    open: bool,
}

impl Attempt {
    /// Starts the clock. `input` is what is sent; it is counted only if the provider reports nothing.
    pub(super) fn start(
        book: &CostBook,
        call: &CallFor,
        model: &str,
        counter: &TokenCounter,
        input: Arc<Vec<String>>,
    ) -> Self {
        Self {
            book: book.clone(),
            call: *call,
            model: model.to_owned(),
            started: Instant::now(),
            counter: counter.clone(),
            input,
            output: String::new(),
            trace: traces::ModelCall::begin(call.purpose, model),
            open: true,
        }
    }

    /// Books the attempt and answers its cost. `usage` is `None` where nothing was used.
    pub(super) fn close(mut self, usage: Option<Usage>, outcome: CallOutcome) -> Option<Decimal> {
        self.book(usage, outcome)
    }

    /// Books a failed attempt: with estimated tokens where the provider may have worked on it.
    pub(super) fn fail(mut self, failed: &Failed) {
        let usage = failed.worked.then(|| self.estimate());
        self.book(usage, outcome(&failed.error));
    }

    /// The same as [`Attempt::close`] of a request that is billed by searches, besides any tokens.
    pub(super) fn close_searches(
        mut self,
        usage: Usage,
        searches: Decimal,
        outcome: CallOutcome,
    ) -> Option<Decimal> {
        self.open = false;
        let latency = self.started.elapsed();
        let used = (usage, searches);
        let cost = self
            .book
            .record_searches(&self.call, &self.model, used, latency, outcome);
        self.trace.end(Some(&usage), cost, outcome);
        cost
    }

    /// Tokens of what was sent and said, counted here.
    pub(super) fn estimate(&self) -> Usage {
        let input = self
            .input
            .iter()
            .map(|text| self.counter.count(text) as u64);
        Usage {
            input_tokens: input.sum(),
            cached_tokens: 0,
            output_tokens: self.counter.count(&self.output) as u64,
            source: UsageSource::Estimated,
        }
    }

    fn book(&mut self, usage: Option<Usage>, outcome: CallOutcome) -> Option<Decimal> {
        self.open = false;
        let latency = self.started.elapsed();
        let cost = self
            .book
            .record(&self.call, &self.model, usage, latency, outcome);
        self.trace.end(usage.as_ref(), cost, outcome);
        cost
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.open {
            let usage = self.estimate();
            self.book(Some(usage), CallOutcome::Cancelled);
        }
    }
}
