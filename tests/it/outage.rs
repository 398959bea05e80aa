//! Postgres goes away and comes back under load: every question answered, every turn recorded once.

use std::sync::Arc;
use std::time::Duration;

use docent_core::app::App;
use docent_core::config::Secret;
use docent_core::postgres::EmbeddedPostgres;
use futures::future::join_all;

use crate::support::{TestServer, World, eventually, ingest};

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_postgres_loses_no_answer_and_no_record() {
    let mut world = World::new().await;
    world.config.ledger.database_url = Secret::default();
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    let folder = world.folder.path().join("postgres");
    let postgres = EmbeddedPostgres::start(&folder, None).await.unwrap();
    world.config.ledger.database_url = Secret::new(postgres.url());
    {
        let app: Arc<App> = Arc::new(world.app().await);
        ingest(&app).await;
        crate::support::closed(app).await;
    }
    let server: TestServer = world.serve().await;

    let ask = |number: usize| {
        let server = &server;
        async move {
            let answer = server
                .ask(&format!("How often is fct_trips loaded? ({number})"))
                .await;
            assert_eq!(answer["outcome"], "answered");
            answer["interaction_id"].as_str().unwrap().to_owned()
        }
    };
    let mut asked = join_all((0..20).map(ask)).await;
    postgres.stop().await;
    asked.extend(join_all((20..60).map(ask)).await);
    let postgres = EmbeddedPostgres::start(&folder, None).await.unwrap();
    asked.extend(join_all((60..80).map(ask)).await);

    eventually("all turns are in the ledger", || async {
        server.service.app.ledger.flush().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let rows =
            docent_scripted::database::rows(&postgres.url(), "SELECT id::text FROM interaction")
                .await;
        let mut ids: Vec<String> = rows
            .into_iter()
            .filter_map(|mut row| row.remove(0))
            .collect();
        ids.sort_unstable();
        let mut expected = asked.clone();
        expected.sort_unstable();
        ids == expected
    })
    .await;
    server.stop().await;
    postgres.stop().await;
}
