//! Sources end to end: from a server to the index, and out of it again.

use docent::owner::IngestRequest;
use docent_core::index::Filter;
use docent_scripted::openai::{Script, ScriptedOpenAi};
use docent_scripted::site::{ScriptedSite, SitePage};
use insta::assert_snapshot;

use crate::support::World;

/// Paths of everything in the index.
async fn indexed(world: &World) -> Vec<String> {
    let app = world.app().await;
    let live = app.index.live().await.unwrap().unwrap();
    let points = app
        .index
        .points(&live, &Filter::default(), false)
        .await
        .unwrap();
    app.close().await;
    let mut paths: Vec<String> = points.into_iter().map(|point| point.payload.path).collect();
    paths.sort();
    paths.dedup();
    paths
}

#[tokio::test]
async fn a_website_of_a_thousand_pages_costs_conditional_requests_only_when_nothing_changed() {
    const PAGES: usize = 1_000;
    let model = ScriptedOpenAi::start(Script::default()).await;
    let site = ScriptedSite::start().await;
    let mut world = World::new().await;
    world.embed_with(&model);
    let host = site.url().trim_start_matches("http://").to_owned();
    world.sources(&format!(
        "[[source]]\nname = \"site\"\nkind = \"website\"\nurl = \"{}/docs/\"\nallow_hosts = [\"{host}\"]\n",
        site.url()
    ));
    let page = |number: usize| {
        SitePage::html(format!(
            "<html><head><title>Page {number}</title></head><body><nav>Menu</nav><main><h1>Table {number}</h1>\
             <p>The table fct_{number} has one row for each event of kind {number}.</p></main></body></html>"
        ))
        .with("etag", &format!("\"{number}\""))
    };
    let mut links = String::new();
    for number in 0..PAGES {
        site.set(&format!("/docs/{number}"), page(number));
        links.push_str(&format!("<a href=\"{number}\">{number}</a> "));
    }
    let home = SitePage::html(format!(
        "<html><body><main><h1>Home</h1>{links}</main></body></html>"
    ));
    site.set(
        "/docs/",
        home.with("last-modified", "Sat, 14 Mar 2026 09:12:00 GMT"),
    );
    site.set(
        "/robots.txt",
        SitePage::of("text/plain", "User-agent: *\nDisallow: /admin/\n").with("etag", "\"robots\""),
    );

    let first = world.ingest().await;
    assert_eq!(
        first.sources[0].documents.indexed as usize,
        PAGES + 1,
        "{first:?}"
    );
    assert!(model.embedding_requests() > 0);
    let (requests, texts) = (model.embedding_requests(), model.embedded_texts().len());
    site.take_requests();

    let second = world.ingest().await;
    assert_eq!(second.sources[0].documents.unchanged as usize, PAGES + 1);
    let asked = site.take_requests();
    // There is no sitemap, which can only be found out by asking.
    let asked: Vec<_> = asked
        .into_iter()
        .filter(|one| one.path != "/sitemap.xml")
        .collect();
    assert_eq!(asked.len(), PAGES + 2);
    assert!(asked.iter().all(|one| one.conditional && one.status == 304));
    assert_eq!(
        (model.embedding_requests(), model.embedded_texts().len()),
        (requests, texts)
    );

    site.set("/docs/7", None);
    let third = world.ingest().await;
    assert_eq!(
        (
            third.sources[0].documents.removed,
            third.sources[0].documents.unchanged as usize
        ),
        (1, PAGES)
    );
    assert!(third.sources[0].problems.is_empty());
    let left = indexed(&world).await;
    assert_eq!(left.len(), PAGES);
    assert!(!left.contains(&"docs/7".to_owned()));
    assert_eq!(model.embedding_requests(), requests);
}

#[tokio::test]
async fn a_source_that_loses_much_at_once_keeps_it_until_removals_are_allowed() {
    let world = World::new().await;
    for number in 0..10 {
        world.write(
            &format!("{number}.md"),
            &format!("# Table {number}\n\nIt is loaded at {number}.\n"),
        );
    }
    world.ingest().await;
    for number in 0..4 {
        std::fs::remove_file(world.docs().join(format!("{number}.md"))).unwrap();
    }
    let held = world.ingest().await;
    let source = &held.sources[0];
    assert_eq!(
        (source.documents.removed, source.documents.unchanged),
        (0, 6)
    );
    assert!(held.has_failures());
    let reason = source.held_back.as_ref().unwrap();
    assert_eq!(reason.documents, 4);
    assert_snapshot!(reason.reason, @"4 of its 10 documents are gone at once, more than 30%: that is taken for a fault and nothing is removed; where it is meant, run it with --allow-removals");
    assert_eq!(indexed(&world).await.len(), 10);
    // The ledger tells it too, for alerts.
    let app = world.app().await;
    let run = app.ledger.runs(1).await.unwrap().remove(0);
    assert!(run.report.problems[0].reason.contains("taken for a fault"));
    app.close().await;

    let dry = world
        .ingest_with(IngestRequest {
            dry_run: true,
            allow_removals: true,
            ..IngestRequest::default()
        })
        .await;
    assert_eq!(dry.sources[0].documents.removed, 4);
    assert_eq!(indexed(&world).await.len(), 10);
    let allowed = world
        .ingest_with(IngestRequest {
            allow_removals: true,
            ..IngestRequest::default()
        })
        .await;
    assert_eq!(allowed.sources[0].documents.removed, 4);
    assert!(!allowed.has_failures());
    assert_eq!(indexed(&world).await.len(), 6);
}

#[tokio::test]
async fn a_fault_does_not_empty_a_collection_that_is_built_anew() {
    let mut world = World::new().await;
    for number in 0..5 {
        world.write(
            &format!("{number}.md"),
            &format!("# Table {number}\n\nIt is loaded at {number}.\n"),
        );
    }
    world.ingest().await;
    for number in 0..5 {
        std::fs::remove_file(world.docs().join(format!("{number}.md"))).unwrap();
    }
    // Other chunks are another collection, which is filled from what is there: nothing.
    world.config.chunk.max_tokens = 200;
    let report = world.ingest().await;
    let error = report.sources[0].error.as_ref().unwrap();
    assert!(
        error.contains("it lists nothing, and had 5 documents"),
        "{error}"
    );
    assert_eq!(indexed(&world).await.len(), 5);
}
