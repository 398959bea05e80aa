//! A whole conversation of six turns over the demo documents, written down for a person to read: with a scripted
//! model as a snapshot, and with a real small one in `tests/transcripts` (`make transcript`).

use std::fmt::Write as _;
use std::path::Path;

use docent_core::config::ChatKind;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use serde_json::{Value, json};

use crate::support::{TestServer, World};

/// A question, what it means alone, and the answer; `[words]` cites the first passage that has the words.
struct Line {
    question: &'static str,
    standalone: &'static str,
    answer: &'static str,
}

/// An answer, a follow-up with a pronoun, one whose answer has a sentence too many, Korean, a follow-up in Korean,
/// and what no document says.
const CONVERSATION: [Line; 6] = [
    Line {
        question: "What counts as a weekly active rider?",
        standalone: "",
        answer: "A weekly active rider is a rider with at least one finished trip in the week [A weekly active rider is]. Staff accounts do not count [A weekly active rider is].",
    },
    Line {
        question: "And who owns it?",
        standalone: "Who owns the metric weekly active riders?",
        answer: "The owner of weekly active riders is Rider Analytics [A weekly active rider is].",
    },
    Line {
        question: "What is its target for 2026?",
        standalone: "What is the target for weekly active riders in 2026?",
        answer: "The target for 2026 is 220,000 weekly active riders in an average week of the fourth quarter [The target for 2026 is]. In 2025 it was 180,000 [The target for 2026 is].",
    },
    Line {
        question: "결품률의 정의와 목표는 무엇인가요?",
        standalone: "결품률의 정의와 목표는 무엇인가요?",
        answer: "결품률은 대여소에 이용 가능한 자전거가 한 대도 없는 시간의 비율이며, 목표는 4% 이하입니다 [결품률은 대여소에].",
    },
    Line {
        question: "그 지표는 어느 테이블에 저장되나요?",
        standalone: "결품률 지표는 어느 테이블에 저장되나요?",
        answer: "`tandemoor-dw.fleet.agg_station_hourly` 테이블에 한 시간 단위로 저장됩니다 [한 시간 단위로 저장되며].",
    },
    Line {
        question: "What is the CEO's salary?",
        standalone: "What is the CEO's salary?",
        answer: "The CEO earns 1,000,000 a year [CEO].",
    },
];

/// A docent over everything of the demo.
async fn demo() -> World {
    let mut world = World::new().await;
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
    let text = std::fs::read_to_string(demo.join("docent.toml")).unwrap();
    let sources = &text[text.find("[[source]]").unwrap()..];
    world.sources(&sources.replace("path = \"", &format!("path = \"{}/", demo.display())));
    world.ingest().await;
    world
}

/// Has the conversation, and holds what must be true of it whatever the model says.
async fn conversation(world: &World, server: &TestServer) -> Vec<Value> {
    let mut answers: Vec<Value> = Vec::new();
    for line in CONVERSATION {
        let mut body = json!({ "question": line.question });
        if let Some(before) = answers.last() {
            body["conversation_id"] = before["conversation_id"].clone();
        }
        let events = server.stream(&body).await;
        let (last, done) = events.last().unwrap();
        assert_eq!(last, "done", "{done}");
        holds(done);
        answers.push(done.clone());
    }
    // Nothing is answered about what no document says.
    assert_eq!(answers[5]["outcome"], "abstained");
    server.service.app.ledger.flush().await;
    let id = &answers[0]["conversation_id"];
    let (status, kept) = server
        .send(
            "GET",
            &format!("/v1/conversations/{}", id.as_str().unwrap()),
            "",
            None,
        )
        .await;
    assert_eq!(status, 200);
    let kept = kept["interactions"].as_array().unwrap();
    let asked: Vec<&str> = kept
        .iter()
        .filter_map(|turn| turn["question"].as_str())
        .collect();
    assert_eq!(asked, CONVERSATION.map(|line| line.question));
    // What the provider has counted is what the ledger has.
    let calls = "SELECT DISTINCT usage_source, (input_tokens > 0 AND output_tokens > 0)::text
        FROM model_call WHERE purpose IN ('answer', 'condense') AND outcome = 'ok'";
    let reported = [[Some("reported".to_owned()), Some("true".to_owned())]];
    assert_eq!(world.database.rows(calls).await, reported);
    answers
}

/// Every number in an answer is a citation, every citation was checked and quotes something, and what is not verified
/// says so and why.
fn holds(done: &Value) {
    let answer = done["answer"].as_str().unwrap();
    let citations = done["citations"].as_array().unwrap();
    let marks = done["marks"].as_array().unwrap();
    let numbers = answer.split('[').skip(1).filter_map(|rest| {
        let (number, _) = rest.split_once(']')?;
        number.parse::<u64>().ok()
    });
    for number in numbers {
        let known = citations.iter().any(|one| one["number"] == number);
        assert!(known, "[{number}] is no citation: {done}");
    }
    for citation in citations {
        assert_eq!(citation["verified"], true, "{done}");
        assert!(!citation["quote"].as_str().unwrap().is_empty(), "{done}");
    }
    for mark in marks {
        let verified = mark["verified"] == true;
        assert_eq!(verified, mark["reason"].is_null(), "{done}");
        let end = mark["end"].as_u64().unwrap() as usize;
        let after: String = answer.chars().skip(end).take(20).collect();
        let said = after.trim_start();
        assert_eq!(
            verified,
            !(said.starts_with("(unverified") || said.starts_with("(확인되지 않음")),
            "{after}: {done}"
        );
    }
    let answered = done["outcome"] == "answered";
    assert_eq!(answered, !citations.is_empty(), "{done}");
}

/// The conversation as a person reads it.
fn written(answers: &[Value]) -> String {
    let mut text = String::new();
    for (at, done) in answers.iter().enumerate() {
        let of = |name: &str| done[name].as_str().unwrap_or_default();
        let _ = writeln!(text, "## {}. {}\n", at + 1, of("question"));
        if of("standalone_question") != of("question") {
            let _ = writeln!(text, "*Understood as: {}*\n", of("standalone_question"));
        }
        let _ = writeln!(text, "{}\n", of("answer"));
        let by = match (of("outcome"), of("generator"), of("fallback_reason")) {
            ("answered", "model", _) => "Written by the model.".to_owned(),
            ("answered", _, why) => format!("Quoted, because of the model's answer: {why}."),
            (outcome, ..) => format!("{outcome}."),
        };
        let _ = writeln!(text, "- {by}");
        for citation in done["citations"].as_array().unwrap() {
            let of = |name: &str| citation[name].as_str().unwrap_or("-");
            let _ = writeln!(
                text,
                "- [{}] {}, {} ({}; owner {}; updated {}): “{}”",
                citation["number"],
                of("title"),
                of("heading"),
                of("path"),
                of("owner"),
                // The day; files without a date of their own have that of the clone.
                if Path::new(of("path"))
                    .extension()
                    .is_some_and(|ending| ending == "md")
                {
                    of("updated_at").get(..10).unwrap_or("-")
                } else {
                    "-"
                },
                of("quote").replace('\n', " "),
            );
        }
        for mark in done["marks"].as_array().unwrap() {
            if let Some(why) = mark["reason"].as_str() {
                let place = |name: &str| mark[name].as_u64().unwrap() as usize;
                let (start, end) = (place("start"), place("end"));
                let said: String = of("answer").chars().skip(start).take(end - start).collect();
                let _ = writeln!(text, "- Unverified: “{}”: {why}.", said.trim());
            }
        }
        if let Some(contact) = done["contact"].as_object() {
            let of = |name: &str| contact[name].as_str().unwrap_or("-");
            let _ = writeln!(
                text,
                "- Ask {} ({}, {}) about {}.",
                of("owner"),
                of("slack"),
                of("email"),
                of("asset")
            );
        }
        text.push('\n');
    }
    text
}

/// What the scripted model writes to a request.
fn scripted(request: &Value) -> String {
    let messages = request["messages"].as_array().unwrap();
    let text = |message: &Value| message["content"].as_str().unwrap().to_owned();
    let last = text(messages.last().unwrap());
    if let Some((_, rest)) = last.rsplit_once("Last question: ") {
        let question = rest.lines().next().unwrap();
        let line = CONVERSATION.iter().find(|line| line.question == question);
        return line.unwrap().standalone.to_owned();
    }
    let line = CONVERSATION
        .iter()
        .find(|line| last == line.question || last == line.standalone);
    let prompt = text(&messages[0]);
    let mut answer = String::new();
    for piece in line.unwrap().answer.split('[') {
        match piece.split_once(']') {
            Some((words, rest)) => {
                let _ = write!(answer, "[{}]{rest}", passage_with(&prompt, words));
            }
            None => answer.push_str(piece),
        }
    }
    answer
}

/// The number of the first passage in the prompt that has some words.
fn passage_with(prompt: &str, words: &str) -> u32 {
    let (_, passages) = prompt.split_once("Passages:").unwrap();
    let mut number = 0;
    for line in passages.lines() {
        if let Some(next) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            number = next.parse().unwrap_or(number);
        }
        if line.contains(words) {
            return number;
        }
    }
    panic!("no passage has {words:?}: {passages}");
}

#[tokio::test]
async fn a_conversation_of_six_turns_with_a_scripted_model() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| script.answer = Answer::made(scripted));
    let mut world = demo().await;
    world.chat_with(&model);
    let server = world.serve().await;
    let answers = conversation(&world, &server).await;
    server.stop().await;
    assert_eq!(
        answers[1]["standalone_question"],
        CONVERSATION[1].standalone
    );
    insta::assert_snapshot!(written(&answers));
}

/// Writes `tests/transcripts/smollm2.md`. The words differ from machine to machine; what `conversation` and `holds`
/// check does not.
#[tokio::test]
#[ignore = "needs a chat model: make transcript"]
async fn a_conversation_of_six_turns_with_a_real_model() {
    let url = std::env::var("CHAT_MODEL_URL").expect("CHAT_MODEL_URL: make transcript sets it");
    let mut world = demo().await;
    let chat = &mut world.config.chat;
    chat.kind = ChatKind::OpenAi;
    chat.base_url = url;
    chat.model = "smollm2-135m-instruct".to_owned();
    chat.max_output_tokens = 200;
    // A slow machine reads a prompt for a long time.
    chat.window_tokens = 2200;
    chat.first_token_ms = 280_000;
    chat.stall_ms = 60_000;
    chat.retries = 0;
    world.config.server.answer_seconds = 600;
    let server = world.serve().await;
    let answers = conversation(&world, &server).await;
    server.stop().await;
    let by_model = answers
        .iter()
        .any(|done| done["usage"]["output_tokens"].as_u64() > Some(0));
    assert!(by_model, "the model was never asked");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/smollm2.md");
    let head = "# Six turns with SmolLM2-135M-Instruct\n\nWritten by `make transcript`, over the demo documents. The \
        model is far too small to answer well: what is seen here is what docent makes of such a model's words.\n\n";
    std::fs::write(file, format!("{head}{}", written(&answers))).unwrap();
}
