//! Rows as COPY reads them, a buffer a table.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use sqlx::PgConnection;
use uuid::{Builder, Uuid};

use super::dice::Dice;
use super::people::People;
use super::plan::Plan;
use super::questions::{ASSETS, Questions, document};

/// Tables in the order that foreign keys want, with the columns that are written.
const TABLES: [(&str, &str); 10] = [
    ("source", "name,kind,location,first_run_at,last_run_at"),
    (
        "collection",
        "name,embedding,layout,dimensions,generation,average_length,live",
    ),
    (
        "document",
        "collection,source,document_id,path,raw_hash,content_hash,metadata_hash,title,chunks,lexical_length,indexed,outcome,run_id,updated_at",
    ),
    (
        "ingest_request",
        "id,origin,sources,requested_at,started_at,finished_at,outcome",
    ),
    (
        "ingest_run",
        "id,source,collection,started_at,finished_at,outcome,indexed,unchanged,failed,chunks_embedded,tokens,cost,problems",
    ),
    (
        "conversation",
        "id,title,channel,caller,started_at,updated_at",
    ),
    (
        "interaction",
        "id,at,conversation_id,channel,caller,origin,question,question_embedding,standalone_question,answer,outcome,generator,fallback_reason,retrieve_ms,first_token_ms,total_ms,checked,unverified,language,team,source,asset,owner",
    ),
    (
        "passage",
        "interaction_id,rank,point_id,document_id,source,path,title,score,cosine,coverage,cited_as,quote,asset,owner,updated_at",
    ),
    ("feedback", "interaction_id,caller,at,rating,comment"),
    (
        "model_call",
        "id,at,purpose,model,input_tokens,cached_tokens,output_tokens,usage_source,cost,latency_ms,outcome,run_id,interaction_id",
    ),
];
pub(crate) const SOURCE: usize = 0;
const COLLECTION: usize = 1;
const DOCUMENT: usize = 2;
pub(crate) const REQUEST: usize = 3;
pub(crate) const RUN: usize = 4;
pub(crate) const CONVERSATION: usize = 5;
pub(crate) const INTERACTION: usize = 6;
pub(crate) const PASSAGE: usize = 7;
pub(crate) const FEEDBACK: usize = 8;
pub(crate) const CALL: usize = 9;

pub(crate) struct Rows<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) people: &'a People,
    pub(crate) questions: &'a Questions,
    buffers: [String; 10],
    pub(crate) last: NaiveDate,
    pub(crate) interactions: usize,
    pub(crate) calls: usize,
    pub(crate) conversations: usize,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        people: &'a People,
        questions: &'a Questions,
        last: NaiveDate,
    ) -> Self {
        Self {
            plan,
            people,
            questions,
            buffers: Default::default(),
            last,
            interactions: 0,
            calls: 0,
            conversations: 0,
        }
    }

    /// Adds a row: its fields, already fit for COPY, separated by tabs.
    pub(crate) fn push(&mut self, table: usize, row: std::fmt::Arguments<'_>) {
        let buffer = &mut self.buffers[table];
        let _ = buffer.write_fmt(row);
        buffer.push('\n');
    }

    /// Writes what was collected.
    pub(crate) async fn write(&mut self, connection: &mut PgConnection) {
        for ((table, columns), buffer) in TABLES.iter().zip(&mut self.buffers) {
            if buffer.is_empty() {
                continue;
            }
            let copy = format!("COPY {table} ({columns}) FROM STDIN");
            let mut copying = connection
                .copy_in_raw(&copy)
                .await
                .expect("the table is there");
            copying
                .send(buffer.as_bytes())
                .await
                .expect("Postgres reads on");
            copying
                .finish()
                .await
                .unwrap_or_else(|error| panic!("{table}: {error}"));
            buffer.clear();
        }
    }

    /// What the index holds: four documents of each asset, and the collection.
    pub(crate) fn documents(&mut self, first: NaiveDate) {
        let run = Uuid::nil();
        let at = text(first.and_time(NaiveTime::MIN).and_utc());
        self.push(
            COLLECTION,
            format_args!("docent-year\te\tl\t64\t{run}\t100\tt"),
        );
        for (number, asset) in ASSETS.iter().enumerate() {
            for part in 0..4 {
                let (id, path) = (document(number, part), path(number, part));
                self.push(DOCUMENT, format_args!(
                    "docent-year\t{}\t{id}\t{path}\tr\tc\tm\t{}\t9\t900\tt\tunchanged\t{run}\t{at}",
                    asset.source, title(number, part)
                ));
            }
        }
    }
}

pub(crate) fn path(asset: usize, part: usize) -> String {
    let name = ASSETS[asset].name;
    ["{}.md", "{}/columns.md", "{}/history.md", "{}/faq.md"][part].replace("{}", name)
}

pub(crate) fn title(asset: usize, part: usize) -> String {
    let name = ASSETS[asset].name;
    ["{}", "Columns of {}", "History of {}", "Questions about {}"][part].replace("{}", name)
}

pub(crate) fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An id as docent makes them, of a moment.
pub(crate) fn id(dice: &mut Dice, at: DateTime<Utc>) -> Uuid {
    Builder::from_unix_timestamp_millis(at.timestamp_millis() as u64, &dice.bytes()).into_uuid()
}
