//! The widget's sessions: bound to an origin and a quarter of an hour, with a user where the page has
//! signed one; and what pages of other origins may send at all.

use docent_core::config::Secret;
use docent_core::ledger::Role;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{TestServer, World};

const WIKI: &str = "https://wiki.example.com";
const SECRET: &str = "a secret of the wiki's server, 32+";
const QUESTION: &str = "How often is fct_trips loaded?";

async fn world() -> World {
    let mut world = World::new().await;
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    world.write(
        "salaries.md",
        "---\ngroups: [finance]\n---\n# Payroll\n\nThe table payroll_runs is loaded monthly.\n",
    );
    world.ingest().await;
    world.config.widget.allowed_origins = vec![WIKI.to_owned()];
    world.config.widget.user_secret = Secret::new(SECRET);
    world
}

/// A request as a page of an origin sends it.
async fn from_page(
    server: &TestServer,
    method: &str,
    path: &str,
    origin: &str,
    token: &str,
    body: Option<Value>,
) -> reqwest::Response {
    let mut request = server
        .http
        .request(method.parse().unwrap(), format!("{}{path}", server.url))
        .header("origin", origin)
        .header("sec-fetch-site", "cross-site");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    request.send().await.unwrap()
}

async fn json_of(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

async fn session(server: &TestServer, body: Value) -> (u16, Value) {
    let path = "/v1/widget/sessions";
    json_of(from_page(server, "POST", path, WIKI, "", Some(body)).await).await
}

async fn ask(server: &TestServer, origin: &str, token: &str, question: &str) -> (u16, Value) {
    let body = json!({ "question": question });
    json_of(from_page(server, "POST", "/v1/chat", origin, token, Some(body)).await).await
}

fn user(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "sub": "ana", "groups": ["finance"], "iss": WIKI, "aud": "docent",
        "exp": chrono::Utc::now().timestamp() + 600,
    });
    change(&mut claims);
    signed(&claims, Algorithm::HS256, SECRET)
}

fn signed(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

#[tokio::test]
async fn a_visitor_asks_with_a_session_of_the_page_and_with_no_other() {
    let world = world().await;
    let server = world.serve().await;
    let (status, begun) = session(&server, json!({})).await;
    assert_eq!(status, 201, "{begun}");
    let token = begun["token"].as_str().unwrap();
    let ends: chrono::DateTime<chrono::Utc> =
        begun["expires_at"].as_str().unwrap().parse().unwrap();
    let minutes = (ends - chrono::Utc::now()).num_seconds();
    assert!((880..=900).contains(&minutes), "{minutes}");

    let (status, answer) = ask(&server, WIKI, token, QUESTION).await;
    assert_eq!(
        (status, answer["outcome"].as_str()),
        (200, Some("answered"))
    );
    // Not without it, although this machine may ask without a key; not from elsewhere; not without a page.
    let (status, said) = ask(&server, WIKI, "", QUESTION).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (401, Some("session_required"))
    );
    let (status, said) = ask(&server, "https://evil.example", token, QUESTION).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (403, Some("origin_not_allowed"))
    );
    let body = Some(json!({ "question": QUESTION }));
    let (status, said) = server.send("POST", "/v1/chat", token, body).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (401, Some("token_of_other_origin"))
    );
    // A key in a page is everyone's.
    let key = server.key("etl", &["everyone"], Role::Admin).await;
    let (status, said) = ask(&server, WIKI, &key, QUESTION).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (401, Some("session_required"))
    );
    // What is no session, or one that somebody else has signed.
    let forged = json!({
        "iss": "docent/widget", "iat": 0, "exp": chrono::Utc::now().timestamp() + 600,
        "origin": WIKI, "name": "guest:ana", "guest": true, "groups": ["finance"],
    });
    let forged = signed(&forged, Algorithm::HS256, SECRET);
    let (status, said) = ask(&server, WIKI, &forged, QUESTION).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (401, Some("token_invalid"))
    );
    server.stop().await;
    let asked = world
        .database
        .rows("SELECT channel, caller FROM interaction")
        .await;
    let asked: Vec<&str> = asked[0].iter().flatten().map(String::as_str).collect();
    assert_eq!(asked, ["widget", "widget:https://wiki.example.com"]);
}

#[tokio::test]
async fn an_expired_session_says_so_that_the_widget_takes_a_new_one() {
    let mut world = world().await;
    let key = "the key that sessions are signed with";
    world.config.access.signing_key = Secret::new(key);
    let server = world.serve().await;
    let old = json!({
        "iss": "docent/widget", "iat": 0, "exp": chrono::Utc::now().timestamp() - 1,
        "origin": WIKI, "name": "widget", "guest": false, "groups": ["everyone"],
    });
    let (status, said) = ask(
        &server,
        WIKI,
        &signed(&old, Algorithm::HS256, key),
        QUESTION,
    )
    .await;
    assert_eq!(
        (status, said["code"].as_str()),
        (401, Some("token_expired"))
    );
    // Another algorithm of the same key is not what docent signs with.
    let mut other = old.clone();
    other["exp"] = json!(chrono::Utc::now().timestamp() + 60);
    let (_, said) = ask(
        &server,
        WIKI,
        &signed(&other, Algorithm::HS512, key),
        QUESTION,
    )
    .await;
    assert_eq!(said["code"], "token_invalid");
    server.stop().await;
}

#[tokio::test]
async fn a_user_that_the_page_has_signed_reads_what_their_groups_may() {
    let world = world().await;
    let server = world.serve().await;
    let payroll = "How often is payroll_runs loaded?";
    let (_, visitor) = session(&server, json!({})).await;
    let (_, answer) = ask(&server, WIKI, visitor["token"].as_str().unwrap(), payroll).await;
    assert_eq!(answer["outcome"], "abstained");
    assert!(!answer.to_string().contains("monthly"), "{answer}");

    let (status, begun) = session(&server, json!({ "user_token": user(|_| ()) })).await;
    assert_eq!(status, 201, "{begun}");
    let token = begun["token"].as_str().unwrap();
    let (_, answer) = ask(&server, WIKI, token, payroll).await;
    assert_eq!(answer["outcome"], "answered", "{answer}");
    // Their conversations are theirs.
    let path = "/v1/conversations";
    let listed = json_of(from_page(&server, "GET", path, WIKI, token, None).await).await;
    assert_eq!(
        listed.1["conversations"][0]["id"],
        answer["conversation_id"]
    );

    let now = chrono::Utc::now().timestamp();
    let refused = [
        (user(|claims| claims["exp"] = json!(now - 60)), "expired"),
        (
            user(|claims| claims["iss"] = json!("https://evil.example")),
            "`iss`",
        ),
        (user(|claims| claims["aud"] = json!("grafana")), "`aud`"),
        (user(|claims| claims["sub"] = json!("")), "`sub`"),
        (
            user(|claims| claims["groups"] = json!({ "finance": true })),
            "`groups`",
        ),
        (
            user(|claims| {
                claims.as_object_mut().unwrap().remove("aud");
            }),
            "`aud`",
        ),
        (
            user(|claims| {
                claims.as_object_mut().unwrap().remove("exp");
            }),
            "`exp`",
        ),
        (
            signed(
                &json!({ "sub": "ana", "iss": WIKI, "aud": "docent", "exp": now + 600 }),
                Algorithm::HS256,
                "some other secret of 32 characters",
            ),
            "not signed",
        ),
        (
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ.".to_owned(),
            "HS256",
        ),
    ];
    for (token, why) in refused {
        let (status, said) = session(&server, json!({ "user_token": token })).await;
        assert_eq!(
            (status, said["code"].as_str()),
            (401, Some("user_token_invalid"))
        );
        assert!(said["detail"].as_str().unwrap().contains(why), "{said}");
    }
    server.stop().await;
}

#[tokio::test]
async fn only_the_routes_of_the_widget_are_open_to_allowed_pages() {
    let world = world().await;
    let server = world.serve().await;
    let preflight = |path: &'static str, origin: &'static str| {
        server
            .http
            .request(reqwest::Method::OPTIONS, format!("{}{path}", server.url))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            )
            .send()
    };
    for path in [
        "/v1/chat",
        "/v1/chat/stop",
        "/v1/conversations",
        "/v1/conversations/0b6e4a70-3c44-4a0e-9f6f-2d7a7c1d9a11",
        "/v1/widget/sessions",
        "/v1/ui-message",
        "/v1/chat/completions",
        "/v1/models",
    ] {
        let allowed = preflight(path, WIKI).await.unwrap();
        assert_eq!(allowed.status(), 204, "{path}");
        let headers = allowed.headers();
        assert_eq!(headers["access-control-allow-origin"], WIKI);
        assert_eq!(headers["vary"], "origin");
        let methods = headers["access-control-allow-methods"].to_str().unwrap();
        assert!(methods.contains("PATCH"), "{methods}");
        assert!(!headers.contains_key("access-control-allow-credentials"));
        // Neither another page, nor one whose name begins or ends like the allowed one.
        for other in [
            "https://evil.example",
            "https://wiki.example.com.evil.example",
            "http://wiki.example.com",
            "https://wiki.example.com:8443",
            "null",
        ] {
            let refused = preflight(path, other).await.unwrap();
            assert_eq!(refused.status(), 403, "{path} {other}");
            assert!(
                !refused
                    .headers()
                    .contains_key("access-control-allow-origin")
            );
        }
    }
    for path in ["/v1/ingest/runs", "/", "/healthz"] {
        let refused = preflight(path, WIKI).await.unwrap();
        assert!(
            !refused
                .headers()
                .contains_key("access-control-allow-origin"),
            "{path}"
        );
    }
    // A page sees why it was refused, and when to come back.
    let refused = from_page(&server, "POST", "/v1/chat", WIKI, "", Some(json!({}))).await;
    assert_eq!(refused.headers()["access-control-allow-origin"], WIKI);
    assert_eq!(
        refused.headers()["access-control-expose-headers"],
        "retry-after"
    );
    server.stop().await;
}

#[tokio::test]
async fn an_empty_list_of_origins_allows_none() {
    let mut world = world().await;
    world.config.widget.allowed_origins.clear();
    let server = world.serve().await;
    let (status, said) = session(&server, json!({})).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (403, Some("origin_not_allowed"))
    );
    // Not even docent's own page needs one.
    let own = server.url.clone();
    let path = "/v1/widget/sessions";
    let (status, said) =
        json_of(from_page(&server, "POST", path, &own, "", Some(json!({}))).await).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (403, Some("origin_not_allowed"))
    );
    server.stop().await;
}
