use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::answered::answered_at;
use super::blocks::{BLOCKS, MARKDOWN, MESSAGE, SECTION, size};
use super::details::details_at;
use super::split::length;
use super::*;
use crate::chat::turn::{
    AnswerGenerator, AnswerOutcome, AnswerUsage, Citation, Contact, Mark, Timings,
};

fn now() -> DateTime<Utc> {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

fn an_answer(text: &str) -> Answer {
    Answer {
        interaction_id: Uuid::from_u128(7),
        conversation_id: Uuid::from_u128(8),
        question: "When is fct_trips loaded?".to_owned(),
        standalone_question: "When is fct_trips loaded?".to_owned(),
        answer: text.to_owned(),
        outcome: AnswerOutcome::Answered,
        generator: AnswerGenerator::Model,
        fallback_reason: None,
        citations: vec![a_citation(1, "Trips", "https://wiki.example/trips")],
        marks: Vec::new(),
        contact: None,
        usage: AnswerUsage::default(),
        timings: Timings::default(),
    }
}

fn a_citation(number: usize, title: &str, uri: &str) -> Citation {
    Citation {
        number,
        title: title.to_owned(),
        uri: uri.to_owned(),
        path: "tables/fct_trips.md".to_owned(),
        heading: "Trips > Load".to_owned(),
        quote: "The table fct_trips is loaded hourly.".to_owned(),
        span: None,
        score: 1.0,
        verified: Some(true),
        updated_at: Some("2026-11-23T12:00:00Z".parse().unwrap()),
        fresh_at: None,
        status: None,
        owner: Some("Data platform".to_owned()),
        author: None,
    }
}

fn look(language: Language) -> Look {
    Look {
        tells: true,
        language,
        asker: "U1".to_owned(),
        is_private: false,
    }
}

fn rendered(answer: &Answer) -> Vec<Message> {
    answer_at(answer, &look(Language::English), now())
}

#[test]
fn an_answer_is_its_text_its_sources_and_its_buttons() {
    let mut answer = an_answer("It is loaded **hourly** [1]. It is blue (unverified).");
    answer.marks.push(Mark {
        start: 29,
        end: 39,
        verified: false,
        citations: Vec::new(),
        reason: None,
    });
    let [message] = rendered(&answer).try_into().unwrap();
    insta::assert_snapshot!(format!(
        "{}\n\n{}",
        message.text,
        serde_json::to_string_pretty(&message.blocks).unwrap()
    ));
}

#[test]
fn an_abstention_names_whom_to_ask_and_asks_them_on_a_click() {
    let mut answer = an_answer("보여 드릴 수 있는 문서에서 이 질문의 답을 찾지 못했습니다.");
    answer.outcome = AnswerOutcome::Abstained;
    answer.citations.clear();
    answer.contact = Some(Contact {
        asset: Some("fct_trips".to_owned()),
        owner: Some("Data <@U999> platform".to_owned()),
        slack: Some("#data-platform".to_owned()),
        email: Some("data@example.com".to_owned()),
        hand_off: false,
    });
    let look = Look {
        is_private: true,
        ..look(Language::Korean)
    };
    let [message] = answer_at(&answer, &look, now()).try_into().unwrap();
    insta::assert_snapshot!(format!(
        "{}\n\n{}",
        message.text,
        serde_json::to_string_pretty(&message.blocks).unwrap()
    ));
}

#[test]
fn who_is_told_reads_the_question_how_the_answer_begins_and_where_it_stands() {
    let mut answer = an_answer(&format!(
        "It is loaded **hourly** [1]. {}\n\nThat is all.",
        "It says so. ".repeat(80)
    ));
    answer.question = "When is <!here> fct_trips loaded?".to_owned();
    let link = "https://scripted.slack.com/archives/C1/p1?thread_ts=1&cid=C1";
    let said: Vec<String> = [Language::English, Language::Korean]
        .into_iter()
        .map(|language| {
            let message = answered_at(&answer, link, &look(language), now());
            format!(
                "{}\n\n{}",
                message.text,
                serde_json::to_string_pretty(&message.blocks).unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn the_details_hold_quote_place_age_and_owner() {
    let mut citation = a_citation(2, "Trips | <!here>", "docs/trips.md");
    citation.fresh_at = citation.updated_at;
    citation.status = Some("deprecated".to_owned());
    citation.quote = "Loaded hourly.\nNot <!channel> daily.".to_owned();
    let first = a_citation(1, "Trips", "https://wiki.example/trips?a=1&b=2");
    let view = details_at(&[first, citation], Language::English, now());
    insta::assert_snapshot!(serde_json::to_string_pretty(&view).unwrap());
}

#[test]
fn details_of_whatever_length_stay_a_dialog() {
    let mut citations = Vec::new();
    for number in 1..=60 {
        let mut citation = a_citation(number, &"t".repeat(400), "https://wiki.example/t");
        citation.quote = "<&>\n".repeat(700);
        citation.heading = "&".repeat(5000);
        citations.push(citation);
    }
    let view = details_at(&citations, Language::Korean, now());
    let blocks = view["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 100);
    for block in blocks {
        for text in strings(block) {
            assert!(length(&text) <= SECTION);
        }
    }
}

#[test]
fn forty_thousand_characters_with_tables_and_code_arrive_whole() {
    let mut text = String::new();
    for section in 0..60 {
        text.push_str(&format!(
            "## Section {section}\n\nIt is loaded hourly [1]. "
        ));
        text.push_str(&"Words of an answer that goes on. ".repeat(8));
        text.push_str("\n\n| column | type |\n|---|---|\n");
        for row in 0..8 {
            text.push_str(&format!("| c{section}_{row} | text & <b> |\n"));
        }
        text.push_str("\n```sql\n");
        for line in 0..8 {
            text.push_str(&format!(
                "select a[{line}] from t{section} where x < {line};\n"
            ));
        }
        text.push_str("```\n\n");
    }
    assert!(text.len() > 40_000);
    let messages = rendered(&an_answer(&text));
    assert!(messages.len() > 3);
    check_limits(&messages);
    let all: String = messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    let shown: String = messages
        .iter()
        .flat_map(|of| strings(&of.blocks[0]))
        .collect();
    for section in 0..60 {
        for at in 0..8 {
            for words in [
                format!("c{section}_{at} "),
                format!("select a[{at}] from t{section} "),
            ] {
                assert!(shown.contains(&words), "{words}");
                assert!(all.contains(&words), "{words}");
            }
        }
    }
    for message in &messages {
        // No block of code is left open.
        assert_eq!(message.text.matches("```").count() % 2, 0);
    }
}

#[test]
fn what_is_said_about_a_failure_is_short_and_in_the_askers_language() {
    for code in ["cancelled", "too_slow", "busy", "internal", "interrupted"] {
        for language in [Language::English, Language::Korean] {
            let message = failure(code, language);
            assert!(message.text.len() > 8 && message.text.len() < 300);
            assert_eq!(Language::of(&message.text), language);
        }
    }
}

/// All texts of a block but its names.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "type")
            .flat_map(|(_, value)| strings(value))
            .collect(),
        _ => Vec::new(),
    }
}

fn check_limits(messages: &[Message]) {
    for message in messages {
        assert!(!message.blocks.is_empty());
        assert!(message.blocks.len() <= BLOCKS);
        assert!(size(&message.blocks) <= MESSAGE);
        for block in &message.blocks {
            let longest = if block["type"] == "markdown" {
                MARKDOWN
            } else {
                SECTION
            };
            for text in strings(block) {
                assert!(!text.is_empty());
                assert!(length(&text) <= longest, "{}", length(&text));
            }
        }
        for text in texts(message) {
            assert!(length(&text) <= TEXT);
        }
    }
}

/// Whether Slack would read a mention or a link of its own in a text.
fn calls_somebody(text: &str) -> bool {
    let lower = text.to_lowercase();
    let everyone = ["@channel", "@here", "@everyone", "@group"];
    ["<!", "<@", "<#", "&lt;!", "&lt;@"]
        .iter()
        .any(|sign| lower.contains(sign))
        || everyone.iter().any(|name| lower.contains(name))
}

/// Letters and digits alone, which no markup adds or takes away.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z가-힣 ]{1,12}",
        1 => prop::sample::select(vec![
            "<!channel>", "<!here|x>", "<!everyone>", "<!subteam^S1>", "<@U123>", "<#C1>", "@channel",
            "@here", "@everyone", "<", "!", "@", "&lt;!here&gt;", "&#60;@U1", "\\<!here>", "`<!here>`",
            "\n```\n<!channel>\n```\n", "```", "[x](https://evil.example)", "[x](<@U1>)", "](", ")",
            "<https://evil.example|docs>", "https://evil.example/x", "HTTP://evil.example", "[1]",
            "[1, 2]", "\u{0}", "\u{7}", "\u{200b}", "\u{202e}", "\u{2060}", "\r\n", "\n\n", "# ",
            "| a | b |\n|---|---|\n", "**", "__", "~~", "\\", "javascript:alert", "<mailto:a@b.example>",
            "&", "&amp;", "👩\u{200d}🔬", "|",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_an_answer_says_calls_nobody_and_links_nowhere_else(text in hostile(), title in hostile()) {
        let mut answer = an_answer(&text);
        answer.citations[0].title = title.clone();
        answer.citations[0].quote = title.clone();
        answer.citations[0].owner = Some(title.clone());
        answer.contact = Some(Contact { asset: Some(title), owner: None, slack: Some(text.clone()), email: None, hand_off: false });
        let mut messages = rendered(&answer);
        answer.question = text.clone();
        messages.push(answered_at(&answer, "", &look(Language::English), now()));
        check_limits(&messages);
        let mut view = details_at(&answer.citations, Language::English, now());
        let blocks = view["blocks"].as_array_mut().unwrap();
        // Slack reads no addresses and no mentions in a quote's text.
        blocks.retain(|block| block["type"] != "rich_text");
        let mut all: Vec<String> = strings(&view);
        for message in &messages {
            let mut blocks = message.blocks.clone();
            blocks.retain(|block| block["type"] != "rich_text");
            all.extend(strings(&Value::Array(blocks)));
            all.extend(texts(message));
        }
        for text in all {
            prop_assert!(!calls_somebody(&text), "{text:?}");
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{text:?}");
            let lower = text.to_lowercase();
            let addresses = lower.matches("<http://").count() + lower.matches("<https://").count();
            prop_assert_eq!(addresses, lower.matches("<https://wiki.example/trips|").count());
            // Outside of code, which Slack leaves alone, an address is one of a document.
            if !text.contains('`') {
                prop_assert!(!lower.contains("://evil") || lower.contains("\u{2060}://evil"), "{text:?}");
                prop_assert!(!lower.contains("](https://evil"), "{text:?}");
            }
        }
    }

    #[test]
    fn what_was_streamed_is_the_beginning_of_the_whole(text in hostile()) {
        let links = Links::of_citations(&an_answer("").citations);
        let text: String = text.chars().take(150).collect();
        let whole = markdown(&text, &links, true);
        let mut before = 0;
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            let so_far = markdown(&text[..end], &links, false);
            prop_assert!(whole.starts_with(&so_far), "{so_far:?} of {whole:?}");
            prop_assert!(so_far.len() >= before, "{so_far:?}");
            before = so_far.len();
        }
    }

    #[test]
    fn no_words_are_lost(text in hostile()) {
        let mut answer = an_answer(&text);
        answer.citations.clear();
        let messages = rendered(&answer);
        let blocks: String = messages
            .iter()
            .flat_map(|message| &message.blocks)
            .filter(|block| block["type"] == "markdown")
            .flat_map(strings)
            .collect();
        prop_assert_eq!(letters(&blocks), letters(&text));
        // As text, a block of code does not say its language.
        if !text.contains("```") {
            let texts: String = messages.iter().map(|message| message.text.as_str()).collect();
            let texts = texts.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            prop_assert_eq!(letters(&texts), letters(&text));
        }
    }
}
