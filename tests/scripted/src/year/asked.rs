//! Questions of a day, with what was found for them and how they were rated.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use uuid::Uuid;

use super::dice::Dice;
use super::moment;
use super::people::Person;
use super::plan::EventKind;
use super::questions::{ASSETS, Question};
use super::rows::{CONVERSATION, FEEDBACK, INTERACTION, PASSAGE, Rows, id, path, text, title};

/// How often a question without an answer is asked again at once.
const AGAIN: f64 = 0.35;

impl Rows<'_> {
    /// The questions of a day.
    pub(crate) fn day(&mut self, dice: &mut Dice, day: NaiveDate, wanted: usize) {
        let mut left = wanted;
        while left > 0 {
            let mut length = 1;
            while length < 7 && length < left && dice.chance(0.44) {
                length += 1;
            }
            self.conversation(dice, day, length);
            left -= length;
        }
    }

    fn conversation(&mut self, dice: &mut Dice, day: NaiveDate, length: usize) {
        let (people, questions) = (self.people, self.questions);
        let person = people.any(dice);
        let end =
            (day + Days::new(1)).and_time(NaiveTime::MIN).and_utc() - TimeDelta::milliseconds(1);
        let began = moment(dice, day);
        let id = id(dice, began);
        let mut at = began;
        let mut title = "";
        let mut unanswered = None;
        for number in 0..length {
            let korean = person.korean && dice.chance(0.9);
            // Who got no answer often tries once more: questions are not independent of each other.
            let again = unanswered.take().filter(|_| dice.chance(AGAIN));
            let question = again.unwrap_or_else(|| questions.any(dice, korean));
            if number == 0 {
                title = &question.text;
            }
            let outcome = self.question(dice, id, person, question, at, number);
            unanswered = (outcome == "abstained").then_some(question);
            at = (at + TimeDelta::seconds(30 + dice.below(240) as i64)).min(end);
        }
        self.push(
            CONVERSATION,
            format_args!(
                "{id}\t{title}\t{}\t{}\t{}\t{}",
                person.channel,
                person.name,
                text(began),
                text(at)
            ),
        );
        self.conversations += 1;
    }

    fn question(
        &mut self,
        dice: &mut Dice,
        conversation: Uuid,
        person: &Person,
        question: &Question,
        at: DateTime<Utc>,
        number: usize,
    ) -> &'static str {
        let plan = self.plan;
        let outage = plan.on(EventKind::Outage, at).map(|event| event.size);
        let renamed = plan.on(EventKind::Rename, at);
        let renamed = renamed.filter(|event| event.about == ASSETS[question.asset].name);
        let abstains = renamed.map_or(question.abstains, |event| event.size.max(question.abstains));
        let outcome = if dice.chance(abstains) {
            "abstained"
        } else if dice.chance(outage.unwrap_or(0.004)) {
            "failed"
        } else if dice.chance(0.012) {
            "cancelled"
        } else {
            "answered"
        };
        let (outage, renamed) = (outage.is_some(), renamed.is_some());
        let quoted = outage || dice.chance(0.02);
        let (generator, reason) = match (outcome, quoted) {
            ("answered", true) => ("extractive", "the chat model gave no answer in time"),
            ("answered", false) => ("model", "\\N"),
            _ => ("\\N", "\\N"),
        };
        let retrieve = dice.duration(60.0);
        let first = retrieve + dice.duration(820.0);
        let total = match outcome {
            "abstained" => retrieve + 5,
            _ => first + dice.duration(1700.0),
        };
        let first = if outcome == "abstained" {
            "\\N".to_owned()
        } else {
            first.to_string()
        };
        let id = id(dice, at);
        let answered = outcome == "answered";
        let sentences = 2 + dice.below(4);
        let asset = &ASSETS[question.asset];
        let answer = match outcome {
            "abstained" => "I found no answer to this in the documents I may show you.".to_owned(),
            "answered" => format!(
                "According to its documentation, `{}` is described here [1]. Its owner is {} [2].",
                asset.name, asset.owner
            ),
            _ => String::new(),
        };
        let checked = if answered {
            sentences.to_string()
        } else {
            "\\N".to_owned()
        };
        let unverified = if answered {
            usize::from(dice.chance(0.08)).to_string()
        } else {
            "\\N".to_owned()
        };
        self.push(INTERACTION, format_args!(
            "{id}\t{}\t{conversation}\t{}\t{}\tperson\t{q}\t{}\t{q}\t{answer}\t{outcome}\t{generator}\t{reason}\t{retrieve}\t{first}\t{total}\t{checked}\t{unverified}\t{}\t{}\t{}\t{}\t{}",
            text(at), person.channel, person.name, question.embedding,
            if question.korean { "ko" } else { "en" }, person.team, asset.source, asset.name, asset.owner,
            q = question.text,
        ));
        self.interactions += 1;
        self.passages(dice, id, question, answered);
        self.feedback(dice, id, person, at, outcome, renamed);
        self.calls_of(dice, id, at, outcome, number > 0, outage);
        outcome
    }

    fn passages(&mut self, dice: &mut Dice, id: Uuid, question: &Question, answered: bool) {
        let asset = &ASSETS[question.asset];
        let days = 20 + (question.asset * 37) % 900;
        let updated = text(
            (self.last - Days::new(days as u64))
                .and_time(NaiveTime::MIN)
                .and_utc(),
        );
        for (place, document) in question.documents.iter().enumerate() {
            let rank = place + 1;
            let cited = answered && (place == 0 || (place == 1 && dice.chance(0.6)));
            let (cited_as, quote) = if cited {
                (rank.to_string(), "its owner is named here")
            } else {
                ("\\N".to_owned(), "\\N")
            };
            let score = 0.9 - 0.1 * place as f64 - 0.05 * dice.unit();
            self.push(PASSAGE, format_args!(
                "{id}\t{rank}\t{document}\t{document}\t{}\t{}\t{}\t{score:.3}\t{score:.3}\t0.7\t{cited_as}\t{quote}\t{}\t{}\t{updated}",
                asset.source, path(question.asset, place), title(question.asset, place), asset.name, asset.owner
            ));
        }
    }

    fn feedback(
        &mut self,
        dice: &mut Dice,
        id: Uuid,
        person: &Person,
        at: DateTime<Utc>,
        outcome: &str,
        renamed: bool,
    ) {
        let (rated, down) = match outcome {
            "answered" if renamed => (0.3, 0.8),
            "answered" => (0.06, 0.14),
            "abstained" => (0.04, 0.85),
            _ => (0.0, 0.0),
        };
        if dice.chance(rated) {
            let rating = if dice.chance(down) { "down" } else { "up" };
            let comment = if rating == "down" && dice.chance(0.2) {
                "this is out of date"
            } else {
                "\\N"
            };
            self.push(
                FEEDBACK,
                format_args!("{id}\t{}\t{}\t{rating}\t{comment}", person.name, text(at)),
            );
        }
    }
}
