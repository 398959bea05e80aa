//! The cost book says what the provider bills: over mixed calls with failures, retries and cancelled
//! streams, what was reported to the token, and what could not be reported within five percent.
//!
//! `DOCENT_USAGE_CALLS` is about how many calls are made (256 unless it is said); `make bench` makes 10,000.

mod traffic;

use docent_core::models::TokenCounter;
use docent_scripted::openai::{Answer, Made, Script, ScriptedOpenAi};

use self::traffic::{ANSWER, Wanted};
use crate::support::World;

const CALLS: usize = 256;
/// What could not be reported may be off by this share, in sum.
const OFF: f64 = 0.05;

fn calls() -> usize {
    std::env::var("DOCENT_USAGE_CALLS").map_or(CALLS, |calls| calls.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_bills_is_what_the_ledger_has() {
    let calls = calls();
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::Text(ANSWER.to_owned());
        script.tokenizer = Some(TokenCounter::named("cl100k_base").unwrap());
        script.cached_tokens = 7;
        script.keep = false;
    });
    let mut world = World::new().await;
    world.embed_with(&model);
    world.chat_with(&model);
    // Only what is to be late is late, also on a busy machine.
    world.config.chat.first_token_ms = 5000;
    world.config.chat.stall_ms = 2000;
    world.config.embedding.timeout_ms = 2000;
    world.config.embedding.batch_texts = 2;
    world.config.embedding.retries = 5;
    world.config.retrieval.min_evidence = 0.0;

    // An eighth of the calls embeds documents, two in a call.
    let documents = traffic::ingest(&world, &model, calls / 4).await;
    assert!(model.embedding_requests() >= documents / 2);
    let server = world.serve().await;
    let mut wanted = Wanted::default();
    let mut number = 0;
    while model.embedding_requests() + model.chat_count() < calls {
        traffic::ask(&server, &model, number, &mut wanted).await;
        number += 1;
    }
    server.stop().await;

    let chat = Book::of(&world, "scripted-chat").await;
    chat.compare("chat", &model.made(), model.chat_count());
    assert_eq!(chat.cached, chat.reported.calls * 7);
    assert_eq!(
        chat.cancelled, wanted.cancelled,
        "streams whose reader left"
    );
    assert_eq!(
        chat.refused, wanted.refused_chat,
        "refusals that cost nothing"
    );
    let embeddings = Book::of(&world, "scripted-embedding").await;
    embeddings.compare("embeddings", &model.embedded(), model.embedding_requests());
    let all = chat.rows + embeddings.rows;
    assert!(all >= calls, "{all} calls");

    // No call is without its question or its run, except the one that asked for the dimensions.
    let lost = world
        .database
        .rows("SELECT id::text FROM model_call WHERE run_id IS NULL AND interaction_id IS NULL")
        .await;
    assert!(lost.len() <= 1, "{lost:?}");
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    calls: usize,
    input: usize,
    output: usize,
}

impl Sums {
    fn of(made: &[Made], reported: bool) -> Self {
        let mut sums = Self::default();
        for one in made.iter().filter(|one| one.reported == reported) {
            sums.calls += 1;
            sums.input += one.prompt;
            sums.output += one.output;
        }
        sums
    }
}

/// What the ledger has of one model.
struct Book {
    rows: usize,
    reported: Sums,
    estimated: Sums,
    cached: usize,
    /// Calls that used nothing.
    refused: usize,
    cancelled: usize,
}

impl Book {
    async fn of(world: &World, model: &str) -> Self {
        let query = format!(
            "SELECT coalesce(usage_source, 'none'), count(*)::text, coalesce(sum(input_tokens), 0)::text,
                    coalesce(sum(output_tokens), 0)::text, coalesce(sum(cached_tokens), 0)::text,
                    (count(*) FILTER (WHERE outcome = 'cancelled'))::text
               FROM model_call WHERE model = '{model}' GROUP BY 1"
        );
        let mut book = Self {
            rows: 0,
            reported: Sums::default(),
            estimated: Sums::default(),
            cached: 0,
            refused: 0,
            cancelled: 0,
        };
        for row in world.database.rows(&query).await {
            let number = |at: usize| row[at].as_deref().unwrap().parse::<usize>().unwrap();
            let sums = Sums {
                calls: number(1),
                input: number(2),
                output: number(3),
            };
            book.rows += sums.calls;
            book.cancelled += number(5);
            match row[0].as_deref().unwrap() {
                "reported" => {
                    book.reported = sums;
                    book.cached = number(4);
                }
                "estimated" => book.estimated = sums,
                _ => book.refused = sums.calls,
            }
        }
        book
    }

    #[expect(
        clippy::print_stderr,
        reason = "the figures are what a long run is for"
    )]
    fn compare(&self, what: &str, made: &[Made], requests: usize) {
        assert_eq!(self.rows, requests, "each {what} request is a row");
        assert_eq!(self.reported, Sums::of(made, true), "{what}, to the token");
        let real = Sums::of(made, false);
        let estimated = &self.estimated;
        assert_eq!(
            estimated.calls, real.calls,
            "each {what} call that was not reported is there, as estimated"
        );
        assert!(estimated.calls > 0, "{what}");
        let off = |estimated: usize, real: usize| estimated as f64 / real as f64 - 1.0;
        let input = off(estimated.input, real.input);
        let all = off(estimated.input + estimated.output, real.input + real.output);
        eprintln!(
            "{what}: {} calls; {} reported: {} in, {} out, the ledger has the same; {} estimated: \
             input {:+.2}%, all tokens {:+.2}% off ({} for {}); {} refused",
            self.rows,
            self.reported.calls,
            self.reported.input,
            self.reported.output,
            estimated.calls,
            input * 100.0,
            all * 100.0,
            estimated.input + estimated.output,
            real.input + real.output,
            self.refused,
        );
        assert!(input.abs() < OFF, "{what}: input {:.1}% off", input * 100.0);
        assert!(all.abs() < OFF, "{what}: tokens {:.1}% off", all * 100.0);
    }
}
