//! Rule `answers`: more questions without an answer, or more failures, than there used to be; of all
//! questions, and of those about one data product.
//!
//! A rate of the last 24 hours, and one of the last seven days, are compared with the four weeks before
//! ([`super::statistics`] has the test); failures also of the last hour. A week's rise counts only while
//! its last day goes on with it, so that the alert is over when its cause is. As many tests are made as
//! there are data products, so each must be so much surer (Bonferroni).

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use docent_core::ledger::{DayCount, Finding, LedgerError};

use super::Watch;
use super::owner::{Contact, FALLBACK, fallback};
use super::statistics::{Count, chance_of_rise};

/// Days of the past, and windows of now, in days.
const PAST: i32 = 28;
const WINDOWS: [i32; 2] = [1, 7];
/// A rise is one by half at least, or the others become fewer by as much: where six of ten questions find no
/// answer already, nine of ten are no less news than three of ten are after two.
const TIMES: f64 = 1.5;
/// The past must have so many times `min_questions`.
const PAST_TIMES: i64 = 2;
/// Questions of the last day that can tell whether a week's rise goes on.
const GOES_ON: i64 = 10;

pub(super) async fn find(watch: &Watch<'_>) -> Result<Vec<Finding>, LedgerError> {
    let ledger = &watch.app.ledger;
    let days = ledger.day_counts(watch.now, PAST + 7).await?;
    let mut findings = Vec::new();
    let all = Test { watch, tests: 1 };
    if let Some(rise) = all.over_days(&days, abstained) {
        let to = (FALLBACK.to_owned(), fallback(&watch.app.config));
        findings.push(unanswered("abstained", "", to, &rise));
    }
    let hour = ledger.hour_failures(watch.now).await?;
    if let Some(rise) = all
        .over_days(&days, failed)
        .or_else(|| all.over_an_hour(&days, hour))
    {
        findings.push(failing(watch, &rise));
    }
    findings.extend(by_asset(watch).await?);
    Ok(findings)
}

async fn by_asset(watch: &Watch<'_>) -> Result<Vec<Finding>, LedgerError> {
    let least = i64::from(watch.settings().min_questions);
    let counts = watch
        .app
        .ledger
        .asset_counts(watch.now, PAST + 7, least)
        .await?;
    let mut assets: BTreeMap<String, (Option<String>, Vec<DayCount>)> = BTreeMap::new();
    for count in counts {
        let of_asset = assets
            .entry(count.asset)
            .or_insert((count.owner, Vec::new()));
        of_asset.1.push(count.day);
    }
    let test = Test {
        watch,
        tests: assets.len(),
    };
    let config = &watch.app.config;
    let mut findings = Vec::new();
    for (asset, (owner, days)) in &assets {
        if let Some(rise) = test.over_days(days, abstained) {
            let payload = watch.describing(asset).await;
            let source = payload
                .as_ref()
                .map_or("", |payload| payload.source.as_str());
            let to = Contact::of_document(config, payload.as_ref(), owner.as_deref(), source);
            let subject = format!("asset {asset}");
            findings.push(unanswered(
                &subject,
                &format!(" about {asset}"),
                to.addressed(config),
                &rise,
            ));
        }
    }
    Ok(findings)
}

fn abstained(day: &DayCount) -> Count {
    Count {
        hits: day.abstained,
        all: day.questions,
    }
}

fn failed(day: &DayCount) -> Count {
    Count {
        hits: day.failed,
        all: day.questions,
    }
}

/// A rate that is higher than it was.
struct Rise {
    now: Count,
    past: Count,
    since: DateTime<Utc>,
    window: &'static str,
}

/// One of `tests` that are made at once.
struct Test<'a> {
    watch: &'a Watch<'a>,
    tests: usize,
}

impl Test<'_> {
    fn over_days(&self, days: &[DayCount], of: fn(&DayCount) -> Count) -> Option<Rise> {
        let settings = self.watch.settings();
        WINDOWS.into_iter().find_map(|window| {
            let now: Count = within(days, 0, window, of).into_iter().sum();
            let past = within(days, window, window + PAST, of);
            let since = self.watch.now - TimeDelta::days(window.into());
            let name = if window == 1 { "24 hours" } else { "7 days" };
            let rise = self.rise(now, &past, since, name)?;
            let last: Count = within(days, 0, 1, of).into_iter().sum();
            let goes_on =
                last.all < GOES_ON || last.rate() > rise.past.rate() + settings.min_rise / 2.0;
            goes_on.then_some(rise)
        })
    }

    fn over_an_hour(
        &self,
        days: &[DayCount],
        (all, hits, first): (i64, i64, Option<DateTime<Utc>>),
    ) -> Option<Rise> {
        let past = within(days, 1, PAST + 1, failed);
        let since = first.unwrap_or(self.watch.now);
        self.rise(Count { hits, all }, &past, since, "hour")
    }

    fn rise(
        &self,
        now: Count,
        past: &[Count],
        since: DateTime<Utc>,
        window: &'static str,
    ) -> Option<Rise> {
        let settings = self.watch.settings();
        let least = i64::from(settings.min_questions);
        let sum: Count = past.iter().copied().sum();
        let (rate, before) = (now.rate(), sum.rate());
        let is_higher = rate >= before + settings.min_rise
            && (rate >= before * TIMES || (1.0 - rate) * TIMES <= 1.0 - before);
        let has_enough = now.all >= least && sum.all >= least * PAST_TIMES;
        let chance = settings.significance / self.tests.max(1) as f64;
        (has_enough && is_higher && chance_of_rise(now, sum, past) < chance).then_some(Rise {
            now,
            past: sum,
            since,
            window,
        })
    }
}

/// The days from `from` to before `to`, counted back.
fn within(days: &[DayCount], from: i32, to: i32, of: fn(&DayCount) -> Count) -> Vec<Count> {
    let days = days.iter().filter(|day| (from..to).contains(&day.days_ago));
    days.map(of).collect()
}

fn unanswered(
    subject: &str,
    about: &str,
    (addressed_to, recipients): (String, Vec<String>),
    rise: &Rise,
) -> Finding {
    Finding {
        rule: "answers".to_owned(),
        subject: subject.to_owned(),
        addressed_to,
        recipients,
        since: rise.since,
        title: rise.title(&format!("questions{about} find no answer")),
        what: rise.what(),
        todo:
            "The questions without an answer are the gaps: something was renamed, removed or never \
               written, or a source is missing from the index."
                .to_owned(),
        place: "insights/gaps".to_owned(),
        documents: Vec::new(),
    }
}

fn failing(watch: &Watch<'_>, rise: &Rise) -> Finding {
    Finding {
        rule: "answers".to_owned(),
        subject: "failed".to_owned(),
        addressed_to: FALLBACK.to_owned(),
        recipients: fallback(&watch.app.config),
        since: rise.since,
        title: rise.title("questions fail"),
        what: rise.what(),
        todo: "The log has the reasons; `docent doctor` tries index, ledger and models.".to_owned(),
        place: "insights/use".to_owned(),
        documents: Vec::new(),
    }
}

impl Rise {
    fn title(&self, happens: &str) -> String {
        let percent = |count: Count| format!("{:.1}%", count.rate() * 100.0);
        format!(
            "More {happens}: {}, it was {}",
            percent(self.now),
            percent(self.past)
        )
    }

    fn what(&self) -> String {
        format!(
            "{} of {} in the last {}; {} of {} in the four weeks before.",
            self.now.hits, self.now.all, self.window, self.past.hits, self.past.all
        )
    }
}
