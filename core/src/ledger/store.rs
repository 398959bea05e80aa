//! Writes records to their tables, a batch in one transaction.
//!
//! Rows travel as one JSON array a table: a record is the same there, in the spool and here.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::purge::sweep;
use super::{Deletion, Interaction, Record, RetrievedPassage};

/// Longest title of a conversation, in characters.
const TITLE_CHARS: usize = 80;

/// Writes all of `records` or none. What is there already stays as it is.
pub(super) async fn store(pool: &PgPool, records: &[Record]) -> Result<(), sqlx::Error> {
    let mut calls = Vec::new();
    let mut interactions = Vec::new();
    let mut deleted = Vec::new();
    let mut acts = Vec::new();
    let mut admissions = Vec::new();
    for record in records {
        match record {
            Record::ModelCall(call) => calls.push(call),
            Record::Interaction(interaction) => interactions.push(interaction.as_ref()),
            Record::DeleteConversation(deletion) => deleted.push(deletion),
            Record::PurgeDocument(_) => {}
            Record::Audit(act) => acts.push(act),
            Record::Admission(admission) => admissions.push(admission),
        }
    }
    // A tombstone may come before its conversation; this one's would be another caller's.
    deleted.retain(|deletion: &&Deletion| {
        interactions.iter().all(|interaction| {
            interaction.conversation_id != deletion.conversation_id
                || deletion
                    .caller
                    .as_ref()
                    .is_none_or(|caller| *caller == interaction.caller)
        })
    });
    let mut transaction = pool.begin().await?;
    // Tombstones first: an interaction in the same batch belongs to a deleted conversation then,
    // whichever of the two came first.
    delete_conversations(&mut transaction, deleted).await?;
    if !interactions.is_empty() {
        // A purge that begins now waits for what is written here, and is not half seen by the sweep.
        sqlx::query("LOCK TABLE purged IN SHARE MODE")
            .execute(&mut *transaction)
            .await?;
        insert_conversations(&mut transaction, &interactions).await?;
        insert_interactions(&mut transaction, &interactions).await?;
        let ids: Vec<Uuid> = interactions.iter().map(|one| one.id).collect();
        sweep(&mut transaction, Some(&ids)).await?;
    }
    if !acts.is_empty() {
        insert_acts(&mut transaction, rows(&acts)).await?;
    }
    // Before the calls that are counted by them.
    if !admissions.is_empty() {
        insert_admissions(&mut transaction, rows(&admissions)).await?;
    }
    if !calls.is_empty() {
        insert_calls(&mut transaction, rows(&calls)).await?;
    }
    transaction.commit().await
}

/// A text that Postgres can hold: it refuses NUL.
pub(super) fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

/// The rows as a JSON array without NUL characters.
fn rows<T: serde::Serialize>(records: &[T]) -> Value {
    let mut value = serde_json::to_value(records).unwrap_or_default();
    strip_nul(&mut value);
    value
}

pub(super) fn strip_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = without_nul(text),
        Value::Array(values) => values.iter_mut().for_each(strip_nul),
        Value::Object(fields) => fields.values_mut().for_each(strip_nul),
        _ => {}
    }
}

/// Leaves a tombstone, also where nothing of the conversation has arrived yet. Someone else's
/// conversation stays as it is.
async fn delete_conversations(
    connection: &mut PgConnection,
    mut deletions: Vec<&Deletion>,
) -> Result<(), sqlx::Error> {
    if deletions.is_empty() {
        return Ok(());
    }
    // In one order everywhere, so that two writers cannot wait for each other.
    deletions.sort_unstable_by_key(|deletion| (deletion.conversation_id, &deletion.caller));
    deletions.dedup();
    for deletion in deletions {
        sqlx::query(
            "INSERT INTO conversation (id, title, channel, caller, started_at, updated_at, deleted_at)
             VALUES ($1, '', '', '', now(), now(), now())
             ON CONFLICT (id) DO UPDATE
             SET title = '', caller = '', deleted_at = coalesce(conversation.deleted_at, now())
             WHERE $2::text IS NULL OR conversation.caller = $2",
        )
        .bind(deletion.conversation_id)
        .bind(deletion.caller.as_deref().map(without_nul))
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "UPDATE model_call c SET channel = i.channel, origin = i.origin, team = i.team
               FROM interaction i JOIN conversation v ON v.id = i.conversation_id
              WHERE i.conversation_id = $1 AND v.deleted_at IS NOT NULL AND c.interaction_id = i.id",
        )
        .bind(deletion.conversation_id)
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "DELETE FROM interaction USING conversation
              WHERE conversation_id = $1 AND conversation.id = $1
                AND conversation.deleted_at IS NOT NULL",
        )
        .bind(deletion.conversation_id)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Writes (and thereby locks) the conversations of some interactions.
async fn insert_conversations(
    connection: &mut PgConnection,
    interactions: &[&Interaction],
) -> Result<(), sqlx::Error> {
    let mut first: BTreeMap<Uuid, &Interaction> = BTreeMap::new();
    let mut last: BTreeMap<Uuid, &Interaction> = BTreeMap::new();
    for &interaction in interactions {
        let id = interaction.conversation_id;
        let earliest = first.entry(id).or_insert(interaction);
        if interaction.at < earliest.at {
            *earliest = interaction;
        }
        let latest = last.entry(id).or_insert(interaction);
        if interaction.at > latest.at {
            *latest = interaction;
        }
    }
    let mut ids = Vec::with_capacity(first.len());
    let mut titles = Vec::with_capacity(first.len());
    let mut channels = Vec::with_capacity(first.len());
    let mut callers = Vec::with_capacity(first.len());
    let mut started = Vec::with_capacity(first.len());
    let mut updated = Vec::with_capacity(first.len());
    for (id, turn) in &first {
        ids.push(*id);
        titles.push(title(&turn.question));
        channels.push(text_of(&turn.channel));
        callers.push(without_nul(&turn.caller));
        started.push(turn.at);
        updated.push(last[id].at);
    }
    sqlx::query(
        "INSERT INTO conversation (id, title, channel, caller, started_at, updated_at)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
         ON CONFLICT (id) DO UPDATE
         SET updated_at = greatest(conversation.updated_at, excluded.updated_at)
         WHERE conversation.deleted_at IS NULL",
    )
    .bind(ids)
    .bind(titles)
    .bind(channels)
    .bind(callers)
    .bind(started)
    .bind(updated)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes interactions with their passages. The vectors of the questions travel as one binary array
/// beside the rows: as JSON they would be most of it, and Postgres would read each of their numbers
/// as a decimal.
async fn insert_interactions(
    connection: &mut PgConnection,
    interactions: &[&Interaction],
) -> Result<(), sqlx::Error> {
    let mut rows = rows(interactions);
    let mut vectors: Vec<f32> = Vec::new();
    let mut passages = Vec::with_capacity(interactions.len());
    for (row, interaction) in rows.as_array_mut().into_iter().flatten().zip(interactions) {
        let Some(fields) = row.as_object_mut() else {
            continue;
        };
        fields.remove("question_embedding");
        if let Some(vector) = &interaction.question_embedding {
            fields.insert("vector_from".to_owned(), (vectors.len() + 1).into());
            vectors.extend(vector);
            fields.insert("vector_to".to_owned(), vectors.len().into());
        }
        if let Some(about) = about(interaction) {
            fields.insert("source".to_owned(), about.source.as_str().into());
            fields.insert("asset".to_owned(), about.asset.as_deref().into());
            fields.insert("owner".to_owned(), about.owner.as_deref().into());
        }
        passages.push(json!({"id": interaction.id, "passages": fields.remove("passages")}));
    }
    sqlx::query(
        "INSERT INTO interaction (id, at, conversation_id, message_id, channel, caller, origin,
             question, question_embedding, standalone_question, answer, outcome, generator,
             fallback_reason, retrieve_ms, first_token_ms, total_ms, checked, unverified, language, team,
             source, asset, owner)
         SELECT r.id, r.at, r.conversation_id, r.message_id, r.channel, r.caller, r.origin,
             r.question, ($2::real[])[r.vector_from:r.vector_to], r.standalone_question, r.answer,
             r.outcome, r.generator, r.fallback_reason, r.retrieve_ms, r.first_token_ms, r.total_ms,
             r.checked, r.unverified, r.language, r.team, r.source, r.asset, r.owner
           FROM jsonb_to_recordset($1) AS r (id uuid, at timestamptz, conversation_id uuid,
                message_id text, channel text, caller text, origin text, question text,
                vector_from integer, vector_to integer, standalone_question text, answer text,
                outcome text, generator text, fallback_reason text, retrieve_ms bigint,
                first_token_ms bigint, total_ms bigint, checked integer, unverified integer,
                language text, team text, source text, asset text, owner text)
           JOIN conversation ON conversation.id = r.conversation_id
          WHERE conversation.deleted_at IS NULL
         ON CONFLICT DO NOTHING",
    )
    .bind(Json(rows))
    .bind(vectors)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO passage (interaction_id, rank, point_id, document_id, source, path, title,
             score, cosine, coverage, cited_as, quote, asset, owner, updated_at, fresh_at)
         SELECT r.id, p.* FROM jsonb_to_recordset($1) AS r (id uuid, passages jsonb)
           JOIN interaction ON interaction.id = r.id
          CROSS JOIN jsonb_to_recordset(r.passages) AS p (rank integer, point_id uuid,
                document_id uuid, source text, path text, title text, score real, cosine real,
                coverage real, cited_as integer, quote text, asset text, owner text,
                updated_at timestamptz, fresh_at timestamptz)
         ON CONFLICT DO NOTHING",
    )
    .bind(Json(passages))
    .execute(connection)
    .await?;
    Ok(())
}

/// The passage that tells what a question is about: the first that was cited, or else the nearest.
fn about(interaction: &Interaction) -> Option<&RetrievedPassage> {
    let passages = &interaction.passages;
    let cited = passages.iter().filter(|passage| passage.cited_as.is_some());
    cited
        .min_by_key(|passage| passage.cited_as)
        .or_else(|| passages.iter().min_by_key(|passage| passage.rank))
}

async fn insert_acts(connection: &mut PgConnection, rows: Value) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO audit (id, at, who, act, target)
         SELECT * FROM jsonb_to_recordset($1)
             AS r (id uuid, at timestamptz, who text, act text, target text)
         ON CONFLICT DO NOTHING",
    )
    .bind(Json(rows))
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_admissions(connection: &mut PgConnection, rows: Value) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO admission (interaction_id, at, subjects)
         SELECT * FROM jsonb_to_recordset($1)
             AS r (interaction_id uuid, at timestamptz, subjects text[])
         ON CONFLICT DO NOTHING",
    )
    .bind(Json(rows))
    .execute(connection)
    .await?;
    Ok(())
}

/// Books calls, and counts them on the accounts of their questions: a call that is there already is
/// not counted again.
async fn insert_calls(connection: &mut PgConnection, rows: Value) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH booked AS (
             INSERT INTO model_call (id, at, purpose, model, input_tokens, cached_tokens,
                 output_tokens, usage_source, cost, latency_ms, outcome, run_id, interaction_id)
             SELECT * FROM jsonb_to_recordset($1) AS r (id uuid, at timestamptz, purpose text,
                    model text, input_tokens bigint, cached_tokens bigint, output_tokens bigint,
                    usage_source text, cost numeric, latency_ms bigint, outcome text, run_id uuid,
                    interaction_id uuid)
             ON CONFLICT DO NOTHING
             RETURNING interaction_id, input_tokens, output_tokens, cost),
         used AS (
             SELECT subject, (a.at AT TIME ZONE 'UTC')::date AS day, date_trunc('minute', a.at) AS minute,
                    coalesce(sum(b.input_tokens), 0) + coalesce(sum(b.output_tokens), 0) AS tokens,
                    coalesce(sum(b.cost), 0) AS cost
               FROM booked b JOIN admission a USING (interaction_id)
              CROSS JOIN unnest(a.subjects) AS subject
              GROUP BY 1, 2, 3)
         INSERT INTO usage_count AS u (subject, day, minute, minute_questions, questions, tokens, cost)
         SELECT subject, day, max(minute), 0, 0, sum(tokens), sum(cost) FROM used
          GROUP BY 1, 2 ORDER BY subject
         ON CONFLICT (subject, day) DO UPDATE
         SET tokens = u.tokens + excluded.tokens, cost = u.cost + excluded.cost",
    )
    .bind(Json(rows))
    .execute(connection)
    .await?;
    Ok(())
}

/// The first question, on one line, cut to [`TITLE_CHARS`].
fn title(question: &str) -> String {
    let line = without_nul(question)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if line.chars().count() <= TITLE_CHARS {
        return line;
    }
    line.chars().take(TITLE_CHARS - 1).chain(['…']).collect()
}

/// The text of a plain enum variant, as it stands in JSON.
pub(super) fn text_of(variant: &impl serde::Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(text)) => text,
        _ => String::new(),
    }
}
