//! A thousand readers of one process at once: none is lost, and one that does not read holds up nobody.

use std::process::Command;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::SAID;
use crate::machine::{ScriptedProcess, ServeProcess, memory_mb};
use crate::table::Table;

const READERS: usize = 1000;
const FIRST_TOKEN_MS: u64 = 200;
/// 40 tokens: an answer takes two seconds, so that all are open together.
const GAP_MS: u64 = 45;
const BODY: &str = r#"{"question": "How often is the table loaded?", "stream": true}"#;

pub(crate) async fn run(table: &mut Table) {
    if !table.wants("streams") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (docs, data) = (folder.path().join("docs"), folder.path().join("data"));
    std::fs::create_dir(&docs).expect("a folder");
    std::fs::write(docs.join("a.md"), format!("# Trips\n\n{SAID}.\n")).expect("a file");
    let ingested = Command::new(env!("CARGO_BIN_EXE_docent"))
        .arg("--data")
        .arg(&data)
        .arg("ingest")
        .arg(&docs)
        .output()
        .expect("docent runs");
    assert!(ingested.status.success());
    let model = ScriptedProcess::start(FIRST_TOKEN_MS, GAP_MS);
    let serve = ServeProcess::start(
        &data,
        &[
            ("DOCENT_SERVER__MAX_ANSWERS", (READERS + 10).to_string()),
            ("DOCENT_RETRIEVAL__MIN_EVIDENCE", "0".to_owned()),
            ("DOCENT_CHAT__KIND", "openai".to_owned()),
            ("DOCENT_CHAT__BASE_URL", model.base_url.clone()),
            ("DOCENT_CHAT__MODEL", "scripted".to_owned()),
        ],
    )
    .await;
    let address = serve.url.trim_start_matches("http://").to_owned();
    read(&address, Duration::ZERO).await;
    let before = memory_mb(serve.id);

    let alone = median(&read_all(&address, 1).await);
    // Somebody who asks and does not read for as long as all the others do.
    let slow = tokio::spawn({
        let address = address.clone();
        async move { read(&address, Duration::from_secs(6)).await }
    });
    let most = tokio::spawn(most_memory(serve.id));
    let all = read_all(&address, READERS).await;
    most.abort();
    let most = MOST.load(std::sync::atomic::Ordering::Relaxed) as f64 / 1000.0;
    table.at_least(
        "streams: whole answers of 1,000 at once",
        all.len() as f64,
        READERS as f64,
        "",
    );
    table.note("streams: first token, one reader", alone, "ms");
    table.note(
        "streams: first token, 1,000 at once (median)",
        median(&all),
        "ms",
    );
    table.note(
        "streams: memory for each open answer",
        (most - before) * 1024.0 / READERS as f64,
        "KB",
    );
    let slow = slow.await.expect("the slow reader");
    table.at_least(
        "streams: whole answers of a reader that waited 6 s",
        f64::from(u8::from(slow.is_some())),
        1.0,
        "",
    );
    serve.stop();
}

/// Kilobytes, so that an atomic can hold them.
static MOST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

async fn most_memory(process: u32) {
    loop {
        let now = (memory_mb(process) * 1000.0) as u64;
        MOST.fetch_max(now, std::sync::atomic::Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Time to the first `delta` of each whole answer, in milliseconds.
async fn read_all(address: &str, readers: usize) -> Vec<f64> {
    let all = (0..readers).map(|_| read(address, Duration::ZERO));
    join_all(all).await.into_iter().flatten().collect()
}

/// Asks, waits, and reads the answer to its end; `None`: it did not come whole.
async fn read(address: &str, wait: Duration) -> Option<f64> {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!(
        "POST /v1/chat HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    tokio::time::sleep(wait).await;
    let (mut text, mut piece, mut first) = (Vec::new(), vec![0; 4096], None);
    loop {
        let read = stream.read(&mut piece).await.ok()?;
        if read == 0 {
            break;
        }
        text.extend_from_slice(&piece[..read]);
        if first.is_none() && holds(&text, b"event: delta") {
            first = Some(started.elapsed().as_secs_f64() * 1000.0);
        }
    }
    first.filter(|_| holds(&text, b"event: done") && holds(&text, br#""generator":"model""#))
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
