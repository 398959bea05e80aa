//! What Prometheus reads is what the ledger has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use docent_core::config::Price;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::World;

const QUESTION: &str = "How often is fct_trips loaded?";

/// Samples of a scrape: `name{labels}` and value.
fn samples(text: &str) -> BTreeMap<String, f64> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        })
        .collect()
}

/// The sum of the samples of a name with some labels.
fn sum(samples: &BTreeMap<String, f64>, name: &str, labels: &[&str]) -> f64 {
    let is_of = |sample: &str| {
        let bare = sample.split('{').next().unwrap_or_default();
        bare == name && labels.iter().all(|label| sample.contains(label))
    };
    samples
        .iter()
        .filter(|(sample, _)| is_of(sample))
        .map(|(_, value)| value)
        .sum()
}

/// The same of counts.
fn count(samples: &BTreeMap<String, f64>, name: &str, labels: &[&str]) -> i64 {
    sum(samples, name, labels).round() as i64
}

/// A world that has asked and failed, and what Prometheus reads of it.
async fn scraped() -> (World, String) {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer =
            Answer::Text("The table is loaded hourly, as its page says [1].".to_owned());
    });
    let mut world = World::of_trips().await;
    world.chat_with(&model);
    let price: Price = toml_price();
    world
        .config
        .prices
        .insert("scripted-chat".to_owned(), price);
    // A port that was free a moment ago.
    let free = TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    world.config.metrics.listen = free.to_string();
    let server = world.serve().await;
    for _ in 0..3 {
        assert_eq!(server.ask(QUESTION).await["outcome"], "answered");
    }
    server
        .ask("What is the carbon footprint of a quokka?")
        .await;
    assert_eq!(
        server
            .send("GET", "/v1/nothing/secret-question", "", None)
            .await
            .0,
        404
    );
    server.service.app.ledger.flush().await;
    let scrape = server
        .http
        .get(format!("http://{free}/metrics"))
        .send()
        .await
        .unwrap();
    let kind = scrape.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = scrape.text().await.unwrap();
    let elsewhere = server
        .http
        .get(format!("{}/metrics", server.url))
        .send()
        .await
        .unwrap();
    assert_eq!(elsewhere.status(), 404, "people's listener has no metrics");
    server.stop().await;
    (world, text)
}

fn toml_price() -> Price {
    serde_json::from_str(r#"{"input": 1.0, "output": 2.0}"#).unwrap()
}

#[tokio::test]
async fn tokens_cost_and_turns_are_the_ledgers() {
    let (world, text) = Box::pin(scraped()).await;
    assert!(text.ends_with("# EOF\n"), "{text}");
    let samples = samples(&text);
    let ledger = world
        .database
        .rows(
            "SELECT sum(input_tokens)::text, sum(output_tokens)::text, sum(cost)::text, count(*)::text
               FROM model_call WHERE model = 'scripted-chat'",
        )
        .await;
    let field = |at: usize| ledger[0][at].as_deref().unwrap();
    let number = |at: usize| field(at).parse::<i64>().unwrap();
    let model = r#"gen_ai_request_model="scripted-chat""#;
    let tokens = |kind: &str| {
        let kind = format!(r#"gen_ai_token_type="{kind}""#);
        count(&samples, "gen_ai_client_token_usage_sum", &[model, &kind])
    };
    assert!(number(0) > 0 && number(1) > 0);
    assert_eq!((tokens("input"), tokens("output")), (number(0), number(1)));
    let cost = field(2).parse::<f64>().unwrap();
    assert!((sum(&samples, "docent_model_cost_usd_total", &[model]) - cost).abs() < 1e-9);
    assert_eq!(
        count(
            &samples,
            "gen_ai_client_operation_duration_seconds_count",
            &[model]
        ),
        number(3)
    );
    let turns = world
        .database
        .rows("SELECT outcome, count(*)::text FROM interaction WHERE origin = 'person' GROUP BY 1")
        .await;
    for turn in turns {
        let [Some(outcome), Some(questions)] = <[Option<String>; 2]>::try_from(turn).unwrap()
        else {
            panic!("both are there");
        };
        let label = format!(r#"outcome="{outcome}""#);
        let counted = count(
            &samples,
            "docent_turns_total",
            &[&label, r#"channel="api""#],
        );
        assert_eq!(counted, questions.parse::<i64>().unwrap(), "{outcome}");
    }
    assert_eq!(
        count(&samples, "docent_retrieval_duration_seconds_count", &[]),
        4
    );
    assert_eq!(
        count(&samples, "docent_source_failing", &[r#"source="docs""#]),
        0
    );
    assert_eq!(
        count(
            &samples,
            "docent_source_documents",
            &[r#"documents="known""#]
        ),
        1
    );
    assert_eq!(count(&samples, "docent_ledger_up", &[]), 1);
    assert_eq!(
        count(
            &samples,
            "docent_http_requests_total",
            &[r#"route="/v1/chat""#, r#"status="200""#]
        ),
        4
    );
    assert!(
        !text.contains("secret-question"),
        "an address may hold a question"
    );
}

#[tokio::test]
async fn every_metric_that_the_dashboard_names_is_there() {
    let (_world, text) = Box::pin(scraped()).await;
    let names: BTreeSet<String> =
        samples(&text)
            .into_keys()
            .map(|sample| sample.split('{').next().unwrap_or_default().to_owned())
            // A family without a sample is described all the same.
            .chain(text.lines().filter_map(|line| {
                Some(line.strip_prefix("# TYPE ")?.split(' ').next()?.to_owned())
            }))
            .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana/docent.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut expressions = Vec::new();
    collect(&dashboard, &mut expressions);
    assert!(expressions.len() > 12, "the dashboard has queries");
    let mut named = BTreeSet::new();
    for expression in &expressions {
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let metric =
            |word: &&str| word.starts_with("docent_") || word.starts_with("gen_ai_client_");
        named.extend(words.filter(metric).map(str::to_owned));
    }
    // Labels are no metrics.
    named.remove("docent_purpose");
    let unknown: Vec<&String> = named
        .iter()
        .filter(|name| !names.contains(*name))
        // Nothing has fired in this world; the family is there all the same.
        .filter(|name| *name != "docent_alerts_open")
        .collect();
    assert!(unknown.is_empty(), "{unknown:?} are not among {names:?}");
    // The other way round: nothing is counted that nobody looks at.
    for family in [
        "docent_turns_total",
        "gen_ai_client_token_usage_sum",
        "docent_ledger_spool_bytes",
    ] {
        assert!(named.contains(family), "{family}");
    }
}

fn collect(value: &Value, expressions: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "expr" => expressions.push(text.clone()),
                    value => collect(value, expressions),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, expressions)),
        _ => {}
    }
}
