//! Budget: a run reserves what it plans to spend before it asks a model anything, and is settled with
//! what it did cost. One that cannot be paid for is refused, with the index as it was.

use std::sync::OnceLock;
use std::time::Duration;

use docent_core::app::App;
use docent_core::ledger::{Ledger, LedgerError, Reservation};
use rust_decimal::Decimal;
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::plan::Plan;
use crate::run::IngestError;

/// How often a run shows that it goes on.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);
/// A run that showed nothing for this long is dead.
const SILENT_FOR: Duration = Duration::from_mins(3);

/// The money of a run.
pub(crate) struct Reserved {
    ledger: Ledger,
    run_id: Uuid,
    keeping: AbortHandle,
}

/// Reserves what a plan costs; `None`: it costs nothing. Refused where the budget has no room for it.
pub(crate) async fn reserve(
    app: &App,
    run_id: Uuid,
    plan: &Plan,
) -> Result<Option<Reserved>, IngestError> {
    let estimate = match priced(app, plan) {
        Ok(estimate) if estimate.is_zero() => return Ok(None),
        Ok(estimate) => estimate,
        Err(reason) => return Err(IngestError::Budget(reason)),
    };
    release_dead(app).await?;
    let wanted = Reservation {
        run_id,
        estimate,
        place: app.data.identity()?.to_string(),
        process: process(),
    };
    let limit = app.config.budget.of_a_month();
    if !app.ledger.reserve_budget(&wanted, limit).await? {
        let used = app.ledger.budget_used().await?;
        let reason = over_the_month(plan, estimate, limit.unwrap_or_default(), used);
        return Err(IngestError::Budget(reason));
    }
    let ledger = app.ledger.clone();
    let keeping = tokio::spawn(async move {
        loop {
            tokio::time::sleep(SIGN_OF_LIFE).await;
            if let Err(error) = ledger.keep_budget(run_id).await {
                tracing::warn!(%error, "the reservation of the run cannot be kept up");
            }
        }
    });
    Ok(Some(Reserved {
        ledger: app.ledger.clone(),
        run_id,
        keeping: keeping.abort_handle(),
    }))
}

/// Why a plan could not be run as things stand, where it could not.
pub(crate) async fn objection(app: &App, plan: &Plan) -> Result<Option<String>, LedgerError> {
    let estimate = match priced(app, plan) {
        Ok(estimate) => estimate,
        Err(reason) => return Ok(Some(reason)),
    };
    let Some(limit) = app.config.budget.of_a_month() else {
        return Ok(None);
    };
    let used = app.ledger.budget_used().await?;
    let over = !estimate.is_zero() && used + estimate > limit;
    Ok(over.then(|| over_the_month(plan, estimate, limit, used)))
}

impl Reserved {
    /// Puts the cost in the place of the estimate.
    pub(crate) async fn settle(self) {
        // The calls are written behind the run.
        self.ledger.flush().await;
        if let Err(error) = self.ledger.settle_budget(self.run_id).await {
            tracing::warn!(%error, "the run's reservation is settled later, when it has been silent for a while");
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

/// What a plan costs, where it is within the limit of one run.
fn priced(app: &App, plan: &Plan) -> Result<Decimal, String> {
    let Some(estimate) = plan.cost() else {
        let unpriced = plan.calls.iter().filter(|calls| calls.cost.is_none());
        let models: Vec<String> = unpriced
            .map(|calls| format!("\"{}\"", calls.model))
            .collect();
        return Err(format!(
            "a budget is set, and nobody knows what this run costs ({}): {} has no price; add it to \
             [prices] (0 where it costs nothing)",
            asked(plan),
            models.join(" and ")
        ));
    };
    match app.config.budget.of_a_run() {
        Some(limit) if estimate > limit => Err(format!(
            "this run would cost {} ({}), and budget.ingest_run_usd is {}; name fewer sources, or \
             raise it",
            dollars(estimate),
            asked(plan),
            dollars(limit)
        )),
        _ => Ok(estimate),
    }
}

fn over_the_month(plan: &Plan, estimate: Decimal, limit: Decimal, used: Decimal) -> String {
    format!(
        "this run would cost {} ({}), and {} of this month's {} (budget.ingest_month_usd, UTC) are \
         left; wait for the next month, name fewer sources, or raise it",
        dollars(estimate),
        asked(plan),
        dollars((limit - used).max(Decimal::ZERO)),
        dollars(limit)
    )
}

fn asked(plan: &Plan) -> String {
    let asked = plan.calls.iter().map(|calls| {
        let usage = &calls.usage;
        format!(
            "{} tokens of {}",
            usage.input_tokens + usage.output_tokens,
            calls.model
        )
    });
    asked.collect::<Vec<_>>().join(", ")
}

/// Enough digits for what a few texts cost.
fn dollars(amount: Decimal) -> String {
    format!("${}", amount.round_dp(6).normalize())
}

async fn release_dead(app: &App) -> Result<(), IngestError> {
    // Where only one process may own the folder, another one's reservations are a dead one's.
    let identity = app.data.identity()?.to_string();
    let place = App::needs_ownership(&app.config).then(|| (identity.as_str(), process()));
    Ok(app.ledger.release_dead_budgets(SILENT_FOR, place).await?)
}

/// This process.
fn process() -> Uuid {
    static PROCESS: OnceLock<Uuid> = OnceLock::new();
    *PROCESS.get_or_init(Uuid::now_v7)
}
