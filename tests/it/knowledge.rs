//! `/v1/sources` and `/sources`: what docent knows, and nothing of it beyond the caller's groups.

use docent_core::ledger::Role;
use serde_json::{Value, json};

use crate::support::{TestServer, World, write};

/// What stands in documents of finance alone.
const HIDDEN: [&str; 6] = [
    "Payroll",
    "payroll",
    "Vera",
    "2026-09-09",
    "2026-10-01",
    "ledgers",
];

/// Two sources. Of `docs` one document is for finance alone, and of `ledgers` all are.
async fn world() -> World {
    let mut world = World::new().await;
    world.write(
        "trips.md",
        "---\nowner: Ana\nasset: fct_trips\nuri: https://docs.example/trips\nupdated_at: 2026-11-02\n\
         fresh_at: 2026-11-20T05:20:00Z\nstatus: certified\n---\n# Trips <b>&\n\nThe table fct_trips is loaded hourly.\n",
    );
    world.write(
        "riders.md",
        "---\nowner: Ana\nuri: \"javascript:alert(1)\"\nupdated_at: 2026-11-05\n---\n# Riders\n\nRiders pay monthly.\n",
    );
    world.write(
        "payroll.md",
        "---\ngroups: [finance]\nowner: Vera\nasset: payroll_runs\nupdated_at: 2026-09-09\n\
         fresh_at: 2026-10-01\n---\n# Payroll\n\nThe table payroll_runs is loaded every fortnight.\n",
    );
    let ledgers = world.folder.path().join("ledgers");
    write(
        &ledgers,
        "book.md",
        "# Book\n\nThe book is closed monthly.\n",
    );
    let mut source = docent_core::config::Source::folder("ledgers".to_owned(), ledgers);
    source.groups = vec!["finance".to_owned()];
    world.config.sources.push(source);
    world.ingest().await;
    world
}

async fn get(server: &TestServer, path: &str, token: &str) -> (u16, Value) {
    server.send("GET", path, token, None).await
}

async fn page(server: &TestServer, path: &str, token: &str, language: &str) -> (u16, String) {
    let mut request = server
        .http
        .get(format!("{}{path}", server.url))
        .header("accept-language", language);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = request.send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str();
    assert!(policy.unwrap().starts_with("default-src 'none'"));
    let status = response.status().as_u16();
    // As a browser reads it: the template escapes slashes as well.
    let text = response.text().await.unwrap().replace("&#x2f;", "/");
    (status, text)
}

fn is_clean(text: &str) {
    for hidden in HIDDEN {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
}

#[tokio::test]
async fn a_source_is_described_by_what_the_caller_may_read_of_it() {
    let world = world().await;
    let server = world.serve().await;
    let (status, known) = get(&server, "/v1/sources", "").await;
    assert_eq!(status, 200);
    is_clean(&known.to_string());
    let mut source = known["sources"][0].clone();
    let run = source["last_run"].take();
    assert_eq!(run["outcome"], "done");
    assert!(run["finished_at"].is_string() && run.as_object().unwrap().len() == 3);
    assert_eq!(known["sources"].as_array().unwrap().len(), 1);
    let expected = json!({
        "name": "docs", "kind": "folder", "documents": 2, "assets": 1,
        "owners": [{"name": "Ana", "documents": 2}],
        "oldest_change": "2026-11-02T00:00:00Z", "newest_change": "2026-11-05T00:00:00Z",
        "fresh_at": "2026-11-20T05:20:00Z", "oldest_fresh_at": "2026-11-20T05:20:00Z",
        "last_run": null,
    });
    assert_eq!(source, expected);

    let finance = server.key("vera", &["finance"], Role::User).await;
    let (_, known) = get(&server, "/v1/sources", &finance).await;
    let named: Vec<(&str, u64)> = known["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| {
            (
                source["name"].as_str().unwrap(),
                source["documents"].as_u64().unwrap(),
            )
        })
        .collect();
    // A key's groups are its own: `everyone` is among them only where that was said.
    assert_eq!(named, [("docs", 1), ("ledgers", 1)]);
    assert_eq!(known["sources"][0]["newest_change"], "2026-09-09T00:00:00Z");
    assert_eq!(known["sources"][0]["owners"][0]["name"], "Vera");
    server.stop().await;
}

#[tokio::test]
async fn a_source_without_a_readable_document_is_not_there() {
    let world = world().await;
    let server = world.serve().await;
    let nowhere = get(&server, "/v1/sources/nowhere", "").await;
    assert_eq!(nowhere.0, 404);
    assert_eq!(get(&server, "/v1/sources/ledgers", "").await, nowhere);
    let nobody = server.key("nobody", &["marketing"], Role::Admin).await;
    assert_eq!(
        get(&server, "/v1/sources", &nobody).await,
        (200, json!({ "sources": [] }))
    );
    assert_eq!(get(&server, "/v1/sources/docs", &nobody).await, nowhere);
    let (status, text) = page(&server, "/sources", &nobody, "en").await;
    assert_eq!(status, 200);
    assert!(text.contains("no document that you may read"), "{text}");
    is_clean(&text);
    server.stop().await;
}

#[tokio::test]
async fn documents_come_page_by_page_each_once() {
    let world = world().await;
    let server = world.serve().await;
    let both = server
        .key("both", &["everyone", "finance"], Role::User)
        .await;
    for (token, mut expected) in [
        ("", vec!["riders.md", "trips.md"]),
        (both.as_str(), vec!["payroll.md", "riders.md", "trips.md"]),
    ] {
        let (mut paths, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/sources/docs?limit=1{cursor}");
            let (status, found) = get(&server, &path, token).await;
            assert_eq!(status, 200);
            let documents = found["documents"].as_array().unwrap();
            assert_eq!(documents.len(), 1);
            paths.push(documents[0]["path"].as_str().unwrap().to_owned());
            match found["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        paths.sort_unstable();
        expected.sort_unstable();
        assert_eq!(paths, expected);
    }
    let (_, found) = get(&server, "/v1/sources/docs", "").await;
    let documents = found["documents"].as_array().unwrap();
    let trips = documents
        .iter()
        .find(|it| it["path"] == "trips.md")
        .unwrap();
    assert_eq!(trips["asset"], "fct_trips");
    assert_eq!(trips["status"], "certified");
    assert_eq!(trips["fresh_at"], "2026-11-20T05:20:00Z");
    assert!(trips.get("text").is_none() && trips.get("groups").is_none());
    let (status, problem) = get(&server, "/v1/sources/docs?cursor=x", "").await;
    assert_eq!((status, &problem["code"]), (400, &json!("bad_request")));
    server.stop().await;
}

#[tokio::test]
async fn the_page_shows_the_same_escaped_and_links_to_the_web_alone() {
    let world = world().await;
    let server = world.serve().await;
    let (status, text) = page(&server, "/sources", "", "en").await;
    assert_eq!(status, 200);
    assert!(text.contains("<a href=\"sources/docs\">docs</a>"), "{text}");
    assert!(text.contains("<dt>Documents</dt><dd>2</dd>"), "{text}");
    assert!(text.contains("(done)"), "{text}");
    is_clean(&text);
    assert!(!text.contains("<script") && !text.contains("style=") && !text.contains("<!-- "));

    let (status, text) = page(&server, "/sources/docs", "", "en").await;
    assert_eq!(status, 200);
    is_clean(&text);
    assert!(
        text.contains("href=\"https://docs.example/trips\""),
        "{text}"
    );
    assert!(text.contains("Trips") && !text.contains("<b>"), "{text}");
    assert!(
        text.contains("Riders") && !text.contains("javascript:"),
        "{text}"
    );
    assert!(!text.contains("file:"), "{text}");

    let (_, text) = page(&server, "/sources", "", "ko-KR,ko;q=0.9").await;
    assert!(
        text.contains("<html lang=\"ko\">") && text.contains("문서"),
        "{text}"
    );
    let (status, _) = page(&server, "/sources/ledgers", "", "en").await;
    assert_eq!(status, 404);
    server.stop().await;
}

#[tokio::test]
async fn whoever_may_not_ask_is_told_nothing() {
    let mut world = world().await;
    world.config.access.anonymous = docent_core::config::Anonymous::Never;
    let server = world.serve().await;
    for path in [
        "/v1/sources",
        "/v1/sources/docs",
        "/sources",
        "/sources/docs",
    ] {
        let (status, text) = page(&server, path, "", "en").await;
        assert_eq!(status, 401, "{path}");
        assert!(!text.contains("docs\""), "{text}");
    }
    server.stop().await;
}
