//! What the last days brought: `docent report`, and the same as a digest. One [`Report`] is read from the
//! ledger, of everything or of one owner's documents; it is shown as lines, as Markdown and as JSON.

mod changes;
pub mod digest;
mod gaps;
mod show;

use chrono::{DateTime, Days, NaiveDate, Utc};
use docent_core::app::App;
use docent_core::config::{Config, Texts};
use docent_core::ledger::{
    AskedQuestion, CitedFigure, CostFigure, LedgerError, SourceFigure, Span, Totals,
};
use docent_core::redaction::Redactor;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use gaps::Gap;
pub use show::{markdown, text};

/// Lines of each list.
const LISTED: i64 = 10;
/// Gaps that are read, to be grouped.
const GAPS: i64 = 300;

/// What is reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The first day (UTC), and the day after the last.
    pub from: NaiveDate,
    pub until: NaiveDate,
    /// Whose documents; `None`: everything.
    pub owner: Option<String>,
    pub totals: Totals,
    /// Of as many days before.
    pub before: Totals,
    pub channels: Vec<(String, i64)>,
    /// Empty where questions are not to be quoted.
    pub asked: Vec<AskedQuestion>,
    pub documents: Vec<CitedFigure>,
    pub gaps: Gaps,
    /// Of everything only.
    pub cost: Option<Cost>,
    pub ingest: Vec<SourceFigure>,
    pub alerts: Vec<AlertLine>,
    /// What got better or worse, in sentences.
    pub changes: Vec<String>,
}

/// What the documents lack.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gaps {
    /// Groups of questions: those that were met in the span and are open, those of them that are new, and
    /// those that were closed.
    pub open: usize,
    pub new: usize,
    pub closed: usize,
    /// The largest that are open.
    pub largest: Vec<Gap>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// US dollars of the calls whose price is known.
    pub usd: Decimal,
    pub before_usd: Decimal,
    pub unknown_price: i64,
    pub parts: Vec<CostFigure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertLine {
    pub rule: String,
    pub addressed_to: String,
    pub title: String,
    pub state: String,
}

impl Report {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.totals.questions == 0
            && self.ingest.is_empty()
            && self.alerts.is_empty()
            && self.gaps.open + self.gaps.closed == 0
    }
}

/// Reads a report of some days up to before `until`.
pub async fn read(
    app: &App,
    until: NaiveDate,
    days: u32,
    owner: Option<String>,
) -> Result<Report, LedgerError> {
    let ledger = &app.ledger;
    let length = Days::new(days.max(1).into());
    let span = |until: NaiveDate| Span {
        from: until.checked_sub_days(length).unwrap_or(NaiveDate::MIN),
        until,
        owner: owner.clone(),
    };
    let now = span(until);
    let before = span(now.from);
    let totals = ledger.totals(&now).await?;
    let totals_before = ledger.totals(&before).await?;
    let quoting = Quoting::of(&app.config);
    let mut asked = Vec::new();
    if quoting.shows() {
        asked = ledger.most_asked(&now, LISTED).await?;
        for one in &mut asked {
            one.question = quoting.of_text(&one.question);
        }
    }
    let gaps = gaps::grouped(ledger.gaps_of(&now, GAPS).await?, &now, &quoting);
    let mut cost = None;
    if owner.is_none() {
        let parts = ledger.costs_of(&now).await?;
        let of_before = ledger.costs_of(&before).await?;
        let sum = |parts: &[CostFigure]| parts.iter().filter_map(|part| part.cost).sum();
        cost = Some(Cost {
            usd: sum(&parts),
            before_usd: sum(&of_before),
            unknown_price: parts.iter().map(|part| part.unknown_price).sum(),
            parts,
        });
    }
    let own: Option<Vec<String>> = owner.as_ref().map(|owner| {
        let own = app.config.sources.iter();
        let own = own.filter(|source| source.owner.as_ref() == Some(owner));
        own.map(|source| source.name.clone()).collect()
    });
    let alerts = ledger.alerts_of(&now).await?.into_iter();
    let alerts = alerts.map(|(rule, addressed_to, title, state)| AlertLine {
        rule,
        addressed_to,
        title,
        state,
    });
    let mut report = Report {
        from: now.from,
        until,
        owner: owner.clone(),
        totals,
        before: totals_before,
        channels: ledger.by_channel(&now).await?,
        asked,
        documents: ledger.most_cited(&now, LISTED).await?,
        gaps,
        cost,
        ingest: ledger.runs_of(&now, own.as_deref()).await?,
        alerts: alerts.collect(),
        changes: Vec::new(),
    };
    report.changes = changes::between(&report);
    Ok(report)
}

/// What of questions may be quoted.
pub(crate) struct Quoting {
    texts: Texts,
    redactor: Option<Redactor>,
}

impl Quoting {
    pub(crate) fn of(config: &Config) -> Self {
        let texts = if config.digest.texts {
            config.insights.texts
        } else {
            Texts::None
        };
        let mut rules = config.redaction.clone();
        rules.enabled = true;
        let redactor = Redactor::new(&rules).ok().flatten();
        Self { texts, redactor }
    }

    pub(crate) fn shows(&self) -> bool {
        self.texts != Texts::None
    }

    pub(crate) fn of_text(&self, text: &str) -> String {
        let text = match (self.texts, &self.redactor) {
            (Texts::All, _) => text.to_owned(),
            (Texts::Redacted, Some(redactor)) => redactor.redact(text).into_owned(),
            _ => return String::new(),
        };
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The day after the day of a moment (UTC): a report up to before it has that day in it.
pub(crate) fn tomorrow(now: DateTime<Utc>) -> NaiveDate {
    let today = now.date_naive();
    today.succ_opt().unwrap_or(today)
}
