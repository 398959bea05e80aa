//! The ledger: everything docent writes to Postgres. Only this folder holds SQL.
//!
//! [`record`] lists what is written without waiting, [`writer`] queues it and spools it while
//! Postgres is away, [`ingest`], [`terms`], [`runs`] and [`requests`] are what a
//! run reads and commits, [`budget`] what it may spend, [`lease`] keeps runs apart, [`chat`] what a
//! conversation
//! reads, [`feedback`] what readers think of answers, [`curated`] what people answered themselves,
//! [`api_key`] and [`login`] who may ask, [`limits`] how much,
//! [`retention`] for how long it is kept, [`slack`] what Slack has told,
//! [`backup`] carries all of it elsewhere. [`insights`] sums it up
//! and reads it for the pages of the data team, [`signs`] is what alerts are made from, [`alerts`] and
//! [`notices`] what became of them.

mod alerts;
mod api_key;
mod backup;
mod budget;
mod chat;
mod cleaned;
mod connection;
mod curated;
mod error;
mod feedback;
mod figures;
mod ingest;
pub mod insights;
mod lease;
mod limits;
mod login;
mod notices;
mod purge;
pub mod record;
mod requests;
mod retention;
mod runs;
mod slack;
mod slack_handoff;
mod gap_asker;
mod signs;
mod sources;
mod spool;
mod store;
mod terms;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;

use crate::config::Migrate;
pub use alerts::{Alert, AlertState, Finding};
pub use api_key::{ApiKey, Role};
pub use budget::Reservation;
pub use chat::{Conversation, ConversationSummary, PastTurn};
pub use cleaned::CleanedPart;
use connection::Connection;
pub use curated::{Asked, CuratedAnswer};
pub use error::LedgerError;
pub use feedback::{Feedback, Rating};
pub use figures::{AskedQuestion, CitedFigure, CostFigure, GapFigure, SourceFigure, Span, Totals};
pub use gap_asker::{GapAsker, WaitingAsker, Wish, Wished};
pub use ingest::{CollectionRow, DocumentBatch, DocumentOutcome, DocumentRow, outcome_text};
pub use lease::{Claimant, Claimed, Lease};
pub use limits::{Account, Allowance, Used};
pub use login::Login;
pub use notices::{DigestRow, NewNotice, Notice};
pub use purge::{KnownDocument, PURGED_ANSWER, PurgedDocument, PurgedTraces};
pub use record::{
    Act, Admission, Audit, CallOutcome, Channel, Deletion, GeneratorKind, Interaction,
    InteractionOutcome, ModelCall, Origin, Purge, Purpose, Record, RetrievedPassage, UsageSource,
};
pub use requests::{NewRequest, RunOrigin, RunRequest};
pub use retention::Expiry;
pub use runs::{RunOutcome, RunProblem, RunReport, RunRow};
pub use signs::{AssetCount, CitedDocument, DayCount, ModelState, RatedDocument, RunState};
pub use slack::{
    AskedInSlack, CLAIM_SECONDS, ClaimedSlackEvent, SlackClaimant, SlackEvent, SlackKind,
    SlackOutcome,
};
pub use slack_handoff::{HandOver, Handing, SlackHandoff};
pub use sources::{LastRun, SourceRow};
pub use terms::{TermCounts, TermDeltas};
use writer::Flusher;
pub use writer::{Tap, Writer};

/// Every table, in an order in which foreign keys are satisfied.
const TABLES: [&str; 46] = [
    "open_day",
    "use_day",
    "hour_day",
    "latency_day",
    "person_day",
    "conversation_day",
    "document_day",
    "question_day",
    "cited_document",
    "cost_day",
    "open_month",
    "use_month",
    "question_month",
    "gap_month",
    "document_month",
    "cost_month",
    "spread_month",
    "source_day",
    "spread_day",
    "person_month",
    "source",
    "collection",
    "ingest_request",
    "ingest_run",
    "document",
    "term",
    "model_call",
    "budget_month",
    "budget_reservation",
    "conversation",
    "interaction",
    "passage",
    "feedback",
    "curated_answer",
    "purged",
    "cleaned",
    "api_key",
    "audit",
    "interaction_day",
    "alert",
    "alert_mute",
    "notice",
    "digest",
    "gap",
    "gap_asker",
    "page_view",
];

/// Tables that hold of this moment only, or hold a secret, and are in no backup.
const PASSING: [&str; 7] = [
    "lease",
    "signing_key",
    "login",
    "usage_count",
    "admission",
    "slack_event",
    "slack_handoff",
];

/// How to reach the ledger.
#[derive(Debug, Clone)]
pub struct LedgerOptions {
    pub connect: PgConnectOptions,
    pub max_connections: u32,
    pub migrate: Migrate,
    /// The folder where records wait while Postgres is away.
    pub spool: PathBuf,
    pub spool_max_bytes: u64,
}

/// A connected ledger; cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    connection: Arc<Connection>,
    writer: Writer,
    flusher: Flusher,
}

impl Ledger {
    /// Connects and brings the tables up to date (or checks that they are).
    pub async fn open(options: LedgerOptions) -> Result<Self, LedgerError> {
        let ledger = Self::open_lazy(options);
        ledger.connection.pool().await?;
        Ok(ledger)
    }

    /// A ledger whose Postgres may be away: reads fail until it comes, records are spooled. Tables
    /// are brought up to date when it does.
    ///
    /// # Panics
    /// Outside a tokio runtime: the writer is a task.
    pub fn open_lazy(options: LedgerOptions) -> Self {
        let connection = Arc::new(Connection::new(
            options.connect,
            options.max_connections,
            options.migrate,
        ));
        let (writer, flusher) = writer::start(
            Arc::clone(&connection),
            options.spool,
            options.spool_max_bytes,
        );
        Self {
            connection,
            writer,
            flusher,
        }
    }

    /// Brings the tables up to date, whatever `migrate` is set to.
    pub async fn migrate(&self) -> Result<(), LedgerError> {
        self.connection.migrate().await
    }

    /// Whether Postgres answers, over a connection that is open already.
    pub async fn ping(&self) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query("SELECT 1")
            .execute(pool)
            .await
            .map(drop)
            .map_err(|error| self.connection.failed(&error))
    }

    /// The newest migration that this docent knows.
    pub fn newest_migration() -> i64 {
        connection::newest_migration()
    }

    /// The newest migration in the database.
    pub async fn version(&self) -> Result<i64, LedgerError> {
        self.connection.version().await
    }

    /// Takes records without making anyone wait.
    pub fn writer(&self) -> Writer {
        self.writer.clone()
    }

    /// Waits until every record queued so far is in Postgres or in the fsynced spool.
    pub async fn flush(&self) {
        self.flusher.flush().await;
    }

    /// Takes texts that have expired out of the spool.
    pub fn expire_spooled(&self, expiries: Vec<Expiry>) {
        self.flusher.expire(expiries);
    }

    /// [`Ledger::flush`], then gives the connections back. Reads fail after this.
    pub async fn close(&self) {
        self.flush().await;
        self.connection.close().await;
    }
}
