//! What is out of the ordinary in a year, where and how much, drawn by its seed.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::dice::Dice;
use super::questions::ASSETS;
use super::{calls, runs};

/// Questions a week that tell a change of an asset: the alerts' `min_questions` with something to spare.
const ENOUGH: f64 = 40.0;
/// The days that the two events of a kind begin on: far enough from each other and from the beginning for a
/// past without any.
const SPANS: [(u64, u64); 2] = [(60, 180), (230, 340)];

/// Something out of the ordinary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub kind: EventKind,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// The model, asset or source that it is about.
    pub about: String,
    /// Of an outage, the share of questions that fail; of a rename, that find no answer; of a spike, how many
    /// times what a day usually costs.
    pub size: f64,
    /// Who is to be told, where somebody owns it.
    pub owner: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The chat model's provider is down for hours: calls fail, answers are quoted or fail.
    Outage,
    /// A table was renamed and its documents were not: its questions find nothing, answers are disliked.
    Rename,
    /// A run embeds everything anew.
    CostSpike,
    /// The runs over a source fail, night after night.
    DeadSource,
}

/// What the events change, in one place: every row asks it.
pub(crate) struct Plan {
    pub(crate) events: Vec<Event>,
}

impl Plan {
    /// Two events of each kind. `asked` says how many questions a week each asset has.
    pub(crate) fn drawn(seed: u64, first: NaiveDate, asked: &[f64]) -> Self {
        // Dice of their own: events change nothing but what they are about.
        let mut dice = Dice::new(seed.rotate_left(32) ^ 0x5eed);
        let mut known: Vec<usize> = (0..ASSETS.len())
            .filter(|asset| asked[*asset] >= ENOUGH)
            .collect();
        if known.len() < SPANS.len() {
            known = (0..ASSETS.len()).collect();
        }
        let mut events = Vec::new();
        for span in SPANS {
            let begin = |dice: &mut Dice, weekday: bool| {
                let mut day = first + Days::new(between(dice, span.0, span.1));
                while weekday && day.weekday().number_from_monday() > 5 {
                    day = day + Days::new(1);
                }
                day.and_time(chrono::NaiveTime::MIN).and_utc()
            };
            let at = begin(&mut dice, true) + TimeDelta::hours(between(&mut dice, 6, 13) as i64);
            events.push(Event {
                kind: EventKind::Outage,
                from: at,
                until: at + TimeDelta::hours(between(&mut dice, 3, 9) as i64),
                about: calls::CHAT_MODEL.to_owned(),
                size: 0.15 + 0.35 * dice.unit(),
                owner: None,
            });
            let at = begin(&mut dice, false);
            let asset = &ASSETS[known.swap_remove(dice.below(known.len()))];
            events.push(Event {
                kind: EventKind::Rename,
                from: at,
                until: at + TimeDelta::days(between(&mut dice, 5, 12) as i64),
                about: asset.name.to_owned(),
                size: 0.5 + 0.35 * dice.unit(),
                owner: Some(asset.owner.to_owned()),
            });
            let at = begin(&mut dice, false);
            let (source, owner) = runs::any(&mut dice);
            events.push(Event {
                kind: EventKind::DeadSource,
                from: at,
                until: at + TimeDelta::days(between(&mut dice, 3, 14) as i64),
                about: source.to_owned(),
                size: 1.0,
                owner: Some(owner.to_owned()),
            });
            let at = begin(&mut dice, false);
            // What is dead costs nothing.
            let (source, owner) = loop {
                let (other, owner) = runs::any(&mut dice);
                if other != source {
                    break (other, owner);
                }
            };
            events.push(Event {
                kind: EventKind::CostSpike,
                from: at,
                until: at + TimeDelta::hours(4),
                about: source.to_owned(),
                size: 4.0 + 11.0 * dice.unit(),
                owner: Some(owner.to_owned()),
            });
        }
        Self { events }
    }

    /// The event of a kind that goes on at a moment.
    pub(crate) fn on(&self, kind: EventKind, at: DateTime<Utc>) -> Option<&Event> {
        let mut events = self.events.iter();
        events.find(|event| event.kind == kind && event.from <= at && at < event.until)
    }
}

/// From `low` to `high`, both included.
fn between(dice: &mut Dice, low: u64, high: u64) -> u64 {
    low + dice.below((high - low + 1) as usize) as u64
}
