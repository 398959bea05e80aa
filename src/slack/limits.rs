//! Slack's rate limits. Calls of one method to one channel go one after another, in the order in which
//! they were asked for, and so do new messages, at least an interval apart; a 429 holds up the channel's
//! messages (or, where the limit is the workspace's, the method) for as long as Slack says, and nothing is
//! dropped.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// So many lanes may stand idle before they are forgotten.
const IDLE_LANES: usize = 1024;

/// By what is called and the channel.
type Lanes = HashMap<(&'static str, String), Arc<tokio::sync::Mutex<Lane>>>;

/// The lanes of one token.
#[derive(Debug)]
pub struct Limits {
    interval: Duration,
    lanes: Mutex<Lanes>,
    /// Until when a method is not to be called at all.
    methods: Mutex<HashMap<&'static str, Instant>>,
}

/// The calls of one method to one channel.
#[derive(Debug, Default)]
struct Lane {
    /// The next call may go then.
    next: Option<Instant>,
}

/// The right to make the next call of a lane; the lane's other calls wait until it is dropped.
#[derive(Debug)]
pub struct Slot {
    lane: OwnedMutexGuard<Lane>,
    posts: bool,
}

impl Limits {
    /// `interval` is the shortest time between two messages to a channel.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            lanes: Mutex::default(),
            methods: Mutex::default(),
        }
    }

    /// Waits for the lane's turn. Waiters are served in the order in which they came. `posts`: the call
    /// brings a message, and shares its lane with the others that do.
    pub async fn slot(&self, method: &'static str, channel: &str, posts: bool) -> Slot {
        let name = if posts { "messages" } else { method };
        let lane = {
            let mut lanes = self.lanes.lock();
            if lanes.len() > IDLE_LANES {
                // A lane that nobody holds or waits for, and whose next call may go, says nothing.
                let now = Instant::now();
                lanes.retain(|_, lane| {
                    let idle = lane
                        .try_lock()
                        .is_ok_and(|lane| lane.next.is_none_or(|next| next <= now));
                    Arc::strong_count(lane) > 1 || !idle
                });
            }
            let lane = lanes.entry((name, channel.to_owned())).or_default();
            Arc::clone(lane)
        };
        let mut slot = Slot {
            lane: lane.lock_owned().await,
            posts,
        };
        self.wait(method, &mut slot).await;
        slot
    }

    /// Waits until the slot's call may go.
    pub async fn wait(&self, method: &'static str, slot: &mut Slot) {
        loop {
            let paused = self.methods.lock().get(method).copied();
            let Some(until) = slot.lane.next.max(paused) else {
                break;
            };
            if until <= Instant::now() {
                break;
            }
            tokio::time::sleep_until(until).await;
        }
        if slot.posts {
            slot.lane.next = Some(Instant::now() + self.interval);
        }
    }

    /// Slack has answered 429: the call may be repeated after `delay`. What else is posted to the channel
    /// waits as well, where the call will be `repeated`; otherwise the method alone is left alone.
    pub fn refused(&self, method: &'static str, slot: &mut Slot, delay: Duration, repeated: bool) {
        let until = Instant::now() + delay;
        if slot.posts && repeated {
            // The limit of messages is each channel's own.
            slot.lane.next = Some(until);
        } else {
            let mut methods = self.methods.lock();
            let known = methods.entry(method).or_insert(until);
            *known = (*known).max(until);
        }
    }

    /// How long a method is still to be left alone.
    pub fn paused(&self, method: &'static str) -> Option<Duration> {
        let until = self.methods.lock().get(method).copied()?;
        let left = until.saturating_duration_since(Instant::now());
        Some(left).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_to_a_channel_keep_their_distance_and_their_order() {
        let interval = Duration::from_millis(100);
        let limits = Arc::new(Limits::new(interval));
        let sent = Arc::new(Mutex::new(Vec::new()));
        let start = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..4 {
            let limits = Arc::clone(&limits);
            let sent = Arc::clone(&sent);
            tasks.spawn(async move {
                let slot = limits.slot("chat.postMessage", "C1", true).await;
                sent.lock().push((number, start.elapsed()));
                drop(slot);
            });
            tokio::task::yield_now().await;
        }
        drop(limits.slot("chat.postMessage", "C2", true).await);
        assert!(
            start.elapsed() < interval,
            "another channel waits for nobody"
        );
        tasks.join_all().await;
        let sent = sent.lock();
        for (at, (number, after)) in sent.iter().enumerate() {
            assert_eq!(*number, at);
            assert!(*after >= interval * at as u32);
        }
    }

    #[tokio::test]
    async fn a_refused_call_holds_up_those_behind_it_as_long_as_slack_says() {
        let limits = Limits::new(Duration::ZERO);
        let delay = Duration::from_millis(200);
        let start = Instant::now();
        let mut slot = limits.slot("chat.postMessage", "C1", true).await;
        limits.refused("chat.postMessage", &mut slot, delay, true);
        limits.wait("chat.postMessage", &mut slot).await;
        drop(slot);
        assert!(start.elapsed() >= delay);

        let start = Instant::now();
        let mut slot = limits.slot("chat.update", "C1", false).await;
        limits.refused("chat.update", &mut slot, delay, true);
        drop(slot);
        assert!(limits.paused("chat.update").is_some());
        // The workspace's limit of a method holds in every channel.
        drop(limits.slot("chat.update", "C2", false).await);
        assert!(start.elapsed() >= delay);
        assert!(limits.paused("chat.update").is_none());
    }
}
