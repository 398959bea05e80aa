//! A small identity provider (`OpenID` Connect): it lets everyone in as whoever the test says, checks what
//! a client must send, and can change its keys.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use uuid::Uuid;

/// The client that the provider knows.
pub const CLIENT: (&str, &str) = ("docent-client", "a secret: of the client");

/// What the provider signs with.
struct SigningKey {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl SigningKey {
    fn rsa() -> Self {
        Self {
            id: "rsa".to_owned(),
            algorithm: Algorithm::RS256,
            key: EncodingKey::from_rsa_der(include_bytes!("identity/rsa.der")),
        }
    }

    fn elliptic() -> Self {
        let key =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .expect("a key");
        Self {
            id: Uuid::new_v4().to_string(),
            algorithm: Algorithm::ES256,
            key: EncodingKey::from_ec_der(key.as_ref()),
        }
    }

    fn public(&self) -> Jwk {
        let mut key =
            Jwk::from_encoding_key(&self.key, self.algorithm).expect("it works in a test");
        key.common.key_id = Some(self.id.clone());
        key
    }
}

/// A code that waits to be exchanged.
struct Grant {
    nonce: String,
    challenge: String,
    redirect: String,
}

struct Provider {
    issuer: String,
    keys: Vec<SigningKey>,
    /// Claims of whoever comes next, besides those that every token has.
    person: Value,
    /// What only the userinfo address says of them.
    more: Value,
    grants: HashMap<String, Grant>,
    /// How often its keys were asked for.
    asked: usize,
    refuses: bool,
}

/// A running provider.
pub struct ScriptedIdentity {
    provider: Arc<Mutex<Provider>>,
    issuer: String,
    task: AbortHandle,
}

impl Drop for ScriptedIdentity {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedIdentity {
    /// Starts one that signs with RSA.
    ///
    /// # Panics
    /// Where no port of this machine can be listened on.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("it works in a test");
        let issuer = format!(
            "http://{}",
            listener.local_addr().expect("it works in a test")
        );
        let provider = Arc::new(Mutex::new(Provider {
            issuer: issuer.clone(),
            keys: vec![SigningKey::rsa()],
            person: json!({ "sub": "u-1" }),
            more: json!({}),
            grants: HashMap::new(),
            asked: 0,
            refuses: false,
        }));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::clone(&provider));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await }).abort_handle();
        Self {
            provider,
            issuer,
            task,
        }
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Who comes next: their claims (`sub` among them), and those that only userinfo has.
    pub fn person(&self, claims: Value, more: Value) {
        let mut provider = self.provider.lock();
        provider.person = claims;
        provider.more = more;
    }

    /// Whether it sends people back without a code.
    pub fn refuses(&self, refuses: bool) {
        self.provider.lock().refuses = refuses;
    }

    /// Signs with a new key (ECDSA) from now on; the old one is gone.
    pub fn rotate(&self) {
        self.provider.lock().keys = vec![SigningKey::elliptic()];
    }

    pub fn keys_asked(&self) -> usize {
        self.provider.lock().asked
    }

    /// A token as a program has it, after a change.
    pub fn token(&self, audience: &str, change: impl FnOnce(&mut Value)) -> String {
        let provider = self.provider.lock();
        let mut claims = provider.claims(audience);
        change(&mut claims);
        provider.sign(&claims)
    }
}

impl Provider {
    fn claims(&self, audience: &str) -> Value {
        let now = chrono::Utc::now().timestamp();
        let mut claims = self.person.clone();
        claims["iss"] = self.issuer.clone().into();
        claims["aud"] = audience.into();
        claims["iat"] = now.into();
        claims["exp"] = (now + 300).into();
        claims
    }

    fn sign(&self, claims: &Value) -> String {
        let key = &self.keys[0];
        let mut header = Header::new(key.algorithm);
        header.kid = Some(key.id.clone());
        jsonwebtoken::encode(&header, claims, &key.key).expect("it works in a test")
    }
}

type Shared = State<Arc<Mutex<Provider>>>;

async fn configuration(State(provider): Shared) -> Json<Value> {
    let issuer = provider.lock().issuer.clone();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
    }))
}

async fn keys(State(provider): Shared) -> Json<Value> {
    let mut provider = provider.lock();
    provider.asked += 1;
    let mut keys: Vec<Value> = provider
        .keys
        .iter()
        .map(|key| serde_json::to_value(key.public()).expect("it works in a test"))
        .collect();
    // One that no client knows must not hide the others.
    keys.push(json!({ "kty": "EC", "crv": "secp256k1", "kid": "odd", "x": "AA", "y": "AA" }));
    Json(json!({ "keys": keys }))
}

async fn authorize(
    State(provider): Shared,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let mut provider = provider.lock();
    let of = |name: &str| query.get(name).cloned().unwrap_or_default();
    let is_right = of("response_type") == "code"
        && of("client_id") == CLIENT.0
        && of("code_challenge_method") == "S256"
        && of("scope").split(' ').any(|scope| scope == "openid")
        && !of("state").is_empty()
        && !of("nonce").is_empty();
    if !is_right {
        return (StatusCode::BAD_REQUEST, "not what OpenID Connect asks for").into_response();
    }
    let (redirect, state) = (of("redirect_uri"), of("state"));
    if provider.refuses {
        let to = format!("{redirect}?error=access_denied&state={state}");
        return Redirect::to(&to).into_response();
    }
    let code = Uuid::new_v4().to_string();
    let grant = Grant {
        nonce: of("nonce"),
        challenge: of("code_challenge"),
        redirect: redirect.clone(),
    };
    provider.grants.insert(code.clone(), grant);
    Redirect::to(&format!("{redirect}?code={code}&state={state}")).into_response()
}

async fn token(
    State(provider): Shared,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let mut provider = provider.lock();
    let of = |name: &str| form.get(name).cloned().unwrap_or_default();
    let error =
        |code: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": code }))).into_response();
    // The secret of the test's client, form-encoded.
    let expected = STANDARD.encode(format!("{}:a+secret%3A+of+the+client", CLIENT.0));
    let given = headers.get(header::AUTHORIZATION);
    if given.and_then(|given| given.to_str().ok()) != Some(&format!("Basic {expected}")) {
        return error("invalid_client");
    }
    let Some(grant) = provider.grants.remove(&of("code")) else {
        return error("invalid_grant");
    };
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, of("code_verifier").as_bytes()));
    if challenge != grant.challenge || of("redirect_uri") != grant.redirect {
        return error("invalid_grant");
    }
    let mut claims = provider.claims(CLIENT.0);
    if claims.get("nonce").is_none() {
        claims["nonce"] = grant.nonce.into();
    }
    Json(json!({
        "id_token": provider.sign(&claims),
        "access_token": "an access token",
        "token_type": "Bearer",
    }))
    .into_response()
}

async fn userinfo(State(provider): Shared, headers: HeaderMap) -> Response {
    let provider = provider.lock();
    let given = headers.get(header::AUTHORIZATION);
    if given.and_then(|given| given.to_str().ok()) != Some("Bearer an access token") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut claims = provider.more.clone();
    if claims.get("sub").is_none() {
        claims["sub"] = provider.person["sub"].clone();
    }
    Json(claims).into_response()
}
