//! How much may be asked. The ledger counts for all processes; while it is away, each goes on from the
//! last sums that it knows, and has what it let through counted later.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use docent_core::config::Config;
use docent_core::ledger::{Account, Admission, Allowance, Channel, Record, Used};
use parking_lot::Mutex;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::chat::{Caller, CallerKind};
use crate::server::AppState;
use crate::server::problem::Problem;

/// Longest wait for the ledger's count.
const PATIENCE: Duration = Duration::from_secs(2);
/// Accounts remembered; beyond it, those of other days are forgotten.
const REMEMBERED: usize = 10_000;

/// The last sums that this process knows, by account.
#[derive(Default)]
pub(crate) struct Counters(Mutex<HashMap<String, Known>>);

#[derive(Debug, Clone)]
struct Known {
    used: Used,
    /// Questions let through while the ledger was away.
    owed: i64,
}

/// Counts a question, or says why it cannot be asked now.
pub(crate) async fn admit(
    service: &AppState,
    caller: &Caller,
    channel: Channel,
    interaction_id: Uuid,
) -> Result<(), Problem> {
    let counters = &service.access.limits;
    let mut accounts = accounts(&service.app.config, caller, channel);
    if accounts.is_empty() {
        return Ok(());
    }
    let now = Utc::now();
    for account in &mut accounts {
        account.owed = counters.take_owed(&account.subject, now);
    }
    let counting = service.app.ledger.admit(&accounts);
    if let Ok(Ok((used, counted))) = tokio::time::timeout(PATIENCE, counting).await {
        for (account, used) in pairs(&accounts, &used) {
            let owed = if counted { 0 } else { account.owed };
            counters.learn(used.clone(), owed, counted);
        }
        if !counted {
            return Err(refusal(&accounts, &used));
        }
    } else {
        for account in &accounts {
            counters.give_owed_back(account, now);
        }
        counters.admit_alone(&accounts, now)?;
    }
    let admission = Admission {
        interaction_id,
        at: now,
        subjects: accounts.into_iter().map(|one| one.subject).collect(),
    };
    let writer = service.app.ledger.writer();
    writer.write(Record::Admission(admission));
    Ok(())
}

/// The accounts that a question is counted on: those that have a limit.
fn accounts(config: &Config, caller: &Caller, channel: Channel) -> Vec<Account> {
    let limits = &config.limits;
    let of_channel = limits
        .channels
        .get(&channel)
        .map(|limit| (format!("channel/{}", channel.name()), limit));
    // The terminal is the operator's own.
    let of_caller = (caller.kind != CallerKind::Terminal)
        .then(|| (format!("caller/{}", caller.counted_as), &limits.caller));
    let of_place = caller
        .place
        .as_ref()
        .map(|place| (format!("place/{place}"), &config.slack.channel_limit));
    [of_channel, of_caller, of_place]
        .into_iter()
        .flatten()
        .filter_map(|(subject, limit)| {
            Some(Account {
                subject,
                allowance: limit.allowance()?,
                owed: 0,
            })
        })
        .collect()
}

fn pairs<'a>(
    accounts: &'a [Account],
    used: &'a [Used],
) -> impl Iterator<Item = (&'a Account, &'a Used)> {
    accounts.iter().filter_map(|account| {
        let used = used.iter().find(|used| used.subject == account.subject)?;
        Some((account, used))
    })
}

impl Counters {
    fn take_owed(&self, subject: &str, now: DateTime<Utc>) -> i64 {
        let mut known = self.0.lock();
        match known.get_mut(subject) {
            Some(known) if known.used.at.date_naive() == now.date_naive() => {
                std::mem::take(&mut known.owed)
            }
            _ => 0,
        }
    }

    fn give_owed_back(&self, account: &Account, now: DateTime<Utc>) {
        if account.owed > 0 {
            let mut known = self.0.lock();
            let entry = entry(&mut known, &account.subject, now);
            entry.owed += account.owed;
        }
    }

    /// Notes what the ledger said, and the question that it has counted.
    fn learn(&self, mut used: Used, owed: i64, counted: bool) {
        if counted {
            used.questions += 1;
            used.minute_questions += 1;
        }
        let mut known = self.0.lock();
        if known.len() >= REMEMBERED {
            known.retain(|_, known| known.used.at.date_naive() == used.at.date_naive());
        }
        let owed = owed + known.get(&used.subject).map_or(0, |known| known.owed);
        known.insert(used.subject.clone(), Known { used, owed });
    }

    /// Counts by what is known here.
    fn admit_alone(&self, accounts: &[Account], now: DateTime<Utc>) -> Result<(), Problem> {
        let mut known = self.0.lock();
        let used: Vec<Used> = accounts
            .iter()
            .map(|account| entry(&mut known, &account.subject, now).used.clone())
            .collect();
        if pairs(accounts, &used).any(|(account, used)| spent(&account.allowance, used).is_some()) {
            return Err(refusal(accounts, &used));
        }
        for account in accounts {
            let entry = entry(&mut known, &account.subject, now);
            entry.used.questions += 1;
            entry.used.minute_questions += 1;
            entry.owed += 1;
        }
        Ok(())
    }
}

/// What is known of an account at a moment: a new day and a new minute begin at nothing.
fn entry<'a>(
    known: &'a mut HashMap<String, Known>,
    subject: &str,
    now: DateTime<Utc>,
) -> &'a mut Known {
    let fresh = || Known {
        used: Used {
            subject: subject.to_owned(),
            at: now,
            minute_questions: 0,
            questions: 0,
            tokens: 0,
            cost: Decimal::ZERO,
        },
        owed: 0,
    };
    let known = known.entry(subject.to_owned()).or_insert_with(fresh);
    if known.used.at.date_naive() != now.date_naive() {
        *known = fresh();
    } else if minute(known.used.at) != minute(now) {
        known.used.minute_questions = 0;
    }
    known.used.at = now;
    known
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

/// A limit that leaves no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spent {
    Minute(i64),
    Day(i64),
    Budget,
}

fn spent(allowed: &Allowance, used: &Used) -> Option<Spent> {
    let minute = allowed
        .questions_per_minute
        .filter(|limit| used.minute_questions >= *limit);
    let day = allowed
        .questions_per_day
        .filter(|limit| used.questions >= *limit);
    let tokens = allowed
        .tokens_per_day
        .is_some_and(|limit| used.tokens >= limit);
    let dollars = allowed.usd_per_day.is_some_and(|limit| used.cost >= limit);
    // What takes longest to pass is said.
    if tokens || dollars {
        return Some(Spent::Budget);
    }
    day.map(Spent::Day).or(minute.map(Spent::Minute))
}

/// Says what is used up, and when there is more of it.
fn refusal(accounts: &[Account], used: &[Used]) -> Problem {
    let found = pairs(accounts, used)
        .find_map(|(account, used)| Some((account, used, spent(&account.allowance, used)?)));
    let refuse = |code, detail: String, wait: i64| {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, code, detail).retry_after(wait.max(1) as u64)
    };
    // The last place went to a question that came at the same moment.
    let Some((account, used, spent)) = found else {
        let text = "Too many questions came at once; ask again in a minute.";
        return refuse("rate_limited", text.to_owned(), 60);
    };
    let is_caller = account.subject.starts_with("caller/");
    let who = if is_caller {
        "You have"
    } else {
        "Everyone here together has"
    };
    let midnight = (used.at + TimeDelta::days(1))
        .duration_trunc(TimeDelta::days(1))
        .unwrap_or(used.at);
    let until_midnight = (midnight - used.at).num_seconds();
    let hours = match (until_midnight + 3599) / 3600 {
        1 => "within the hour".to_owned(),
        hours => format!("in {hours} hours"),
    };
    match spent {
        Spent::Minute(limit) => {
            let wait = 60 - used.at.timestamp().rem_euclid(60);
            let detail = format!(
                "{who} asked {} within a minute, and no more are allowed; ask again in {wait} seconds.",
                questions(limit)
            );
            refuse("rate_limited", detail, wait)
        }
        Spent::Day(limit) => {
            let detail = format!(
                "{who} asked {} today, and no more are allowed; ask again {hours}.",
                questions(limit)
            );
            refuse("daily_limit_reached", detail, until_midnight)
        }
        Spent::Budget => {
            let detail =
                format!("{who} used up what answers may cost in a day; ask again {hours}.");
            refuse("daily_budget_spent", detail, until_midnight)
        }
    }
}

fn questions(count: i64) -> String {
    match count {
        1 => "one question".to_owned(),
        count => format!("{count} questions"),
    }
}
