//! Who asks: a company of eight teams.

use super::dice::{Dice, zipf_sums};

/// Teams, and how many people of each ask anything at all.
pub(crate) const TEAMS: [(&str, usize); 8] = [
    ("growth", 310),
    ("operations", 280),
    ("support", 240),
    ("finance", 190),
    ("marketing", 170),
    ("product", 160),
    ("mobility", 140),
    ("hardware", 90),
];

/// Channels and their share.
pub(crate) const CHANNELS: [(&str, u32); 5] = [
    ("slack", 44),
    ("web", 30),
    ("widget", 13),
    ("api", 8),
    ("terminal", 5),
];

pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) team: &'static str,
    /// Most keep to the channel that they found first.
    pub(crate) channel: &'static str,
    pub(crate) korean: bool,
}

pub(crate) struct People {
    people: Vec<Person>,
    sums: Vec<f64>,
}

impl People {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let weights = CHANNELS.map(|(_, weight)| weight);
        let mut people = Vec::new();
        for (team, size) in TEAMS {
            for number in 0..size {
                let channel = CHANNELS[dice.weighted(&weights)].0;
                let name = match channel {
                    "api" => format!("key:{team}-{}", number % 4),
                    "terminal" => "terminal".to_owned(),
                    _ => format!("user:{team}.{number:03}"),
                };
                let korean = dice.chance(0.16);
                people.push(Person { name, team, channel, korean });
            }
        }
        // Nobody's rank should depend on the team.
        for index in (1..people.len()).rev() {
            people.swap(index, dice.below(index + 1));
        }
        let sums = zipf_sums(people.len(), 0.6);
        Self { people, sums }
    }

    pub(crate) fn any(&self, dice: &mut Dice) -> &Person {
        &self.people[dice.zipf(&self.sums)]
    }
}
