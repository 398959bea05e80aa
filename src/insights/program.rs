//! The page about the program itself: which alerts it sent and what became of them, and who looks at these
//! pages.

use chrono::NaiveTime;
use docent_core::ledger::{Alert, LedgerError};

use super::chart::Series;
use super::desk::Desk;
use super::filter::Step;
use super::format;
use super::usage::in_spans;
use super::view::{Cell, Row, Section, Table, View};

pub(super) async fn view(desk: &Desk<'_>) -> Result<View, LedgerError> {
    let views = desk.ledger().page_views(desk.filter).await?;
    let since = desk.filter.from.and_time(NaiveTime::MIN).and_utc();
    let mut alerts = desk.ledger().alerts_since(since).await?;
    // Those that are not over are listed whenever they fired; those of later days are not.
    alerts.retain(|alert| alert.fired_at.date_naive() <= desk.filter.until);
    let step = Step::of(desk.filter);
    let spans = step.all(desk.filter);
    let mut pages: Vec<&str> = views.iter().map(|one| one.page.as_str()).collect();
    pages.sort_unstable();
    pages.dedup();
    let series: Vec<Series> = pages
        .iter()
        .map(|page| Series {
            name: (*page).to_owned(),
            column: (*page).to_owned(),
            values: in_spans(
                step,
                &spans,
                &views,
                |one| one.day,
                |one| {
                    if one.page == *page {
                        one.views as f64
                    } else {
                        0.0
                    }
                },
            ),
        })
        .collect();
    let rows = pages
        .iter()
        .map(|page| {
            let of = || views.iter().filter(|one| one.page == *page);
            Row::from(vec![
                Cell::text(*page),
                Cell::count(of().map(|one| one.views).sum()),
                Cell::count(of().map(|one| one.people).max().unwrap_or(0)),
                Cell::figure(
                    format::duration(of().map(|one| one.slowest_ms).max().unwrap_or(0)),
                    of().map(|one| one.slowest_ms).max().unwrap_or(0),
                ),
            ])
        })
        .collect();
    let total: i64 = views.iter().map(|one| one.views).sum();
    Ok(View {
        tiles: vec![desk.tile(
            "Page views",
            format::count(total),
            desk.say("of these pages; exports are told apart"),
        )],
        sections: vec![
            desk.over_time("views", "Views", "", step, &spans, &series, |value| {
                format::count(value as i64)
            }),
            Section {
                id: "pages",
                title: desk.say("By page"),
                table: Some(Table {
                    columns: vec![
                        desk.column("Page", "page"),
                        desk.number("Views", "views"),
                        desk.number("People on the busiest day", "most_people_a_day"),
                        desk.number("Slowest", "slowest_ms"),
                    ],
                    rows,
                    empty: desk.nothing(),
                }),
                ..Section::default()
            },
            sent(desk, &alerts),
        ],
    })
}

/// Alerts, the newest first.
fn sent(desk: &Desk<'_>, alerts: &[Alert]) -> Section {
    let rows = alerts.iter().map(|alert| {
        let over = alert.resolved_at.map(format::moment);
        let acted = alert.acted_by.clone().unwrap_or_default();
        Row::from(vec![
            Cell::text(&alert.rule),
            Cell::text(&alert.subject),
            Cell::text(&alert.addressed_to).more(alert.sent_via.join(", ")),
            Cell::text(desk.say(alert.state.name())).more(acted),
            Cell::text(format::moment(alert.since)),
            Cell::text(format::moment(alert.fired_at)),
            Cell::text(over.unwrap_or_default()),
        ])
    });
    Section {
        id: "alerts",
        title: desk.say("Alerts"),
        note: desk.say("What was told to whom, and whether somebody looked after it."),
        table: Some(Table {
            columns: vec![
                desk.column("Rule", "rule"),
                desk.column("About", "subject"),
                desk.column("Addressed to", "addressed_to"),
                desk.column("State", "state"),
                desk.column("Since", "since"),
                desk.column("Fired", "fired_at"),
                desk.column("Over", "resolved_at"),
            ],
            rows: rows.collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}
