//! The check in the walk of a question: what a reader gets of it.

use chrono::{Duration, Utc};
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use serde_json::{Value, json};

use crate::support::World;

const QUESTION: &str = "How often is fct_trips loaded?";

async fn answering(text: &str) -> (World, ScriptedOpenAi) {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| script.answer = Answer::Text(text.to_owned()));
    let mut world = World::new().await;
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly, 20 minutes past the hour.\n",
    );
    world.write(
        "refunds.md",
        "# Refunds of fct_trips\n\nRefunds are loaded into fct_refunds within 3 days.\n",
    );
    world.chat_with(&model);
    world.ingest().await;
    (world, model)
}

#[tokio::test]
async fn each_sentence_is_marked_as_it_is_complete() {
    let (world, _model) =
        answering("fct_trips is loaded hourly [1]. It is loaded 25 minutes past the hour [1].")
            .await;
    let server = world.serve().await;
    let events = server.stream(&json!({ "question": QUESTION })).await;
    let done = &events.last().unwrap().1;
    assert_eq!(
        done["answer"],
        "fct_trips is loaded hourly [1]. It is loaded 25 minutes past the hour (unverified)."
    );
    let marks: Vec<&Value> = events
        .iter()
        .filter(|(name, _)| name == "mark")
        .map(|(_, data)| data)
        .collect();
    assert_eq!(json!(marks), done["marks"]);
    assert_eq!(
        *marks[0],
        json!({ "start": 0, "end": 26, "verified": true, "citations": [1], "reason": null })
    );
    assert_eq!(marks[1]["verified"], false);
    assert_eq!(
        marks[1]["reason"],
        "“25 minutes” does not stand in the cited passage"
    );
    // The mark of a sentence comes before the words of the next one.
    let place = |wanted: &str| {
        events.iter().position(|(name, data)| match wanted {
            "mark" => name == "mark",
            words => name == "delta" && data["text"].as_str().unwrap().contains(words),
        })
    };
    assert!(place("mark") < place("25"), "{events:?}");
    let citation = &done["citations"][0];
    assert_eq!(citation["verified"], true);
    assert_eq!(
        citation["quote"],
        "The table fct_trips is loaded hourly, 20 minutes past the hour."
    );
    let (start, end) = (
        citation["span"]["start"].as_u64().unwrap(),
        citation["span"]["end"].as_u64().unwrap(),
    );
    assert_eq!(
        end - start,
        citation["quote"].as_str().unwrap().chars().count() as u64
    );
    server.stop().await;
}

#[tokio::test]
async fn a_citation_of_the_wrong_passage_is_replaced() {
    let (world, _model) =
        answering("Refunds are loaded into fct_refunds within three days [1].").await;
    let server = world.serve().await;
    let done = server.ask(QUESTION).await;
    let number = done["citations"][0]["number"].as_u64().unwrap();
    assert_eq!(done["citations"][0]["path"], "refunds.md");
    assert_eq!(
        done["answer"],
        format!("Refunds are loaded into fct_refunds within three days [{number}].")
    );
    server.stop().await;
}

#[tokio::test]
async fn an_answer_whose_citations_all_fail_is_quoted_instead() {
    let (world, _model) =
        answering("fct_trips is loaded weekly [1]. Its owner is Nobody Else [2].").await;
    let server = world.serve().await;
    let done = server.ask(QUESTION).await;
    assert_eq!(done["outcome"], "answered");
    assert_eq!(done["generator"], "extractive");
    assert_eq!(
        done["fallback_reason"],
        "the passages do not say what the model's answer cites them for"
    );
    assert!(!done["answer"].as_str().unwrap().contains("weekly"));
    server.stop().await;
}

#[tokio::test]
async fn an_answer_says_that_what_it_cites_is_deprecated_or_old() {
    let mut world = World::new().await;
    world.config.grounding.stale_after_days = 30;
    let old = (Utc::now() - Duration::days(90)).format("%Y-%m-%d");
    world.write(
        "rpt_daily.md",
        "---\nstatus: deprecated\n---\n# rpt_daily\n\nThe report rpt_daily counts trips by day.\n",
    );
    world.write(
        "fct_old.md",
        &format!(
            "---\nupdated: {old}\n---\n# fct_old\n\nThe table fct_old counts stations by month.\n"
        ),
    );
    world.write(
        "fct_data.md",
        &format!("---\nfresh_at: {old}T05:00:00Z\n---\n# fct_data\n\nThe table fct_data counts scooters by week.\n"),
    );
    world.write(
        "fct_late.md",
        &format!(
            "---\nfresh_at: {old}T05:00:00Z\nstale_at: {old}T11:00:00Z\n---\n# fct_late\n\n\
             The table fct_late counts payments by hour.\n"
        ),
    );
    world.ingest().await;
    let server = world.serve().await;
    let late = server.ask("What does the table fct_late count?").await;
    let text = late["answer"].as_str().unwrap();
    assert!(
        text.contains(&format!(
            "*Note: the data of “fct_late” are as of {old} 05:00 UTC; by their own freshness \
             criterion they are stale since {old} 11:00 UTC.*"
        )),
        "{text}"
    );
    let deprecated = server.ask("What does the report rpt_daily count?").await;
    let text = deprecated["answer"].as_str().unwrap();
    assert!(
        text.contains("*Note: “rpt_daily” is deprecated.*"),
        "{text}"
    );
    assert_eq!(deprecated["citations"][0]["status"], "deprecated");
    let aged = server.ask("What does the table fct_old count?").await;
    let text = aged["answer"].as_str().unwrap();
    assert!(
        text.contains(&format!(
            "*Note: “fct_old” was last updated on {old}, 90 days ago"
        )),
        "{text}"
    );
    let data = server.ask("fct_data 테이블은 무엇을 세나요?").await;
    let text = data["answer"].as_str().unwrap();
    assert!(
        text.contains(&format!("*참고: “fct_data”의 데이터는 {old} 기준")),
        "{text}"
    );
    assert!(data["citations"][0]["fresh_at"].is_string());
    server.stop().await;
}

#[tokio::test]
async fn documents_that_contradict_each_other_are_both_shown() {
    let mut world = World::new().await;
    world.write(
        "fct_trips.md",
        "# Trips\n\nThe table fct_trips is loaded hourly by the scheduler.\n",
    );
    world.write(
        "schedules.md",
        "# Schedules\n\nThe table fct_trips is loaded daily by the scheduler.\n\n\
         The table fct_rides is loaded weekly by the scheduler.\n",
    );
    world.ingest().await;
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::made(|request| {
            let prompt = request.to_string();
            // The number of the passage that says so, whichever it is.
            let before = &prompt[..prompt.find("loaded hourly").unwrap()];
            let number = if before.contains("loaded daily") {
                2
            } else {
                1
            };
            format!("The table fct_trips is loaded hourly by the scheduler [{number}].")
        });
    });
    world.chat_with(&model);
    let server = world.serve().await;
    let answer = server.ask("How often is the table fct_trips loaded?").await;
    let text = answer["answer"].as_str().unwrap();
    assert!(
        text.contains(
            "*Note: “Schedules” says otherwise: “The table fct_trips is loaded daily by the scheduler.”*"
        ),
        "{text}"
    );
    let cited = answer["citations"].as_array().unwrap();
    let quotes: Vec<&str> = cited
        .iter()
        .map(|citation| citation["quote"].as_str().unwrap())
        .collect();
    assert!(
        quotes.iter().any(|quote| quote.contains("hourly"))
            && quotes.iter().any(|quote| quote.contains("daily")),
        "{quotes:?}"
    );
    // What another table does is no contradiction.
    assert!(!text.contains("weekly"), "{text}");
    server.stop().await;
}
