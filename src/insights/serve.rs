//! Routes of the pages: who may see one, what it says, as HTML or as CSV.

use std::time::Instant;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::{Days, NaiveDate, Utc};
use docent_core::ledger::insights::{Filter, Known, PageView};
use docent_core::ledger::{Ledger, LedgerError};
use minijinja::{Environment, context};
use uuid::Uuid;

use super::chart::{self, Series};
use super::filter::{Asked, Step, query};
use super::language::Language;
use super::texts::Reading;
use super::view::{Cell, Column, Row, Section, Table, Tile, View};
use super::{cost, gaps, ingest, interaction, program, sign_in, usage};
use crate::chat::Caller;
use crate::server::access::{InsightsReader, key_of_cookie, oidc};
use crate::server::problem::Problem;
use crate::server::{AppState, Service, answers};

const PAGE: &str = include_str!("../../web/insights/page.html");
const STYLE: &str = include_str!("../../web/insights/insights.css");
const SCRIPT: &str = include_str!("../../web/insights/insights.js");

/// Nothing from elsewhere, no inline code; forms go to docent.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

/// The pages in their order, with the words of their links.
const PAGES: [(&str, &str); 5] = [
    ("use", "Use"),
    ("gaps", "Gaps"),
    ("cost", "Cost"),
    ("ingest", "Ingest"),
    ("program", "These pages"),
];

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

/// What a page is made with.
pub(super) struct Desk<'a> {
    pub(super) service: &'a Service,
    pub(super) filter: &'a Filter,
    pub(super) reading: &'a Reading,
    language: Language,
}

impl Desk<'_> {
    pub(super) fn ledger(&self) -> &Ledger {
        &self.service.app.ledger
    }

    pub(super) fn say(&self, english: &str) -> String {
        self.language.say(english)
    }

    pub(super) fn fill(&self, english: &str, figures: &[&str]) -> String {
        self.language.fill(english, figures)
    }

    pub(super) fn nothing(&self) -> String {
        self.say("Nothing in these days.")
    }

    pub(super) fn column(&self, label: &str, name: &'static str) -> Column {
        Column {
            label: self.say(label),
            name: name.into(),
            numeric: false,
        }
    }

    pub(super) fn number(&self, label: &str, name: &'static str) -> Column {
        Column {
            label: self.say(label),
            name: name.into(),
            numeric: true,
        }
    }

    pub(super) fn tile(&self, label: &str, value: String, note: String) -> Tile {
        Tile {
            label: self.say(label),
            value,
            note,
        }
    }

    /// The same page about one source and data product.
    pub(super) fn narrowed(&self, source: &str, asset: &str) -> String {
        let mut filter = self.filter.clone();
        source.clone_into(&mut filter.source);
        asset.clone_into(&mut filter.asset);
        format!("?{}", query(&filter, &[]))
    }

    /// A chart over time with its table.
    #[expect(
        clippy::too_many_arguments,
        reason = "a chart is as many things, each said once"
    )]
    pub(super) fn over_time(
        &self,
        id: &'static str,
        title: &str,
        note: &str,
        step: Step,
        spans: &[NaiveDate],
        series: &[Series],
        shown: impl Fn(f64) -> String,
    ) -> Section {
        let title = self.say(title);
        let bars: Vec<String> = spans.iter().map(NaiveDate::to_string).collect();
        let mut columns = vec![self.column(step.word(), "begins")];
        columns.extend(series.iter().map(|one| Column {
            label: one.name.clone(),
            name: one.column.clone().into(),
            numeric: true,
        }));
        columns.push(self.number("Total", "total"));
        let rows = bars.iter().enumerate().map(|(at, bar)| {
            let total: f64 = series.iter().map(|one| one.values[at]).sum();
            let mut cells = vec![Cell::text(bar)];
            cells.extend(
                series
                    .iter()
                    .map(|one| Cell::figure(shown(one.values[at]), one.values[at])),
            );
            cells.push(Cell::figure(shown(total), total));
            Row::from(cells)
        });
        let rows = if series.is_empty() {
            Vec::new()
        } else {
            rows.collect()
        };
        Section {
            id,
            chart: chart::stacked(&title, &bars, series, &shown),
            title,
            note: if note.is_empty() {
                String::new()
            } else {
                self.say(note)
            },
            table: Some(Table {
                columns,
                rows,
                empty: self.nothing(),
            }),
            ..Section::default()
        }
    }
}

/// A request for a page.
struct Visit {
    service: AppState,
    caller: Caller,
    asked: Asked,
    filter: Filter,
    language: Language,
    reading: Reading,
    page: &'static str,
    began: Instant,
    /// What leads from the page's folder to `/insights/`.
    up: &'static str,
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

fn download(kind: &str, name: &str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, text).into_response()
}

impl Visit {
    fn begin(
        service: AppState,
        InsightsReader(reader): InsightsReader,
        headers: &HeaderMap,
        asked: Result<Query<Asked>, QueryRejection>,
        page: &'static str,
        up: &'static str,
    ) -> Result<Self, Box<Response>> {
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        let (asked, wrong) = match asked {
            Ok(Query(asked)) => (asked, None),
            Err(rejection) => (Asked::default(), Some(rejection.body_text())),
        };
        let language = Language::of(&asked.lang, accepted.unwrap_or_default());
        let config = &service.app.config;
        let start = format!("{}/insights/use", config.server.base_path());
        let login = oidc::login::address(config, &start);
        let caller = reader
            .map_err(|problem| Box::new(sign_in::refused(problem, headers, language, up, login)))?;
        let filter = asked
            .filter(Utc::now().date_naive())
            .and_then(|filter| wrong.map_or(Ok(filter), Err));
        let filter = filter.map_err(|text| {
            let problem = Problem::new(StatusCode::BAD_REQUEST, "filter_invalid", text);
            Box::new(problem.into_response())
        })?;
        let reading = Reading::of(&service.app.config);
        Ok(Self {
            service,
            caller,
            asked,
            filter,
            language,
            reading,
            page,
            began: Instant::now(),
            up,
        })
    }

    fn desk(&self) -> Desk<'_> {
        Desk {
            service: &self.service,
            filter: &self.filter,
            reading: &self.reading,
            language: self.language,
        }
    }

    async fn end(self, view: Result<Option<View>, LedgerError>) -> Response {
        let view = match view {
            Ok(Some(view)) => view,
            Ok(None) => {
                return Problem::new(
                    StatusCode::NOT_FOUND,
                    "interaction_unknown",
                    "there is no such question; its text may have expired",
                )
                .into_response();
            }
            Err(error) => return Problem::from(error).into_response(),
        };
        let is_export = self.asked.format == "csv";
        let response = if is_export {
            self.csv(&view)
        } else {
            self.html(&view).await
        };
        let seen = PageView {
            id: Uuid::now_v7(),
            at: Utc::now(),
            page: format!("{}{}", self.page, if is_export { ".csv" } else { "" }),
            caller: self.caller.name.clone(),
            ms: self.began.elapsed().as_millis() as i64,
        };
        let ledger = self.service.app.ledger.clone();
        // Nobody waits for it.
        tokio::spawn(async move {
            if let Err(error) = ledger.note_page_view(&seen).await {
                tracing::debug!(%error, "a page view was not counted");
            }
        });
        response
    }

    fn csv(&self, view: &View) -> Response {
        let tables = || {
            view.sections
                .iter()
                .filter(|section| section.table.is_some())
        };
        let wanted =
            tables().find(|section| section.id == self.asked.table || self.asked.table.is_empty());
        let wanted = wanted.and_then(|section| Some((section.id, section.table.as_ref()?)));
        let Some((id, table)) = wanted else {
            let names: Vec<&str> = tables().map(|section| section.id).collect();
            let text = format!(
                "this page has no table \"{}\"; there are {}",
                self.asked.table,
                names.join(", ")
            );
            return Problem::new(StatusCode::BAD_REQUEST, "table_unknown", text).into_response();
        };
        let name = format!(
            "docent-{}-{id}-{}-{}.csv",
            self.page, self.filter.from, self.filter.until
        );
        // With a byte order mark spreadsheets read it as UTF-8.
        download("text/csv", &name, format!("\u{feff}{}", table.csv()))
    }

    async fn html(&self, view: &View) -> Response {
        let known = match self.service.app.ledger.known().await {
            Ok(known) => known,
            Err(error) => return Problem::from(error).into_response(),
        };
        match self.rendered(view, &known) {
            Ok(html) => as_page(StatusCode::OK, html),
            Err(error) => {
                tracing::error!(%error, page = self.page, "a page cannot be shown");
                Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "a defect in docent kept it from showing this page; its log says where",
                )
                .into_response()
            }
        }
    }

    fn rendered(&self, view: &View, known: &Known) -> Result<String, minijinja::Error> {
        let language = self.language;
        let lang = self.asked.lang.as_str();
        let links: Vec<_> = PAGES
            .iter()
            .map(|(name, words)| {
                context! {
                    href => format!("{}{name}?{}", self.up, query(&self.filter, &[("lang", lang)])),
                    words => language.say(words),
                    here => *name == self.page,
                }
            })
            .collect();
        let today = Utc::now().date_naive();
        let ranges: Vec<_> = [7_u64, 28, 90, 365]
            .iter()
            .map(|days| {
                let mut filter = self.filter.clone();
                filter.until = today;
                filter.from = today - Days::new(days - 1);
                context! {
                    href => format!("?{}", query(&filter, &[("lang", lang)])),
                    words => language.fill("{} days", &[&days.to_string()]),
                    here => filter == self.filter,
                }
            })
            .collect();
        let title = PAGES
            .iter()
            .find(|(name, _)| *name == self.page)
            .map_or("One question", |(_, words)| words);
        let environment = environment(language)?;
        environment.get_template("page.html")?.render(context! {
            title => language.say(title),
            language => language.code(),
            lang,
            up => self.up,
            is_filtered => self.page != "interaction",
            links, ranges,
            view => minijinja::value::Serde(view),
            from => self.filter.from.to_string(),
            to => self.filter.until.to_string(),
            choices => [
                context! { name => "channel", words => language.say("Channel"), all => known.channels.clone(), chosen => self.filter.channel.clone() },
                context! { name => "source", words => language.say("Source"), all => known.sources.clone(), chosen => self.filter.source.clone() },
                context! { name => "asset", words => language.say("Data product"), all => known.assets.clone(), chosen => self.filter.asset.clone() },
            ],
            export => query(&self.filter, &[("lang", lang), ("format", "csv")]),
            other => if language == Language::Korean { "en" } else { "ko" },
            plain => query(&self.filter, &[]),
            signed_in => self.caller.name != "operator" ,
        })
    }
}

/// Templates, with the words of a language.
pub(super) fn environment(language: Language) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.add_function("t", move |english: &str| language.say(english));
    environment.add_template("page.html", PAGE)?;
    environment.add_template("sign_in.html", sign_in::PAGE)?;
    Ok(environment)
}

pub(super) fn as_page(status: StatusCode, html: String) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, html).into_response()
}
