//! A run that is killed (`kill -9`) anywhere: the next one ends in the index of an uninterrupted one.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use docent_core::index::StoredPoint;
use docent_scripted::openai::{Script, ScriptedOpenAi};
use uuid::Uuid;

use crate::binary::docent;
use crate::support::World;

const DOCUMENTS: usize = 120;

async fn world(model: &ScriptedOpenAi) -> World {
    let mut world = World::new().await;
    world.embed_with(model);
    world.config.embedding.batch_texts = 8;
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
async fn contents(world: &World) -> BTreeMap<Uuid, StoredPoint> {
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

fn settings(world: &World, model: &ScriptedOpenAi) -> String {
    format!(
        "[ledger]\ndatabase_url = \"{}\"\n[embedding]\nkind = \"openai\"\nbase_url = \"{}\"\n\
         model = \"scripted-embedding\"\nbatch_texts = 8\n[[source]]\nname = \"docs\"\n\
         kind = \"folder\"\npath = \"{}\"\n",
        world.database.url(),
        model.base_url(),
        world.docs().display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_is_completed_by_the_next_one() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let whole = world(&model).await;
    whole.ingest().await;
    let expected = contents(&whole).await;
    assert!(expected.len() >= DOCUMENTS * 4);
    let texts = model.embedded_texts().len();

    model.change(|script| script.embedding_delay = Duration::from_millis(15));
    let broken = world(&model).await;
    let file = broken.folder.path().join("docent.toml");
    std::fs::write(&file, settings(&broken, &model)).unwrap();
    let mut kills = 0;
    for attempt in 0..6 {
        let mut run = docent(&broken.config.data)
            .arg("--config")
            .arg(&file)
            .args(["ingest", "--json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(350 + 130 * attempt)).await;
        if run.try_wait().unwrap().is_none() {
            kills += 1;
        }
        run.kill().unwrap();
        run.wait().unwrap();
    }
    assert!(kills >= 2, "the run was too fast to be interrupted");
    let report = broken.ingest().await;
    assert!(!report.has_failures(), "{report:?}");
    assert_eq!(contents(&broken).await, expected);
    // Paid twice at the most: what was in flight at each kill.
    let paid = model.embedded_texts().len() - texts;
    let batch = 8 * broken.config.embedding.concurrency;
    let in_flight = 4 * batch * kills;
    assert!(
        paid <= texts + in_flight,
        "{paid} texts embedded, {texts} needed, {kills} kills"
    );
    // And nothing is left to do.
    let again = broken.ingest().await;
    assert_eq!(again.sources[0].documents.unchanged as usize, DOCUMENTS);
}
