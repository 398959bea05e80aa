//! How many requests a provider is asked at once. Nobody knows what it takes, so [`Pace`] finds out:
//! one more for each good answer, half as many when one is refused.
//!
//! What a refusal taught is kept: as many as were on their way, without those that were refused, are the
//! *ceiling*. Up to there the pace climbs again at once; beyond it a single request more is tried after a
//! long good stretch only, twice as long after each try that was refused, because each costs a halving.
//! So a provider that takes eight requests is kept busy with eight, and one that takes more later is
//! found out as well.
//!
//! A refused request waits as it was told. The others go on at half the pace, for the limit may be one
//! of requests at once. When one that was sent after the halving is refused before any was answered,
//! it is the rate that is limited: then all of them wait.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Good answers for each request at once, until more than the ceiling is tried again.
const STRETCH: usize = 48;
/// The same where each try was refused so far: it becomes twice as many with each refusal.
const LONGEST_STRETCH: usize = 8 * STRETCH;

/// The requests at once of one provider.
pub(super) struct Pace {
    slots: Semaphore,
    state: Mutex<State>,
}

/// The right to one request; without [`Permit::good`] or [`Permit::refused`] nothing is learned of it.
pub(super) struct Permit<'a> {
    pace: &'a Pace,
    slot: Option<SemaphorePermit<'a>>,
    sent: Sent,
}

/// A request that is on its way.
#[derive(Debug, Clone, Copy)]
struct Sent {
    /// Halvings before it was sent.
    epoch: u64,
    /// Requests on their way when it was sent, with it.
    among: usize,
}

/// What is known of the provider. No clock and no waiting in here: each moment is an argument.
#[derive(Debug)]
struct State {
    limit: usize,
    /// Never more than this.
    most: usize,
    /// The most that went well where one more did not.
    ceiling: usize,
    /// How far beyond the ceiling the next try goes: twice as far each time that it goes well.
    step: usize,
    /// Good answers at the ceiling.
    stretch: usize,
    /// How many of them, for each request at once, are wanted before the next try.
    wanted: usize,
    epoch: u64,
    in_flight: usize,
    /// Whether a request of this epoch was answered.
    answered: bool,
    /// Slots that are to go as soon as they are given back.
    owed: usize,
    rest_until: Option<Instant>,
}

impl Pace {
    /// Begins with `start` requests at once, never asks more than `most` (or `start`, if it is more).
    pub(super) fn new(start: usize, most: usize) -> Self {
        let state = State::new(start, most);
        Self {
            slots: Semaphore::new(state.limit),
            state: Mutex::new(state),
        }
    }

    /// Requests at once, as things stand.
    pub(super) fn limit(&self) -> usize {
        self.state.lock().limit
    }

    /// Waits for a slot, in the order of the callers, and for the end of a rest.
    pub(super) async fn permit(&self) -> Permit<'_> {
        // The semaphore is never closed; without a slot the request would only be early.
        let slot = self.slots.acquire().await.ok();
        loop {
            let rest = self.state.lock().rest(Instant::now());
            match rest {
                Some(rest) => tokio::time::sleep(rest).await,
                None => break,
            }
        }
        let sent = self.state.lock().sent();
        Permit {
            pace: self,
            slot,
            sent,
        }
    }
}

impl Permit<'_> {
    /// The answer was as it should be, and in good time.
    pub(super) fn good(self) {
        let grew = self.pace.state.lock().good(self.sent);
        if grew {
            self.pace.slots.add_permits(1);
        }
    }

    /// Too many requests; `wait`: as long as the provider wants.
    pub(super) fn refused(self, wait: Option<Duration>) {
        let mut state = self.pace.state.lock();
        let fewer = state.refused(self.sent, wait, Instant::now());
        let gone = self.pace.slots.forget_permits(fewer);
        state.owed += fewer - gone;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.pace.state.lock();
        state.in_flight -= 1;
        if state.owed > 0
            && let Some(slot) = self.slot.take()
        {
            state.owed -= 1;
            slot.forget();
        }
    }
}

impl State {
    fn new(start: usize, most: usize) -> Self {
        let limit = start.max(1);
        let most = most.max(limit);
        Self {
            limit,
            most,
            ceiling: most,
            step: 1,
            stretch: 0,
            wanted: STRETCH,
            epoch: 0,
            in_flight: 0,
            answered: false,
            owed: 0,
            rest_until: None,
        }
    }

    fn sent(&mut self) -> Sent {
        self.in_flight += 1;
        Sent {
            epoch: self.epoch,
            among: self.in_flight,
        }
    }

    fn rest(&self, now: Instant) -> Option<Duration> {
        let rest = self.rest_until?.checked_duration_since(now)?;
        (!rest.is_zero()).then_some(rest)
    }

    /// Answers whether a slot is to be added.
    fn good(&mut self, sent: Sent) -> bool {
        // One that was sent before the halving says nothing about the pace since.
        if sent.epoch != self.epoch {
            return false;
        }
        self.answered = true;
        // Where fewer are asked than may be, a good answer proves nothing about more.
        if self.in_flight < self.limit || self.limit >= self.most {
            return false;
        }
        if self.limit >= self.ceiling {
            self.stretch += 1;
            if self.stretch < self.wanted * self.limit {
                return false;
            }
            self.stretch = 0;
            if self.step > 1 {
                self.wanted = STRETCH;
            }
            self.ceiling = (self.limit + self.step).min(self.most);
            self.step *= 2;
        }
        self.limit += 1;
        if self.owed > 0 {
            self.owed -= 1;
            return false;
        }
        true
    }

    /// Answers how many slots are to go.
    fn refused(&mut self, sent: Sent, wait: Option<Duration>, now: Instant) -> usize {
        let before = self.limit;
        if sent.epoch == self.epoch {
            if self.epoch > 0 && !self.answered {
                self.rest_until = wait.map(|wait| now + wait).max(self.rest_until);
            }
            // Which of a crowd is refused says nothing: they overtake each other on their way.
            let crowd = self.in_flight.max(sent.among);
            self.ceiling = (crowd - 1).clamp(1, self.limit);
            self.limit = (self.limit / 2).max(1);
            self.epoch += 1;
            self.answered = false;
            self.step = 1;
            self.stretch = 0;
            if self.epoch > 1 {
                self.wanted = (self.wanted * 2).min(LONGEST_STRETCH);
            }
        } else if sent.epoch + 1 == self.epoch {
            // Of the same crowd as the one that was refused first.
            self.ceiling = (self.ceiling - 1).max(1);
        }
        self.limit = self.limit.min(self.ceiling);
        before - self.limit
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Requests against a provider that takes `capacity` at once and refuses more at once: what was
    /// accepted and refused, and the share of the slots that were filled, in `rounds` rounds of answers.
    struct Provider {
        capacity: usize,
        state: State,
        running: VecDeque<Sent>,
        accepted: usize,
        refused: usize,
    }

    impl Provider {
        fn new(capacity: usize, start: usize, most: usize) -> Self {
            Self {
                capacity,
                state: State::new(start, most),
                running: VecDeque::new(),
                accepted: 0,
                refused: 0,
            }
        }

        fn fill(&mut self) {
            while self.state.in_flight < self.state.limit {
                let sent = self.state.sent();
                if self.running.len() < self.capacity {
                    self.running.push_back(sent);
                    continue;
                }
                self.refused += 1;
                self.state.refused(sent, None, Instant::now());
                self.state.in_flight -= 1;
            }
        }

        /// The oldest request is answered, and the next ones are sent.
        fn answer(&mut self) {
            self.fill();
            if let Some(sent) = self.running.pop_front() {
                self.accepted += 1;
                self.state.good(sent);
                self.state.in_flight -= 1;
            }
            // Slots that are owed are not modelled: `fill` looks at the limit alone.
            self.state.owed = 0;
        }
    }

    #[test]
    fn a_provider_that_takes_eight_at_once_is_kept_busy_with_eight() {
        for start in [1, 4, 8, 16] {
            let mut provider = Provider::new(8, start, 32);
            let (mut busy, mut answers) = (0, 0_usize);
            for _ in 0..8_000 {
                provider.fill();
                busy += provider.running.len();
                answers += 1;
                provider.answer();
            }
            let share = busy as f64 / (answers * 8) as f64;
            assert!(share > 0.97, "started with {start}: busy {share}");
            let refused = provider.refused as f64 / provider.accepted as f64;
            assert!(refused < 0.01, "started with {start}: refused {refused}");
        }
    }

    #[test]
    fn one_more_for_each_good_answer_and_half_as_many_after_a_refusal() {
        let mut state = State::new(4, 32);
        let sent: Vec<Sent> = (0..4).map(|_| state.sent()).collect();
        assert!(state.good(sent[0]));
        state.in_flight -= 1;
        assert_eq!(state.limit, 5);
        let fifth = state.sent();
        state.sent();
        // Two of the same crowd are refused: that is one refusal.
        assert_eq!(state.refused(fifth, None, Instant::now()), 3);
        assert_eq!((state.limit, state.ceiling), (2, 4));
        state.refused(sent[3], None, Instant::now());
        assert_eq!((state.limit, state.ceiling), (2, 3));
    }

    #[test]
    fn it_does_not_matter_who_of_a_crowd_is_refused() {
        for refused in [[7, 8], [8, 9], [9, 3]] {
            let mut state = State::new(10, 32);
            let sent: Vec<Sent> = (0..10).map(|_| state.sent()).collect();
            for one in refused {
                state.refused(sent[one], None, Instant::now());
                state.in_flight -= 1;
            }
            assert_eq!(state.ceiling, 8, "{refused:?}");
        }
    }

    #[test]
    fn all_wait_only_when_the_slower_pace_was_refused_as_well() {
        let mut state = State::new(4, 32);
        let now = Instant::now();
        let wait = Duration::from_secs(7);
        let sent: Vec<Sent> = (0..4).map(|_| state.sent()).collect();
        state.refused(sent[3], Some(wait), now);
        assert_eq!(state.rest(now), None, "the other three may go well");
        let slower = state.sent();
        state.refused(slower, Some(wait), now);
        assert_eq!(state.rest(now), Some(wait));
        assert_eq!(state.rest(now + wait), None);
    }

    #[test]
    fn a_provider_that_takes_more_later_is_found_out_and_the_bound_is_kept() {
        let mut provider = Provider::new(4, 4, 24);
        for _ in 0..4_000 {
            provider.answer();
        }
        assert!((2..=6).contains(&provider.state.limit));
        provider.capacity = 100;
        for _ in 0..20_000 {
            provider.answer();
        }
        assert_eq!(provider.state.limit, 24);
    }

    #[test]
    fn who_asks_for_little_learns_nothing_about_more() {
        let mut state = State::new(4, 32);
        for _ in 0..100 {
            let sent = state.sent();
            assert!(!state.good(sent));
            state.in_flight -= 1;
        }
        assert_eq!(state.limit, 4);
    }

    #[tokio::test]
    async fn slots_follow_the_limit_down_and_up() {
        let pace = Pace::new(4, 8);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(pace.permit().await);
        }
        held.pop().unwrap().refused(None);
        assert_eq!(pace.limit(), 2);
        held.clear();
        assert_eq!(pace.slots.available_permits(), 2);
        let (one, two) = (pace.permit().await, pace.permit().await);
        one.good();
        assert_eq!((pace.limit(), pace.slots.available_permits()), (3, 2));
        drop(two);
        assert_eq!(pace.slots.available_permits(), 3);
    }
}
