//! `/openapi.json`: what the routes take and give, from the descriptions that stand with their handlers.
//! A test holds it against the router, another one against the running service.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response as HttpResponse};
use docent_core::config::Config;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Server};
use utoipa::{IntoResponses, Modify, OpenApi as _, ToSchema};

use super::problem::ProblemBody;
use super::{
    AppState, access, alerts, answers, chat, conversations, feedback, handoff, health, ingest_runs,
    knowledge,
};

const DESCRIPTION: &str = "Answers questions about a company's data products from its own documents, with \
    citations. Without a key one may ask, by default, on docent's own machine only. Errors are problems (RFC \
    9457) with a stable `code`. How much may be asked is limited by `[limits]`; what is too much gets 429 with \
    `Retry-After`.";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "docent", description = DESCRIPTION, license(name = "Apache-2.0", identifier = "Apache-2.0")),
    paths(
        chat::ask,
        chat::stop,
        conversations::list,
        conversations::read,
        conversations::retitle,
        conversations::remove,
        feedback::rate,
        handoff::hand_off,
        access::widget::begin,
        answers::create,
        answers::list,
        answers::read,
        answers::change,
        answers::remove,
        ingest_runs::start,
        ingest_runs::read,
        knowledge::list,
        knowledge::read,
        alerts::list,
        alerts::acknowledge,
        alerts::mute,
        health::alive,
        health::ready,
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "chat", description = "Questions and their answers"),
        (name = "conversations", description = "What the caller has asked before"),
        (name = "widget", description = "The chat on pages of others"),
        (name = "answers", description = "What people answered themselves, for admins and groups of `answers.groups`"),
        (name = "ingest", description = "Runs, for callers with the role admin"),
        (name = "sources", description = "What docent knows"),
        (name = "alerts", description = "What needs a person, for callers with the role admin"),
        (name = "health", description = "For whatever watches over the process"),
    ),
    modifiers(&Bearer),
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A key of `docent key create`, the operator's (`access.admin_key`), or a session of the \
                 widget, from its own page only",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// `GET /openapi.json`
pub(super) async fn describe(State(service): State<AppState>) -> HttpResponse {
    Json(document(&service.app.config)).into_response()
}

/// The description, with what the configuration decides.
fn document(config: &Config) -> OpenApi {
    let mut document = Description::openapi();
    let base = if config.server.public_url.is_empty() {
        "/"
    } else {
        config.server.public_url.as_str()
    };
    document.servers = Some(vec![Server::new(base)]);
    let schemas = document.components.get_or_insert_default();
    if let Some(RefOr::T(Schema::Object(ask))) = schemas.schemas.get_mut("Ask")
        && let Some(RefOr::T(Schema::Object(question))) = ask.properties.get_mut("question")
    {
        question.max_length = Some(config.server.max_question_chars);
    }
    document
}

/// What a request may meet before its handler does anything.
pub(super) struct Guarded;

impl IntoResponses for Guarded {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems([
            ("401", "No key where one is wanted, or one that is not good"),
            (
                "403",
                "A page of another origin, a host name that is not docent's, or a role that may not",
            ),
            ("500", "`internal`: a defect of docent"),
            (
                "503",
                "`ledger_unavailable`, `index_unavailable`, `nothing_ingested`, `busy`, `stopping`: ask again",
            ),
        ])
    }
}

/// What a request with a JSON body may meet.
pub(super) struct WithBody;

impl IntoResponses for WithBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems([
            (
                "400",
                "The body is no JSON, or a value in it is not allowed",
            ),
            ("413", "The body, or a text in it, is too long"),
            ("415", "The body is not declared as JSON"),
            ("422", "The body has other fields or types"),
        ])
    }
}

/// What a question may meet.
pub(super) struct Limited;

impl IntoResponses for Limited {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems([(
            "429",
            "`rate_limited`, `daily_limit_reached`, `daily_budget_spent`",
        )])
    }
}

/// What a request for one conversation may meet.
pub(super) struct OfConversation;

impl IntoResponses for OfConversation {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems([(
            "404",
            "`conversation_unknown`: the caller has none with this id",
        )])
    }
}

/// What a request for one curated answer may meet.
pub(super) struct OfAnswer;

impl IntoResponses for OfAnswer {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems([(
            "404",
            "`answer_unknown`: there is none with this id that the caller may read",
        )])
    }
}

/// What a request for one alert may meet.
pub(super) struct OfAlert;

impl IntoResponses for OfAlert {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems([("404", "`alert_unknown`: there is none with this id")])
    }
}

fn problems<const N: usize>(all: [(&str, &str); N]) -> BTreeMap<String, RefOr<Response>> {
    let described = all.into_iter().map(|(status, description)| {
        let body = Ref::from_schema_name(ProblemBody::name());
        let content = ContentBuilder::new().schema(Some(body)).build();
        let mut response = ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", content);
        if matches!(status, "429" | "503") {
            let seconds = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(0))
                .build();
            let header = HeaderBuilder::new()
                .schema(Some(seconds))
                .description(Some("Seconds to wait; not with every one"))
                .build();
            response = response.header("retry-after", header);
        }
        (status.to_owned(), RefOr::T(response.build()))
    });
    described.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths of the router that are described elsewhere or nowhere, with the reason.
    const NOT_DESCRIBED: [&str; 8] = [
        // MCP describes itself.
        "/mcp",
        "/openapi.json",
        // OpenAI and the AI SDK describe these.
        "/v1/chat/completions",
        "/v1/models",
        "/v1/models/{model}",
        "/v1/ui-message",
        "/v1/ui-message/{chat}/stream",
        // A page.
        "/alerts/{id}",
    ];

    /// The routes as `router` writes them: method and path.
    fn routes() -> Vec<String> {
        let source: String = include_str!("mod.rs").split_whitespace().collect();
        let routes = source.split(".route(\"").skip(1).filter_map(|route| {
            let (path, rest) = route.split_once("\",")?;
            let method = rest.split('(').next()?;
            Some(format!("{method} {path}"))
        });
        routes
            .filter(|route| {
                NOT_DESCRIBED
                    .iter()
                    .all(|path| !route.ends_with(&format!(" {path}")))
            })
            .collect()
    }

    #[test]
    fn every_route_is_described_and_every_description_is_a_route() {
        let document = serde_json::to_value(Description::openapi()).unwrap();
        let mut described = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            described.extend(
                methods
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(|method| format!("{method} {path}")),
            );
        }
        let mut routes = routes();
        assert!(routes.len() >= 20, "{routes:?}");
        routes.sort();
        described.sort();
        assert_eq!(
            described, routes,
            "describe a new route with #[utoipa::path], or say why not"
        );
    }
}
