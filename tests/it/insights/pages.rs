//! Who sees the pages, what they see of texts, and what an address asks for.

use docent_core::config::{Secret, Texts};
use docent_core::ledger::{Feedback, Rating, Role};
use serde_json::Value;

use super::gaps::csv;
use crate::support::{TestServer, World};

const PAGES: [&str; 5] = ["use", "gaps", "cost", "ingest", "program"];
/// A question with an address in it.
const QUESTION: &str = "May ana@example.com see dim_scooters?";

/// Status and text of a page.
async fn page(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = server.http.get(format!("{}{path}", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn code(server: &TestServer, path: &str, token: &str) -> (u16, String) {
    let (status, body) = server.send("GET", path, token, None).await;
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn pages_are_for_administrators_and_for_the_groups_that_are_named() {
    let mut world = World::of_trips().await;
    world.config.access.admin_key = Secret::new("the-admin-key");
    world.config.insights.groups = vec!["data-team".to_owned()];
    let server = world.serve().await;
    let member = server
        .key("member", &["everyone", "data-team"], Role::User)
        .await;
    let other = server.key("other", &["everyone"], Role::User).await;
    let admin = server.key("chief", &["everyone"], Role::Admin).await;
    for name in PAGES {
        let path = format!("/insights/{name}");
        assert_eq!(
            code(&server, &path, "").await,
            (401, "insights_key_required".to_owned())
        );
        assert_eq!(
            code(&server, &path, &other).await,
            (403, "insights_not_allowed".to_owned())
        );
        assert_eq!(code(&server, &path, "docent_no_such_key").await.0, 401);
        for token in [member.as_str(), &admin, "the-admin-key"] {
            assert_eq!(code(&server, &path, token).await.0, 200, "{path}");
        }
    }
    let unknown = "/insights/gaps/golden/0192f0c1-0000-7000-8000-000000000000";
    assert_eq!(code(&server, unknown, &other).await.0, 404);
    server.stop().await;
}

#[tokio::test]
async fn a_browser_signs_in_with_a_key_and_is_out_when_the_key_is_revoked() {
    let mut world = World::of_trips().await;
    world.config.access.admin_key = Secret::new("the-admin-key");
    let server = world.serve().await;
    let html = [("accept", "text/html")];
    let (status, text) = page(&server, "/insights/use", &html).await;
    assert_eq!(status, 401);
    assert!(text.contains(r#"action="sign-in""#), "{text}");
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let signed = client
        .post(format!("{}/insights/sign-in", server.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("key=the-admin-key")
        .send()
        .await
        .unwrap();
    assert_eq!(signed.status(), 303);
    assert_eq!(
        signed.headers()["location"],
        "use",
        "relative: a proxy may put docent anywhere"
    );
    let cookie = signed.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("Path=/insights; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert!(!cookie.contains("the-admin-key"));
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let (status, text) = page(
        &server,
        "/insights/use",
        &[("accept", "text/html"), ("cookie", &cookie)],
    )
    .await;
    assert_eq!(status, 200, "{text}");
    // The cookie is for these pages alone.
    let asked = server.http.get(format!(
        "{}/v1/ingest/runs/0192f0c1-0000-7000-8000-000000000000",
        server.url
    ));
    assert_eq!(
        asked
            .header("cookie", &cookie)
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
    let (status, _) = page(
        &server,
        "/insights/use",
        &[("accept", "text/html"), ("cookie", "docent_insights=00")],
    )
    .await;
    assert_eq!(status, 401);
    server.stop().await;
}

#[tokio::test]
async fn texts_are_shown_redacted_or_not_at_all() {
    let mut world = World::of_trips().await;
    let server = world.serve().await;
    let asked = server.ask(QUESTION).await;
    let id = asked["interaction_id"].as_str().unwrap().to_owned();
    server.service.app.ledger.flush().await;
    let feedback = Feedback {
        interaction_id: id.parse().unwrap(),
        rating: Rating::Down,
        comment: Some("write to bo@example.com".to_owned()),
    };
    server
        .service
        .app
        .ledger
        .rate("anonymous", &feedback)
        .await
        .unwrap();
    let everything = async |server: &TestServer| {
        let mut all = String::new();
        for name in PAGES {
            all += &page(server, &format!("/insights/{name}"), &[]).await.1;
        }
        all += &page(server, &format!("/insights/interactions/{id}"), &[])
            .await
            .1;
        all += &csv(server, "gaps?table=open").await.join("\n");
        all += &csv(server, "use?table=top").await.join("\n");
        all + &page(server, &format!("/insights/gaps/golden/{id}"), &[])
            .await
            .1
    };
    let shown = everything(&server).await;
    assert!(shown.contains("ana@example.com") && shown.contains("bo@example.com"));
    server.stop().await;

    world.config.insights.texts = Texts::Redacted;
    let server = world.serve().await;
    let shown = everything(&server).await;
    assert!(!shown.contains("example.com"), "{shown}");
    assert!(shown.contains("May [mail] see dim_scooters?"), "{shown}");
    server.stop().await;

    world.config.insights.texts = Texts::None;
    let server = world.serve().await;
    let shown = everything(&server).await;
    for word in ["example.com", "dim_scooters", "write to", "may show you"] {
        assert!(!shown.contains(word), "{word}: {shown}");
    }
    // Counts are there.
    assert!(csv(&server, "gaps?table=open").await[1].contains(",1,1,0,"));
    server.stop().await;
}

#[tokio::test]
async fn an_address_says_which_days_and_what_they_are_about() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    server.ask("How often is fct_trips loaded?").await;
    server.service.app.ledger.flush().await;
    let today = chrono::Utc::now().date_naive();
    let total = async |query: &str| -> i64 {
        let rows = csv(&server, &format!("use?table=outcomes{query}")).await;
        rows.iter()
            .skip(1)
            .map(|row| row.rsplit(',').next().unwrap().parse::<f64>().unwrap() as i64)
            .sum()
    };
    assert_eq!(total("").await, 1);
    assert_eq!(
        total(&format!("&from={today}&to={today}")).await,
        1,
        "one day"
    );
    assert_eq!(
        total("&from=2020-01-01&to=2020-12-31").await,
        0,
        "an empty year"
    );
    assert_eq!(total("&channel=api").await, 1);
    assert_eq!(total("&channel=web").await, 0);
    assert_eq!(total("&source=docs").await, 1);
    assert_eq!(total("&source=wiki").await, 0);
    assert_eq!(total("&asset=%EC%88%9C%EB%A7%A4%EC%B6%9C").await, 0);
    for name in PAGES {
        for range in [
            "",
            "?from=2020-01-01&to=2020-01-01",
            "?from=2017-01-01",
            "?source=docs&channel=api",
            "?lang=ko",
        ] {
            let (status, text) = page(&server, &format!("/insights/{name}{range}"), &[]).await;
            assert_eq!(status, 200, "{name}{range}: {text}");
            assert!(
                !text.contains("NaN") && !text.contains("inf\""),
                "{name}{range}"
            );
        }
    }
    let (_, korean) = page(
        &server,
        "/insights/use",
        &[("accept-language", "ko-KR,ko;q=0.9")],
    )
    .await;
    assert!(korean.contains(r#"<html lang="ko">"#) && korean.contains("가장 많이 묻는 질문"));
    for (wrong, code_of_it) in [
        ("use?from=2026-13-01", "filter_invalid"),
        ("use?from=2026-02-01&to=2026-01-01", "filter_invalid"),
        ("use?format=csv&table=nothing", "table_unknown"),
    ] {
        assert_eq!(
            code(&server, &format!("/insights/{wrong}"), "").await,
            (400, code_of_it.to_owned())
        );
    }
    assert_eq!(
        code(&server, "/insights/interactions/nonsense", "").await.0,
        404
    );
    server.stop().await;
}

#[tokio::test]
async fn a_page_says_of_one_question_everything_that_was_written_down() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let asked = server.ask("How often is fct_trips loaded?").await;
    server.service.app.ledger.flush().await;
    let id = asked["interaction_id"].as_str().unwrap();
    let path = format!("/insights/interactions/{id}");
    let (status, text) = page(&server, &path, &[]).await;
    assert_eq!(status, 200);
    for word in [
        "How often is fct_trips loaded?",
        "loaded hourly",
        "fct_trips.md",
        "[1]",
        "retrieval",
        "..&#x2f;insights.css",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    // Its rows say what they are about.
    let about = world
        .database
        .rows("SELECT source, language, asset FROM interaction")
        .await;
    assert_eq!(about[0][0].as_deref(), Some("docs"));
    assert_eq!(about[0][1].as_deref(), Some("en"));
    server.stop().await;
}

#[tokio::test]
async fn looking_at_the_pages_is_counted_and_is_no_use() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    for _ in 0..3 {
        page(&server, "/insights/cost", &[]).await;
    }
    csv(&server, "cost?table=models").await;
    crate::support::eventually("page views are written", async || {
        world.database.count("page_view").await == 4
    })
    .await;
    let views = csv(&server, "program?table=pages").await;
    assert!(
        views.iter().any(|row| row.starts_with("cost,3,1,")),
        "{views:?}"
    );
    assert!(
        views.iter().any(|row| row.starts_with("cost.csv,1,1,")),
        "{views:?}"
    );
    assert_eq!(world.database.count("interaction").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn an_alert_is_listed_with_whom_it_was_told_and_who_looks_after_it() {
    let mut world = World::of_trips().await;
    // A look would find that it is over.
    world.config.alerts.enabled = false;
    world
        .database
        .rows(
            "INSERT INTO alert (id, rule, subject, addressed_to, recipients, state, since, fired_at,
                 last_seen, title, what, todo, place, sent_via, acted_by, acted_at)
             VALUES ('01890000-0000-7000-8000-000000000001', 'stale', 'docs of Fleet', 'Fleet', '{}',
                 'acknowledged', now() - interval '2 hours', now(), now(), 't', 'w', 'd', 'p',
                 '{mail}', 'key:ana', now())
             RETURNING rule",
        )
        .await;
    let server = world.serve().await;
    let rows = csv(&server, "program?table=alerts").await;
    assert!(
        rows.iter()
            .any(|row| row.starts_with("stale,docs of Fleet,Fleet,acknowledged,")),
        "{rows:?}"
    );
    let (_, html) = page(&server, "/insights/program", &[]).await;
    for word in ["docs of Fleet", "key:ana", "mail"] {
        assert!(html.contains(word), "{word}: {html}");
    }
    server.stop().await;
}

#[tokio::test]
async fn pages_work_under_a_sub_path_and_keep_their_policy() {
    let mut world = World::of_trips().await;
    world.config.server.public_url = "https://data.example.com/docent".to_owned();
    world.config.access.admin_key = Secret::new("the-admin-key");
    let server = world.serve().await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for (path, place) in [
        ("/docent/insights", "insights/use"),
        ("/docent/insights/", "use"),
        ("/insights", "insights/use"),
    ] {
        let response = client
            .get(format!("{}{path}", server.url))
            .send()
            .await
            .unwrap();
        assert_eq!(
            (
                response.status().as_u16(),
                response.headers()["location"].to_str().unwrap()
            ),
            (302, place)
        );
    }
    let response = server
        .http
        .get(format!("{}/docent/insights/use", server.url))
        .bearer_auth("the-admin-key")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.contains("form-action 'self'") && policy.contains("default-src 'none'"),
        "{policy}"
    );
    let text = response.text().await.unwrap();
    assert!(
        !text.contains("href=\"/") && !text.contains("style=") && !text.contains("<script>"),
        "addresses are relative, nothing is inline"
    );
    let signed = client
        .post(format!("{}/docent/insights/sign-in", server.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("key=k")
        .send()
        .await
        .unwrap();
    let cookie = signed.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("Path=/docent/insights;") && cookie.contains("; Secure"),
        "{cookie}"
    );
    let health: Value = serde_json::from_str(&page(&server, "/readyz", &[]).await.1).unwrap();
    assert_eq!(health["index"], "ok");
    server.stop().await;
}

#[tokio::test]
async fn every_column_of_an_export_has_a_name_that_no_language_changes() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    server.ask("How often is fct_trips loaded?").await;
    server.ask("Who owns dim_scooters?").await;
    server.service.app.ledger.flush().await;
    let mut tables = 0;
    for page in PAGES {
        // A page that is asked for no table of its says which it has.
        let url = format!("insights/{page}?format=csv&table=nothing");
        let (status, refused) = code(&server, &format!("/{url}"), "").await;
        assert_eq!((status, refused.as_str()), (400, "table_unknown"));
        let (_, problem) = self::page(&server, &format!("/{url}"), &[]).await;
        let problem: Value = serde_json::from_str(&problem).unwrap();
        let known = problem["detail"].as_str().unwrap();
        for table in known.split("there are ").nth(1).unwrap().split(", ") {
            let english = csv(&server, &format!("{page}?table={table}&lang=en")).await;
            let korean = csv(&server, &format!("{page}?table={table}&lang=ko")).await;
            // Views of these pages have a column for each page, and this test looks at them.
            if table != "views" {
                assert_eq!(english[0], korean[0], "{page} {table}");
            }
            let names: Vec<&str> = english[0].split(',').collect();
            let different: std::collections::HashSet<&&str> = names.iter().collect();
            assert!(
                names.iter().all(|name| !name.is_empty()) && different.len() == names.len(),
                "{page} {table}: {names:?}"
            );
            tables += 1;
        }
    }
    assert!(tables > 10, "{tables}");
    let outcomes = csv(&server, "use?table=outcomes").await;
    assert_eq!(
        outcomes[0],
        "begins,answered_by_model,quoted,abstained,failed,cancelled,total"
    );
    assert_eq!(
        csv(&server, "use?table=questions").await[0],
        "begins,api,total"
    );
    server.stop().await;
}
