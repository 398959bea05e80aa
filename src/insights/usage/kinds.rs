//! Conversations by length, and languages.

use docent_core::ledger::insights::{Conversations, LanguageUse};

use super::super::desk::Desk;
use super::super::view::{Cell, Row, Section, Table};

pub(super) fn conversations(desk: &Desk<'_>, conversations: &[Conversations]) -> Section {
    let all: i64 = conversations.iter().map(|one| one.conversations).sum();
    Section {
        id: "conversations",
        title: desk.say("Conversations by length"),
        note: desk.say(
            "Questions of a conversation on one day; one that goes on the next day counts on both.",
        ),
        table: Some(Table {
            columns: vec![
                desk.number("Questions", "questions"),
                desk.number("Conversations", "conversations"),
                desk.number("Share", "share"),
            ],
            rows: conversations
                .iter()
                .map(|one| {
                    Row::from(vec![
                        Cell::count(one.questions.into()),
                        Cell::count(one.conversations).bar(one.conversations as f64, all as f64),
                        Cell::share(one.conversations, all),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

pub(super) fn languages(desk: &Desk<'_>, languages: &[LanguageUse], questions: i64) -> Section {
    Section {
        id: "languages",
        title: desk.say("Languages"),
        table: Some(Table {
            columns: vec![
                desk.column("Language", "language"),
                desk.number("Questions", "questions"),
                desk.number("Share", "share"),
                desk.number("Answered", "answered"),
            ],
            rows: languages
                .iter()
                .map(|one| {
                    let name = match one.language.as_str() {
                        "en" => desk.say("English"),
                        "ko" => desk.say("Korean"),
                        _ => desk.say("not noted"),
                    };
                    Row::from(vec![
                        Cell::figure(name, &one.language),
                        Cell::count(one.questions).bar(one.questions as f64, questions as f64),
                        Cell::share(one.questions, questions),
                        Cell::share(one.answered, one.questions),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}
