//! Questions handed to owners, and which replies they stand by. Those of the chat in the browser are begun
//! before the owner is asked and finished afterwards, because two requests may come at once.

use uuid::Uuid;

use super::store::without_nul;
use super::{Ledger, LedgerError};

/// A question on its way to an owner and back. All ids are Slack's.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SlackHandoff {
    pub id: Uuid,
    pub interaction_id: Uuid,
    pub team: String,
    /// Who handed it over; `None`: somebody whom Slack does not know.
    pub asked_by: Option<String>,
    /// Where the reply goes: where it was asked, or to whoever asked elsewhere; `None`: nowhere in Slack.
    pub channel: Option<String>,
    /// `None`: it was not asked in Slack.
    pub thread: Option<String>,
    /// Where the owner was asked.
    pub owner_channel: String,
    pub owner_ts: String,
    /// The newest reply, and whose it is.
    pub reply_ts: Option<String>,
    pub reply_by: Option<String>,
    /// Who may read the reply; `None`: the channel that it was asked in decides.
    pub groups: Option<Vec<String>>,
}

/// A question of the chat in the browser, on its way to an owner.
#[derive(Debug, Clone, Copy)]
pub struct Handing<'a> {
    pub id: Uuid,
    pub interaction_id: Uuid,
    /// The workspace that the owner is asked in.
    pub team: &'a str,
    /// Whom limits count.
    pub caller: &'a str,
    /// Who may read the document whose owner is asked.
    pub groups: &'a [String],
    /// So many may a caller hand over in 24 hours; 0: any number.
    pub most_per_day: i64,
}

/// Whether a question may be handed over now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandOver {
    /// By whoever asked for it now.
    Begun,
    /// Another request is about to.
    UnderWay,
    /// It was, before.
    Done,
    /// The caller has handed over as many as they may.
    TooMany,
}

/// How long a request that has begun to hand a question over is believed to be about to.
const BELIEVED_SECONDS: f64 = 60.0;

impl Ledger {
    /// Whether a question was handed over already.
    pub async fn is_handed_over(&self, interaction_id: Uuid) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM slack_handoff WHERE interaction_id = $1)")
            .bind(interaction_id)
            .fetch_one(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// Notes that an owner was asked, once for each question.
    pub async fn hand_over(&self, handoff: &SlackHandoff) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "INSERT INTO slack_handoff (id, interaction_id, team, asked_by, channel, thread,
                 owner_channel, owner_ts)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(handoff.id)
        .bind(handoff.interaction_id)
        .bind(&handoff.team)
        .bind(&handoff.asked_by)
        .bind(&handoff.channel)
        .bind(&handoff.thread)
        .bind(&handoff.owner_channel)
        .bind(&handoff.owner_ts)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Begins to hand a question over, where nobody else has, and where the caller may.
    pub async fn begin_handing_over(&self, one: Handing<'_>) -> Result<HandOver, LedgerError> {
        let pool = self.connection.pool().await?;
        let begun = sqlx::query(
            "INSERT INTO slack_handoff (id, interaction_id, team, caller, groups)
             SELECT $1, $2, $3, $4, $5
              WHERE $6 = 0 OR $6 > (SELECT count(*) FROM slack_handoff
                     WHERE caller = $4 AND interaction_id <> $2 AND at > now() - interval '1 day')
             ON CONFLICT (interaction_id) DO UPDATE
             SET id = excluded.id, groups = excluded.groups, at = now()
             WHERE slack_handoff.owner_ts IS NULL
               AND slack_handoff.at < now() - make_interval(secs => $7)",
        )
        .bind(one.id)
        .bind(one.interaction_id)
        .bind(one.team)
        .bind(without_nul(one.caller))
        .bind(one.groups)
        .bind(one.most_per_day)
        .bind(BELIEVED_SECONDS)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        if begun.rows_affected() > 0 {
            return Ok(HandOver::Begun);
        }
        let known: Option<bool> = sqlx::query_scalar(
            "SELECT owner_ts IS NOT NULL FROM slack_handoff WHERE interaction_id = $1",
        )
        .bind(one.interaction_id)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(match known {
            Some(true) => HandOver::Done,
            Some(false) => HandOver::UnderWay,
            None => HandOver::TooMany,
        })
    }

    /// Notes that the owner was asked, where ([channel, message]), and the person in Slack whom the reply
    /// is told, if there is one.
    pub async fn finish_handing_over(
        &self,
        id: Uuid,
        asked: [&str; 2],
        asker: Option<&str>,
    ) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "UPDATE slack_handoff SET owner_channel = $2, owner_ts = $3, asked_by = $4, channel = $4
              WHERE id = $1",
        )
        .bind(id)
        .bind(asked[0])
        .bind(asked[1])
        .bind(asker)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Forgets a question whose owner could not be asked: it may be tried again.
    pub async fn give_handing_over_up(&self, id: Uuid) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query("DELETE FROM slack_handoff WHERE id = $1 AND owner_ts IS NULL")
            .bind(id)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Takes a message for the reply to a question, where it is in a thread of one that waits for it.
    pub async fn reply_to_handoff(
        &self,
        team: &str,
        channel: &str,
        thread: &str,
        reply: (&str, &str),
    ) -> Result<Option<SlackHandoff>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "UPDATE slack_handoff SET reply_ts = $4, reply_by = $5
              WHERE team = $1 AND owner_channel = $2 AND owner_ts = $3 AND confirmed_at IS NULL
             RETURNING id, interaction_id, team, asked_by, channel, thread, owner_channel, owner_ts,
                 reply_ts, reply_by, groups",
        )
        .bind(team)
        .bind(channel)
        .bind(thread)
        .bind(reply.0)
        .bind(reply.1)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// A question that was handed over.
    pub async fn handoff(&self, id: Uuid) -> Result<Option<SlackHandoff>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT id, interaction_id, team, asked_by, channel, thread, owner_channel, owner_ts,
                    reply_ts, reply_by, groups
               FROM slack_handoff WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Closes a question: its owner stands by the reply. `false`: it was closed already.
    pub async fn confirm_handoff(&self, id: Uuid) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        let closed = sqlx::query(
            "UPDATE slack_handoff SET confirmed_at = now() WHERE id = $1 AND confirmed_at IS NULL",
        )
        .bind(id)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(closed.rows_affected() > 0)
    }
}
