//! Confluence: a server that answers as Atlassian documents its REST API, and space exports.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Path as UrlPath, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use insta::assert_snapshot;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{check, documents, list, paths, problems, source};

const HANDBOOK: &str = include_str!("../fixtures/confluence-storage.xml");

/// Pages in a part of a list; Atlassian's own limit is 250.
const PART: usize = 2;

#[derive(Clone)]
struct WikiPage {
    id: &'static str,
    title: &'static str,
    parent: Option<(&'static str, &'static str)>,
    version: u64,
    body: String,
    labels: Vec<&'static str>,
}

fn page(
    id: &'static str,
    title: &'static str,
    parent: Option<(&'static str, &'static str)>,
    body: &str,
) -> WikiPage {
    WikiPage {
        id,
        title,
        parent,
        version: 1,
        body: body.to_owned(),
        labels: Vec::new(),
    }
}

/// Groups and people.
type Named = (Vec<&'static str>, Vec<&'static str>);

#[derive(Default)]
struct Wiki {
    pages: Mutex<Vec<WikiPage>>,
    /// Groups and people who alone may read.
    restrictions: Mutex<HashMap<&'static str, Named>>,
    /// Ids whose restriction is answered with this status.
    refused: Mutex<HashMap<&'static str, u16>>,
    bodies: AtomicUsize,
    token: Mutex<String>,
    busy: AtomicUsize,
}

impl Wiki {
    fn show(page: &WikiPage, with_body: bool) -> Value {
        let mut shown = json!({
            "id": page.id, "status": "current", "title": page.title, "spaceId": "77",
            "parentId": page.parent.map(|(_, id)| id), "parentType": page.parent.map(|(kind, _)| kind),
            "authorId": "a1", "createdAt": "2026-01-01T00:00:00.000Z",
            "version": { "number": page.version, "createdAt": "2026-03-14T09:12:00.000Z", "minorEdit": false },
            "body": {},
            "_links": { "webui": format!("/spaces/DATA/pages/{}", page.id) }
        });
        if with_body {
            shown["body"] =
                json!({ "storage": { "representation": "storage", "value": page.body } });
        }
        shown
    }
}

/// Values of a query parameter, repeated or not.
fn values(query: &str, name: &str) -> Vec<String> {
    query
        .split('&')
        .filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .map(str::to_owned)
        .collect()
}

/// A part of a list, with the address of the next.
fn part(path: &str, query: &str, all: &[Value]) -> Json<Value> {
    let from: usize = values(query, "cursor")
        .first()
        .map_or(0, |cursor| cursor.parse().unwrap());
    let to = (from + PART).min(all.len());
    let mut links = json!({ "base": "https://example.atlassian.net/wiki" });
    if to < all.len() {
        let kept: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.starts_with("cursor="))
            .collect();
        links["next"] = json!(format!("{path}?{}&cursor={to}", kept.join("&")));
    }
    Json(json!({ "results": all[from..to], "_links": links }))
}

type Shared = State<Arc<Wiki>>;

async fn spaces(RawQuery(query): RawQuery) -> Json<Value> {
    let query = query.unwrap_or_default();
    let spaces = [json!({ "id": "77", "key": "DATA", "name": "Data", "type": "global" })];
    let keys = values(&query, "keys");
    let found: Vec<Value> = spaces
        .into_iter()
        .filter(|space| keys.is_empty() || keys.iter().any(|key| space["key"] == **key))
        .collect();
    part("/wiki/api/v2/spaces", &query, &found)
}

async fn space_pages(
    State(wiki): Shared,
    UrlPath(id): UrlPath<String>,
    RawQuery(query): RawQuery,
) -> Response {
    if id != "77" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let all: Vec<Value> = wiki
        .pages
        .lock()
        .iter()
        .map(|page| Wiki::show(page, false))
        .collect();
    part(
        "/wiki/api/v2/spaces/77/pages",
        &query.unwrap_or_default(),
        &all,
    )
    .into_response()
}

async fn pages(State(wiki): Shared, RawQuery(query): RawQuery) -> Json<Value> {
    let query = query.unwrap_or_default();
    let ids = values(&query, "id");
    assert_eq!(values(&query, "body-format"), ["storage"]);
    let found: Vec<Value> = wiki
        .pages
        .lock()
        .iter()
        .filter(|page| ids.iter().any(|id| id == page.id))
        .map(|page| Wiki::show(page, true))
        .collect();
    if values(&query, "cursor").is_empty() {
        wiki.bodies.fetch_add(found.len(), Ordering::Relaxed);
    }
    part("/wiki/api/v2/pages", &query, &found)
}

async fn folder(UrlPath(id): UrlPath<String>) -> Response {
    match id.as_str() {
        "900" => Json(json!({ "id": "900", "type": "folder", "title": "Runbooks", "parentId": "100", "parentType": "page" })).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn label(RawQuery(query): RawQuery) -> Response {
    match values(&query.unwrap_or_default(), "name")
        .first()
        .map(String::as_str)
    {
        Some("certified") => {
            Json(json!({ "label": { "id": "55", "name": "certified", "prefix": "global" } }))
                .into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn label_pages(State(wiki): Shared, RawQuery(query): RawQuery) -> Json<Value> {
    let all: Vec<Value> = wiki
        .pages
        .lock()
        .iter()
        .filter(|page| page.labels.contains(&"certified"))
        .map(|page| Wiki::show(page, false))
        .collect();
    part(
        "/wiki/api/v2/labels/55/pages",
        &query.unwrap_or_default(),
        &all,
    )
}

async fn one_page(State(wiki): Shared, UrlPath(id): UrlPath<String>) -> Response {
    let pages = wiki.pages.lock();
    match pages.iter().find(|page| page.id == id) {
        Some(page) => Json(Wiki::show(page, false)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn restriction(State(wiki): Shared, UrlPath(id): UrlPath<String>) -> Response {
    if let Some(status) = wiki.refused.lock().get(id.as_str()) {
        return StatusCode::from_u16(*status).unwrap().into_response();
    }
    let restrictions = wiki.restrictions.lock();
    let (groups, people) = restrictions.get(id.as_str()).cloned().unwrap_or_default();
    let groups: Vec<Value> = groups
        .iter()
        .map(|name| json!({ "type": "group", "name": name, "id": "g" }))
        .collect();
    let people: Vec<Value> = people
        .iter()
        .map(|id| json!({ "type": "known", "accountId": id }))
        .collect();
    Json(json!({
        "operation": "read",
        "restrictions": {
            "user": { "size": people.len(), "results": people, "start": 0, "limit": 200 },
            "group": { "size": groups.len(), "results": groups, "start": 0, "limit": 200 }
        }
    }))
    .into_response()
}

async fn users(Json(asked): Json<Value>) -> Json<Value> {
    let known = json!({ "accountId": "a1", "displayName": "Mina Park" });
    let ids = asked["accountIds"].as_array().unwrap();
    let results: Vec<&Value> = ids
        .iter()
        .filter(|id| **id == "a1")
        .map(|_| &known)
        .collect();
    Json(json!({ "results": results }))
}

/// Basic authentication, and now and then a request too many.
async fn guard(State(wiki): Shared, headers: HeaderMap, request: Request, next: Next) -> Response {
    let given = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if given != Some(wiki.token.lock().as_str()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if wiki.busy.fetch_add(1, Ordering::Relaxed) % 7 == 3 {
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]).into_response();
    }
    next.run(request).await
}

async fn start(pages_of: Vec<WikiPage>) -> (Arc<Wiki>, String) {
    let wiki = Arc::new(Wiki::default());
    *wiki.pages.lock() = pages_of;
    *wiki.token.lock() = "Basic bWluYUBleGFtcGxlLmNvbTpzM2NyZXQ=".to_owned(); // mina@example.com:s3cret
    let api = Router::new()
        .route("/wiki/api/v2/spaces", get(spaces))
        .route("/wiki/api/v2/spaces/{id}/pages", get(space_pages))
        .route("/wiki/api/v2/pages", get(pages))
        .route("/wiki/api/v2/pages/{id}", get(one_page))
        .route("/wiki/api/v2/folders/{id}", get(folder))
        .route("/wiki/api/v2/labels/55/pages", get(label_pages))
        .route("/wiki/api/v2/users-bulk", post(users))
        .route("/wiki/rest/api/label", get(label))
        .route(
            "/wiki/rest/api/content/{id}/restriction/byOperation/read",
            get(restriction),
        )
        .layer(middleware::from_fn_with_state(Arc::clone(&wiki), guard))
        .with_state(Arc::clone(&wiki));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/wiki", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, api).await });
    (wiki, url)
}

fn handbook() -> Vec<WikiPage> {
    vec![
        page("100", "Data handbook", None, "<p>Welcome.</p>"),
        page("101", "Revenue", Some(("page", "100")), HANDBOOK),
        page(
            "102",
            "Provider fees",
            Some(("page", "101")),
            "<p>Nuri Pay takes 1.2%.</p>",
        ),
        page(
            "103",
            "Salaries",
            Some(("page", "102")),
            "<p>For the board.</p>",
        ),
        page(
            "104",
            "Late trips",
            Some(("folder", "900")),
            "<p>Restart the loader.</p>",
        ),
        page("105", "Mina's notes", Some(("page", "100")), "<p>Mine.</p>"),
    ]
}

fn settings(url: &str, more: &str) -> String {
    format!(
        "kind = \"confluence\"\nurl = \"{url}\"\nuser = \"mina@example.com\"\ntoken_env = \"SOURCE_TOKEN\"\n\
         group_names = {{ confluence-finance = \"finance\" }}\n{more}"
    )
}

#[tokio::test]
async fn a_space_is_read_with_its_tree_its_macros_and_its_restrictions() {
    let (wiki, url) = start(handbook()).await;
    wiki.restrictions
        .lock()
        .insert("102", (vec!["confluence-finance", "board"], vec!["a1"]));
    wiki.restrictions
        .lock()
        .insert("103", (vec!["board"], vec![]));
    wiki.restrictions.lock().insert("105", (vec![], vec!["a1"]));
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path(), &settings(&url, "spaces = [\"DATA\"]"));
    assert!(
        check(folder.path(), &source)
            .await
            .unwrap()
            .contains("DATA")
    );
    let listing = list(folder.path(), &source).await.unwrap();
    assert_snapshot!(documents(&listing, &[(&url, "WIKI")]));
    assert_snapshot!(problems(&listing), @"skipped DATA/105: permission unknown: it is restricted to 1 people by name, whom docent cannot tell apart; restrict it to a group instead");
    assert!(listing.withdrawn.contains("DATA/105"));
    assert_eq!(wiki.bodies.load(Ordering::Relaxed), 6);

    // What has the same version is not fetched again; a restriction has no version.
    wiki.pages.lock()[0].version = 2;
    wiki.pages.lock()[0].body = "<p>Welcome back.</p>".to_owned();
    wiki.restrictions
        .lock()
        .insert("104", (vec!["oncall"], vec![]));
    let second = list(folder.path(), &source).await.unwrap();
    assert_eq!(wiki.bodies.load(Ordering::Relaxed), 7);
    let found = second
        .found
        .iter()
        .find(|found| found.path == "DATA/104")
        .unwrap();
    assert_eq!(
        found.given.as_ref().unwrap().groups,
        Some(vec!["oncall".to_owned()])
    );
    assert!(documents(&second, &[]).contains("Welcome back."));
}

#[tokio::test]
async fn a_page_whose_readers_cannot_be_told_is_left_out() {
    let (wiki, url) = start(handbook()).await;
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path(), &settings(&url, "spaces = [\"DATA\"]"));
    // Of a page above, for ever; and of one, this time.
    wiki.refused.lock().extend([("900", 404), ("105", 500)]);
    let listing = list(folder.path(), &source).await.unwrap();
    assert_eq!(
        paths(&listing),
        ["DATA/100", "DATA/101", "DATA/102", "DATA/103"]
    );
    assert_snapshot!(problems(&listing).replace(&url, "WIKI"));
    // The first is taken out, the second stays as it is.
    assert_eq!(listing.withdrawn.iter().collect::<Vec<_>>(), ["DATA/104"]);
}

#[tokio::test]
async fn labels_choose_pages_and_their_tree_is_found_all_the_same() {
    let mut all = handbook();
    all[2].labels.push("certified");
    all[4].labels.push("certified");
    let (_wiki, url) = start(all).await;
    let folder = tempfile::tempdir().unwrap();
    let source = source(
        folder.path(),
        &settings(&url, "labels = [\"certified\", \"none\"]"),
    );
    let listing = list(folder.path(), &source).await.unwrap();
    let above: Vec<String> = listing
        .found
        .iter()
        .map(|found| found.given.as_ref().unwrap().above.join(" > "))
        .collect();
    assert_eq!(paths(&listing), ["DATA/102", "DATA/104"]);
    assert_eq!(
        above,
        ["Data handbook > Revenue", "Data handbook > Runbooks"]
    );
}

#[tokio::test]
async fn an_expired_token_or_a_lost_space_is_an_error_of_the_source() {
    let (wiki, url) = start(handbook()).await;
    let folder = tempfile::tempdir().unwrap();
    let said = async |settings: &str| {
        let source = source(folder.path(), settings);
        let error = list(folder.path(), &source).await.unwrap_err().to_string();
        assert!(check(folder.path(), &source).await.is_err());
        error.replace(&url, "WIKI")
    };
    let mut errors = vec![said(&settings(&url, "spaces = [\"DATA\", \"HR\"]")).await];
    *wiki.token.lock() = "another".to_owned();
    errors.push(said(&settings(&url, "spaces = [\"DATA\"]")).await);
    let unset = settings(&url, "spaces = [\"DATA\"]").replace("SOURCE_TOKEN", "NOT_SET");
    errors.push(said(&unset).await);
    errors.push(said(&settings(&url, "")).await);
    assert_snapshot!(errors.join("\n"));
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn an_xml_export_says_who_may_read_its_pages() {
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export");
    write(
        &export,
        "entities.xml",
        include_str!("../fixtures/confluence-entities.xml"),
    );
    write(&export, "exportDescriptor.properties", "exportType=space\n");
    let settings = format!(
        "kind = \"confluence\"\nurl = \"https://wiki.example.com\"\nexport = \"{}\"\n\
         group_names = {{ confluence-finance = \"finance\" }}",
        export.display()
    );
    let source = source(folder.path(), &settings);
    assert!(
        check(folder.path(), &source)
            .await
            .unwrap()
            .contains("XML export")
    );
    let listing = list(folder.path(), &source).await.unwrap();
    assert_snapshot!(documents(&listing, &[]));
    assert_snapshot!(problems(&listing), @"skipped DATA/203: permission unknown: it is restricted to 1 people by name, whom docent cannot tell apart; restrict it to a group instead");
}

#[tokio::test]
async fn an_html_export_is_read_with_its_breadcrumbs_and_code() {
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export");
    write(
        &export,
        "DATA/index.html",
        "<html><body><div id=\"main-content\">Available pages</div></body></html>",
    );
    write(
        &export,
        "DATA/Revenue_101.html",
        include_str!("../fixtures/confluence-page.html"),
    );
    write(
        &export,
        "DATA/broken_102.html",
        "<html><body>no page</body></html>",
    );
    let settings = format!(
        "kind = \"confluence\"\nurl = \"https://wiki.example.com\"\nexport = \"{}\"\ngroups = [\"staff\"]",
        export.display()
    );
    let source = source(folder.path(), &settings);
    assert!(
        check(folder.path(), &source)
            .await
            .unwrap()
            .contains("HTML export of 2 pages")
    );
    let listing = list(folder.path(), &source).await.unwrap();
    assert_snapshot!(documents(&listing, &[]));
    assert_snapshot!(problems(&listing), @"skipped DATA/102: is no page of a Confluence export: it has no #main-content");

    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let settings = format!("kind = \"confluence\"\nexport = \"{}\"", empty.display());
    let error = list(folder.path(), &super::source(folder.path(), &settings))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("neither entities.xml nor pages of HTML"),
        "{error}"
    );
}
