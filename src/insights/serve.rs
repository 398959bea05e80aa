//! Routes of the pages and their files.

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use uuid::Uuid;

use super::filter::Asked;
use super::texts::Reading;
use super::visit::{Visit, download};
use super::{cost, gaps, ingest, interaction, program, sign_in, usage};
use crate::server::access::{InsightsReader, key_of_cookie};
use crate::server::problem::Problem;
use crate::server::{AppState, answers};

const STYLE: &str = include_str!("../../web/insights/insights.css");
const SCRIPT: &str = include_str!("../../web/insights/insights.js");

/// The pages and their files.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/insights", get(|| async { moved("insights/use") }))
        .route("/insights/", get(|| async { moved("use") }))
        .route("/insights/use", get(page_use))
        .route("/insights/gaps", get(page_gaps))
        .route("/insights/gaps/golden/{id}", get(golden))
        .route("/insights/cost", get(page_cost))
        .route("/insights/ingest", get(page_ingest))
        .route("/insights/program", get(page_program))
        .route("/insights/interactions/{id}", get(page_interaction))
        .route("/insights/answers", post(answers::create))
        .route("/insights/sign-in", post(sign_in::sign_in))
        .route("/insights/sign-out", post(sign_in::sign_out))
        .route(
            "/insights/insights.css",
            get(|| async { file("text/css", STYLE) }),
        )
        .route(
            "/insights/insights.js",
            get(|| async { file("text/javascript", SCRIPT) }),
        )
        .layer(middleware::from_fn(key_of_cookie))
}

/// A page of this name, from where the address says: whatever path docent stands under, it stays.
fn moved(place: &'static str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, place)]).into_response()
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    (headers, text).into_response()
}

macro_rules! page {
    ($name:ident, $page:literal, $view:path) => {
        async fn $name(
            State(service): State<AppState>,
            reader: InsightsReader,
            headers: HeaderMap,
            asked: Result<Query<Asked>, QueryRejection>,
        ) -> Response {
            let visit = match Visit::begin(service, reader, &headers, asked, $page, "") {
                Ok(visit) => visit,
                Err(refused) => return *refused,
            };
            let view = $view(&visit.desk()).await.map(Some);
            visit.end(view).await
        }
    };
}
page!(page_use, "use", usage::view);
page!(page_gaps, "gaps", gaps::view);
page!(page_cost, "cost", cost::view);
page!(page_ingest, "ingest", ingest::view);
page!(page_program, "program", program::view);

async fn page_interaction(
    State(service): State<AppState>,
    reader: InsightsReader,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
    id: Result<Path<Uuid>, PathRejection>,
) -> Response {
    let visit = match Visit::begin(service, reader, &headers, asked, "interaction", "../") {
        Ok(visit) => visit,
        Err(refused) => return *refused,
    };
    let view = match id {
        Ok(Path(id)) => interaction::view(&visit.desk(), id).await,
        Err(_) => Ok(None),
    };
    visit.end(view).await
}

/// `GET /insights/gaps/golden/{id}`: a question as a line for `docent eval`.
async fn golden(
    State(service): State<AppState>,
    reader: InsightsReader,
    id: Result<Path<Uuid>, PathRejection>,
) -> Response {
    let reading = Reading::of(&service.app.config);
    let unknown = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "interaction_unknown",
            "there is no such question",
        )
    };
    let (Ok(Path(id)), InsightsReader(Ok(_))) = (id, reader) else {
        return unknown().into_response();
    };
    match service.app.ledger.interaction_page(id).await {
        Ok(Some(asked)) => match reading.shown(&asked.standalone_question) {
            Some(question) => {
                let language = asked.language.as_deref().unwrap_or("en");
                let line = gaps::golden(&format!("gap-{}", asked.id), &question, language);
                download(
                    "application/x-ndjson",
                    &format!("gap-{}.jsonl", asked.id),
                    line,
                )
            }
            None => unknown().into_response(),
        },
        Ok(None) => unknown().into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}
