//! The pages of `/insights` over a whole year: a million questions, five million model calls, which take
//! minutes to be written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate, Utc};
use docent::server::{Service, serve};
use docent_core::app::App;
use docent_core::config::{self, Overrides, Secret};
use docent_core::data_folder::DataFolder;
use docent_scripted::database::TestDatabase;
use docent_scripted::year;
use tokio::net::TcpListener;

use crate::table::Table;

/// How often each page is asked for.
const TIMES: usize = 7;
const PAGES: [&str; 5] = ["use", "gaps", "cost", "ingest", "program"];
/// What a person clicks: the source has four of ten questions.
const FILTERS: [(&str, &str); 4] = [
    ("everything", ""),
    ("a channel", "&channel=slack"),
    ("a large source", "&source=dbt"),
    ("an asset", "&source=dbt&asset=fct_orders"),
];
/// What a page may take, in milliseconds.
const AIM: f64 = 300.0;

pub(crate) async fn run(table: &mut Table) {
    if !table.wants("insights") {
        return;
    }
    // DOCENT_BENCH_SHARE=0.01: a hundredth of it.
    let share = std::env::var("DOCENT_BENCH_SHARE")
        .ok()
        .and_then(|share| share.parse().ok())
        .unwrap_or(1.0);
    let folder = tempfile::tempdir().expect("a folder");
    let database = TestDatabase::create().await;
    let mut config = config::load(&Overrides {
        data: Some(folder.path().join("data")),
        ..Overrides::default()
    })
    .expect("the defaults are valid");
    config.ledger.database_url = Secret::new(database.url());
    let data = DataFolder::open(&config.data).expect("a folder");
    let ownership = data
        .own("bench", Duration::from_secs(5))
        .await
        .expect("nobody else has it");
    let app = App::open(config, data, Some(ownership), false)
        .await
        .expect("it opens");
    // The year's last day is today: its rows are not summed, as in life.
    let tomorrow = Utc::now().date_naive() + Days::new(1);
    let began = Instant::now();
    let truth = year::fill(&database.options(), tomorrow, share, year::SEED).await;
    table.note(
        "insights: questions",
        truth.interactions as f64,
        "questions",
    );
    table.note("insights: model calls", truth.calls as f64, "calls");
    table.note(
        "insights: filling the year",
        began.elapsed().as_secs_f64(),
        "s",
    );
    let began = Instant::now();
    while app.ledger.sum_days(50).await.expect("Postgres answers") > 0 {}
    table.note(
        "insights: summing 365 days",
        began.elapsed().as_secs_f64(),
        "s",
    );
    truth.write(&folder.path().join("truth.json"));
    // In life that happened in the course of the year.
    database.rows("VACUUM ANALYZE").await;

    let service = Arc::new(Service::new(app).expect("it starts"));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!(
        "http://{}/insights",
        listener.local_addr().expect("an address")
    );
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(Arc::clone(&service), listener, async {
        let _ = stopped.await;
    }));
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let spans = [
        ("four weeks", query(truth.last - Days::new(27), truth.last)),
        ("a quarter", query(truth.last - Days::new(90), truth.last)),
        ("a year", query(truth.first, truth.last)),
    ];
    for page in PAGES {
        for (span, days) in &spans {
            for (about, filter) in FILTERS {
                let ms = median(&http, &format!("{url}/{page}?{days}{filter}")).await;
                let name = format!("insights: {page}, {span}, {about} (median)");
                table.at_most(&name, ms, AIM, "ms");
            }
        }
    }
    let id = database
        .rows("SELECT id::text FROM interaction ORDER BY at DESC LIMIT 1")
        .await;
    let one = format!(
        "{url}/interactions/{}",
        id[0][0].as_deref().unwrap_or_default()
    );
    table.at_most(
        "insights: one question (median)",
        median(&http, &one).await,
        AIM,
        "ms",
    );
    let _ = stop.send(());
    let _ = serving.await;
    service.app.ledger.close().await;
}

fn query(from: NaiveDate, until: NaiveDate) -> String {
    format!("from={from}&to={until}")
}

async fn median(http: &reqwest::Client, url: &str) -> f64 {
    let mut all = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let began = Instant::now();
        let response = http.get(url).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{url}");
        response.bytes().await.expect("the page");
        all.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    all.sort_by(f64::total_cmp);
    all[TIMES / 2]
}
