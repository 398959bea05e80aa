//! A server, an embedder or generator that speaks to it, and the cost book they write.

use std::fmt::Display;
use std::fmt::Write;
use std::path::PathBuf;

use docent_core::config::{Chat, ChatKind, Embedding, EmbeddingKind, Price, Secret};
use docent_core::index::Question;
use docent_core::ledger::{ModelCall, Purpose, Record, Writer};
use docent_core::models::{
    CallFor, CostBook, Embedder, GenerateRequest, Generated, Generation, Generator, Message,
    ModelError, Role,
};
use docent_scripted::openai::{Script, ScriptedOpenAi};
use rust_decimal::Decimal;
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

pub(crate) const RUN: Uuid = Uuid::from_u128(7);
pub(crate) const INTERACTION: Uuid = Uuid::from_u128(8);

pub(crate) fn for_run() -> CallFor {
    CallFor::run(Purpose::EmbedPassages, RUN)
}

pub(crate) fn for_answer() -> CallFor {
    CallFor::interaction(Purpose::Answer, INTERACTION)
}

/// A cost book that knows the prices of `priced-embedding` and `priced-chat`, and what is booked.
pub(crate) fn book() -> (CostBook, Booked) {
    let (writer, records) = Writer::channel();
    let price = |input: i64, cached: Option<i64>, output: Option<i64>| Price {
        input: Some(input.into()),
        cached_input: cached.map(Decimal::from),
        output: output.map(Decimal::from),
        searches: None,
    };
    let prices = [
        ("priced-embedding".to_owned(), price(2, None, None)),
        ("priced-chat".to_owned(), price(10, Some(1), Some(40))),
    ];
    (CostBook::new(prices.into(), writer), Booked(records))
}

pub(crate) struct Booked(UnboundedReceiver<Record>);

impl Booked {
    pub(crate) fn new(records: UnboundedReceiver<Record>) -> Self {
        Self(records)
    }

    /// All calls booked since the last look.
    pub(crate) fn calls(&mut self) -> Vec<ModelCall> {
        let records = std::iter::from_fn(|| self.0.try_recv().ok());
        records
            .map(|record| match record {
                Record::ModelCall(call) => call,
                other => panic!("not a call: {other:?}"),
            })
            .collect()
    }

    /// The calls as a table: purpose, model, tokens, source, cost, outcome.
    pub(crate) fn table(&mut self) -> String {
        let mut table = String::new();
        for call in self.calls() {
            assert!(call.latency_ms >= 0);
            let tokens = |tokens: Option<i64>| tokens.map_or("-".to_owned(), |n| n.to_string());
            let _ = writeln!(
                table,
                "{:?} {} {}/{}/{} {} {} {:?}",
                call.purpose,
                call.model,
                tokens(call.input_tokens),
                tokens(call.cached_tokens),
                tokens(call.output_tokens),
                call.usage_source
                    .map_or("-".to_owned(), |source| format!("{source:?}")),
                call.cost
                    .map_or("NULL".to_owned(), |cost| cost.normalize().to_string()),
                call.outcome,
            );
        }
        table
    }
}

pub(crate) fn embedding(server: &ScriptedOpenAi) -> Embedding {
    Embedding {
        kind: EmbeddingKind::OpenAi,
        base_url: server.base_url().to_owned(),
        api_key: Secret::new("sk-test-1234567890"),
        api_key_file: PathBuf::new(),
        model: "priced-embedding".to_owned(),
        question_model: String::new(),
        passage_prefix: String::new(),
        question_prefix: String::new(),
        dimensions: 0,
        send_dimensions: false,
        tokenizer: "bytes".to_owned(),
        max_input_tokens: 2_000,
        batch_texts: 8,
        batch_tokens: 100_000,
        concurrency: 4,
        max_concurrency: 4,
        timeout_ms: 2_000,
        retries: 2,
    }
}

pub(crate) fn chat(server: &ScriptedOpenAi) -> Chat {
    Chat {
        kind: ChatKind::OpenAi,
        base_url: server.base_url().to_owned(),
        api_key: Secret::new("sk-test-1234567890"),
        api_key_file: PathBuf::new(),
        model: "priced-chat".to_owned(),
        temperature: 0.0,
        max_output_tokens: 800,
        window_tokens: 16_000,
        tokenizer: "bytes".to_owned(),
        first_token_ms: 2_000,
        stall_ms: 2_000,
        retries: 2,
        history_turns: 6,
        prompts: PathBuf::new(),
    }
}

/// A server with default answers, an embedder for it, and its book.
pub(crate) async fn embedder(
    change: impl FnOnce(&mut Embedding),
) -> (ScriptedOpenAi, Embedder, Booked) {
    let server = ScriptedOpenAi::start(Script::default()).await;
    let mut config = embedding(&server);
    change(&mut config);
    let (book, booked) = book();
    let embedder = Embedder::new(&config, book).unwrap();
    (server, embedder, booked)
}

/// A server with default answers, a generator for it, and its book.
pub(crate) async fn generator(
    change: impl FnOnce(&mut Chat),
) -> (ScriptedOpenAi, Generator, Booked) {
    let server = ScriptedOpenAi::start(Script::default()).await;
    let mut config = chat(&server);
    change(&mut config);
    let (book, booked) = book();
    let generator = Generator::new(&config, book).unwrap();
    (server, generator, booked)
}

pub(crate) fn texts(count: usize) -> Vec<String> {
    (0..count)
        .map(|n| format!("passage number {n} is about trips"))
        .collect()
}

pub(crate) fn request() -> GenerateRequest {
    let message = |role, content: &str| Message {
        role,
        content: content.to_owned(),
    };
    GenerateRequest {
        question: "what is a trip?".to_owned(),
        messages: vec![
            message(Role::System, "answer from the passages"),
            message(Role::User, "what is a trip?"),
        ],
        passages: vec![],
        max_output_tokens: 100,
        terms: Question::default(),
    }
}

/// Reads an answer to its end: its text, and how it ended.
pub(crate) async fn read(generation: &mut Generation) -> (String, Result<Generated, ModelError>) {
    let mut text = String::new();
    while let Some(generated) = generation.next().await {
        match generated {
            Ok(Generated::Text(piece)) => text.push_str(&piece),
            end => {
                assert!(
                    generation.next().await.is_none(),
                    "nothing comes after the end"
                );
                return (text, end);
            }
        }
    }
    panic!("the stream ended without Done or an error after {text:?}");
}

/// A message without the server's port.
pub(crate) fn shown(server: &ScriptedOpenAi, error: impl Display) -> String {
    error
        .to_string()
        .replace(server.base_url(), "http://server/v1")
}
