//! What pages are made of, as lines that can be compared.

use docent_core::app::App;
use docent_core::ledger::insights::Filter;

use super::{Figures, sorted};

fn line<const N: usize>(fields: [&dyn std::fmt::Display; N]) -> String {
    fields.map(ToString::to_string).join(" ")
}

fn opt<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// What pages are made of.
pub(super) async fn shown(app: &App, filter: &Filter) -> Figures {
    let ledger = &app.ledger;
    let mut all = Figures::new();
    let used = ledger.use_figures(filter).await.unwrap();
    let days = used.days.iter().map(|one| {
        line([
            &one.day,
            &one.channel,
            &one.questions,
            &one.answered,
            &one.quoted,
            &one.abstained,
            &one.failed,
            &one.cancelled,
            &one.liked,
            &one.disliked,
            &one.checked,
            &one.unverified,
        ])
    });
    all.insert("days", days.collect());
    let languages = used.languages.iter();
    let languages = languages.map(|one| line([&one.language, &one.questions, &one.answered]));
    all.insert("languages", languages.collect());
    let assets = used.assets.iter().map(|one| {
        line([
            &one.source,
            &one.asset,
            &one.questions,
            &one.answered,
            &one.abstained,
            &one.liked,
            &one.disliked,
        ])
    });
    all.insert("assets", assets.collect());
    let spread = ledger.spread(filter).await.unwrap();
    let hours = spread.hours.iter();
    all.insert(
        "hours",
        hours
            .map(|one| line([&one.weekday, &one.hour, &one.questions]))
            .collect(),
    );
    let waits = spread.waits.iter();
    all.insert(
        "waits",
        waits
            .map(|one| line([&one.kind, &one.ms, &one.questions]))
            .collect(),
    );
    let talks = spread.conversations.iter();
    all.insert(
        "conversations",
        talks
            .map(|one| line([&one.questions, &one.conversations]))
            .collect(),
    );
    let people = ledger.days_of_people(filter).await.unwrap();
    let people = people.iter().map(|days| {
        let days: Vec<String> = days.iter().map(ToString::to_string).collect();
        days.join(",")
    });
    all.insert("people", people.collect());
    let documents = ledger.documents_cited(filter).await.unwrap();
    let documents = documents.iter().map(|one| {
        line([
            &one.document_id,
            &one.source,
            &one.asset,
            &one.citations,
            &one.liked,
            &one.disliked,
        ])
    });
    all.insert("documents", documents.collect());
    let (by_asset, by_day) = ledger.question_costs(filter).await.unwrap();
    let by_asset = by_asset.iter().map(|one| {
        line([
            &one.source,
            &one.asset,
            &one.questions,
            &one.answered,
            &one.tokens,
            &one.cost.normalize(),
            &one.unknown_price,
        ])
    });
    all.insert("costs of questions", by_asset.collect());
    let by_day = by_day.iter().map(|one| {
        line([
            &one.day,
            &opt(one.cost.map(|cost| cost.normalize()).as_ref()),
            &one.calls,
            &one.unknown_price,
        ])
    });
    all.insert("costs of questions by day", by_day.collect());
    sorted(all)
}

/// What pages show of wordings, and what calls cost: rows that retention deletes count no more in the
/// first, and have lost their question in the second.
pub(super) async fn shown_of_rows(app: &App, filter: &Filter) -> Figures {
    let ledger = &app.ledger;
    let mut all = Figures::new();
    let wordings = ledger.wordings(filter, 300).await.unwrap();
    let wordings = wordings
        .iter()
        .map(|one| line([&one.question_key, &one.questions, &one.abstained]));
    all.insert("wordings", wordings.collect());
    let gaps = ledger.gaps(filter, 200).await.unwrap();
    let gaps = gaps.iter().map(|one| {
        line([
            &one.question_key,
            &one.abstained,
            &one.disliked,
            &one.people.len(),
            &one.last_at.timestamp_micros(),
            &one.interaction_id,
        ])
    });
    all.insert("gaps", gaps.collect());
    if !filter.is_narrow() {
        let costs = ledger.cost_figures(filter).await.unwrap();
        let cost =
            |cost: Option<rust_decimal::Decimal>| opt(cost.map(|one| one.normalize()).as_ref());
        let days = costs.days.iter();
        let days = days.map(|one| {
            line([
                &one.day,
                &one.purpose,
                &cost(one.cost),
                &one.calls,
                &one.unknown_price,
            ])
        });
        all.insert("costs by day", days.collect());
        let models = costs.models.iter().map(|one| {
            line([
                &one.model,
                &one.purpose,
                &one.calls,
                &one.failed,
                &one.estimated,
                &one.input_tokens,
                &one.cached_tokens,
                &one.output_tokens,
                &cost(one.cost),
                &one.unknown_price,
            ])
        });
        all.insert("costs by model", models.collect());
        for (name, shares) in [
            ("costs by channel", &costs.channels),
            ("costs by team", &costs.teams),
        ] {
            let shares = shares.iter();
            let shares = shares.map(|one| {
                line([
                    &one.name,
                    &one.calls,
                    &one.tokens,
                    &cost(one.cost),
                    &one.unknown_price,
                ])
            });
            all.insert(name, shares.collect());
        }
    }
    sorted(all)
}
