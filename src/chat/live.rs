//! Turns under way: a turn runs on its own, readers watch it. A reader that lost its network finds
//! the same turn again by its `message_id`; when the last reader is gone, generation stops.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use docent_core::app::App;
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use uuid::Uuid;

use super::{Chat, ChatError, Event, Events, Turn, answer};

/// How long an answered turn can still be read by its `message_id`.
const KEEP_FINISHED: Duration = Duration::from_mins(2);
/// Models are gone on without when `server.answer_seconds` are over; a turn that has not ended so
/// much later (an index that hangs) ends with an error.
const GRACE: Duration = Duration::from_secs(10);

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

/// Which requests mean the same turn.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    caller: String,
    /// Where the request came from, for an id that others could choose as well.
    from: String,
    message_id: String,
}

impl Key {
    /// Anonymous callers share a name. A UUID is its client's own; any other id counts only together
    /// with the address that it came from.
    fn new(caller: &str, message_id: &str, from: &str) -> Self {
        let own = Uuid::parse_str(message_id).is_ok();
        Self {
            caller: caller.to_owned(),
            from: if own { String::new() } else { from.to_owned() },
            message_id: message_id.to_owned(),
        }
    }
}

/// A key has several turns where its message was sent in several conversations.
type ByMessage = HashMap<Key, Vec<Arc<LiveTurn>>>;

/// One turn: its events so far, and who reads them.
struct LiveTurn {
    question: String,
    conversation_id: Uuid,
    /// Whether the conversation began with it: its client may not know the id yet.
    began: bool,
    log: Mutex<Vec<Event>>,
    /// Length of the log, for waiting.
    length: watch::Sender<usize>,
    readers: AtomicUsize,
    /// How often a reader went away: only the last one's going counts.
    departures: AtomicUsize,
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

    /// The turn that the same message has started, as [`LiveTurns::start`] would find it.
    pub fn find(
        &self,
        turn: &Turn,
        from: &str,
        after: Option<usize>,
    ) -> Result<Option<Reader>, Refused> {
        let by_message = self.by_message.lock();
        let known = key_of(turn, from).and_then(|key| by_message.get(&key));
        known.map_or(Ok(None), |turns| found(turns, turn, after))
    }

    /// The answer that is being written in a caller's conversation, from its beginning, for a reader that has
    /// lost its page and with it the message's id. Only a turn whose message had one waits for its readers.
    pub fn going_on(&self, caller: &str, conversation_id: Uuid) -> Option<Reader> {
        let by_message = self.by_message.lock();
        let of_caller = by_message.iter().filter(|(key, _)| key.caller == caller);
        let mut turns = of_caller.flat_map(|(_, turns)| turns);
        let live = turns.find(|live| {
            let is_over = live.is_finished() || live.cancel.is_cancelled();
            live.conversation_id == conversation_id && !is_over
        });
        live.map(|live| Reader::new(live, 0))
    }

    /// Starts a turn, or finds the one that the same message started: the same `message_id` of the
    /// same caller in the same conversation. A turn that failed or was stopped is not found again.
    /// `from` is the address that the request came from; `after` is the id of the last event that
    /// the reader has seen.
    pub fn start(
        &self,
        app: &Arc<App>,
        chat: &Arc<Chat>,
        mut turn: Turn,
        from: &str,
        after: Option<usize>,
    ) -> Result<Reader, Refused> {
        let key = key_of(&turn, from);
        let mut by_message = self.by_message.lock();
        let known = key.as_ref().and_then(|key| by_message.get(key));
        if let Some(turns) = known
            && let Some(reader) = found(turns, &turn, after)?
        {
            return Ok(reader);
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
            conversation_id: turn.conversation_id,
            began: turn.new_conversation,
            log: Mutex::default(),
            length: watch::Sender::new(0),
            readers: AtomicUsize::new(0),
            departures: AtomicUsize::new(0),
            cancel: turn.cancelled.clone(),
            resumable: key.is_some(),
            resume: self.resume,
        });
        if let Some(key) = &key {
            let turns = by_message.entry(key.clone()).or_default();
            turns.push(Arc::clone(&live));
        }
        drop(by_message);
        let reader = Reader::new(&live, 0);
        self.spawn(Arc::clone(app), Arc::clone(chat), turn, live, key, permit);
        Ok(reader)
    }

    /// Stops the caller's turn at once: its reader pressed stop.
    pub fn stop(&self, caller: &str, message_id: &str, from: &str) {
        let by_message = self.by_message.lock();
        let turns = by_message.get(&Key::new(caller, message_id, from));
        for live in turns.into_iter().flatten() {
            live.cancel.cancel();
        }
    }

    fn spawn(
        &self,
        app: Arc<App>,
        chat: Arc<Chat>,
        turn: Turn,
        live: Arc<LiveTurn>,
        key: Option<Key>,
        permit: OwnedSemaphorePermit,
    ) {
        let by_message = Arc::clone(&self.by_message);
        let limit = self.answer_limit;
        let answering = async move {
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
            live.to_its_end(Box::pin(async { tokio::join!(work, pump) }))
                .await;
            drop(permit);
            let Some(key) = key else { return };
            if live.has_failed() {
                forget(&by_message, &key, &live);
                return;
            }
            tokio::spawn(async move {
                tokio::time::sleep(KEEP_FINISHED).await;
                forget(&by_message, &key, &live);
            });
        };
        // Its trace is that of the request which brought it.
        self.tasks.spawn(answering.in_current_span());
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

fn key_of(turn: &Turn, from: &str) -> Option<Key> {
    let message = turn.message_id.as_ref()?;
    Some(Key::new(&turn.caller.name, message, from))
}

/// The turn of a message among those of its key.
fn found(
    turns: &[Arc<LiveTurn>],
    turn: &Turn,
    after: Option<usize>,
) -> Result<Option<Reader>, Refused> {
    let Some(live) = turns.iter().find(|live| live.is_of(turn)) else {
        return Ok(None);
    };
    if live.question != turn.question {
        return Err(Refused::OtherQuestion);
    }
    Ok(Some(Reader::new(
        live,
        after.map_or(0, |after| after.saturating_add(1)),
    )))
}

fn forget(by_message: &Mutex<ByMessage>, key: &Key, turn: &Arc<LiveTurn>) {
    let mut by_message = by_message.lock();
    if let Some(turns) = by_message.get_mut(key) {
        turns.retain(|live| !Arc::ptr_eq(live, turn));
        if turns.is_empty() {
            by_message.remove(key);
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
        () = tokio::time::sleep(limit + GRACE) => {
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
    /// Whether a request of the same key means this turn.
    fn is_of(&self, turn: &Turn) -> bool {
        let same = if turn.new_conversation {
            self.began
        } else {
            self.conversation_id == turn.conversation_id
        };
        same && !self.has_failed()
    }

    /// Works until there is a last event, whatever happens: a reader would wait for ever.
    async fn to_its_end<T>(&self, work: impl Future<Output = T>) {
        // What broke has been told on standard error by the panic itself.
        let _ = AssertUnwindSafe(work).catch_unwind().await;
        if !self.is_finished() {
            let error = ChatError::Defect;
            self.push(Event::Error {
                code: error.code().to_owned(),
                message: error.to_string(),
            });
        }
    }

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

    /// Whether it ended without an answer, or is about to: asked again, it is another turn.
    fn has_failed(&self) -> bool {
        match self.log.lock().last() {
            Some(Event::Done(_)) => false,
            Some(Event::Error { .. }) => true,
            _ => self.cancel.is_cancelled(),
        }
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
        let departure = turn.departures.fetch_add(1, Ordering::SeqCst) + 1;
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(turn.resume).await;
                // One that came back and went again has the whole time anew.
                let last = turn.departures.load(Ordering::SeqCst) == departure;
                if last && turn.readers.load(Ordering::SeqCst) == 0 {
                    turn.cancel.cancel();
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(resume: Duration) -> Arc<LiveTurn> {
        Arc::new(LiveTurn {
            question: "Why?".to_owned(),
            conversation_id: Uuid::new_v4(),
            began: true,
            log: Mutex::default(),
            length: watch::Sender::new(0),
            readers: AtomicUsize::new(0),
            departures: AtomicUsize::new(0),
            cancel: CancellationToken::new(),
            resumable: true,
            resume,
        })
    }

    #[tokio::test]
    async fn readers_of_a_turn_that_breaks_are_told_so() {
        let turn = live(Duration::ZERO);
        let mut reader = Reader::new(&turn, 0);
        let broken = async {
            tokio::task::yield_now().await;
            panic!("a defect");
        };
        turn.to_its_end(broken).await;
        let (_, event) = reader.next().await.unwrap();
        assert!(matches!(event, Event::Error { code, .. } if code == "internal"));
        assert!(reader.next().await.is_none());
    }

    #[tokio::test]
    async fn a_reader_that_came_back_and_left_again_has_the_whole_time_to_return() {
        let turn = live(Duration::from_secs(3));
        drop(Reader::new(&turn, 0));
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(Reader::new(&turn, 0));
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(!turn.cancel.is_cancelled());
        tokio::time::timeout(Duration::from_secs(10), turn.cancel.cancelled())
            .await
            .expect("it ends when nobody comes back");
    }

    #[test]
    fn an_id_that_others_may_choose_counts_with_its_address_only() {
        let key = |id: &str, from: &str| Key::new("anonymous", id, from);
        assert_ne!(key("1", "10.0.0.1"), key("1", "10.0.0.2"));
        assert_eq!(key("1", "10.0.0.1"), key("1", "10.0.0.1"));
        let own = "0b6e4a70-3c44-4a0e-9f6f-2d7a7c1d9a11";
        // A phone changes its address in the middle of an answer.
        assert_eq!(key(own, "10.0.0.1"), key(own, "10.0.0.2"));
    }
}
