//! The queue in front of Postgres: whoever writes a record never waits.
//!
//! One task takes the queue. While Postgres answers, what is queued goes there, a batch a
//! transaction. As soon as it does not, or too much piles up behind one batch, everything goes to
//! the [spool](super::spool), new records behind older ones, until the spool has been replayed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::connection::Connection;
use super::error::{is_records_fault, without_values};
use super::spool::Spool;
use super::store::store;
use super::{Deletion, Expiry, LedgerError, Purge, Record};

/// Records in one transaction.
const BATCH: usize = 500;
/// How long the first record of a batch waits for others. Half of an answer's records come together, and a
/// transaction costs more than what it writes: at once, Postgres would work on the first record of an answer
/// while the answer is being searched for. Nobody waits for it: a flush does not.
const GATHERING: Duration = Duration::from_millis(50);
/// Records that wait in memory behind a batch before they go to the spool.
const PENDING: usize = 10_000;
/// Records that may be queued while even the spool's disk stalls; more are lost.
const QUEUE: usize = 100_000;
/// Longest time for one batch before Postgres counts as away.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// Waits between attempts to replay the spool.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Takes records; cheap to clone.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::UnboundedSender<Record>,
    /// How many are queued; `None`: nobody counts, as in a test's channel.
    depth: Option<Arc<AtomicUsize>>,
    tap: Arc<OnceLock<Tap>>,
}

/// Sees every record as it is handed over; it must not take long.
pub type Tap = Box<dyn Fn(&Record) + Send + Sync>;

impl Writer {
    /// A writer whose records arrive at the receiver instead of in Postgres.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Record>) {
        let (queue, records) = mpsc::unbounded_channel();
        let writer = Self {
            queue,
            depth: None,
            tap: Arc::default(),
        };
        (writer, records)
    }

    /// Has every record from now on seen, once for all clones. A second tap is not taken.
    pub fn tap(&self, tap: Tap) {
        drop(self.tap.set(tap));
    }

    /// Queues a record.
    pub fn write(&self, record: Record) {
        if let Some(tap) = self.tap.get() {
            tap(&record);
        }
        if let Some(depth) = &self.depth
            && depth.fetch_add(1, Ordering::Relaxed) >= QUEUE
        {
            depth.fetch_sub(1, Ordering::Relaxed);
            tracing::error!("a record is lost: neither Postgres nor the spool's disk keeps up");
            return;
        }
        let _ = self.queue.send(record);
    }
}

/// Asks the task to finish what is queued.
#[derive(Clone)]
pub(super) struct Flusher {
    flushes: mpsc::UnboundedSender<oneshot::Sender<()>>,
    expiries: mpsc::UnboundedSender<Vec<Expiry>>,
}

impl Flusher {
    /// Waits until every record queued so far is in Postgres or on disk.
    pub(super) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.flushes.send(done).is_ok() {
            let _ = wait.await;
        }
    }

    /// Has texts that have expired taken out of the spool, where they wait for Postgres.
    pub(super) fn expire(&self, expiries: Vec<Expiry>) {
        let _ = self.expiries.send(expiries);
    }
}

/// Starts the task. It ends when the last [`Writer`] is gone and the queue is empty.
pub(super) fn start(
    connection: Arc<Connection>,
    spool: PathBuf,
    spool_max_bytes: u64,
) -> (Writer, Flusher) {
    let (queue, records) = mpsc::unbounded_channel();
    let (flush, flushes) = mpsc::unbounded_channel();
    let (expire, expiries) = mpsc::unbounded_channel();
    let depth = Arc::new(AtomicUsize::new(0));
    let task = Task {
        connection,
        records,
        depth: Arc::clone(&depth),
        flushes,
        expiries,
        expired: Vec::new(),
        spool: Arc::new(Mutex::new(Spool::new(spool, spool_max_bytes))),
        spooling: false,
        pending: Vec::new(),
        open: true,
        due: Instant::now(),
        attempt: None,
        waiting: Vec::new(),
        retry_at: Instant::now(),
        wait: FIRST_WAIT,
    };
    tokio::spawn(task.run());
    let writer = Writer {
        queue,
        depth: Some(depth),
        tap: Arc::default(),
    };
    let flusher = Flusher {
        flushes: flush,
        expiries: expire,
    };
    (writer, flusher)
}

struct Task {
    connection: Arc<Connection>,
    records: mpsc::UnboundedReceiver<Record>,
    depth: Arc<AtomicUsize>,
    flushes: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
    expiries: mpsc::UnboundedReceiver<Vec<Expiry>>,
    /// What is to be taken out of the spool as soon as nothing of it is on its way.
    expired: Vec<Expiry>,
    spool: Arc<Mutex<Spool>>,
    /// Whether the spool holds records: new ones go behind them.
    spooling: bool,
    /// Taken from the queue, and nowhere else yet.
    pending: Vec<Record>,
    /// Whether more records may come.
    open: bool,
    /// When the pending records have waited long enough for others.
    due: Instant,
    attempt: Option<Attempt>,
    waiting: Vec<oneshot::Sender<()>>,
    retry_at: Instant,
    wait: Duration,
}

/// A batch on its way to Postgres.
struct Attempt {
    batch: Arc<Vec<Record>>,
    /// How many bytes of the spool it is; `None`: it is only in memory.
    spooled: Option<u64>,
    outcome: JoinHandle<Result<Vec<Refused>, LedgerError>>,
}

/// A record that Postgres will never take: its place in the batch, and why.
struct Refused {
    at: usize,
    reason: String,
}

impl Task {
    async fn run(mut self) {
        self.spooling = self
            .with_spool(|spool| {
                if let Err(error) = spool.open() {
                    tracing::error!(%error, "the spool cannot be opened");
                }
                !spool.is_empty()
            })
            .await;
        while self.open || !self.is_settled() {
            self.spill().await;
            self.expire().await;
            self.begin_attempt().await;
            if self.is_settled() {
                for done in self.waiting.drain(..) {
                    let _ = done.send(());
                }
            }
            let (retry_at, due) = (self.retry_at, self.due);
            let (idle, gathering) = (self.attempt.is_none(), !self.pending.is_empty());
            tokio::select! {
                taken = self.records.recv_many(&mut self.pending, BATCH), if self.open => {
                    self.open = taken > 0;
                    if self.pending.len() == taken {
                        self.due = Instant::now() + GATHERING;
                    }
                    self.depth.fetch_sub(taken, Ordering::Relaxed);
                }
                Some(done) = self.flushes.recv() => {
                    while let Ok(record) = self.records.try_recv() {
                        self.pending.push(record);
                        self.depth.fetch_sub(1, Ordering::Relaxed);
                    }
                    self.waiting.push(done);
                }
                Some(expiries) = self.expiries.recv() => self.expired = expiries,
                outcome = finished(&mut self.attempt) => self.end_attempt(outcome).await,
                () = tokio::time::sleep_until(retry_at), if self.spooling && idle => {}
                () = tokio::time::sleep_until(due), if !self.spooling && idle && gathering => {}
            }
        }
    }

    /// Whether nothing is in memory only.
    fn is_settled(&self) -> bool {
        let in_memory = self
            .attempt
            .as_ref()
            .is_some_and(|attempt| attempt.spooled.is_none());
        self.pending.is_empty() && !in_memory
    }

    /// Whether the pending records wait for others.
    fn gathers(&self) -> bool {
        let asked_for = !self.open || !self.waiting.is_empty();
        !asked_for && self.pending.len() < BATCH && Instant::now() < self.due
    }

    /// Moves records to the spool, behind what is there, where they must not wait in memory.
    async fn spill(&mut self) {
        if self.pending.is_empty() || !(self.spooling || self.pending.len() > PENDING) {
            return;
        }
        let mut records = Vec::new();
        if let Some(attempt) = self.attempt.take_if(|attempt| attempt.spooled.is_none()) {
            // Too slow. It keeps its place; if it arrives after all, the replay changes nothing.
            attempt.outcome.abort();
            records = attempt.batch.to_vec();
        }
        records.append(&mut self.pending);
        self.append(records).await;
    }

    async fn expire(&mut self) {
        let on_its_way = self
            .attempt
            .as_ref()
            .is_some_and(|attempt| attempt.spooled.is_some());
        if self.expired.is_empty() || on_its_way {
            return;
        }
        let expired = std::mem::take(&mut self.expired);
        self.spooling = self
            .with_spool(move |spool| {
                spool.expire(&expired);
                !spool.is_empty()
            })
            .await;
    }

    async fn append(&mut self, records: Vec<Record>) {
        if !self.spooling {
            self.retry_at = Instant::now() + self.wait;
        }
        self.spooling = self
            .with_spool(move |spool| {
                spool.append(&records);
                !spool.is_empty()
            })
            .await;
    }

    async fn begin_attempt(&mut self) {
        if self.attempt.is_some() {
            return;
        }
        let (batch, spooled) = if self.spooling {
            if Instant::now() < self.retry_at {
                return;
            }
            match self.with_spool(|spool| spool.next(BATCH)).await {
                Ok(part) => (part.records, Some(part.bytes)),
                Err(error) => {
                    tracing::error!(%error, "the spool cannot be read");
                    self.back_off();
                    return;
                }
            }
        } else if self.pending.is_empty() || self.gathers() {
            return;
        } else {
            let rest = self.pending.split_off(self.pending.len().min(BATCH));
            (std::mem::replace(&mut self.pending, rest), None)
        };
        let batch = Arc::new(batch);
        let connection = Arc::clone(&self.connection);
        let records = Arc::clone(&batch);
        let outcome = tokio::spawn(async move { write(&connection, &records).await });
        self.attempt = Some(Attempt {
            batch,
            spooled,
            outcome,
        });
    }

    async fn end_attempt(&mut self, outcome: Result<Vec<Refused>, LedgerError>) {
        let Some(attempt) = self.attempt.take() else {
            return;
        };
        match outcome {
            Ok(refused) => {
                self.wait = FIRST_WAIT;
                let batch = attempt.batch;
                let spooled = attempt.spooled;
                let deletions: Vec<Deletion> = batch
                    .iter()
                    .filter_map(|record| match record {
                        Record::DeleteConversation(deletion) => Some(deletion.clone()),
                        _ => None,
                    })
                    .collect();
                let purges: Vec<Purge> = batch
                    .iter()
                    .filter_map(|record| match record {
                        Record::PurgeDocument(purge) => Some(purge.clone()),
                        _ => None,
                    })
                    .collect();
                let nothing = refused.is_empty() && deletions.is_empty() && purges.is_empty();
                if nothing && spooled.is_none() {
                    return;
                }
                self.spooling = self
                    .with_spool(move |spool| {
                        for Refused { at, reason } in refused {
                            spool.reject(&batch[at], &reason);
                        }
                        spool.forget(&deletions, &purges);
                        if let Some(bytes) = spooled
                            && let Err(error) = spool.advance(bytes)
                        {
                            tracing::error!(%error, "the spool cannot be shortened");
                        }
                        !spool.is_empty()
                    })
                    .await;
            }
            Err(error) => {
                if !self.spooling {
                    tracing::warn!(%error, "records wait in the spool");
                }
                if attempt.spooled.is_none() {
                    let mut records = attempt.batch.to_vec();
                    records.append(&mut self.pending);
                    self.append(records).await;
                }
                self.back_off();
            }
        }
    }

    fn back_off(&mut self) {
        self.retry_at = Instant::now() + self.wait;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }

    /// Runs blocking work on the spool without holding up the runtime.
    async fn with_spool<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Spool) -> T + Send + 'static,
    ) -> T {
        let spool = Arc::clone(&self.spool);
        match tokio::task::spawn_blocking(move || work(&mut spool.lock())).await {
            Ok(value) => value,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is shutting down, and this task with it.
            Err(_) => std::future::pending().await,
        }
    }
}

/// The end of the attempt under way; waits for ever where there is none.
async fn finished(attempt: &mut Option<Attempt>) -> Result<Vec<Refused>, LedgerError> {
    match attempt {
        Some(attempt) => (&mut attempt.outcome).await.unwrap_or_else(|error| {
            Err(LedgerError::Unavailable {
                place: "the writer's task".to_owned(),
                reason: error.to_string(),
            })
        }),
        None => std::future::pending().await,
    }
}

/// Writes a batch. Where Postgres refuses it, halves are tried until the records at fault are
/// found: they never hold up the rest.
async fn write(connection: &Connection, records: &[Record]) -> Result<Vec<Refused>, LedgerError> {
    let pool = connection.pool_now().await?;
    let mut refused = Vec::new();
    // The next part is the last one: in order.
    let whole = 0..records.len();
    let mut parts = Vec::from([whole]);
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        let attempt = tokio::time::timeout(WRITE_LIMIT, store(pool, &records[part.clone()])).await;
        match attempt.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(()) => {}
            Err(error) if is_records_fault(&error) && part.len() > 1 => {
                let middle = part.start + part.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            }
            Err(error) if is_records_fault(&error) => refused.push(Refused {
                at: part.start,
                reason: without_values(&error),
            }),
            Err(error) => return Err(connection.failed(&error)),
        }
    }
    Ok(refused)
}
