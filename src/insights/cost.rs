//! The page of cost.

use chrono::{Datelike, Days, NaiveDate, Utc};
use docent_core::ledger::LedgerError;
use docent_core::ledger::insights::{
    AssetCost, CostFigures, DayCost, ModelCost, MonthCost, RunCost, ShareCost, SourceCost,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::chart::Series;
use super::desk::Desk;
use super::filter::Step;
use super::format;
use super::usage::in_spans;
use super::view::{Cell, Row, Section, Table, Tile, View};

/// Days that a forecast is made from.
const LOOKED_BACK: u64 = 28;

pub(super) async fn view(desk: &Desk<'_>) -> Result<View, LedgerError> {
    let (ledger, filter) = (desk.ledger(), desk.filter);
    let today = Utc::now().date_naive();
    let month = today.with_day(1).unwrap_or(today);
    let since = month.min(today - Days::new(LOOKED_BACK));
    let ((assets, of_questions), figures, sources, runs, recent) = tokio::try_join!(
        ledger.question_costs(filter),
        async {
            if filter.is_narrow() {
                return Ok(CostFigures::default());
            }
            ledger.cost_figures(filter).await
        },
        ledger.cost_by_source(filter),
        ledger.dearest_runs(filter),
        ledger.cost_since(since),
    )?;
    let days = if filter.is_narrow() {
        of_questions
    } else {
        figures.days
    };
    let step = Step::of(filter);
    let spans = step.all(filter);
    let mut view = View {
        tiles: tiles(desk, &days, &assets, &recent, today),
        sections: vec![by_day(desk, step, &spans, &days)],
    };
    if filter.is_narrow() {
        view.sections[0].note = desk.say("Of one source or data product, what questions about it cost; purposes, models, channels and teams are not told apart then.");
    } else {
        view.sections.push(by_model(desk, &figures.models));
        view.sections.push(shares(
            desk,
            "channels",
            "By channel",
            "Channel",
            "channel",
            &figures.channels,
        ));
        view.sections.push(shares(
            desk,
            "teams",
            "By team",
            "Team",
            "team",
            &figures.teams,
        ));
    }
    view.sections.push(by_asset(desk, &assets));
    view.sections.push(by_source(desk, &sources));
    view.sections.push(dearest(desk, &runs));
    Ok(view)
}

/// What a month is likely to cost: what it has, and for each day that is left what such days (weekdays or
/// not) of the last four weeks cost on average.
fn forecast(
    recent: &[MonthCost],
    today: NaiveDate,
    of: fn(&MonthCost) -> Decimal,
) -> (Decimal, Decimal) {
    let month = today.with_day(1).unwrap_or(today);
    let so_far: Decimal = recent
        .iter()
        .filter(|one| one.day >= month && one.day <= today)
        .map(of)
        .sum();
    let is_free = |day: NaiveDate| day.weekday().number_from_monday() > 5;
    let average = |free: bool| -> Decimal {
        let days = (1..=LOOKED_BACK).map(|back| today - Days::new(back));
        let number = days.filter(|day| is_free(*day) == free).count();
        let begin = today - Days::new(LOOKED_BACK);
        let spent: Decimal = recent
            .iter()
            .filter(|one| one.day >= begin && one.day < today && is_free(one.day) == free)
            .map(of)
            .sum();
        spent / Decimal::from(number.max(1))
    };
    let mut expected = so_far;
    let mut day = today + Days::new(1);
    while day.month() == today.month() {
        expected += average(is_free(day));
        day = day + Days::new(1);
    }
    (so_far, expected)
}

fn tiles(
    desk: &Desk<'_>,
    days: &[DayCost],
    assets: &[AssetCost],
    recent: &[MonthCost],
    today: NaiveDate,
) -> Vec<Tile> {
    let total: Decimal = days.iter().filter_map(|day| day.cost).sum();
    let unknown: i64 = days.iter().map(|day| day.unknown_price).sum();
    let answered: i64 = assets.iter().map(|one| one.answered).sum();
    let asked: Decimal = assets.iter().map(|one| one.cost).sum();
    let asked_unknown: i64 = assets.iter().map(|one| one.unknown_price).sum();
    let each = if answered > 0 {
        format::cost(Some(asked / Decimal::from(answered)), asked_unknown)
    } else {
        "–".to_owned()
    };
    let config = &desk.service.app.config;
    let (spent, expected) = forecast(recent, today, |day| day.total);
    let (ingested, ingest_expected) = forecast(recent, today, |day| day.ingest);
    let against = |limit: Option<Decimal>, expected: Decimal, setting: &str| match limit {
        Some(limit) => {
            let share = (expected / limit * Decimal::ONE_HUNDRED)
                .to_i64()
                .unwrap_or_default();
            desk.fill(
                "{} % of {} ({})",
                &[&share.to_string(), &format::dollars(limit), setting],
            )
        }
        None => desk.fill("no budget: {} is not set", &[setting]),
    };
    vec![
        desk.tile(
            "Cost",
            format::cost(Some(total), unknown),
            desk.fill(
                "{} calls",
                &[&format::count(days.iter().map(|day| day.calls).sum())],
            ),
        ),
        desk.tile(
            "An answered question",
            each,
            desk.fill("{} of them", &[&format::count(answered)]),
        ),
        desk.tile(
            "This month so far",
            format::dollars(spent),
            desk.fill("ingest {}", &[&format::dollars(ingested)]),
        ),
        desk.tile(
            "This month, forecast",
            format::dollars(expected),
            against(config.insights.of_a_month(), expected, "insights.month_usd"),
        ),
        desk.tile(
            "Ingest this month, forecast",
            format::dollars(ingest_expected),
            against(
                config.budget.of_a_month(),
                ingest_expected,
                "budget.ingest_month_usd",
            ),
        ),
    ]
}

fn by_day(desk: &Desk<'_>, step: Step, spans: &[NaiveDate], days: &[DayCost]) -> Section {
    let mut purposes: Vec<&str> = days.iter().map(|day| day.purpose.as_str()).collect();
    purposes.sort_unstable();
    purposes.dedup();
    let series: Vec<Series> = purposes
        .iter()
        .map(|purpose| {
            let values = in_spans(
                step,
                spans,
                days,
                |day| day.day,
                |day| {
                    let cost = day
                        .cost
                        .filter(|_| day.purpose == *purpose)
                        .unwrap_or_default();
                    cost.to_f64().unwrap_or_default()
                },
            );
            Series {
                name: desk.say(purpose),
                column: (*purpose).to_owned(),
                values,
            }
        })
        .collect();
    let shown = |value: f64| format::dollars(Decimal::try_from(value).unwrap_or_default());
    desk.over_time(
        "days",
        "Cost by purpose",
        "US dollars; calls without a known price are not in it.",
        step,
        spans,
        &series,
        shown,
    )
}

fn by_model(desk: &Desk<'_>, models: &[ModelCost]) -> Section {
    let mut unpriced: Vec<&str> = models
        .iter()
        .filter(|one| one.unknown_price > 0)
        .map(|one| one.model.as_str())
        .collect();
    unpriced.dedup();
    let warning = if unpriced.is_empty() {
        String::new()
    } else {
        let example = format!("[prices.\"{}\"]", unpriced[0]);
        desk.fill("What {} costs is not known. Add {} to docent.toml, with dollars for a million tokens (docent.default.toml describes it): calls from then on are counted.", &[&unpriced.join(", "), &example])
    };
    Section {
        id: "models",
        title: desk.say("By model and purpose"),
        warning,
        table: Some(Table {
            columns: vec![
                desk.column("Model", "model"),
                desk.column("Purpose", "purpose"),
                desk.number("Calls", "calls"),
                desk.number("Not ended well", "failed"),
                desk.number("Tokens in", "input_tokens"),
                desk.number("of them cached", "cached_tokens"),
                desk.number("Tokens out", "output_tokens"),
                desk.number("Tokens estimated", "estimated_calls"),
                desk.number("Cost", "cost_usd"),
                desk.number("Calls without a price", "calls_with_unknown_price"),
            ],
            rows: models
                .iter()
                .map(|one| {
                    Row::from(vec![
                        Cell::text(&one.model),
                        Cell::figure(desk.say(&one.purpose), &one.purpose),
                        Cell::count(one.calls),
                        Cell::count(one.failed),
                        Cell::count(one.input_tokens),
                        Cell::count(one.cached_tokens),
                        Cell::count(one.output_tokens),
                        Cell::count(one.estimated),
                        money(one.cost, one.unknown_price),
                        Cell::count(one.unknown_price),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

fn money(cost: Option<Decimal>, unknown: i64) -> Cell {
    let raw = match cost {
        Some(cost) => cost.to_string(),
        None if unknown == 0 => "0".to_owned(),
        None => String::new(),
    };
    Cell::figure(format::cost(cost, unknown), raw)
}

fn shares(
    desk: &Desk<'_>,
    id: &'static str,
    title: &str,
    word: &str,
    name: &'static str,
    rows: &[ShareCost],
) -> Section {
    let note = match id {
        "teams" => {
            "What questions of people cost. A team is the first of the caller's groups that insights.teams names."
        }
        _ => {
            "Where the questions came in; evaluations and what docent asks again are told apart from people."
        }
    };
    let longest = rows
        .first()
        .and_then(|one| one.cost)
        .and_then(|cost| cost.to_f64())
        .unwrap_or_default();
    Section {
        id,
        title: desk.say(title),
        note: desk.say(note),
        table: Some(Table {
            columns: vec![
                desk.column(word, name),
                desk.number("Calls", "calls"),
                desk.number("Tokens", "tokens"),
                desk.number("Cost", "cost_usd"),
                desk.number("Calls without a price", "calls_with_unknown_price"),
            ],
            rows: rows
                .iter()
                .map(|one| {
                    let label = if one.name.is_empty() {
                        desk.say("(none)")
                    } else {
                        one.name.clone()
                    };
                    let cost = one.cost.and_then(|cost| cost.to_f64()).unwrap_or_default();
                    Row::from(vec![
                        Cell::figure(label, &one.name),
                        Cell::count(one.calls),
                        Cell::count(one.tokens),
                        money(one.cost, one.unknown_price).bar(cost, longest),
                        Cell::count(one.unknown_price),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

fn by_asset(desk: &Desk<'_>, assets: &[AssetCost]) -> Section {
    let longest = assets
        .first()
        .and_then(|one| one.cost.to_f64())
        .unwrap_or_default();
    Section {
        id: "assets",
        title: desk.say("Questions, by what they are about"),
        table: Some(Table {
            columns: vec![
                desk.column("Data product", "asset"),
                desk.column("Source", "source"),
                desk.number("Questions", "questions"),
                desk.number("Answered", "answered"),
                desk.number("Tokens", "tokens"),
                desk.number("Cost", "cost_usd"),
                desk.number("An answered question", "cost_per_answer_usd"),
            ],
            rows: assets
                .iter()
                .map(|one| {
                    let asset = if one.asset.is_empty() {
                        desk.say("(none)")
                    } else {
                        one.asset.clone()
                    };
                    let each = if one.answered > 0 {
                        money(
                            Some((one.cost / Decimal::from(one.answered)).round_dp(8)),
                            one.unknown_price,
                        )
                    } else {
                        Cell::figure("–", "")
                    };
                    Row::from(vec![
                        Cell::figure(asset, &one.asset)
                            .link(desk.narrowed(&one.source, &one.asset)),
                        Cell::text(&one.source),
                        Cell::count(one.questions),
                        Cell::count(one.answered),
                        Cell::count(one.tokens),
                        money(Some(one.cost), one.unknown_price)
                            .bar(one.cost.to_f64().unwrap_or_default(), longest),
                        each,
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

fn by_source(desk: &Desk<'_>, sources: &[SourceCost]) -> Section {
    Section {
        id: "sources",
        title: desk.say("Ingest, by source"),
        table: Some(Table {
            columns: vec![
                desk.column("Source", "source"),
                desk.number("Runs", "runs"),
                desk.number("Tokens", "tokens"),
                desk.number("Cost", "cost_usd"),
                desk.number("Runs without a price", "runs_with_unknown_price"),
            ],
            rows: sources
                .iter()
                .map(|one| {
                    Row::from(vec![
                        Cell::text(&one.source),
                        Cell::count(one.runs),
                        Cell::count(one.tokens),
                        money(one.cost, one.unknown),
                        Cell::count(one.unknown),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

fn dearest(desk: &Desk<'_>, runs: &[RunCost]) -> Section {
    Section {
        id: "runs",
        title: desk.say("The dearest runs"),
        table: Some(Table {
            columns: vec![
                desk.column("Began", "started_at"),
                desk.column("Source", "source"),
                desk.number("Documents indexed", "indexed"),
                desk.number("Tokens", "tokens"),
                desk.number("Cost", "cost_usd"),
                desk.column("Run", "run"),
            ],
            rows: runs
                .iter()
                .map(|one| {
                    Row::from(vec![
                        Cell::figure(format::moment(one.started_at), one.started_at.to_rfc3339()),
                        Cell::text(&one.source),
                        Cell::count(one.indexed),
                        Cell::count(one.tokens),
                        money(one.cost, i64::from(one.cost.is_none())),
                        Cell::text(one.id.to_string()),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_forecast_from_weekdays_and_weekends_apart() {
        // 2 dollars on each weekday, nothing at weekends; it is the morning of Monday, the 16th.
        let today = NaiveDate::from_ymd_opt(2026, 11, 16).unwrap();
        let recent: Vec<MonthCost> = (1..=30)
            .map(|back| today - Days::new(back))
            .filter(|day| day.weekday().number_from_monday() <= 5)
            .map(|day| MonthCost {
                day,
                ingest: Decimal::ZERO,
                total: Decimal::TWO,
                unknown_price: 0,
            })
            .collect();
        let (so_far, expected) = forecast(&recent, today, |day| day.total);
        // Ten weekdays have passed since the first; ten more follow today.
        assert_eq!(so_far, Decimal::from(20));
        assert_eq!(expected, Decimal::from(40));
    }
}
