//! What a run pays for: each text once, what a plan said, and never more than the budget has.

use std::path::Path;
use std::time::Duration;

use docent::owner::IngestRequest;
use docent_core::config::Price;
use docent_core::models::TokenCounter;
use docent_ingest::RunReport;
use docent_scripted::openai::{Fault, Route, Script, ScriptedOpenAi, Times};

use crate::support::{World, write};

fn section(number: usize) -> String {
    format!(
        "## Part {number}\n\n{}\n\n",
        format!("Sentence of part {number}, about stations. ").repeat(20)
    )
}

/// Documents of one title with the given parts: the same part is the same text.
fn document(parts: impl IntoIterator<Item = usize>) -> String {
    let mut text = "# Handbook\n\n".to_owned();
    for part in parts {
        text.push_str(&section(part));
    }
    text
}

fn doubles(mut texts: Vec<String>) -> usize {
    let all = texts.len();
    texts.sort();
    texts.dedup();
    all - texts.len()
}

async fn scripted() -> (ScriptedOpenAi, World) {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let mut world = World::new().await;
    world.embed_with(&model);
    (model, world)
}

fn two_sources(world: &mut World) {
    for name in ["a", "b"] {
        std::fs::create_dir_all(world.folder.path().join(name)).unwrap();
    }
    world.sources(
        "[[source]]\nname = \"a\"\nkind = \"folder\"\npath = \"a\"\n\
         [[source]]\nname = \"b\"\nkind = \"folder\"\npath = \"b\"\n",
    );
}

fn together(report: &RunReport) -> (u64, u64) {
    let sources = report.sources.iter();
    sources.fold((0, 0), |(embedded, reused), source| {
        let chunks = source.chunks;
        (embedded + chunks.embedded, reused + chunks.reused)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_many_documents_of_one_run_share_is_embedded_once_even_while_it_is_in_flight() {
    let (model, mut world) = scripted().await;
    // Many batches at once, each slow, and the same parts in all of them.
    world.config.embedding.batch_texts = 8;
    model.change(|script| script.embedding_delay = Duration::from_millis(40));
    for number in 0..120 {
        // The first part stands under the title without a heading above: it is a text of its own.
        let parts = [500, number, number + 1, number + 2];
        world.write(&format!("{number}.md"), &document(parts));
    }
    let report = world.ingest().await;
    assert!(!report.has_failures(), "{report:?}");
    let texts = model.embedded_texts();
    assert_eq!(texts.len(), 123, "122 parts and the one that all have");
    assert_eq!(doubles(texts), 0);
    assert_eq!(together(&report), (123, 120 * 4 - 123));
}

#[tokio::test]
async fn a_text_that_failed_fails_in_every_document_that_has_it_and_is_asked_for_again() {
    let (model, mut world) = scripted().await;
    world.config.embedding.batch_texts = 8;
    world.config.embedding.retries = 0;
    model.change(|script| {
        script.embedding_delay = Duration::from_millis(30);
        script.refused_word = Some("Poison".to_owned());
    });
    for number in 0..20 {
        let poison = "Poison stands in this part. ".repeat(30);
        let text = format!("{}## Same\n\n{poison}\n", document([number]));
        world.write(&format!("{number}.md"), &text);
    }
    let report = world.ingest().await;
    assert_eq!(report.sources[0].documents.failed, 20, "{report:?}");
    model.change(|script| script.refused_word = None);
    let again = world.ingest().await;
    assert_eq!(again.sources[0].documents.indexed, 20);
    assert_eq!(together(&again).0, 1, "the other parts were kept");
    assert_eq!(doubles(model.embedded_texts()), 0);
}

#[tokio::test]
async fn what_is_moved_renamed_or_copied_to_anywhere_is_not_embedded_again() {
    let (model, mut world) = scripted().await;
    two_sources(&mut world);
    let at = |path: &str| world.folder.path().join(path);
    let put = |path: &str, text: &str| write(world.folder.path(), path, text);
    put("a/one.md", &document([1, 2, 3]));
    put("a/two.md", &document([4, 5]));
    put("a/z.md", &document([6]));
    put("b/keep.md", &document([7]));
    world.ingest().await;
    let paid = model.embedded_texts().len();

    // Renamed; copied into the other source.
    std::fs::rename(at("a/one.md"), at("a/renamed.md")).unwrap();
    put("b/copy.md", &document([1, 2, 3]));
    let report = world.ingest().await;
    assert_eq!(together(&report), (0, 6), "{report:?}");
    assert_eq!(report.sources[0].documents.removed, 1);

    // Moved to a source that comes later: when it is read, the first one has lost it.
    std::fs::rename(at("a/two.md"), at("b/two.md")).unwrap();
    let report = world.ingest().await;
    assert_eq!(report.sources[0].documents.removed, 1, "{report:?}");
    assert_eq!(together(&report), (0, 2));

    // A section that moves to another document, which is read after the first one has lost it.
    put("a/renamed.md", &document([1]));
    put("a/z.md", &document([6, 2]));
    put("b/copy.md", &document([1]));
    let report = world.ingest().await;
    assert_eq!(together(&report), (0, 4), "{report:?}");
    assert_eq!(model.embedded_texts().len(), paid);
}

#[tokio::test]
async fn a_source_that_is_named_anew_is_not_embedded_again() {
    let (model, mut world) = scripted().await;
    world.write("one.md", &document([1, 2, 3]));
    world.ingest().await;
    let paid = model.embedded_texts().len();
    world.config.sources[0].name = "handbook".to_owned();
    let report = world.ingest().await;
    assert_eq!(together(&report), (0, 3), "{report:?}");
    assert_eq!(model.embedded_texts().len(), paid);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn dry() -> IngestRequest {
    IngestRequest {
        dry_run: true,
        ..IngestRequest::default()
    }
}

#[tokio::test]
async fn a_dry_run_of_real_documents_says_what_the_run_then_sends() {
    let (model, mut world) = scripted().await;
    let counter = TokenCounter::named("cl100k_base").unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/docs");
    two_sources(&mut world);
    copy(&demo, &world.folder.path().join("a"));
    // Some of it twice, and a text that is longer than the model takes.
    copy(&demo, &world.folder.path().join("b/again"));
    let long = "wordless".repeat(4000);
    write(
        world.folder.path(),
        "b/long.md",
        &format!("# Long\n\n{long}\n"),
    );
    world.config.embedding.dimensions = 0;
    world.config.embedding.max_input_tokens = 200;
    world.config.embedding.passage_prefix = "passage: ".to_owned();
    model.change(|script| script.max_input_words = Some(100_000));

    for round in 0..2 {
        let asked = model.embedding_requests();
        let before = model.embedded_texts().len();
        let plan = world.ingest_with(dry()).await;
        assert_eq!(model.embedding_requests(), asked, "a dry run asks nothing");
        let ran = world.ingest().await;
        // The probe for the vectors' length is the only other text.
        let sent: usize = model.embedded_texts()[before..]
            .iter()
            .filter(|text| text.as_str() != "passage: docent")
            .map(|text| counter.count(text))
            .sum();
        assert!(sent > 100, "{sent}");
        let planned: u64 = plan.sources.iter().map(|source| source.tokens).sum();
        let off = (planned as f64 / sent as f64 - 1.0).abs();
        assert!(off < 0.02, "round {round}: {planned} planned, {sent} sent");
        for (plan, ran) in plan.sources.iter().zip(&ran.sources) {
            assert_eq!(plan.documents, ran.documents, "{round} {}", plan.name);
            assert_eq!(plan.chunks, ran.chunks, "{round} {}", plan.name);
        }
        assert!(together(&plan).1 > 0);
        // The second round: something new, something changed, something gone, most of it reused.
        let b = world.folder.path().join("b");
        write(&b, "new.md", &document(0..9));
        let first = std::fs::read_dir(b.join("again")).unwrap();
        let files: Vec<_> = first
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|end| end == "md"))
            .collect();
        std::fs::remove_file(&files[0]).unwrap();
        let mut text = std::fs::read_to_string(&files[1]).unwrap();
        text.push_str(&document([70, 71]));
        std::fs::write(&files[1], text).unwrap();
    }
}

fn price(world: &mut World, dollars_a_million: &str) {
    let price = Price {
        input: Some(dollars_a_million.parse().unwrap()),
        cached_input: None,
        output: None,
        searches: None,
    };
    let model = world.config.embedding.model.clone();
    world.config.prices.insert(model, price);
}

async fn reservations(world: &World) -> Vec<(String, String)> {
    let rows = world
        .database
        .rows(
            "SELECT round(estimate, 6)::text, coalesce(round(cost, 6)::text, 'open')
               FROM budget_reservation ORDER BY made_at",
        )
        .await;
    let text = |row: &[Option<String>], at: usize| row[at].clone().unwrap();
    rows.iter()
        .map(|row| (text(row, 0), text(row, 1)))
        .collect()
}

#[tokio::test]
async fn a_run_that_the_budget_has_no_room_for_is_not_begun_and_the_index_stays() {
    let (model, mut world) = scripted().await;
    world.config.embedding.dimensions = 0;
    world.write("one.md", &document([1, 2]));
    world.write("two.md", &document([3]));

    // A price that nobody knows.
    world.config.budget.ingest_month_usd = "1".parse().unwrap();
    let said = world.try_ingest().await.unwrap_err();
    assert!(
        said.contains("\"scripted-embedding\" has no price") && said.contains("[prices]"),
        "{said}"
    );

    // Too much for one run.
    price(&mut world, "1000000");
    world.config.budget.ingest_run_usd = "100".parse().unwrap();
    world.config.budget.ingest_month_usd = "0".parse().unwrap();
    let plan = world.ingest_with(dry()).await;
    let tokens = plan.sources[0].tokens;
    let said = world.try_ingest().await.unwrap_err();
    let expected = format!(
        "this run would cost ${tokens} ({tokens} tokens of scripted-embedding), and \
         budget.ingest_run_usd is $100; name fewer sources, or raise it"
    );
    assert_eq!(said, expected);
    assert_eq!(plan.over_budget, Some(expected));

    // Nothing was asked, nothing made, and the refusal is written down.
    assert_eq!(model.embedding_requests(), 0);
    let app = world.app().await;
    assert_eq!(app.index.collections().await.unwrap(), Vec::<String>::new());
    app.close().await;
    for table in ["document", "collection", "budget_reservation"] {
        assert_eq!(world.database.count(table).await, 0, "{table}");
    }
    let rows = world
        .database
        .rows("SELECT outcome, problems->0->>'reason' FROM ingest_run")
        .await;
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row[0].as_deref() == Some("failed")));

    // Enough for this run, not for the next one of this month.
    world.config.budget.ingest_run_usd = "0".parse().unwrap();
    world.config.budget.ingest_month_usd = (tokens + 10).to_string().parse().unwrap();
    world.try_ingest().await.unwrap();
    let spent = reservations(&world).await;
    assert_eq!(spent[0].0, format!("{tokens}.000000"));
    // The scripted server counts words, so the real cost is another one.
    let cost: f64 = spent[0].1.parse().unwrap();
    assert!(cost > 0.0 && cost < tokens as f64, "{spent:?}");
    world.write("three.md", &document(10..40));
    let said = world.try_ingest().await.unwrap_err();
    // What the cost book has is used: also the word that was asked for the length of the vectors,
    // which is no run's.
    let rows = world
        .database
        .rows("SELECT sum(cost)::text FROM model_call")
        .await;
    let used: f64 = rows[0][0].as_deref().unwrap().parse().unwrap();
    assert!((cost..cost + 5.0).contains(&used), "{used} {cost}");
    let left = format!(
        "${} of this month's ${}",
        tokens as f64 + 10.0 - used,
        tokens + 10
    );
    assert!(said.contains(&left), "{said} should say {left}");
    assert_eq!(reservations(&world).await.len(), 1);

    // What costs nothing goes on.
    std::fs::remove_file(world.docs().join("three.md")).unwrap();
    std::fs::rename(world.docs().join("one.md"), world.docs().join("1.md")).unwrap();
    let report = world.try_ingest().await.unwrap();
    assert_eq!(together(&report), (0, 2), "{report:?}");
}

#[tokio::test]
async fn a_planned_run_ends_in_the_index_of_one_that_was_not_planned() {
    let (model, mut plain) = scripted().await;
    let mut budgeted = World::new().await;
    budgeted.embed_with(&model);
    price(&mut budgeted, "1");
    budgeted.config.budget.ingest_run_usd = "100".parse().unwrap();
    plain.config.embedding.batch_texts = 8;
    budgeted.config.embedding.batch_texts = 8;
    for world in [&plain, &budgeted] {
        for number in 0..90 {
            world.write(&format!("{number}.md"), &document([number, number + 1, 7]));
        }
        world.write("empty.md", "");
    }
    for change in 0..3 {
        for world in [&plain, &budgeted] {
            if change == 1 {
                std::fs::remove_file(world.docs().join("5.md")).unwrap();
                world.write("6.md", &document([6, 200]));
                world.write(
                    "8.md",
                    &format!("---\nowner: Someone\n---\n{}", document([8, 9, 7])),
                );
                world.write("empty.md", "# Not empty\n\nany more.\n");
            }
        }
        let one = plain.ingest().await;
        let two = budgeted.ingest().await;
        let (one, two) = (&one.sources[0], &two.sources[0]);
        assert_eq!(one.documents, two.documents);
        assert_eq!(one.chunks, two.chunks);
        assert_eq!(one.problems, two.problems);
        assert_eq!(
            crate::interrupted::contents(&plain).await,
            crate::interrupted::contents(&budgeted).await
        );
    }
    let files: Vec<String> = std::fs::read_dir(&budgeted.config.data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        !files
            .iter()
            .any(|name| name.contains("plan") || name.starts_with("received")),
        "{files:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_do_not_both_get_the_last_money() {
    let model = ScriptedOpenAi::start(Script {
        embedding_delay: Duration::from_millis(300),
        ..Script::default()
    })
    .await;
    let (mut one, mut two) = (World::new().await, World::new().await);
    // One ledger, two data folders.
    two.config.ledger.database_url = one.config.ledger.database_url.clone();
    for world in [&mut one, &mut two] {
        world.embed_with(&model);
        price(world, "1000000");
    }
    two.config.index.collection = "other".to_owned();
    one.write("one.md", &document([1, 2]));
    two.write("two.md", &document([3, 4]));
    let tokens = one.ingest_with(dry()).await.sources[0].tokens;
    for world in [&mut one, &mut two] {
        world.config.budget.ingest_month_usd = (tokens * 3 / 2).to_string().parse().unwrap();
    }
    let (first, second) = tokio::join!(one.try_ingest(), two.try_ingest());
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let refused = first.err().or(second.err()).unwrap();
    assert!(refused.contains("are left"), "{refused}");
    let rows = reservations(&one).await;
    assert!(rows.len() == 1 && rows[0].1 != "open", "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_takes_eight_requests_at_once_gets_eight_and_hardly_more() {
    let model = ScriptedOpenAi::start(Script {
        embedding_delay: Duration::from_millis(20),
        max_at_once: Some(8),
        ..Script::default()
    })
    .await;
    let mut world = World::new().await;
    world.embed_with(&model);
    world.config.embedding.batch_texts = 1;
    world.config.embedding.timeout_ms = 60_000;
    for number in 0..300 {
        world.write(
            &format!("{number}.md"),
            &document([number * 3, number * 3 + 1]),
        );
    }
    let report = world.ingest().await;
    assert!(!report.has_failures(), "{report:?}");
    let load = model.load();
    // Each text is a request of its own.
    assert_eq!(load.accepted as u64, report.sources[0].chunks.embedded);
    assert!(load.accepted >= 600);
    assert_eq!(load.most_at_once, 8);
    assert!(
        (1..=30).contains(&load.refused),
        "what was refused taught what it takes: {load:?}"
    );
}

#[tokio::test]
async fn a_provider_that_asks_to_wait_is_waited_for_and_nothing_is_lost() {
    let (model, mut world) = scripted().await;
    world.config.embedding.batch_texts = 4;
    model.fail(Route::Embeddings, Times::Next(3), Fault::rate_limited(1));
    for number in 0..40 {
        world.write(&format!("{number}.md"), &document([number]));
    }
    let report = world.ingest().await;
    assert!(!report.has_failures(), "{report:?}");
    assert_eq!(report.sources[0].documents.indexed, 40);
    assert_eq!(doubles(model.embedded_texts()), 0);
}

#[tokio::test]
async fn what_nobody_comes_back_for_is_taken_away_after_a_run() {
    let (_model, world) = scripted().await;
    world.write("one.md", &document([1]));
    let data = &world.config.data;
    std::fs::create_dir_all(data).unwrap();
    for name in [
        "received-docent-gone",
        "parted-docent-gone",
        "received-other",
    ] {
        std::fs::write(data.join(name), "").unwrap();
    }
    for (name, days) in [("old", 31), ("new", 29)] {
        let folder = data.join("beside").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let used = std::fs::File::create(folder.join("used")).unwrap();
        let then = std::time::SystemTime::now() - Duration::from_secs(days * 86_400);
        used.set_modified(then).unwrap();
    }
    world.ingest().await;
    let mut left: Vec<String> = std::fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains('-'))
        .collect();
    left.sort();
    assert_eq!(left, Vec::<String>::new());
    assert!(!data.join("beside/old").exists());
    assert!(data.join("beside/new").exists());
}
