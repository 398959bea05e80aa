//! Calls of models: what each question takes, and what it costs.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::dice::Dice;
use super::rows::{CALL, Rows, id, text};

pub(crate) const CHAT_MODEL: &str = "gpt-4.1-mini";
const TRIAL_MODEL: &str = "trial-chat";
/// Dollars of a token that is embedded, and, about, of a question.
pub(crate) const EMBEDDING_DOLLARS: f64 = 0.02e-6;
pub(crate) const DOLLARS: f64 = 0.0025;
const EMBEDDING_MODEL: &str = "text-embedding-3-small";
/// The language of these days is tried on a model whose price nobody has configured.
const TRIAL_DAYS: i64 = 21;

/// What a call was for, and what came of it.
pub(crate) struct Call<'a> {
    pub(crate) at: DateTime<Utc>,
    pub(crate) purpose: &'a str,
    pub(crate) model: &'a str,
    /// Input and output.
    pub(crate) tokens: Option<(i64, i64)>,
    pub(crate) cost: Option<f64>,
    pub(crate) ms: i64,
    pub(crate) outcome: &'a str,
    pub(crate) run: Option<Uuid>,
    pub(crate) interaction: Option<Uuid>,
}

impl Rows<'_> {
    pub(crate) fn calls_of(
        &mut self,
        dice: &mut Dice,
        id: Uuid,
        at: DateTime<Utc>,
        outcome: &str,
        follow_up: bool,
        outage: bool,
    ) {
        let of = |purpose, model, tokens, cost, ms, outcome| Call {
            at: at - TimeDelta::milliseconds(200),
            purpose,
            model,
            tokens,
            cost,
            ms,
            outcome,
            run: None,
            interaction: Some(id),
        };
        // A provider that is down answers to nothing.
        if outage {
            let purposes = ["condense", "answer"];
            let first = usize::from(!follow_up);
            let last = if outcome == "abstained" { 1 } else { 2 };
            for purpose in &purposes[first.min(last)..last] {
                for _ in 0..3 {
                    let call = of(purpose, CHAT_MODEL, None, None, 5000, "unavailable");
                    self.call(dice, &call);
                }
            }
        }
        if follow_up && !outage {
            let tokens = (380 + dice.below(200) as i64, 24);
            let call = of(
                "condense",
                CHAT_MODEL,
                Some(tokens),
                Some(price(tokens)),
                dice.duration(420.0),
                "ok",
            );
            self.call(dice, &call);
        }
        let call = of(
            "embed_question",
            EMBEDDING_MODEL,
            Some((14, 0)),
            Some(14.0 * EMBEDDING_DOLLARS),
            dice.duration(70.0),
            "ok",
        );
        self.call(dice, &call);
        let call = of(
            "rerank",
            "rerank-v3.5",
            None,
            Some(0.001),
            dice.duration(140.0),
            "ok",
        );
        self.call(dice, &call);
        if !outage && dice.chance(0.15) {
            let tokens = (160, 60);
            let call = of(
                "expand",
                CHAT_MODEL,
                Some(tokens),
                Some(price(tokens)),
                dice.duration(500.0),
                "ok",
            );
            self.call(dice, &call);
        }
        if outage || outcome == "abstained" {
            return;
        }
        if dice.chance(0.012) {
            let call = of("answer", CHAT_MODEL, None, None, 90, "rate_limited");
            self.call(dice, &call);
        }
        let tokens = (2100 + dice.below(900) as i64, 120 + dice.below(200) as i64);
        let trial = (self.last - at.date_naive()).num_days() < TRIAL_DAYS && dice.chance(0.05);
        let (model, cost) = if trial {
            (TRIAL_MODEL, None)
        } else {
            (CHAT_MODEL, Some(price(tokens)))
        };
        let ending = if outcome == "cancelled" {
            "cancelled"
        } else {
            "ok"
        };
        let call = of(
            "answer",
            model,
            Some(tokens),
            cost,
            dice.duration(2300.0),
            ending,
        );
        self.call(dice, &call);
    }

    pub(crate) fn call(&mut self, dice: &mut Dice, call: &Call<'_>) {
        let null = || "\\N".to_owned();
        let (input, output) = call.tokens.map_or((null(), null()), |(input, output)| {
            (input.to_string(), output.to_string())
        });
        let cached = if call.tokens.is_some() { "0" } else { "\\N" };
        let usage = match (call.tokens, call.outcome) {
            (None, _) => "\\N",
            (Some(_), "cancelled") => "estimated",
            _ => "reported",
        };
        let cost = call.cost.map_or_else(null, |cost| format!("{cost:.8}"));
        let (run, interaction) = (
            call.run.map_or_else(null, |id| id.to_string()),
            call.interaction.map_or_else(null, |id| id.to_string()),
        );
        let id = id(dice, call.at);
        self.push(CALL, format_args!(
            "{id}\t{}\t{}\t{}\t{input}\t{cached}\t{output}\t{usage}\t{cost}\t{}\t{}\t{run}\t{interaction}",
            text(call.at), call.purpose, call.model, call.ms, call.outcome
        ));
        self.calls += 1;
    }

    /// One request of ingest's embedding.
    pub(crate) fn embedding_call(
        &mut self,
        dice: &mut Dice,
        at: DateTime<Utc>,
        run: Uuid,
        tokens: i64,
    ) -> f64 {
        let cost = tokens as f64 * EMBEDDING_DOLLARS;
        let ms = dice.duration(300.0);
        self.call(
            dice,
            &Call {
                at,
                purpose: "embed_passages",
                model: EMBEDDING_MODEL,
                tokens: Some((tokens, 0)),
                cost: Some(cost),
                ms,
                outcome: "ok",
                run: Some(run),
                interaction: None,
            },
        );
        cost
    }
}

fn price((input, output): (i64, i64)) -> f64 {
    input as f64 * 0.4e-6 + output as f64 * 1.6e-6
}
