//! What docent adds to a chat model's own time, over 100,000 chunks, and how many answers a second it
//! gives when the model takes none.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use docent_core::app::App;
use docent_core::config::{self, Overrides};
use docent_core::data_folder::DataFolder;
use docent_core::document::{EVERYONE, document_id, point_id, text_hash};
use docent_core::index::{CollectionSpec, Payload, Point, collection_name, lexical};
use docent_core::ledger::Purpose;
use docent_core::models::CallFor;
use futures::future::join_all;
use uuid::Uuid;

use crate::SAID;
use crate::machine::{ScriptedProcess, ServeProcess, memory_mb};
use crate::table::Table;
use crate::words::{self, Random};

const CHUNKS: usize = 100_000;
const UPSERT: usize = 1000;
/// The model's own time to its first token.
const FIRST_TOKEN_MS: u64 = 200;
const GAP_MS: u64 = 20;

pub(crate) async fn run(table: &mut Table) {
    if !table.wants("answers") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let built = Instant::now();
    build(&data).await;
    table.note(
        "answers: building 100,000 chunks",
        built.elapsed().as_secs_f64(),
        "s",
    );

    let slow = ScriptedProcess::start(FIRST_TOKEN_MS, GAP_MS);
    let serve = ServeProcess::start(&data, &environment(&slow)).await;
    warm_up(&serve.url).await;
    for (at_once, aim) in [(1, 3.0), (64, 20.0)] {
        let rounds = if at_once == 1 { 20 } else { 5 };
        // The same of the models alone: a timer wakes late, and the more so the more there are at once.
        let model = over_own_time(&slow.base_url, Asked::Model, at_once, rounds).await;
        let docent = over_own_time(&serve.url, Asked::Docent, at_once, rounds).await;
        let name = format!("first token, {at_once} at once (median)");
        table.note(
            &format!("answers: {name}: the models' own, beyond 200 ms"),
            model,
            "ms",
        );
        table.at_most(
            &format!("answers: added to the {name}"),
            docent - model,
            aim,
            "ms",
        );
    }
    table.note(
        "answers: memory of serve over 100,000 chunks",
        memory_mb(serve.id),
        "MB",
    );
    serve.stop();
    drop(slow);

    let instant = ScriptedProcess::start(0, 0);
    let serve = ServeProcess::start(&data, &environment(&instant)).await;
    warm_up(&serve.url).await;
    let rate = answers_a_second(&serve.url).await;
    table.at_least(
        "answers: a second, with a model that takes no time",
        rate,
        400.0,
        "/s",
    );
    serve.stop();
}

fn environment(model: &ScriptedProcess) -> Vec<(&'static str, String)> {
    vec![
        ("DOCENT_EMBEDDING__KIND", "openai".to_owned()),
        ("DOCENT_EMBEDDING__BASE_URL", model.base_url.clone()),
        ("DOCENT_EMBEDDING__MODEL", "scripted".to_owned()),
        ("DOCENT_EMBEDDING__DIMENSIONS", "384".to_owned()),
        ("DOCENT_EMBEDDING__SEND_DIMENSIONS", "true".to_owned()),
        // The ledger knows nothing of these chunks' words, and no question is to be refused.
        ("DOCENT_RETRIEVAL__MIN_EVIDENCE", "0".to_owned()),
        ("DOCENT_CHAT__KIND", "openai".to_owned()),
        ("DOCENT_CHAT__BASE_URL", model.base_url.clone()),
        ("DOCENT_CHAT__MODEL", "scripted".to_owned()),
    ]
}

/// A collection of 100,000 chunks, without asking any model.
async fn build(data: &Path) {
    let model = ScriptedProcess::start(0, 0);
    let config = config::load(&Overrides {
        data: Some(PathBuf::from(data)),
        environment: environment(&model)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        ..Overrides::default()
    })
    .expect("a valid configuration");
    let folder = DataFolder::open(data).expect("a folder");
    let ownership = folder.own("bench", Duration::ZERO).await.expect("its lock");
    let app = App::open(config, folder, Some(ownership), false)
        .await
        .expect("every part");
    let space = app.embedder.space().await.expect("a space");
    // Without a vector for its question a search would be by words alone, and half as long.
    let call = CallFor::interaction(Purpose::EmbedQuestion, Uuid::now_v7());
    let embedded = app.embedder.embed_question(&call, "which table?").await;
    embedded.expect("a vector of 384 numbers");
    let name = collection_name("docent", &space.fingerprint(), "bench");
    let spec = CollectionSpec {
        name: name.clone(),
        dimensions: space.dimensions,
    };
    app.index.create(&spec).await.expect("a collection");
    app.index.spread(&name, CHUNKS).await.expect("a collection");
    let mut random = Random(42);
    let mut chunk = 0;
    while chunk < CHUNKS {
        let points = (chunk..chunk + UPSERT)
            .map(|number| point(number, &mut random))
            .collect();
        app.index.upsert(&name, points).await.expect("an upsert");
        chunk += UPSERT;
    }
    app.index.optimize(&name).await.expect("a graph");
    app.index.flush(&name).await.expect("a flush");
    app.index.switch(&name).await.expect("a switch");
    app.close().await;
}

fn point(number: usize, random: &mut Random) -> Point {
    // What the scripted model says stands in every chunk: an answer that none supports is replaced.
    let text = format!("{SAID}. Chunk {number}: {}", words::text(random, 60));
    let id = document_id("bench", &(number / 10).to_string());
    let mut dense: Vec<f32> = (0..384)
        .map(|_| random.below(2000) as f32 / 1000.0 - 1.0)
        .collect();
    let length = dense.iter().map(|value| value * value).sum::<f32>().sqrt();
    for value in &mut dense {
        *value /= length;
    }
    let payload = Payload {
        document_id: id,
        source: "bench".to_owned(),
        uri: String::new(),
        path: format!("{}.md", number / 10),
        title: format!("Document {}", number / 10),
        heading: vec!["Part".to_owned()],
        language: Some("en".to_owned()),
        ordinal: (number % 10) as u32,
        pages: Vec::new(),
        text_hash: text_hash(&text),
        text,
        asset: None,
        owner: None,
        owner_slack: None,
        owner_email: None,
        groups: vec![EVERYONE.to_owned()],
        status: None,
        updated_at: None,
        fresh_at: None,
        stale_at: None,
        curated: None,
    };
    Point {
        id: point_id(id, &payload.text_hash, 0),
        dense,
        sparse: lexical::passage_vector(&payload.lexical_text(), 65.0),
        payload,
    }
}

/// What people ask has one or two rare words, and some that stand everywhere.
fn question(number: usize) -> String {
    let mut random = Random(number as u64 + 7);
    let common = words::text(&mut random, 5);
    let rare = words::word(2_000 + random.below(10_000));
    let question = format!("which {rare} {common}?");
    serde_json::json!({ "question": question, "stream": true }).to_string()
}

async fn warm_up(url: &str) {
    let http = client();
    for number in 0..8 {
        first_token(&http, url, Asked::Docent, number).await;
    }
}

/// Who is asked for the first token.
#[derive(Clone, Copy)]
enum Asked {
    Docent,
    /// The embedder first, then the chat model, as docent has to.
    Model,
}

impl Asked {
    fn route(self) -> &'static str {
        match self {
            Self::Docent => "/v1/chat",
            Self::Model => "/chat/completions",
        }
    }

    fn body(self, number: usize) -> String {
        match self {
            Self::Docent => question(number),
            Self::Model => serde_json::json!({
                "model": "scripted", "stream": true,
                "messages": [{ "role": "user", "content": question(number) }],
            })
            .to_string(),
        }
    }

    /// What stands in the stream from its first token on.
    fn first_token(self) -> &'static [u8] {
        match self {
            Self::Docent => b"event: delta",
            Self::Model => b"The ",
        }
    }

    /// What a whole answer holds.
    fn whole(self) -> &'static [u8] {
        match self {
            Self::Docent => b"\"generator\":\"model\"",
            Self::Model => b"[DONE]",
        }
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
}

/// Time to the first token, in milliseconds; the answer is read to its end.
async fn first_token(http: &reqwest::Client, url: &str, asked: Asked, number: usize) -> f64 {
    let started = Instant::now();
    if matches!(asked, Asked::Model) {
        let vector = post(http, format!("{url}/embeddings"), embedding(number)).await;
        vector.bytes().await.expect("a vector");
    }
    let mut response = post(http, format!("{url}{}", asked.route()), asked.body(number)).await;
    let mut read = Vec::new();
    let mut first = None;
    while let Some(piece) = response.chunk().await.expect("the stream") {
        read.extend_from_slice(&piece);
        if first.is_none() && contains(&read, asked.first_token()) {
            first = Some(started.elapsed().as_secs_f64() * 1000.0);
        }
    }
    assert!(
        contains(&read, asked.whole()),
        "{}",
        String::from_utf8_lossy(&read)
    );
    first.expect("a delta")
}

async fn post(http: &reqwest::Client, url: String, body: String) -> reqwest::Response {
    let request = http.post(url).header("content-type", "application/json");
    let response = request.body(body).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    response
}

fn embedding(number: usize) -> String {
    serde_json::json!({
        "model": "scripted", "input": question(number), "encoding_format": "base64",
        "dimensions": 384,
    })
    .to_string()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// How much later than the model's own time the first token comes, at the median, in milliseconds.
async fn over_own_time(url: &str, asked: Asked, at_once: usize, rounds: usize) -> f64 {
    let http = client();
    let mut over = Vec::new();
    for round in 0..rounds {
        let each = (0..at_once).map(|at| first_token(&http, url, asked, round * at_once + at));
        let waited = join_all(each).await;
        over.extend(waited.into_iter().map(|ms| ms - FIRST_TOKEN_MS as f64));
    }
    median(over)
}

async fn answers_a_second(url: &str) -> f64 {
    const READERS: usize = 16;
    const EACH: usize = 60;
    let started = Instant::now();
    join_all((0..READERS).map(|reader| async move {
        let http = client();
        for number in 0..EACH {
            first_token(&http, url, Asked::Docent, reader * EACH + number).await;
        }
    }))
    .await;
    (READERS * EACH) as f64 / started.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
