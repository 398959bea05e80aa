//! A request for a page: who may see it, and what it says, as HTML or as CSV.

use std::time::Instant;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{Days, Utc};
use docent_core::ledger::LedgerError;
use docent_core::ledger::insights::{Filter, Known, PageView};
use minijinja::{Environment, context};
use uuid::Uuid;

use super::desk::Desk;
use super::filter::{Asked, query};
use super::language::Language;
use super::sign_in;
use super::texts::Reading;
use super::view::View;
use crate::chat::Caller;
use crate::server::AppState;
use crate::server::access::{InsightsReader, oidc};
use crate::server::problem::Problem;

const PAGE: &str = include_str!("../../web/insights/page.html");

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

/// A request for a page.
pub(super) struct Visit {
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

impl Visit {
    pub(super) fn begin(
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

    pub(super) fn desk(&self) -> Desk<'_> {
        Desk {
            service: &self.service,
            filter: &self.filter,
            reading: &self.reading,
            language: self.language,
        }
    }

    pub(super) async fn end(self, view: Result<Option<View>, LedgerError>) -> Response {
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

pub(super) fn download(kind: &str, name: &str, text: String) -> Response {
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
