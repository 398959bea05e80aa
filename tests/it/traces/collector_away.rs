//! A collector that is away, slow or broken harms nothing.

use std::time::{Duration, Instant};

use docent_scripted::otlp::Mood;

use super::QUESTION;
use super::support::Scene;
use crate::binary::text;
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_refuses_is_told_of_once_and_used_again_when_it_is_back() {
    let scene = Scene::new(Mood::Refuses(503)).await;
    scene.ingest().await;
    let serving = scene.serve().await;
    for _ in 0..3 {
        let before = scene.collector.requests();
        let answer = serving
            .ask(QUESTION)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(answer.contains(r#""outcome":"answered""#), "{answer}");
        eventually("its spans were refused", || async {
            scene.collector.requests() > before
        })
        .await;
    }
    let said = serving.said("traces cannot be sent");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("status 503"), "{said:?}");
    scene.collector.change(Mood::Takes);
    assert_eq!(serving.ask(QUESTION).send().await.unwrap().status(), 200);
    eventually("spans are taken again", || async {
        !scene.collector.spans().is_empty()
    })
    .await;
    eventually("that is said", || async {
        serving.said("traces are sent again").len() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_collector_that_hangs() {
    let scene = Scene::new(Mood::Hangs).await;
    scene.ingest().await;
    let serving = scene.serve().await;
    // A request to the collector takes five seconds until it is given up.
    // The first is slow for reasons of its own.
    serving.ask(QUESTION).send().await.unwrap();
    for _ in 0..3 {
        let asked = Instant::now();
        let answer = serving
            .ask(QUESTION)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(answer.contains(r#""outcome":"answered""#), "{answer}");
        assert!(
            asked.elapsed() < Duration::from_secs(4),
            "{:?}",
            asked.elapsed()
        );
    }
    let stopped = Instant::now();
    drop(serving);
    // Two seconds for what is left, and what else the end takes.
    assert!(
        stopped.elapsed() < Duration::from_secs(12),
        "{:?}",
        stopped.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_a_collector_answers_and_ends() {
    let mut scene = Scene::new(Mood::Takes).await;
    scene.ingest().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    scene
        .environment
        .push(("OTEL_EXPORTER_OTLP_ENDPOINT", address));
    let asked = scene.run(&["ask", QUESTION]).await;
    assert_eq!(asked.status.code(), Some(0), "{}", text(&asked.stderr));
    assert!(text(&asked.stdout).contains("loaded hourly"));
    let warnings = text(&asked.stderr);
    let lines: Vec<&str> = warnings
        .lines()
        .filter(|line| line.contains("traces cannot be sent"))
        .collect();
    assert_eq!(lines.len(), 1, "{warnings}");
}
