//! Rows as COPY reads them, a buffer a table.

use std::fmt::Write as _;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::{Builder, Uuid};

use super::dice::Dice;
use super::moment;
use super::people::{People, Person};
use super::plan::{EventKind, Plan};
use super::questions::{ASSETS, Question, Questions, document};

pub(crate) const CHAT_MODEL: &str = "gpt-4.1-mini";
const TRIAL_MODEL: &str = "trial-chat";
/// Dollars of a token that is embedded, and, about, of a question.
pub(crate) const EMBEDDING_DOLLARS: f64 = 0.02e-6;
pub(crate) const DOLLARS: f64 = 0.0025;
const EMBEDDING_MODEL: &str = "text-embedding-3-small";
/// The language of these days is tried on a model whose price nobody has configured.
const TRIAL_DAYS: i64 = 21;

/// How often a question without an answer is asked again at once.
const AGAIN: f64 = 0.35;

/// Tables in the order that foreign keys want, with the columns that are written.
const TABLES: [(&str, &str); 10] = [
    ("source", "name,kind,location,first_run_at,last_run_at"),
    (
        "collection",
        "name,embedding,layout,dimensions,generation,average_length,live",
    ),
    (
        "document",
        "collection,source,document_id,path,raw_hash,content_hash,metadata_hash,title,chunks,lexical_length,indexed,outcome,run_id,updated_at",
    ),
    (
        "ingest_request",
        "id,origin,sources,requested_at,started_at,finished_at,outcome",
    ),
    (
        "ingest_run",
        "id,source,collection,started_at,finished_at,outcome,indexed,unchanged,failed,chunks_embedded,tokens,cost,problems",
    ),
    (
        "conversation",
        "id,title,channel,caller,started_at,updated_at",
    ),
    (
        "interaction",
        "id,at,conversation_id,channel,caller,origin,question,question_embedding,standalone_question,answer,outcome,generator,fallback_reason,retrieve_ms,first_token_ms,total_ms,checked,unverified,language,team,source,asset,owner",
    ),
    (
        "passage",
        "interaction_id,rank,point_id,document_id,source,path,title,score,cosine,coverage,cited_as,quote,asset,owner,updated_at",
    ),
    ("feedback", "interaction_id,caller,at,rating,comment"),
    (
        "model_call",
        "id,at,purpose,model,input_tokens,cached_tokens,output_tokens,usage_source,cost,latency_ms,outcome,run_id,interaction_id",
    ),
];
pub(crate) const SOURCE: usize = 0;
const COLLECTION: usize = 1;
const DOCUMENT: usize = 2;
pub(crate) const REQUEST: usize = 3;
pub(crate) const RUN: usize = 4;
const CONVERSATION: usize = 5;
const INTERACTION: usize = 6;
const PASSAGE: usize = 7;
const FEEDBACK: usize = 8;
const CALL: usize = 9;

/// What a call was for, and what came of it.
pub(crate) struct Call<'a> {
    pub(crate) at: DateTime<Utc>,
    pub(crate) purpose: &'a str,
    pub(crate) model: &'a str,
    /// Input and output.
    pub(crate) tokens: Option<(i64, i64)>,
    pub(crate) cost: Option<f64>,
    pub(crate) ms: i64,
    pub(crate) outcome: &'a str,
    pub(crate) run: Option<Uuid>,
    pub(crate) interaction: Option<Uuid>,
}

pub(crate) struct Rows<'a> {
    pub(crate) plan: &'a Plan,
    people: &'a People,
    questions: &'a Questions,
    buffers: [String; 10],
    last: NaiveDate,
    pub(crate) interactions: usize,
    pub(crate) calls: usize,
    pub(crate) conversations: usize,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        people: &'a People,
        questions: &'a Questions,
        last: NaiveDate,
    ) -> Self {
        Self {
            plan,
            people,
            questions,
            buffers: Default::default(),
            last,
            interactions: 0,
            calls: 0,
            conversations: 0,
        }
    }

    /// Adds a row: its fields, already fit for COPY, separated by tabs.
    pub(crate) fn push(&mut self, table: usize, row: std::fmt::Arguments<'_>) {
        let buffer = &mut self.buffers[table];
        let _ = buffer.write_fmt(row);
        buffer.push('\n');
    }

    /// Writes what was collected.
    pub(crate) async fn write(&mut self, connection: &mut PgConnection) {
        for ((table, columns), buffer) in TABLES.iter().zip(&mut self.buffers) {
            if buffer.is_empty() {
                continue;
            }
            let copy = format!("COPY {table} ({columns}) FROM STDIN");
            let mut copying = connection
                .copy_in_raw(&copy)
                .await
                .expect("the table is there");
            copying
                .send(buffer.as_bytes())
                .await
                .expect("Postgres reads on");
            copying
                .finish()
                .await
                .unwrap_or_else(|error| panic!("{table}: {error}"));
            buffer.clear();
        }
    }

    /// What the index holds: four documents of each asset, and the collection.
    pub(crate) fn documents(&mut self, first: NaiveDate) {
        let run = Uuid::nil();
        let at = text(first.and_time(NaiveTime::MIN).and_utc());
        self.push(
            COLLECTION,
            format_args!("docent-year\te\tl\t64\t{run}\t100\tt"),
        );
        for (number, asset) in ASSETS.iter().enumerate() {
            for part in 0..4 {
                let (id, path) = (document(number, part), path(number, part));
                self.push(DOCUMENT, format_args!(
                    "docent-year\t{}\t{id}\t{path}\tr\tc\tm\t{}\t9\t900\tt\tunchanged\t{run}\t{at}",
                    asset.source, title(number, part)
                ));
            }
        }
    }

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

    fn calls_of(
        &mut self,
        dice: &mut Dice,
        id: Uuid,
        at: DateTime<Utc>,
        outcome: &str,
        follow_up: bool,
        outage: bool,
    ) {
        let of = |purpose, model, tokens, cost, ms, outcome| Call {
            at: at - TimeDelta::milliseconds(200),
            purpose,
            model,
            tokens,
            cost,
            ms,
            outcome,
            run: None,
            interaction: Some(id),
        };
        // A provider that is down answers to nothing.
        if outage {
            let purposes = ["condense", "answer"];
            let first = usize::from(!follow_up);
            let last = if outcome == "abstained" { 1 } else { 2 };
            for purpose in &purposes[first.min(last)..last] {
                for _ in 0..3 {
                    let call = of(purpose, CHAT_MODEL, None, None, 5000, "unavailable");
                    self.call(dice, &call);
                }
            }
        }
        if follow_up && !outage {
            let tokens = (380 + dice.below(200) as i64, 24);
            let call = of(
                "condense",
                CHAT_MODEL,
                Some(tokens),
                Some(price(tokens)),
                dice.duration(420.0),
                "ok",
            );
            self.call(dice, &call);
        }
        let call = of(
            "embed_question",
            EMBEDDING_MODEL,
            Some((14, 0)),
            Some(14.0 * EMBEDDING_DOLLARS),
            dice.duration(70.0),
            "ok",
        );
        self.call(dice, &call);
        let call = of(
            "rerank",
            "rerank-v3.5",
            None,
            Some(0.001),
            dice.duration(140.0),
            "ok",
        );
        self.call(dice, &call);
        if !outage && dice.chance(0.15) {
            let tokens = (160, 60);
            let call = of(
                "expand",
                CHAT_MODEL,
                Some(tokens),
                Some(price(tokens)),
                dice.duration(500.0),
                "ok",
            );
            self.call(dice, &call);
        }
        if outage || outcome == "abstained" {
            return;
        }
        if dice.chance(0.012) {
            let call = of("answer", CHAT_MODEL, None, None, 90, "rate_limited");
            self.call(dice, &call);
        }
        let tokens = (2100 + dice.below(900) as i64, 120 + dice.below(200) as i64);
        let trial = (self.last - at.date_naive()).num_days() < TRIAL_DAYS && dice.chance(0.05);
        let (model, cost) = if trial {
            (TRIAL_MODEL, None)
        } else {
            (CHAT_MODEL, Some(price(tokens)))
        };
        let ending = if outcome == "cancelled" {
            "cancelled"
        } else {
            "ok"
        };
        let call = of(
            "answer",
            model,
            Some(tokens),
            cost,
            dice.duration(2300.0),
            ending,
        );
        self.call(dice, &call);
    }

    pub(crate) fn call(&mut self, dice: &mut Dice, call: &Call<'_>) {
        let null = || "\\N".to_owned();
        let (input, output) = call.tokens.map_or((null(), null()), |(input, output)| {
            (input.to_string(), output.to_string())
        });
        let cached = if call.tokens.is_some() { "0" } else { "\\N" };
        let usage = match (call.tokens, call.outcome) {
            (None, _) => "\\N",
            (Some(_), "cancelled") => "estimated",
            _ => "reported",
        };
        let cost = call.cost.map_or_else(null, |cost| format!("{cost:.8}"));
        let (run, interaction) = (
            call.run.map_or_else(null, |id| id.to_string()),
            call.interaction.map_or_else(null, |id| id.to_string()),
        );
        let id = id(dice, call.at);
        self.push(CALL, format_args!(
            "{id}\t{}\t{}\t{}\t{input}\t{cached}\t{output}\t{usage}\t{cost}\t{}\t{}\t{run}\t{interaction}",
            text(call.at), call.purpose, call.model, call.ms, call.outcome
        ));
        self.calls += 1;
    }

    /// One request of ingest's embedding.
    pub(crate) fn embedding_call(
        &mut self,
        dice: &mut Dice,
        at: DateTime<Utc>,
        run: Uuid,
        tokens: i64,
    ) -> f64 {
        let cost = tokens as f64 * EMBEDDING_DOLLARS;
        let ms = dice.duration(300.0);
        self.call(
            dice,
            &Call {
                at,
                purpose: "embed_passages",
                model: EMBEDDING_MODEL,
                tokens: Some((tokens, 0)),
                cost: Some(cost),
                ms,
                outcome: "ok",
                run: Some(run),
                interaction: None,
            },
        );
        cost
    }
}

fn price((input, output): (i64, i64)) -> f64 {
    input as f64 * 0.4e-6 + output as f64 * 1.6e-6
}

fn path(asset: usize, part: usize) -> String {
    let name = ASSETS[asset].name;
    ["{}.md", "{}/columns.md", "{}/history.md", "{}/faq.md"][part].replace("{}", name)
}

fn title(asset: usize, part: usize) -> String {
    let name = ASSETS[asset].name;
    ["{}", "Columns of {}", "History of {}", "Questions about {}"][part].replace("{}", name)
}

pub(crate) fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An id as docent makes them, of a moment.
pub(crate) fn id(dice: &mut Dice, at: DateTime<Utc>) -> Uuid {
    Builder::from_unix_timestamp_millis(at.timestamp_millis() as u64, &dice.bytes()).into_uuid()
}
