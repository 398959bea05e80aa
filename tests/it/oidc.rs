//! People and programs of an identity provider: signing in with a browser, tokens with each request,
//! keys that change, a provider that is away, and what is refused.

use docent_core::config::{Anonymous, Secret};
use docent_scripted::identity::{CLIENT, ScriptedIdentity};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::{Value, json};

use crate::support::{TestServer, World};

const OPEN: &str = "How often is fct_trips loaded?";
const CLOSED: &str = "How often is payroll_runs loaded?";

/// A docent that knows nobody but people of a provider; payroll is for finance alone.
async fn world(identity: &ScriptedIdentity) -> World {
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
    world.config.access.anonymous = Anonymous::Never;
    world.config.oidc.issuer = identity.issuer().to_owned();
    world.config.oidc.client_id = CLIENT.0.to_owned();
    world.config.oidc.client_secret = Secret::new(CLIENT.1);
    world.config.oidc.admin_groups = vec!["data-platform".to_owned()];
    world
}

/// A browser: it keeps cookies, and follows redirects only when it is told to.
struct Browser {
    http: reqwest::Client,
    url: String,
    cookies: Vec<(String, String)>,
}

impl Browser {
    fn at(server: &TestServer) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            http,
            url: server.url.clone(),
            cookies: Vec::new(),
        }
    }

    async fn get(&mut self, address: &str) -> reqwest::Response {
        let own = address.starts_with('/') || address.starts_with(&self.url);
        let url = if address.starts_with('/') {
            format!("{}{address}", self.url)
        } else {
            address.to_owned()
        };
        let mut request = self.http.get(url);
        if own {
            request = request.header(COOKIE, self.cookie());
        }
        let response = request.send().await.unwrap();
        for line in response.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(line.contains("HttpOnly; SameSite=Lax"), "{line}");
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        response
    }

    fn cookie(&self) -> String {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    /// Follows redirects from an address to the page where they end.
    async fn follow(&mut self, address: &str) -> reqwest::Response {
        let mut address = address.to_owned();
        for _ in 0..8 {
            let response = self.get(&address).await;
            match response.headers().get(LOCATION) {
                Some(to) => to.to_str().unwrap().clone_into(&mut address),
                None => return response,
            }
        }
        panic!("no end of redirects");
    }

    /// Asks as docent's own page does.
    async fn ask(&self, question: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = self
            .http
            .post(format!("{}/v1/chat", self.url))
            .header("content-type", "application/json")
            .header(COOKIE, self.cookie())
            .body(json!({ "question": question }).to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn ask_here(&self, question: &str) -> (u16, Value) {
        let origin = self.url.clone();
        self.ask(question, &[("origin", &origin)]).await
    }
}

fn outcome(answer: &(u16, Value)) -> (u16, &str) {
    let said = answer.1["outcome"].as_str().or(answer.1["code"].as_str());
    (answer.0, said.unwrap_or_default())
}

#[tokio::test]
async fn somebody_signs_in_asks_with_their_groups_and_signs_out() {
    let identity = ScriptedIdentity::start().await;
    let world = world(&identity).await;
    let server = world.serve().await;
    let mut browser = Browser::at(&server);

    // The page sends to the provider, which sends back to where one wanted to go.
    let groups = json!(["finance"]);
    identity.person(json!({ "sub": "ana", "groups": groups }), json!({}));
    let page = browser.follow("/").await;
    assert_eq!(page.status(), 200);
    assert_eq!(page.url().path(), "/");
    let page = page.text().await.unwrap();
    let signed_in = page.contains(r#"<a href="logout">Sign out</a>"#) && page.contains(" user=\"");
    assert!(signed_in && !page.contains("ana"), "{page}");
    assert!(
        browser.cookie().starts_with("docent_login="),
        "{}",
        browser.cookie()
    );
    assert_eq!(outcome(&browser.ask_here(CLOSED).await), (200, "answered"));

    // Another page's form may send the cookie; it does not count, nor does its own origin's name.
    let (status, said) = browser.ask(CLOSED, &[]).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (401, Some("login_required"))
    );
    let (status, said) = browser
        .ask(CLOSED, &[("origin", "https://evil.example")])
        .await;
    assert_eq!(
        (status, said["code"].as_str()),
        (403, Some("origin_not_allowed"))
    );

    // Somebody else, without the group.
    identity.person(json!({ "sub": "ben", "groups": "sales" }), json!({}));
    let mut other = Browser::at(&server);
    other.follow("/").await;
    assert_eq!(outcome(&other.ask_here(OPEN).await), (200, "answered"));
    assert_eq!(outcome(&other.ask_here(CLOSED).await), (200, "abstained"));

    let cookie = browser.cookies.clone();
    browser.follow("/logout").await;
    // The old cookie is worth nothing, whoever kept it.
    browser.cookies = cookie;
    assert_eq!(
        outcome(&browser.ask_here(OPEN).await),
        (401, "login_required")
    );
    assert_eq!(outcome(&other.ask_here(OPEN).await), (200, "answered"));
}

#[tokio::test]
async fn the_pages_of_what_is_known_are_come_back_to_after_the_sign_in() {
    let identity = ScriptedIdentity::start().await;
    let world = world(&identity).await;
    let server = world.serve().await;
    identity.person(json!({ "sub": "ana", "groups": ["finance"] }), json!({}));
    for page in ["/sources", "/sources/docs?limit=1"] {
        let mut browser = Browser::at(&server);
        let first = browser.get(page).await;
        assert_eq!(first.status(), 303, "{page}");
        let to = first.headers()[LOCATION].to_str().unwrap();
        assert!(to.starts_with("/login?to=%2Fsources"), "{to}");
        let shown = browser.follow(page).await;
        assert_eq!(shown.url().as_str(), format!("{}{page}", server.url));
        assert_eq!(shown.status(), 200);
        assert!(shown.text().await.unwrap().contains("docs"));
    }
    // A program that sends none is told as before.
    let (status, said) = server.send("GET", "/v1/sources", "", None).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (401, Some("login_required"))
    );
}

#[tokio::test]
async fn groups_come_from_userinfo_where_the_token_has_none() {
    let identity = ScriptedIdentity::start().await;
    let world = world(&identity).await;
    let server = world.serve().await;
    let mut browser = Browser::at(&server);
    identity.person(json!({ "sub": "ana" }), json!({ "groups": ["finance"] }));
    browser.follow("/").await;
    assert_eq!(outcome(&browser.ask_here(CLOSED).await), (200, "answered"));
    // Of somebody else they are not taken.
    identity.person(
        json!({ "sub": "ben" }),
        json!({ "sub": "ana", "groups": ["finance"] }),
    );
    let mut other = Browser::at(&server);
    other.follow("/").await;
    assert_eq!(outcome(&other.ask_here(CLOSED).await), (200, "abstained"));
}

#[tokio::test]
async fn a_sign_in_that_is_not_its_own_is_refused() {
    let identity = ScriptedIdentity::start().await;
    let world = world(&identity).await;
    let server = world.serve().await;

    // Begun in another browser: the link of somebody who would like to be signed in as.
    let mut attacker = Browser::at(&server);
    let authorize = attacker.get("/login").await.headers()[LOCATION].clone();
    let callback = attacker.get(authorize.to_str().unwrap()).await.headers()[LOCATION].clone();
    let mut victim = Browser::at(&server);
    let page = victim.get(callback.to_str().unwrap()).await;
    assert_eq!(page.status(), 400);
    assert!(
        page.text()
            .await
            .unwrap()
            .contains("was begun in another browser")
    );
    assert_eq!(victim.cookies, []);

    // A token with another sign-in's nonce.
    identity.person(json!({ "sub": "ana", "nonce": "of another" }), json!({}));
    let page = victim.follow("/").await;
    assert_eq!(page.status(), 403);
    let text = page.text().await.unwrap();
    assert!(text.contains("it belongs to another sign-in"), "{text}");
    assert!(!victim.cookie().contains("docent_login"));

    identity.refuses(true);
    let page = victim.follow("/login?to=/%22%3E%3Cscript%3E").await;
    assert_eq!(page.status(), 403);
    assert!(!page.text().await.unwrap().contains("<script"));

    // Nobody is sent elsewhere.
    identity.refuses(false);
    identity.person(json!({ "sub": "ana" }), json!({}));
    let page = victim.follow("/login?to=//evil.example/").await;
    assert_eq!(page.url().as_str(), format!("{}/", server.url));
}

#[tokio::test]
async fn a_program_asks_with_a_token_and_keys_may_change() {
    let identity = ScriptedIdentity::start().await;
    let world = world(&identity).await;
    let server = world.serve().await;
    let ask = async |token: &str, question: &str| {
        let body = Some(json!({ "question": question }));
        server.send("POST", "/v1/chat", token, body).await
    };
    identity.person(json!({ "sub": "etl", "groups": ["finance"] }), json!({}));
    let token = identity.token(CLIENT.0, |_| {});
    assert_eq!(outcome(&ask(&token, CLOSED).await), (200, "answered"));
    assert_eq!(outcome(&ask(&token, CLOSED).await), (200, "answered"));
    assert_eq!(identity.keys_asked(), 1);

    let refused = [
        (identity.token("another", |_| {}), "it is not for"),
        (
            identity.token(CLIENT.0, |claims| claims["exp"] = 1000.into()),
            "it has expired",
        ),
        (
            identity.token(CLIENT.0, |claims| claims["groups"] = json!([{ "a": 1 }])),
            "its `groups` is no list",
        ),
        (
            identity.token(CLIENT.0, |claims| claims["sub"] = "".into()),
            "it has no `sub`",
        ),
    ];
    for (token, why) in refused {
        let (status, said) = ask(&token, OPEN).await;
        assert_eq!(
            (status, said["code"].as_str()),
            (401, Some("token_invalid"))
        );
        assert!(said["detail"].as_str().unwrap().contains(why), "{said}");
    }
    // The public key is no shared secret, and none needs no signature.
    let claims = json!({
        "iss": identity.issuer(), "aud": CLIENT.0, "sub": "eve", "exp": 4_000_000_000_u64,
        "groups": ["finance"],
    });
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("rsa".to_owned());
    let key = EncodingKey::from_secret(include_bytes!("../scripted/src/identity/rsa.der"));
    let forged = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    assert_eq!(outcome(&ask(&forged, CLOSED).await), (401, "token_invalid"));

    // Only members of an admin group see runs.
    let (status, said) = server.send("GET", "/v1/ingest/runs/0", &token, None).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (403, Some("admin_required")),
        "{said}"
    );
    let groups = json!(["data-platform"]);
    let admin = identity.token(CLIENT.0, |claims| claims["groups"] = groups);
    let (status, _) = server.send("GET", "/v1/ingest/runs/0", &admin, None).await;
    assert_ne!(status, 403);

    // A key that docent has not seen is asked for, but not with each request.
    identity.rotate();
    let new = identity.token(CLIENT.0, |_| {});
    let (status, _) = ask(&new, OPEN).await;
    assert_eq!(
        (status, identity.keys_asked()),
        (401, 1),
        "asked again within the pause"
    );
    server.stop().await;
    let again = world.serve().await;
    let body = Some(json!({ "question": OPEN }));
    let answer = again.send("POST", "/v1/chat", &new, body.clone()).await;
    assert_eq!(outcome(&answer), (200, "answered"));
    let answer = again.send("POST", "/v1/chat", &token, body).await;
    assert_eq!(outcome(&answer), (401, "token_invalid"));
}

#[tokio::test]
async fn a_provider_that_is_away_is_said_to_be_and_what_it_said_holds() {
    let identity = ScriptedIdentity::start().await;
    let world = world(&identity).await;
    let server = world.serve().await;
    let token = identity.token(CLIENT.0, |_| {});
    let body = || Some(json!({ "question": OPEN }));
    let mut browser = Browser::at(&server);
    browser.follow("/").await;
    drop(identity);
    // Its keys are known, and who signed in stays signed in.
    let answer = server.send("POST", "/v1/chat", &token, body()).await;
    assert_eq!(outcome(&answer), (200, "answered"));
    assert_eq!(outcome(&browser.ask_here(OPEN).await), (200, "answered"));

    let gone = ScriptedIdentity::start().await;
    let other = self::world(&gone).await;
    let token = gone.token(CLIENT.0, |_| {});
    drop(gone);
    let server = other.serve().await;
    let answer = server.send("POST", "/v1/chat", &token, body()).await;
    assert_eq!(outcome(&answer), (503, "identity_provider_unavailable"));
    let page = Browser::at(&server).follow("/").await;
    assert_eq!(page.status(), 503);
    assert!(page.text().await.unwrap().contains("does not answer"));
}

#[tokio::test]
async fn without_a_provider_there_is_nowhere_to_sign_in() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    for path in ["/login", "/login/callback?code=a&state=b", "/logout"] {
        let (status, _) = server.send("GET", path, "", None).await;
        assert_eq!(status, 404, "{path}");
    }
}
