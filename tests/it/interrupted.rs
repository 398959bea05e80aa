//! A run that is killed (`kill -9`) anywhere: the next one ends in the index of an uninterrupted one.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use docent::owner::IngestRequest;
use docent_core::index::StoredPoint;
use docent_scripted::openai::{Script, ScriptedOpenAi};
use uuid::Uuid;

use crate::binary::docent;
use crate::support::World;

const DOCUMENTS: usize = 400;
/// Requests of a run to the model at once, and texts in each.
const REQUESTS: usize = 4;
const TEXTS: usize = 8;
const KILLS: usize = 20;

async fn world(model: &ScriptedOpenAi) -> World {
    let mut world = World::new().await;
    world.embed_with(model);
    world.config.embedding.batch_texts = TEXTS;
    world.config.embedding.concurrency = REQUESTS;
    world.config.embedding.max_concurrency = REQUESTS;
    for number in 0..DOCUMENTS {
        let mut text = format!("# Table {number}\n");
        for section in 0..4 {
            text.push_str(&format!(
                "\n## Part {section}\n\n{}\n",
                format!("Fact {section} of table {number} about stations and trips. ").repeat(12)
            ));
        }
        world.write(&format!("tables/{number}.md"), &text);
    }
    world
}

/// Everything in the index but the times.
pub(crate) async fn contents(world: &World) -> BTreeMap<Uuid, StoredPoint> {
    let app = world.app().await;
    let live = app.index.live().await.unwrap().unwrap();
    let mut points = BTreeMap::new();
    let mut offset = None;
    loop {
        let page = app.index.scroll(&live, offset, 500, true).await.unwrap();
        for mut point in page.points {
            point.payload.updated_at = None;
            // The two worlds lie in folders of their own.
            point.payload.uri = String::new();
            points.insert(point.id, point);
        }
        offset = page.next;
        if offset.is_none() {
            break;
        }
    }
    app.close().await;
    points
}

fn settings(world: &World, model: &ScriptedOpenAi, more: &str) -> String {
    format!(
        "[ledger]\ndatabase_url = \"{}\"\n[embedding]\nkind = \"openai\"\nbase_url = \"{}\"\n\
         model = \"scripted-embedding\"\nbatch_texts = {TEXTS}\nconcurrency = {REQUESTS}\n\
         max_concurrency = {REQUESTS}\n{more}[[source]]\nname = \"docs\"\nkind = \"folder\"\n\
         path = \"{}\"\n",
        world.database.url(),
        model.base_url(),
        world.docs().display()
    )
}

/// Starts a run, and kills it when `moment` is over. Answers whether there was something to kill.
async fn killed(world: &World, file: &Path, moment: impl Future<Output = ()>) -> bool {
    let mut run = docent(&world.config.data)
        .arg("--config")
        .arg(file)
        .args(["ingest", "--json"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    moment.await;
    let running = run.try_wait().unwrap().is_none();
    run.kill().unwrap();
    run.wait().unwrap();
    running
}

/// Waits until the model is asked something again.
async fn asked_again(model: &ScriptedOpenAi) {
    let before = model.embedding_requests();
    for _ in 0..500 {
        if model.embedding_requests() > before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_is_completed_by_the_next_one_wherever_it_was_killed() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let whole = world(&model).await;
    whole.ingest().await;
    let expected = contents(&whole).await;
    assert_eq!(expected.len(), DOCUMENTS * 4);
    let texts = model.embedded_texts().len();

    model.change(|script| script.embedding_delay = Duration::from_millis(50));
    let broken = world(&model).await;
    let file = broken.folder.path().join("docent.toml");
    std::fs::write(&file, settings(&broken, &model, "")).unwrap();
    let mut kills = 0;
    let mut moments = Vec::new();
    for attempt in 0..KILLS {
        // Every second one anywhere, the others while texts are being embedded.
        let random = Uuid::new_v4().as_u128() as u64;
        let embedding = attempt % 2 == 0;
        let wait = Duration::from_millis(if embedding {
            random % 160
        } else {
            random % 900
        });
        moments.push((embedding, wait));
        let moment = async {
            if embedding {
                asked_again(&model).await;
            }
            tokio::time::sleep(wait).await;
        };
        kills += usize::from(killed(&broken, &file, moment).await);
    }
    assert!(
        kills >= KILLS / 2,
        "the run was too fast to be interrupted: {kills} kills at {moments:?}"
    );
    let report = broken.ingest().await;
    assert!(!report.has_failures(), "{report:?}");
    let ended = contents(&broken).await;
    let ids: Vec<&Uuid> = ended.keys().collect();
    assert!(
        ids.iter().eq(&expected.keys().collect::<Vec<_>>()),
        "{moments:?}"
    );
    assert!(ended == expected, "{moments:?}");
    // Paid twice at the most: what was in flight at each kill.
    let paid = model.embedded_texts().len() - texts;
    let in_flight = REQUESTS * TEXTS * kills;
    assert!(
        paid <= texts + in_flight,
        "{paid} texts embedded, {texts} needed, {kills} kills at {moments:?}"
    );
    // And nothing is left to do.
    let again = broken.ingest().await;
    assert_eq!(again.sources[0].documents.unchanged as usize, DOCUMENTS);
    assert_eq!(model.embedded_texts().len() - texts, paid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_does_not_keep_the_money_that_it_reserved() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let mut broken = world(&model).await;
    let plan = broken
        .ingest_with(IngestRequest {
            dry_run: true,
            ..IngestRequest::default()
        })
        .await;
    // Room for one such run, at a dollar a token.
    let month = plan.sources[0].tokens * 3 / 2;
    model.change(|script| script.embedding_delay = Duration::from_millis(300));
    let more = format!(
        "[budget]\ningest_month_usd = {month}\n[prices]\n\"scripted-embedding\" = {{ input = 1000000.0 }}\n"
    );
    let file = broken.folder.path().join("docent.toml");
    std::fs::write(&file, settings(&broken, &model, &more)).unwrap();
    assert!(killed(&broken, &file, asked_again(&model)).await);
    assert_eq!(broken.database.count("budget_reservation").await, 1);

    model.change(|script| script.embedding_delay = Duration::ZERO);
    broken.config.budget.ingest_month_usd = month.into();
    let price = docent_core::config::Price {
        input: Some(1_000_000.into()),
        cached_input: None,
        output: None,
        searches: None,
    };
    let prices = &mut broken.config.prices;
    prices.insert("scripted-embedding".to_owned(), price);
    let report = broken.ingest().await;
    assert!(!report.has_failures(), "{report:?}");
    let open = "SELECT run_id::text FROM budget_reservation WHERE settled_at IS NULL";
    assert_eq!(broken.database.rows(open).await.len(), 0);
    assert_eq!(broken.database.count("budget_reservation").await, 2);
}
