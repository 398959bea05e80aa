//! What an asker gets: citations, abstentions, permissions, follow-ups, costs.

use docent_core::config::Source;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use serde_json::json;

use crate::support::World;

const TRIPS: &str = "---\nowner: Trips team\nowner_slack: \"#trips\"\nasset: fct_trips\n---\n\
# fct_trips\n\nOne row for each finished trip.\n\n## Freshness\n\n\
The table fct_trips is loaded hourly, 20 minutes past the hour.\n";
const REVENUE: &str = "---\nowner: Finance\ngroups: [finance]\n---\n\
# Provider commission\n\nThe payment provider Nuri takes a commission of 2.35 percent.\n";

async fn world() -> World {
    let world = World::new().await;
    world.write("tables/fct_trips.md", TRIPS);
    world.write("finance/fees.md", REVENUE);
    world.write(
        "notes.md",
        "# Notes\n\nStations are numbered from the river to the north.\n",
    );
    world
}

#[tokio::test]
async fn an_answer_quotes_the_document_and_names_its_owner() {
    let world = world().await;
    world.ingest().await;
    let server = world.serve().await;
    let answer = server.ask("How often is fct_trips loaded?").await;
    assert_eq!(answer["outcome"], "answered");
    assert_eq!(answer["generator"], "extractive");
    let citation = &answer["citations"][0];
    assert_eq!(citation["path"], "tables/fct_trips.md");
    assert_eq!(citation["heading"], "Freshness");
    assert_eq!(citation["owner"], "Trips team");
    assert_eq!(citation["verified"], true);
    assert_eq!(
        citation["quote"],
        "The table fct_trips is loaded hourly, 20 minutes past the hour."
    );
    assert!(answer["answer"].as_str().unwrap().contains("[1]"));
    server.stop().await;
}

#[tokio::test]
async fn the_first_question_is_weighed_by_the_rarity_of_its_words_like_all_others() {
    let world = world().await;
    world.ingest().await;
    let server = world.serve().await;
    let first = server.ask("How often is fct_trips loaded?").await;
    assert_eq!(first["outcome"], "answered", "{first}");
    server.service.app.load_terms().await.unwrap();
    let later = server.ask("How often is fct_trips loaded?").await;
    // With their scores.
    assert_eq!(first["citations"], later["citations"]);
    server.stop().await;
}

#[tokio::test]
async fn what_the_documents_do_not_say_is_refused_with_someone_to_ask() {
    let world = world().await;
    world.ingest().await;
    let server = world.serve().await;
    let answer = server.ask("what is the CEO's salary").await;
    assert_eq!(answer["outcome"], "abstained");
    assert_eq!(answer["citations"], json!([]));
    let korean = server.ask("대표이사의 연봉은 얼마인가요?").await;
    assert_eq!(korean["outcome"], "abstained");
    assert!(
        korean["answer"]
            .as_str()
            .unwrap()
            .contains("찾지 못했습니다")
    );
    let near = server
        .ask("What is the retention period of fct_trips backups?")
        .await;
    if near["outcome"] == "abstained" {
        assert_eq!(near["contact"]["slack"], "#trips");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_document_of_another_group_is_neither_found_nor_named() {
    let world = world().await;
    world.ingest().await;
    let server = world.serve().await;
    let question = json!({ "question": "Which commission does the payment provider Nuri take?" });
    let events = server.stream(&question).await;
    let text = serde_json::to_string(&events).unwrap();
    assert!(
        !text.contains("2.35") && !text.contains("fees.md") && !text.contains("Finance"),
        "{text}"
    );
    server.stop().await;

    let mut insider = world;
    insider
        .config
        .access
        .anonymous_groups
        .push("finance".to_owned());
    let server = insider.serve().await;
    let answer = server.ask_body(&question).await;
    assert_eq!(answer["citations"][0]["path"], "finance/fees.md");
    server.stop().await;
}

#[tokio::test]
async fn a_streamed_answer_comes_in_the_promised_order_and_can_be_read_again() {
    let world = world().await;
    world.ingest().await;
    let server = world.serve().await;
    let body = json!({ "question": "How often is fct_trips loaded?", "message_id": "m-1" });
    let first = server.stream(&body).await;
    let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.first(), Some(&"turn"));
    assert_eq!(names.get(1), Some(&"sources"));
    assert!(names.contains(&"delta"));
    assert_eq!(&names[names.len() - 2..], ["citations", "done"]);
    let deltas: String = first
        .iter()
        .filter(|(name, _)| name == "delta")
        .map(|(_, data)| data["text"].as_str().unwrap())
        .collect();
    let done = &first.last().unwrap().1;
    assert_eq!(deltas.trim(), done["answer"]);
    // The same message again is the same turn, not another question.
    assert_eq!(server.stream(&body).await, first);
    let other = json!({ "question": "Something else?", "message_id": "m-1" });
    let refused = server.chat().body(other.to_string()).send().await.unwrap();
    assert_eq!(refused.status(), 409);
    server.stop().await;
    assert_eq!(world.database.count("interaction").await, 1);
}

#[tokio::test]
async fn a_models_citations_exist_and_its_tokens_and_cost_are_in_the_ledger() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::Text("Hourly, at minute 20 [1][9]. Ask the owner [7].".to_owned());
    });
    let mut world = world().await;
    world.chat_with(&model);
    let price = serde_json::from_value(json!({ "input": 2.0, "output": 8.0 })).unwrap();
    world
        .config
        .prices
        .insert("scripted-chat".to_owned(), price);
    world.ingest().await;
    let server = world.serve().await;
    let answer = server.ask("How often is fct_trips loaded?").await;
    assert_eq!(answer["generator"], "model");
    assert_eq!(answer["answer"], "Hourly, at minute 20 [1]. Ask the owner.");
    assert_eq!(answer["citations"].as_array().unwrap().len(), 1);
    server.stop().await;
    let rows = world
        .database
        .rows("SELECT purpose, input_tokens::text, output_tokens::text, cost::text FROM model_call WHERE purpose = 'answer'")
        .await;
    let [row] = rows.as_slice() else {
        panic!("one answering call, not {rows:?}")
    };
    let number = |column: usize| row[column].as_deref().unwrap().parse::<f64>().unwrap();
    let cost = (number(1) * 2.0 + number(2) * 8.0) / 1e6;
    assert!(
        number(2) > 0.0 && (number(3) - cost).abs() < 1e-12,
        "{row:?}"
    );
    assert_eq!(answer["usage"]["output_tokens"].as_f64(), Some(number(2)));
}

#[tokio::test]
async fn a_follow_up_is_condensed_with_the_conversation() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let answer = Answer::made(|request| {
        let text = request.to_string();
        if text.contains("Standalone question") {
            assert!(
                text.contains("How often is fct_trips loaded?"),
                "no history in {text}"
            );
            "Who owns fct_trips?".to_owned()
        } else {
            "The Trips team [1].".to_owned()
        }
    });
    model.change(|script| script.answer = answer);
    let mut world = world().await;
    world.chat_with(&model);
    world.ingest().await;
    let server = world.serve().await;
    let first = server.ask("How often is fct_trips loaded?").await;
    let follow =
        json!({ "question": "And who owns it?", "conversation_id": first["conversation_id"] });
    let second = server.ask_body(&follow).await;
    assert_eq!(second["standalone_question"], "Who owns fct_trips?");
    assert_eq!(second["conversation_id"], first["conversation_id"]);
    let id = first["conversation_id"].as_str().unwrap();
    let url = format!("{}/v1/conversations/{id}", server.url);
    let read = server
        .http
        .get(&url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(read.contains("And who owns it?"), "{read}");
    assert_eq!(server.http.delete(&url).send().await.unwrap().status(), 204);
    assert_eq!(server.http.get(&url).send().await.unwrap().status(), 404);
    server.stop().await;
    // Another process knows nothing of it either.
    assert_eq!(world.database.count("interaction").await, 0);
}

#[tokio::test]
async fn a_model_that_says_it_has_no_answer_abstains() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::Text("NO_ANSWER\nI looked at the table's page.".to_owned());
    });
    let mut world = world().await;
    world.chat_with(&model);
    world.ingest().await;
    let server = world.serve().await;
    let events = server
        .stream(&json!({ "question": "How often is fct_trips loaded?" }))
        .await;
    assert!(events.iter().all(|(name, _)| name != "delta"), "{events:?}");
    let done = &events.last().unwrap().1;
    assert_eq!(done["outcome"], "abstained");
    assert_eq!(done["contact"]["owner"], "Trips team");
    server.stop().await;
}

#[tokio::test]
async fn a_korean_question_finds_a_korean_document() {
    let world = world().await;
    world.write(
        "ko.md",
        "# 대여소 재배치 지표\n\n결품률은 자전거가 한 대도 없는 시간의 비율입니다. 목표는 5% 이하입니다.\n",
    );
    world.ingest().await;
    let server = world.serve().await;
    let answer = server.ask("결품률의 정의는 무엇인가요?").await;
    assert_eq!(answer["outcome"], "answered");
    assert_eq!(answer["citations"][0]["path"], "ko.md");
    server.stop().await;
}

#[tokio::test]
async fn owner_and_freshness_are_told_from_the_metadata_that_nobody_writes_into_a_page() {
    let mut world = World::new().await;
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/docs");
    world.config.sources[0].kind = Source::folder(String::new(), demo.into()).kind;
    world.ingest().await;
    let server = world.serve().await;
    let owner = server.ask("Who owns the revenue dashboard?").await;
    assert_eq!(owner["outcome"], "answered");
    let line = "owner: Finance Data (#finance-data, finance-data@tandemoor.example)";
    let number = &owner["citations"][0]["number"];
    assert_eq!(
        owner["answer"],
        format!("**Revenue dashboard** · {line} [{number}]")
    );
    assert_eq!(owner["citations"][0]["path"], "dashboards/revenue.md");
    assert_eq!(owner["citations"][0]["quote"], line);

    let fresh = server.ask("Is fct_payments fresh?").await;
    let answer = fresh["answer"].as_str().unwrap();
    assert!(
        answer.starts_with("**fct_payments** · data as of: 2026-11-20 05:35 UTC ["),
        "{answer}"
    );
    let quoted = fresh["citations"]
        .as_array()
        .unwrap()
        .iter()
        .any(|citation| citation["quote"] == "data as of: 2026-11-20 05:35 UTC");
    assert!(quoted, "{fresh}");
    server.stop().await;
}
