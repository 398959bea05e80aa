//! What the built-in model promises.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use docent_core::config::{Embedding, EmbeddingKind, Secret};
use docent_core::models::{Embedded, Embedder};
use sha2::{Digest, Sha256};

use super::support::{book, for_run};

fn config() -> Embedding {
    Embedding {
        kind: EmbeddingKind::Builtin,
        base_url: String::new(),
        api_key: Secret::default(),
        api_key_file: PathBuf::new(),
        model: "ignored".to_owned(),
        question_model: String::new(),
        passage_prefix: String::new(),
        question_prefix: String::new(),
        dimensions: 0,
        send_dimensions: false,
        tokenizer: "cl100k_base".to_owned(),
        max_input_tokens: 8191,
        batch_texts: 64,
        batch_tokens: 100_000,
        concurrency: 4,
        max_concurrency: 4,
        timeout_ms: 30_000,
        retries: 5,
    }
}

fn cosine(a: &Embedded, b: &Embedded) -> f32 {
    a.vector.iter().zip(&b.vector).map(|(a, b)| a * b).sum()
}

#[test]
fn its_tokenizer_is_the_one_the_model_was_trained_with() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/assets/minilm-l3-tokenizer.json"
    );
    let hash = Sha256::digest(std::fs::read(file).unwrap());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, pocket_encoder::model_info().tokenizer_sha256);
}

#[tokio::test]
async fn similar_texts_have_similar_vectors_of_length_1() {
    let (book, mut booked) = book();
    let embedder = Embedder::new(&config(), book).unwrap();
    let space = embedder.space().await.unwrap();
    assert_eq!(
        (space.model.as_str(), space.dimensions),
        ("builtin/minilm-l3", 384)
    );
    let texts = [
        "How many bikes are there?",
        "The number of bicycles",
        "Invoices are due in May",
    ];
    let embedded = embedder
        .embed_passages(&for_run(), &texts.map(str::to_owned))
        .await;
    let embedded: Vec<_> = embedded.into_iter().map(Result::unwrap).collect();
    assert!((cosine(&embedded[0], &embedded[0]) - 1.0).abs() < 1e-5);
    let (near, far) = (
        cosine(&embedded[0], &embedded[1]),
        cosine(&embedded[0], &embedded[2]),
    );
    assert!(near > far + 0.2, "{near} {far}");
    insta::assert_snapshot!(booked.table(), @"EmbedPassages builtin/minilm-l3 17/0/0 Reported NULL Ok");
}

#[tokio::test]
async fn a_long_text_is_read_to_its_end() {
    let (book, _) = book();
    let embedder = Embedder::new(&config(), book).unwrap();
    let call = for_run();
    let start = "The quarterly invoice is paid by the finance team. ".repeat(30);
    let long = format!(
        "{start}{}",
        "Bicycles have two wheels and a bell. ".repeat(30)
    );
    let counted = embedder.counter().count(&long) as u64;
    assert!(counted > 400);
    let long = embedder.embed_question(&call, &long).await.unwrap();
    let start = embedder.embed_question(&call, &start).await.unwrap();
    let end = embedder
        .embed_question(&call, "Bicycles have two wheels and a bell.")
        .await
        .unwrap();
    assert_eq!(long.tokens, counted, "every token is read");
    assert!(cosine(&long, &end) > cosine(&start, &end) + 0.2);
}

#[tokio::test]
async fn an_empty_text_fails_alone_and_a_word_of_any_length_does_not() {
    let (book, _) = book();
    let embedder = Embedder::new(&config(), book).unwrap();
    let texts = ["  ".to_owned(), "x".repeat(200_000), "a trip".to_owned()];
    let embedded = embedder.embed_passages(&for_run(), &texts).await;
    insta::assert_snapshot!(embedded[0].as_ref().unwrap_err(), @"docent refused builtin/minilm-l3: the text is empty");
    assert!(embedded[1].is_ok() && embedded[2].is_ok(), "{embedded:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn embedding_never_blocks_the_runtime() {
    let (book, _) = book();
    let embedder = Embedder::new(&config(), book).unwrap();
    let texts = vec!["A trip is a ride on a bicycle of the company. ".repeat(8); 8];
    let call = for_run();
    let work = embedder.embed_passages(&call, &texts);
    tokio::pin!(work);
    let (mut longest, mut last) = (Duration::ZERO, Instant::now());
    loop {
        tokio::select! {
            biased;
            embedded = &mut work => {
                assert!(embedded.iter().all(Result::is_ok));
                break;
            }
            () = tokio::time::sleep(Duration::from_millis(1)) => {
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
        }
    }
    assert!(
        longest < Duration::from_millis(100),
        "the runtime stood still for {longest:?}"
    );
}
