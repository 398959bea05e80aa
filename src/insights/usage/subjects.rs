//! What people ask about: questions by meaning, data products, documents.

use docent_core::ledger::insights::{AssetUse, DocumentUse, Wording};

use super::super::desk::Desk;
use super::super::format;
use super::super::meaning::{Group, Item, groups};
use super::super::view::{Cell, Row, Section, Table};

/// Groups that are shown.
const GROUPS: usize = 40;

pub(super) async fn top_questions(
    desk: &Desk<'_>,
    wordings: Vec<Wording>,
    questions: i64,
) -> Section {
    let (wordings, found) = grouped(wordings, |one| Item {
        text: &one.question,
        embedding: one.embedding.as_deref(),
        weight: one.questions,
    })
    .await;
    let covered: i64 = wordings.iter().map(|one| one.questions).sum();
    let sum = |members: &[usize], of: fn(&Wording) -> i64| {
        members.iter().map(|at| of(&wordings[*at])).sum::<i64>()
    };
    let longest = found
        .first()
        .map_or(0, |group| sum(&group.members, |one| one.questions)) as f64;
    let rows = found
        .iter()
        .take(GROUPS)
        .map(|group| {
            let named = &wordings[group.named];
            let asked = sum(&group.members, |one| one.questions);
            Row::from(vec![
                Cell::text(desk.reading.question(&named.question, named.question_key))
                    .link(format!("interactions/{}", named.interaction_id)),
                Cell::count(group.members.len() as i64),
                Cell::count(asked).bar(asked as f64, longest),
                Cell::share(asked, questions),
                Cell::share(sum(&group.members, |one| one.abstained), asked),
            ])
        })
        .collect();
    Section {
        id: "top",
        title: desk.say("What is asked most"),
        note: desk.fill(
            "Questions of one meaning together, named by the most central one. Of all questions, {} are in the wordings that were compared.",
            &[&format::share(covered, questions)],
        ),
        table: Some(Table {
            columns: vec![
                desk.column("Question", "question"),
                desk.number("Wordings", "wordings"),
                desk.number("Questions", "questions"),
                desk.number("Share", "share"),
                desk.number("Abstained", "abstained"),
            ],
            rows,
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

/// Groups rows by the meaning of their questions, beside the threads that answer requests.
pub(in crate::insights) async fn grouped<T: Send + 'static>(
    rows: Vec<T>,
    read: fn(&T) -> Item<'_>,
) -> (Vec<T>, Vec<Group>) {
    let work = tokio::task::spawn_blocking(move || {
        let items: Vec<Item<'_>> = rows.iter().map(read).collect();
        let found = groups(&items);
        (rows, found)
    });
    work.await.unwrap_or_default()
}

pub(super) fn assets(desk: &Desk<'_>, assets: &[AssetUse]) -> Section {
    let longest = assets.first().map_or(0, |first| first.questions) as f64;
    Section {
        id: "assets",
        title: desk.say("What is asked about"),
        note: desk.say("The data product and source of the first document that an answer cited, or of the nearest one where it cited none."),
        table: Some(Table {
            columns: vec![
                desk.column("Data product", "asset"),
                desk.column("Source", "source"),
                desk.number("Questions", "questions"),
                desk.number("Answered", "answered"),
                desk.number("Abstained", "abstained"),
                desk.number("Liked", "liked"),
                desk.number("Disliked", "disliked"),
            ],
            rows: assets
                .iter()
                .map(|one| {
                    let asset = if one.asset.is_empty() { desk.say("(none)") } else { one.asset.clone() };
                    Row::from(vec![
                        Cell::figure(asset, &one.asset).link(desk.narrowed(&one.source, &one.asset)),
                        Cell::text(&one.source),
                        Cell::count(one.questions).bar(one.questions as f64, longest),
                        Cell::share(one.answered, one.questions),
                        Cell::share(one.abstained, one.questions),
                        Cell::count(one.liked),
                        Cell::count(one.disliked),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

pub(super) fn documents(desk: &Desk<'_>, documents: &[DocumentUse]) -> Section {
    let longest = documents.first().map_or(0, |first| first.citations) as f64;
    Section {
        id: "documents",
        title: desk.say("Documents cited"),
        note: desk.say(
            "How many answers cited each document, and what readers thought of these answers.",
        ),
        table: Some(Table {
            columns: vec![
                desk.column("Document", "document"),
                desk.column("Source", "source"),
                desk.column("Data product", "asset"),
                desk.column("Owner", "owner"),
                desk.number("Answers", "answers"),
                desk.number("Liked", "liked"),
                desk.number("Disliked", "disliked"),
            ],
            rows: documents
                .iter()
                .map(|one| {
                    let gone = desk.say("(a document that is gone)");
                    let title = one.title.clone().unwrap_or(gone);
                    let path = one.path.clone().unwrap_or_default();
                    Row::from(vec![
                        Cell::figure(title, &path).more(path),
                        Cell::text(&one.source),
                        Cell::text(&one.asset),
                        Cell::text(one.owner.clone().unwrap_or_default()),
                        Cell::count(one.citations).bar(one.citations as f64, longest),
                        Cell::count(one.liked),
                        Cell::count(one.disliked),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}
