//! The page about these pages: who looks at them. Alerts have their own sections here.

use docent_core::ledger::LedgerError;

use super::chart::Series;
use super::filter::Step;
use super::format;
use super::serve::Desk;
use super::usage::in_spans;
use super::view::{Cell, Row, Section, Table, View};

pub(super) async fn view(desk: &Desk<'_>) -> Result<View, LedgerError> {
    let views = desk.ledger().page_views(desk.filter).await?;
    let step = Step::of(desk.filter);
    let spans = step.all(desk.filter);
    let mut pages: Vec<&str> = views.iter().map(|one| one.page.as_str()).collect();
    pages.sort_unstable();
    pages.dedup();
    let series: Vec<Series> = pages
        .iter()
        .map(|page| Series {
            name: (*page).to_owned(),
            values: in_spans(step, &spans, &views, |one| one.day, |one| {
                if one.page == *page { one.views as f64 } else { 0.0 }
            }),
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
                Cell::figure(format::duration(of().map(|one| one.slowest_ms).max().unwrap_or(0)), of().map(|one| one.slowest_ms).max().unwrap_or(0)),
            ])
        })
        .collect();
    let total: i64 = views.iter().map(|one| one.views).sum();
    Ok(View {
        tiles: vec![desk.tile("Page views", format::count(total), desk.say("of these pages; exports are told apart"))],
        sections: vec![
            desk.over_time("views", "Views", "", step, &spans, &series, |value| format::count(value as i64)),
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
        ],
    })
}
