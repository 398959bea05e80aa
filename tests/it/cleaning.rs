//! `clean = "model"`: what the chat model tidies, what is not taken of it, and what is paid for.

use docent::owner::IngestRequest;
use docent_core::config::{CleanedBy, Price};
use docent_core::index::Filter;
use docent_scripted::openai::{Answer, Fault, Route, Script, ScriptedOpenAi, Times};
use serde_json::Value;

use crate::support::World;

const NOTES: &str = "\
hi all, thx for joining!! :wave:

fct_trips is loaded at 06:30 since the move, see https://wiki.example.com/trips, ok?

anna: it was slow on 2026-03-02, 45 minutes. she'll ask Payments for the files (DATA-481)

great, bye
";

const TIDY: &str = "\
# Loading of fct_trips

The table fct_trips is loaded at 06:30 and was slow once.

- fct_trips is loaded at 06:30, see https://wiki.example.com/trips.
- On 2026-03-02 it took 45 minutes; Anna will ask Payments for the files (DATA-481).
";

/// Tidies the notes as asked, and makes something up for everything else.
fn tidied(request: &Value) -> String {
    let prompt = request["messages"][0]["content"]
        .as_str()
        .unwrap_or_default();
    if prompt.contains("DATA-481") {
        TIDY.to_owned()
    } else {
        "# Invented\n\nIt costs 9,999 dollars and belongs to Quentin.".to_owned()
    }
}

async fn world(model: &ScriptedOpenAi) -> World {
    model.change(|script| script.answer = Answer::made(tidied));
    let mut world = World::new().await;
    world.embed_with(model);
    world.chat_with(model);
    let price = Price {
        input: Some("1.0".parse().unwrap()),
        cached_input: None,
        output: Some("2.0".parse().unwrap()),
        searches: None,
    };
    world
        .config
        .prices
        .insert("scripted-chat".to_owned(), price);
    world.config.sources[0].clean = Some(CleanedBy::Model);
    world.write("notes.md", NOTES);
    world.write("riders.md", "# Riders\n\nRiders pay monthly, in the app.\n");
    world.write("sizes.csv", "size,count\nsmall,3\nlarge,4\n");
    world
}

async fn texts(world: &World) -> String {
    let app = world.app().await;
    let live = app.index.live().await.unwrap().unwrap();
    let mut points = app
        .index
        .points(&live, &Filter::default(), false)
        .await
        .unwrap();
    points.sort_by(|a, b| a.payload.path.cmp(&b.payload.path));
    app.close().await;
    let texts: Vec<String> = points
        .iter()
        .map(|point| {
            format!(
                "{} [{}]\n{}",
                point.payload.path, point.payload.title, point.payload.text
            )
        })
        .collect();
    texts.join("\n---\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_tidied_once_and_what_does_not_pass_stays_as_it_was() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let world = world(&model).await;
    let dry = world
        .ingest_with(IngestRequest {
            dry_run: true,
            ..IngestRequest::default()
        })
        .await;
    let most = dry.sources[0].cleaning.clone().unwrap();
    assert_eq!(model.chat_requests().len(), 0);

    let report = world.ingest().await;
    let cleaning = report.sources[0].cleaning.clone().unwrap();
    assert_eq!(
        (cleaning.cleaned, cleaning.refused, cleaning.failed),
        (1, 1, 0),
        "{report:?}"
    );
    assert_eq!(model.chat_requests().len(), 2, "tables are not tidied");
    assert!(!report.has_failures());
    assert!(
        most.output_tokens > cleaning.output_tokens && most.cost_usd > cleaning.cost_usd,
        "{most:?}"
    );
    let (spent, cleaned) = (report.sources[0].cost_usd, cleaning.cost_usd);
    assert!(
        cleaned.is_some_and(|cost| !cost.is_zero())
            && spent.is_none_or(|cost| Some(cost) >= cleaned)
    );
    let rows = world
        .database
        .rows(
            "SELECT count(*)::text, count(DISTINCT run_id)::text, min(r.cleaned)::text, \
             min(r.clean_refused)::text FROM model_call JOIN ingest_run r ON r.id = run_id \
             WHERE purpose = 'clean'",
        )
        .await;
    let counts: Vec<&str> = rows[0].iter().flatten().map(String::as_str).collect();
    assert_eq!(counts, ["2", "1", "1", "1"]);
    let indexed = texts(&world).await;
    assert!(indexed.contains("Anna will ask Payments"), "{indexed}");
    assert!(
        !indexed.contains("thx for joining") && !indexed.contains("9,999"),
        "{indexed}"
    );
    assert!(indexed.contains("Riders pay monthly"), "{indexed}");

    // Everything compared, and even everything lost but the ledger: nothing is paid for again.
    world
        .ingest_with(IngestRequest {
            full: true,
            ..IngestRequest::default()
        })
        .await;
    world
        .database
        .rows("UPDATE document SET raw_hash = '' RETURNING path")
        .await;
    let again = world.ingest().await;
    assert_eq!(model.chat_requests().len(), 2);
    assert_eq!(again.sources[0].cleaning.clone().unwrap().reused, 2);
    assert_eq!(texts(&world).await, indexed);

    // A changed document pays for itself.
    world.write("riders.md", "# Riders\n\nRiders pay yearly, in the app.\n");
    world.ingest().await;
    assert_eq!(model.chat_requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_the_model_could_not_be_asked_about_is_tidied_by_the_next_run() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let mut world = world(&model).await;
    world.config.chat.retries = 0;
    std::fs::remove_file(world.docs().join("riders.md")).unwrap();
    let refusal = Fault::Body {
        status: 400,
        body: "{}".to_owned(),
    };
    model.fail(Route::Chat, Times::Forever, refusal);
    let report = world.ingest().await;
    let cleaning = report.sources[0].cleaning.clone().unwrap();
    assert_eq!((cleaning.cleaned, cleaning.failed), (0, 1), "{report:?}");
    assert!(report.has_failures() && cleaning.error.unwrap().contains("scripted-chat"));
    assert!(texts(&world).await.contains("thx for joining"));

    model.heal();
    let report = world.ingest().await;
    assert_eq!(report.sources[0].cleaning.clone().unwrap().cleaned, 1);
    assert!(!texts(&world).await.contains("thx for joining"));
    let calls = model.chat_requests().len();
    world.ingest().await;
    assert_eq!(model.chat_requests().len(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn tidying_that_the_budget_has_no_room_for_is_not_begun() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let mut world = world(&model).await;
    let free = Price {
        input: Some("0".parse().unwrap()),
        cached_input: None,
        output: None,
        searches: None,
    };
    let embedding = world.config.embedding.model.clone();
    world.config.prices.insert(embedding, free);
    let dry = IngestRequest {
        dry_run: true,
        ..IngestRequest::default()
    };
    let most = world.ingest_with(dry).await.sources[0]
        .cleaning
        .clone()
        .unwrap();
    // The fence in each prompt is a word of chance, of some tokens more or less.
    let most = most.cost_usd.unwrap() * rust_decimal::Decimal::new(11, 1);
    world.config.budget.ingest_run_usd = most / rust_decimal::Decimal::TWO;
    let said = world.try_ingest().await.unwrap_err();
    assert!(
        said.starts_with("this run would cost $0.00")
            && said.contains("tokens of scripted-chat")
            && said.contains("budget.ingest_run_usd"),
        "{said}"
    );
    assert_eq!(model.chat_requests().len(), 0);
    assert_eq!(world.database.count("document").await, 0);

    // With room for what it may cost, it costs less, and the rest is free for the next run.
    world.config.budget.ingest_run_usd = most;
    world.config.budget.ingest_month_usd = most;
    let report = world.try_ingest().await.unwrap();
    let cleaning = report.sources[0].cleaning.clone().unwrap();
    assert_eq!((cleaning.cleaned, cleaning.refused), (1, 1), "{report:?}");
    let rows = world
        .database
        .rows(
            "SELECT (r.estimate >= r.cost)::text, (r.cost = (SELECT sum(cost) FROM model_call))::text
               FROM budget_reservation r",
        )
        .await;
    let said: Vec<&str> = rows[0].iter().flatten().map(String::as_str).collect();
    assert_eq!(said, ["true", "true"]);
    world.write("riders.md", "# Riders\n\nRiders pay yearly, in the app.\n");
    world.try_ingest().await.unwrap();
    // A second document of the size of all is too much for what is left.
    world.write("more.md", &NOTES.repeat(3));
    let said = world.try_ingest().await.unwrap_err();
    assert!(said.contains("of this month's"), "{said}");
}

#[tokio::test]
async fn without_a_chat_model_the_source_fails_and_says_what_to_do() {
    let mut world = World::new().await;
    world.config.sources[0].clean = Some(CleanedBy::Model);
    world.write("notes.md", NOTES);
    let report = world.ingest().await;
    insta::assert_snapshot!(report.sources[0].error.clone().unwrap(), @r#"source "docs": clean = "model" needs a chat model; set chat.base_url or OPENAI_API_KEY, or leave `clean` out"#);
}
