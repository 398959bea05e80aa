//! After a run that changed documents, docent asks again what it had no good answer to. It bothers nobody:
//! the questions are docent's own (origin `re_ask`), count as no use, and a gap that is answered is closed.

use docent_core::ledger::insights::{AskedAgain, OpenGap};
use docent_core::ledger::{Channel, Claimant, Claimed, LedgerError, Origin};
use docent_core::process;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::chat::{self, Answer, AnswerOutcome, Caller, CallerKind, Events, Turn};
use crate::server::AppState;

/// How far back gaps are asked again, in days.
pub(crate) const DAYS: i32 = 90;
/// In the lease, and as the caller.
pub(super) const WHO: &str = "re-ask";

/// Asks what is to be asked since the last run, in one of several processes. `done` is the run after which
/// everything has been asked.
pub(super) async fn ask_again(service: &AppState, done: &mut Option<Uuid>) {
    match work(service, done).await {
        Ok(0) => {}
        Ok(closed) => tracing::info!(closed, "gaps were closed by documents that are there now"),
        Err(error) => tracing::debug!(%error, "gaps wait to be asked again"),
    }
}

/// How many were closed.
async fn work(service: &AppState, done: &mut Option<Uuid>) -> Result<usize, LedgerError> {
    let app = &service.app;
    let limit = i64::from(app.config.insights.ask_again);
    if limit == 0 {
        return Ok(0);
    }
    let Some(run_id) = app.ledger.newest_change().await? else {
        return Ok(0);
    };
    if *done == Some(run_id) {
        return Ok(0);
    }
    let gaps = app.ledger.gaps_to_ask_again(run_id, DAYS, limit).await?;
    if gaps.is_empty() {
        *done = Some(run_id);
        return Ok(0);
    }
    let claimant = Claimant {
        run_id: Uuid::now_v7(),
        holder: WHO.to_owned(),
        process: process::identity(),
    };
    let lease = format!("{}:{WHO}", app.config.index.collection);
    if app.ledger.claim(&[lease], &claimant, None).await? != Claimed::Taken {
        return Ok(0);
    }
    let mut closed = 0;
    let mut failed = None;
    for gap in gaps {
        if !matches!(app.ledger.keep_leases(claimant.run_id).await, Ok(1..)) {
            break;
        }
        match ask(service, &gap, run_id).await {
            Ok(Some(true)) => closed += 1,
            Ok(Some(false)) => {}
            // The index or a model is away: the rest is asked when it is back.
            Ok(None) => break,
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    app.ledger.forget_gaps().await?;
    app.ledger.release_leases(claimant.run_id).await?;
    failed.map_or(Ok(closed), Err)
}

/// Whether a gap is closed now; `None`: it could not be asked.
async fn ask(service: &AppState, gap: &OpenGap, run_id: Uuid) -> Result<Option<bool>, LedgerError> {
    let app = &service.app;
    let groups = app.config.access.anonymous_groups.clone();
    let Some((interaction_id, answer)) = ask_for(service, &gap.question, groups).await else {
        return Ok(None);
    };
    app.ledger.flush().await;
    let asked = AskedAgain {
        question_key: gap.question_key,
        run_id,
        interaction_id,
        answered: answer.outcome == AnswerOutcome::Answered,
        was_answered: gap.was_answered,
    };
    app.ledger.note_asked_again(&asked).await.map(Some)
}

/// Asks a question again for somebody who may read what these groups may: which one it is, and its answer.
/// `None`: it could not be asked.
pub(crate) async fn ask_for(
    service: &AppState,
    question: &str,
    groups: Vec<String>,
) -> Option<(Uuid, Answer)> {
    let turn = Turn {
        interaction_id: Uuid::now_v7(),
        conversation_id: Uuid::now_v7(),
        new_conversation: true,
        message_id: None,
        question: question.to_owned(),
        caller: Caller::named(WHO, CallerKind::Operator, groups),
        channel: Channel::Api,
        origin: Origin::ReAsk,
        told: None,
        cancelled: CancellationToken::new(),
    };
    let (events, _) = Events::channel();
    let answering = chat::answer(&service.app, &service.chat, &turn, &events);
    let answer = Box::pin(answering).await.ok()?;
    Some((turn.interaction_id, answer))
}
