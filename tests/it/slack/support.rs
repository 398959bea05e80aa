//! A scripted workspace, a client of it, and turns to deliver.

use std::time::Duration;

use docent::chat::language::Language;
use docent::chat::turn::{AnswerGenerator, AnswerUsage, Citation, SourcePassage, Timings};
use docent::chat::{Answer, AnswerOutcome, Event};
use docent::slack::Slack;
use docent::slack::render::Look;
use docent::slack::reply::{self, Delivered, Place};
use docent_core::config::{self, Overrides, Secret};
use docent_scripted::slack::{ScriptedSlack, SlackMessage, SlackRules, TEAM};
use futures::stream::{self, StreamExt};
use uuid::Uuid;

pub(super) const CHANNEL: &str = "C1";
pub(super) const ASKER: &str = "U1";
pub(super) const WIKI: &str = "https://wiki.example/trips";
/// An answer with citations, more than one paragraph, and code.
pub(super) const TEXT: &str = "The table fct_trips is loaded hourly [1]. It has one row for each finished trip [1]. \
    Rows older than two years are archived, and the archive is read with the same name and another \
    schema. Whoever needs both reads the view, which puts them together and is refreshed at night.\n\n\
    ```sql\nselect count(*) from fct_trips where trips[1] > 0;\n```\n\nThat is all.";

/// A workspace and docent's client of it.
pub(super) struct Scene {
    pub slack: ScriptedSlack,
    pub client: Slack,
    /// A question of [`ASKER`] in [`CHANNEL`].
    pub question: String,
}

impl Scene {
    /// Messages may follow each other fast.
    pub(super) async fn new() -> Self {
        Self::with(SlackRules {
            post_interval: Duration::from_millis(5),
            ..SlackRules::default()
        })
        .await
    }

    pub(super) async fn with(rules: SlackRules) -> Self {
        let token = rules.token.clone();
        let interval = rules.post_interval;
        let slack = ScriptedSlack::start(rules).await;
        let client = client(&slack, &token, interval);
        let question = slack.say(CHANNEL, None, ASKER, "<@U0BOT> when is fct_trips loaded?");
        Self {
            slack,
            client,
            question,
        }
    }

    pub(super) fn place(&self) -> Place {
        Place {
            channel: CHANNEL.to_owned(),
            thread_ts: self.question.clone(),
            team: TEAM.to_owned(),
            look: Look {
                language: Language::English,
                asker: ASKER.to_owned(),
                is_private: false,
                tells: false,
            },
            streaming: true,
            quiet: false,
            leftovers: Vec::new(),
        }
    }

    /// Delivers a turn that tells the answer in pieces.
    pub(super) async fn deliver(
        &self,
        place: &Place,
        answer: &Answer,
        pace: Duration,
    ) -> Delivered {
        let events = told(answer, 40, pace);
        let events = Box::pin(events);
        let delivering = reply::deliver(&self.client, place, "Ev1", events, &reply::unheard);
        spawnable(delivering).await.unwrap()
    }

    /// What the thread shows of docent's, all messages together.
    pub(super) fn seen(&self) -> String {
        let shown = self.slack.shown(CHANNEL, &self.question);
        let seen: Vec<String> = shown.iter().map(SlackMessage::seen).collect();
        seen.join("\n")
    }
}

/// A delivery is a task of its own.
fn spawnable<T: Send>(delivering: T) -> T {
    delivering
}

pub(super) fn client(slack: &ScriptedSlack, token: &str, interval: Duration) -> Slack {
    let mut config = config::load(&Overrides::default()).unwrap().slack;
    config.api_url = slack.api_url();
    config.bot_token = Secret::new(token);
    config.post_interval_ms = interval.as_millis() as u64;
    Slack::new(&config).unwrap()
}

/// An answer that cites one page of a wiki.
pub(super) fn an_answer(text: &str) -> Answer {
    Answer {
        interaction_id: Uuid::from_u128(7),
        conversation_id: Uuid::from_u128(8),
        question: "When is fct_trips loaded?".to_owned(),
        standalone_question: "When is fct_trips loaded?".to_owned(),
        answer: text.trim_end().to_owned(),
        outcome: AnswerOutcome::Answered,
        generator: AnswerGenerator::Model,
        fallback_reason: None,
        citations: vec![Citation {
            number: 1,
            title: "Trips".to_owned(),
            uri: WIKI.to_owned(),
            path: "fct_trips.md".to_owned(),
            heading: "Load".to_owned(),
            quote: "The table fct_trips is loaded hourly.".to_owned(),
            span: None,
            score: 1.0,
            verified: Some(true),
            updated_at: None,
            fresh_at: None,
            status: None,
            owner: None,
            author: None,
        }],
        marks: Vec::new(),
        contact: None,
        usage: AnswerUsage::default(),
        timings: Timings::default(),
    }
}

/// The events of an answer, in deltas of so many characters at a pace.
pub(super) fn told(
    answer: &Answer,
    chars: usize,
    pace: Duration,
) -> impl stream::Stream<Item = Event> + use<> {
    let mut events = beginning(answer);
    let text: Vec<char> = answer.answer.chars().collect();
    events.extend(text.chunks(chars).map(|piece| Event::Delta {
        text: piece.iter().collect(),
    }));
    events.push(Event::Citations {
        citations: answer.citations.clone(),
    });
    events.push(Event::Done(Box::new(answer.clone())));
    stream::iter(events).then(move |event| async move {
        if matches!(event, Event::Delta { .. }) && !pace.is_zero() {
            tokio::time::sleep(pace).await;
        }
        event
    })
}

/// What comes before the first word.
pub(super) fn beginning(answer: &Answer) -> Vec<Event> {
    vec![
        Event::Turn {
            interaction_id: answer.interaction_id,
            conversation_id: answer.conversation_id,
            question: answer.question.clone(),
            standalone_question: answer.standalone_question.clone(),
        },
        Event::Sources {
            passages: vec![SourcePassage {
                number: 1,
                title: "Trips".to_owned(),
                uri: WIKI.to_owned(),
                path: "fct_trips.md".to_owned(),
                heading: "Load".to_owned(),
                score: 1.0,
                updated_at: None,
                owner: None,
            }],
        },
    ]
}

/// More than forty thousand characters of prose, tables and code; each line of it is there once.
pub(super) fn a_long_text() -> String {
    let mut text = String::new();
    for section in 0..70 {
        text.push_str(&format!(
            "## Section {section}\n\nTable t{section} is loaded hourly [1]. "
        ));
        text.push_str(&format!("Words of section {section} that go on. ").repeat(6));
        text.push_str("\n\n| column | type |\n|---|---|\n");
        for row in 0..8 {
            text.push_str(&format!("| c{section}_{row}. | text |\n"));
        }
        text.push_str("\n```sql\n");
        for line in 0..8 {
            text.push_str(&format!(
                "select {line}, a[1] from t{section} where x < {line};\n"
            ));
        }
        text.push_str("```\n\n");
    }
    assert!(text.chars().count() > 40_000);
    text
}

/// Nothing of [`a_long_text`] is missing, and nothing is there twice.
pub(super) fn check_long_text(seen: &str) {
    for section in 0..70 {
        for at in 0..8 {
            for words in [
                format!("c{section}_{at}."),
                format!("select {at}, a[1] from t{section} "),
            ] {
                assert_eq!(seen.matches(&words).count(), 1, "{words}");
            }
        }
        assert_eq!(seen.matches(&format!("Section {section}\n")).count(), 1);
    }
}
