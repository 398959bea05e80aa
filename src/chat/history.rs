//! The conversation so far. The last turns are kept in memory, because the ledger's writer may be a
//! moment behind, or Postgres away; what is not there is read from the ledger.

use std::collections::{HashMap, HashSet, VecDeque};

use docent_core::app::App;
use docent_core::index::IndexError;
use parking_lot::Mutex;
use uuid::Uuid;

use super::Turn;
use super::follow_up::carry_over;

/// Conversations kept in memory.
const CONVERSATIONS: usize = 2000;
/// Turns kept of each.
const TURNS: usize = 12;
/// Longest question and longest answer of a turn that the client tells, in characters.
const TOLD: usize = 4000;

/// A question and its answer, as a follow-up is read with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastTurn {
    pub id: Uuid,
    pub question: String,
    pub answer: String,
    /// What the answer cites, or names as looked at.
    pub documents: Vec<Uuid>,
}

/// The conversations of late. Bounded.
#[derive(Debug, Default)]
pub struct Conversations(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    turns: HashMap<Uuid, (String, Vec<PastTurn>)>,
    /// Oldest first.
    order: VecDeque<Uuid>,
}

impl Conversations {
    /// The last turns of a conversation of this caller, oldest first, as far as the caller may still
    /// read what they are about. A ledger that cannot be read is no reason not to answer: what this
    /// process remembers then is all there is.
    pub(super) async fn history(&self, app: &App, turn: &Turn) -> Vec<PastTurn> {
        let limit = app.config.chat.history_turns;
        if let Some(told) = &turn.told {
            return as_told(app, told, limit);
        }
        if turn.new_conversation || limit == 0 {
            return Vec::new();
        }
        let mut turns = self.recent(turn);
        let owner = turn.caller.place.is_none().then_some(&*turn.caller.name);
        // Another process may have answered in between, or deleted all of it.
        let read = app
            .ledger
            .history(turn.conversation_id, owner, limit as i64)
            .await;
        match read {
            Ok(Some(written)) => {
                turns.retain(|recent| written.iter().all(|known| known.id != recent.id));
                turns.extend(written.into_iter().map(|past| PastTurn {
                    id: past.id,
                    question: past.standalone_question,
                    answer: past.answer,
                    documents: past.documents,
                }));
                // Their ids are made in the order of time.
                turns.sort_unstable_by_key(|past| past.id);
            }
            Ok(None) => {
                self.forget(turn.conversation_id, turn.caller.speaks_as());
                return Vec::new();
            }
            Err(error) => tracing::warn!(%error, "the conversation's history cannot be read"),
        }
        turns.drain(..turns.len().saturating_sub(limit));
        still_readable(app, turn, turns).await
    }

    /// What this process remembers of the caller's conversation.
    fn recent(&self, turn: &Turn) -> Vec<PastTurn> {
        match self.0.lock().turns.get(&turn.conversation_id) {
            Some((caller, turns)) if caller == turn.caller.speaks_as() => turns.clone(),
            _ => Vec::new(),
        }
    }

    /// Keeps a turn for the follow-up.
    pub(super) fn remember(&self, turn: &Turn, past: PastTurn) {
        let mut recent = self.0.lock();
        let known = recent.turns.contains_key(&turn.conversation_id);
        // A conversation that was begun elsewhere is only half here: the ledger has all of it.
        if !known && !turn.new_conversation {
            return;
        }
        if !known {
            recent.order.push_back(turn.conversation_id);
            if recent.order.len() > CONVERSATIONS
                && let Some(oldest) = recent.order.pop_front()
            {
                recent.turns.remove(&oldest);
            }
        }
        let (_, turns) = recent
            .turns
            .entry(turn.conversation_id)
            .or_insert_with(|| (turn.caller.speaks_as().to_owned(), Vec::new()));
        turns.push(past);
        if turns.len() > TURNS {
            turns.remove(0);
        }
    }

    /// Forgets all of them: the ledger has what is still to be read.
    pub fn forget_all(&self) {
        *self.0.lock() = Recent::default();
    }

    /// Forgets a conversation that its caller deleted.
    pub fn forget(&self, conversation_id: Uuid, caller: &str) {
        let mut recent = self.0.lock();
        if recent
            .turns
            .get(&conversation_id)
            .is_some_and(|(held_by, _)| held_by == caller)
        {
            recent.turns.remove(&conversation_id);
        }
    }
}

/// The last turns as the client tells them, no longer than turns of docent's own can be.
fn as_told(app: &App, told: &[PastTurn], limit: usize) -> Vec<PastTurn> {
    let mut turns = told[told.len().saturating_sub(limit)..].to_vec();
    for past in &mut turns {
        shorten(&mut past.question);
        shorten(&mut past.answer);
    }
    if app.generator.is_model() {
        return turns;
    }
    // The ledger has questions that stand alone; these are as they were typed.
    let terms = app.terms();
    for at in 1..turns.len() {
        let (before, after) = turns.split_at_mut(at);
        let past = &mut after[0];
        if let Some(alone) = carry_over(&past.question, &before[at - 1].question, &terms) {
            past.question = alone;
        }
    }
    turns
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(TOLD) {
        text.truncate(end);
    }
}

/// The turns up to the first one whose documents the caller may no longer read: the questions behind it
/// were read with its answer. Where that cannot be told, there are none.
async fn still_readable(app: &App, turn: &Turn, mut turns: Vec<PastTurn>) -> Vec<PastTurn> {
    let documents: Vec<Uuid> = turns
        .iter()
        .flat_map(|past| past.documents.iter().copied())
        .collect();
    match readable(app, &documents, &turn.caller.groups).await {
        Ok(readable) => {
            let is_withdrawn =
                |past: &PastTurn| !past.documents.iter().all(|one| readable.contains(one));
            if let Some(first) = turns.iter().position(is_withdrawn) {
                turns.truncate(first);
            }
            turns
        }
        Err(error) => {
            tracing::warn!(%error, "the conversation's history cannot be checked");
            Vec::new()
        }
    }
}

/// Those of some documents that these groups may read now.
pub async fn readable(
    app: &App,
    documents: &[Uuid],
    groups: &[String],
) -> Result<HashSet<Uuid>, IndexError> {
    if documents.is_empty() {
        return Ok(HashSet::new());
    }
    match app.index.live().await? {
        Some(live) => app.index.readable(&live, documents, groups).await,
        None => Ok(HashSet::new()),
    }
}
