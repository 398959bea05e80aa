//! Turns under way: a turn runs on its own, readers watch it. A reader that lost its network finds
//! the same turn again by its `message_id`; when the last reader is gone, generation stops.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use docent_core::app::App;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Chat, Event, Events, Turn, answer};

/// How long a finished turn can still be read by its `message_id`.
const KEEP_FINISHED: Duration = Duration::from_mins(2);

/// Why a turn was not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(
        "docent is answering as many questions as it is allowed to (server.max_answers); try again in a few seconds"
    )]
    Busy,
    #[error("docent is stopping; ask again in a moment")]
    Stopping,
    #[error("this message_id belongs to another question")]
    OtherQuestion,
}

/// All turns of this process.
pub struct LiveTurns {
    by_message: Arc<Mutex<ByMessage>>,
    answers: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Parent of every turn's own token.
    stop_all: CancellationToken,
    answer_limit: Duration,
    resume: Duration,
}

/// By caller and `message_id`.
type ByMessage = HashMap<(String, String), Arc<LiveTurn>>;

/// One turn: its events so far, and who reads them.
struct LiveTurn {
    question: String,
    log: Mutex<Vec<Event>>,
    /// Length of the log, for waiting.
    length: watch::Sender<usize>,
    readers: AtomicUsize,
    cancel: CancellationToken,
    resumable: bool,
    resume: Duration,
}

/// A reader of a turn: an event log from some position on.
pub struct Reader {
    turn: Arc<LiveTurn>,
    position: usize,
    changes: watch::Receiver<usize>,
}

impl LiveTurns {
    pub fn new(max_answers: usize, answer_limit: Duration, resume: Duration) -> Self {
        Self {
            by_message: Arc::default(),
            answers: Arc::new(Semaphore::new(max_answers)),
            tasks: TaskTracker::new(),
            stop_all: CancellationToken::new(),
            answer_limit,
            resume,
        }
    }

    /// Starts a turn, or finds the one that the same `message_id` of the same caller started.
    /// `after` is the id of the last event that the reader has seen.
    pub fn start(
        &self,
        app: &Arc<App>,
        chat: &Arc<Chat>,
        mut turn: Turn,
        after: Option<usize>,
    ) -> Result<Reader, Refused> {
        let key = turn
            .message_id
            .clone()
            .map(|message| (turn.caller.name.clone(), message));
        let mut by_message = self.by_message.lock();
        if let Some(live) = key.as_ref().and_then(|key| by_message.get(key)) {
            if live.question != turn.question {
                return Err(Refused::OtherQuestion);
            }
            return Ok(Reader::new(live, after.map_or(0, |after| after + 1)));
        }
        if self.tasks.is_closed() {
            return Err(Refused::Stopping);
        }
        let permit = Arc::clone(&self.answers)
            .try_acquire_owned()
            .map_err(|_| Refused::Busy)?;
        turn.cancelled = self.stop_all.child_token();
        let live = Arc::new(LiveTurn {
            question: turn.question.clone(),
            log: Mutex::default(),
            length: watch::Sender::new(0),
            readers: AtomicUsize::new(0),
            cancel: turn.cancelled.clone(),
            resumable: key.is_some(),
            resume: self.resume,
        });
        if let Some(key) = &key {
            by_message.insert(key.clone(), Arc::clone(&live));
        }
        drop(by_message);
        let reader = Reader::new(&live, 0);
        self.spawn(Arc::clone(app), Arc::clone(chat), turn, live, key, permit);
        Ok(reader)
    }

    /// Stops the caller's turn at once: its reader pressed stop.
    pub fn stop(&self, caller: &str, message_id: &str) {
        let key = (caller.to_owned(), message_id.to_owned());
        if let Some(live) = self.by_message.lock().get(&key) {
            live.cancel.cancel();
        }
    }

    fn spawn(
        &self,
        app: Arc<App>,
        chat: Arc<Chat>,
        turn: Turn,
        live: Arc<LiveTurn>,
        key: Option<(String, String)>,
        permit: OwnedSemaphorePermit,
    ) {
        let by_message = Arc::clone(&self.by_message);
        let limit = self.answer_limit;
        self.tasks.spawn(async move {
            let (events, mut arriving) = Events::channel();
            let work = async {
                run_limited(&app, &chat, &turn, &events, limit).await;
                drop(events);
            };
            let pump = async {
                while let Some(event) = arriving.recv().await {
                    live.push(event);
                }
            };
            tokio::join!(work, pump);
            drop(permit);
            if let Some(key) = key {
                tokio::spawn(async move {
                    tokio::time::sleep(KEEP_FINISHED).await;
                    by_message.lock().remove(&key);
                });
            }
        });
    }

    /// Takes no new turns.
    pub fn close(&self) {
        self.tasks.close();
    }

    /// Waits for the turns under way, at most `limit`; what is left then is stopped (and recorded
    /// as stopped).
    pub async fn finish(&self, limit: Duration) {
        self.tasks.close();
        if tokio::time::timeout(limit, self.tasks.wait())
            .await
            .is_err()
        {
            self.stop_all.cancel();
            let _ = tokio::time::timeout(Duration::from_secs(1), self.tasks.wait()).await;
        }
    }
}

/// Answers within a time limit. A turn that reaches it ends as a cancelled one: what it used is
/// recorded.
async fn run_limited(app: &App, chat: &Chat, turn: &Turn, events: &Events, limit: Duration) {
    let answering = answer(app, chat, turn, events);
    tokio::pin!(answering);
    tokio::select! {
        _ = &mut answering => {}
        () = tokio::time::sleep(limit) => {
            events.send(too_slow(limit));
            turn.cancelled.cancel();
            let _ = answering.await;
        }
    }
}

fn too_slow(limit: Duration) -> Event {
    Event::Error {
        code: "too_slow".to_owned(),
        message: format!(
            "the answer took longer than {} s (server.answer_seconds)",
            limit.as_secs()
        ),
    }
}

impl LiveTurn {
    /// Adds an event; nothing follows a last one.
    fn push(&self, event: Event) {
        let length = {
            let mut log = self.log.lock();
            if log.last().is_some_and(Event::is_last) {
                return;
            }
            log.push(event);
            log.len()
        };
        self.length.send_replace(length);
    }

    fn is_finished(&self) -> bool {
        self.log.lock().last().is_some_and(Event::is_last)
    }
}

impl Reader {
    fn new(turn: &Arc<LiveTurn>, position: usize) -> Self {
        turn.readers.fetch_add(1, Ordering::SeqCst);
        Self {
            turn: Arc::clone(turn),
            position,
            changes: turn.length.subscribe(),
        }
    }

    /// The next event and its id; `None` after the last one.
    pub async fn next(&mut self) -> Option<(usize, Event)> {
        loop {
            {
                let log = self.turn.log.lock();
                if let Some(event) = log.get(self.position) {
                    let id = self.position;
                    self.position += 1;
                    return Some((id, event.clone()));
                }
                if log.last().is_some_and(Event::is_last) {
                    return None;
                }
            }
            self.changes.changed().await.ok()?;
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let last = self.turn.readers.fetch_sub(1, Ordering::SeqCst) == 1;
        if !last || self.turn.is_finished() {
            return;
        }
        if !self.turn.resumable {
            self.turn.cancel.cancel();
            return;
        }
        let turn = Arc::clone(&self.turn);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(turn.resume).await;
                if turn.readers.load(Ordering::SeqCst) == 0 {
                    turn.cancel.cancel();
                }
            });
        }
    }
}
