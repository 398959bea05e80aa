//! People in Slack who want to be told when a question that had no answer has one.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Ledger, LedgerError};

/// Somebody who pressed "tell me".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The answer below which they pressed.
    pub interaction_id: Uuid,
    /// Slack's id of the workspace, of the person, and of the person's own workspace.
    pub team: String,
    pub asker: String,
    pub user_team: Option<String>,
    /// The press: what is delivered twice counts once.
    pub event_id: String,
}

/// A person and a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct GapAsker {
    pub question_key: Uuid,
    pub team: String,
    pub asker: String,
}

/// What a press came to.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Wished {
    #[sqlx(flatten)]
    pub who: GapAsker,
    /// `false`: they took it back.
    pub wanted: bool,
    /// Whether they were told already: then nothing has changed.
    pub told: bool,
    /// The message that says so, where there is one.
    pub channel: Option<String>,
    pub ts: Option<String>,
}

/// Somebody whose question has an answer, and who is to be told.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct WaitingAsker {
    pub user_team: Option<String>,
    pub interaction_id: Uuid,
    /// As it was asked, and as it is asked again.
    pub question: String,
    pub standalone_question: String,
    /// The direct messages with them, where they are known.
    pub channel: Option<String>,
}

impl Ledger {
    /// Notes that somebody wants to be told, or, pressed again below the same answer, no longer does.
    /// `None`: there is no such answer.
    pub async fn wish(&self, wish: &Wish) -> Result<Option<Wished>, LedgerError> {
        // The answer may still be queued.
        self.flush().await;
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "INSERT INTO gap_asker AS w (question_key, team, asker, user_team, interaction_id, pressed)
             SELECT question_key, $2, $3, $4, id, $5 FROM interaction WHERE id = $1
             ON CONFLICT (question_key, team, asker) DO UPDATE
             SET wanted = CASE WHEN w.pressed = excluded.pressed THEN w.wanted
                               WHEN w.interaction_id <> excluded.interaction_id THEN true
                               WHEN w.told_at IS NOT NULL THEN w.wanted
                               ELSE NOT w.wanted END,
                 told_at = CASE WHEN w.interaction_id = excluded.interaction_id THEN w.told_at END,
                 channel = CASE WHEN w.interaction_id = excluded.interaction_id THEN w.channel END,
                 ts = CASE WHEN w.interaction_id = excluded.interaction_id THEN w.ts END,
                 user_team = excluded.user_team, interaction_id = excluded.interaction_id,
                 pressed = excluded.pressed, wanted_at = now()
             RETURNING question_key, team, asker, wanted, told_at IS NOT NULL AS told, channel, ts",
        )
        .bind(wish.interaction_id)
        .bind(&wish.team)
        .bind(&wish.asker)
        .bind(&wish.user_team)
        .bind(&wish.event_id)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Notes the message that confirms a wish.
    pub async fn note_wish_message(
        &self,
        who: &GapAsker,
        channel: &str,
        ts: &str,
    ) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "UPDATE gap_asker SET channel = $4, ts = $5
              WHERE question_key = $1 AND team = $2 AND asker = $3",
        )
        .bind(who.question_key)
        .bind(&who.team)
        .bind(&who.asker)
        .bind(channel)
        .bind(ts)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Takes a wish back: they cannot be written to.
    pub async fn forget_wish(&self, who: &GapAsker) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query("DELETE FROM gap_asker WHERE question_key = $1 AND team = $2 AND asker = $3")
            .bind(who.question_key)
            .bind(&who.team)
            .bind(&who.asker)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Those who wish to be told, within the last `days`, of gaps that were closed after they asked, and
    /// for whom that was not tried after a run yet: each with the id of the event ([`super::SlackEvent`])
    /// that is to be made of it, which is the same whoever looks.
    pub async fn askers_to_tell(
        &self,
        run_id: Uuid,
        days: i32,
        limit: i64,
    ) -> Result<Vec<(String, GapAsker)>, LedgerError> {
        #[derive(FromRow)]
        struct Due {
            event_id: String,
            #[sqlx(flatten)]
            who: GapAsker,
        }
        let pool = self.connection.pool().await?;
        let due: Vec<Due> = sqlx::query_as(
            "SELECT d.event_id, d.question_key, d.team, d.asker
               FROM (SELECT concat_ws(':', 'answered', w.question_key, w.team, w.asker, $1::uuid)
                                AS event_id, w.question_key, w.team, w.asker, w.wanted_at
                       FROM gap_asker w
                       JOIN interaction i ON i.id = w.interaction_id
                       JOIN gap g ON g.question_key = w.question_key
                      WHERE w.wanted AND w.told_at IS NULL AND g.closed_at > i.at
                        AND w.wanted_at > now() - make_interval(days => $2)) AS d
              WHERE NOT EXISTS (SELECT FROM slack_event e WHERE e.event_id = d.event_id)
              ORDER BY d.wanted_at, d.event_id LIMIT $3",
        )
        .bind(run_id)
        .bind(days)
        .bind(limit)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(due.into_iter().map(|due| (due.event_id, due.who)).collect())
    }

    /// What is needed to tell somebody. `None`: they were told, or do not want to be any more, or their
    /// question is gone.
    pub async fn waiting_asker(&self, who: &GapAsker) -> Result<Option<WaitingAsker>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT w.user_team, w.interaction_id, i.question, i.standalone_question, w.channel
               FROM gap_asker w JOIN interaction i ON i.id = w.interaction_id
              WHERE w.question_key = $1 AND w.team = $2 AND w.asker = $3
                AND w.wanted AND w.told_at IS NULL",
        )
        .bind(who.question_key)
        .bind(&who.team)
        .bind(&who.asker)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Notes that somebody was told, and so were those who asked (`gap.told_at`).
    pub async fn note_told(&self, who: &GapAsker) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "WITH told AS (
                 UPDATE gap_asker SET told_at = now()
                  WHERE question_key = $1 AND team = $2 AND asker = $3 AND told_at IS NULL
                 RETURNING question_key)
             UPDATE gap g SET told_at = coalesce(g.told_at, now())
               FROM told WHERE g.question_key = told.question_key",
        )
        .bind(who.question_key)
        .bind(&who.team)
        .bind(&who.asker)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }
}
