//! The conversation so far. The last turns are kept in memory, because the ledger's writer may be a
//! moment behind, or Postgres away; what is not there is read from the ledger.

use std::collections::{HashMap, VecDeque};

use docent_core::app::App;
use parking_lot::Mutex;
use uuid::Uuid;

use super::Turn;

/// Conversations kept in memory.
const CONVERSATIONS: usize = 2000;
/// Turns kept of each.
const TURNS: usize = 12;

/// A question and its answer, as a follow-up is read with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastTurn {
    pub question: String,
    pub answer: String,
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
    /// The last turns of a conversation of this caller, oldest first. A ledger that cannot be read
    /// is no reason not to answer: the question then stands alone.
    pub(super) async fn history(&self, app: &App, turn: &Turn) -> Vec<PastTurn> {
        let limit = app.config.chat.history_turns;
        if turn.new_conversation || limit == 0 {
            return Vec::new();
        }
        let recent = self.0.lock().turns.get(&turn.conversation_id).cloned();
        if let Some((caller, turns)) = recent {
            if caller != turn.caller.name {
                return Vec::new();
            }
            return turns[turns.len().saturating_sub(limit)..].to_vec();
        }
        let read = app
            .ledger
            .history(turn.conversation_id, &turn.caller.name, limit as i64)
            .await;
        match read {
            Ok(turns) => turns
                .into_iter()
                .map(|turn| PastTurn {
                    question: turn.standalone_question,
                    answer: turn.answer,
                })
                .collect(),
            Err(error) => {
                tracing::warn!(%error, "the conversation's history cannot be read");
                Vec::new()
            }
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
            .or_insert_with(|| (turn.caller.name.clone(), Vec::new()));
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
