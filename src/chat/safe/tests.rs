use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::*;

const OWN: &str = "https://docs.example.com/tables/fct_trips";
const TOLD: &str = "https://dashboards.example.com/7";

fn allowed() -> Allowed {
    Allowed {
        uris: BTreeSet::from([OWN.to_owned()]),
        texts: vec![format!("The dashboard is at {TOLD}, see there.")],
    }
}

fn through(pieces: &[&str]) -> String {
    let mut sanitiser = Sanitiser::new(allowed());
    let mut safe: String = pieces.iter().map(|piece| sanitiser.push(piece)).collect();
    safe.push_str(&sanitiser.finish());
    safe
}

/// What a client would make of a text: pictures, HTML, and links elsewhere.
fn active(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for event in Parser::new_ext(text, Options::all()) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => found.push(format!("HTML {html}")),
            Event::Start(Tag::Image { dest_url, .. }) => found.push(format!("picture {dest_url}")),
            Event::Start(Tag::Link { dest_url, .. }) if !dest_url.starts_with(OWN) => {
                found.push(format!("link {dest_url}"));
            }
            _ => {}
        }
    }
    // Clients make links of bare addresses, outside of code.
    let text = without_code(text);
    let lower = text.to_lowercase();
    for scheme in ["http://", "https://", "ftp://"] {
        for (at, _) in lower.match_indices(scheme) {
            if !text[at..].starts_with(OWN) {
                found.push(format!("address {}", &text[at..]));
            }
        }
    }
    found
}

fn without_code(text: &str) -> String {
    let mut kept = text.to_owned();
    for (event, place) in Parser::new_ext(text, Options::all()).into_offset_iter() {
        if matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_))) {
            kept.replace_range(place.clone(), &" ".repeat(place.len()));
        }
    }
    kept
}

#[test]
fn what_is_harmless_stays_as_it_is() {
    for text in [
        "The table `fct_trips` is loaded hourly [1], by **Trips** [2][3].",
        "- one\n- two [1]\n\n| a | b |\n|---|---|\n| `x` | 3 < 4 |\n",
        "```sql\nSELECT a[0] FROM t WHERE a < b\n```\n",
        "See [the table](https://docs.example.com/tables/fct_trips#load) and https://docs.example.com/tables/fct_trips.",
        "결품률은 4% 이하입니다 [1]. Really! Yes![2]",
        "rows [x] and \\[1] and 5 > 3",
    ] {
        assert_eq!(through(&[text]), text);
    }
}

#[test]
fn what_is_active_becomes_text() {
    for (text, safe) in [
        ("See [here](https://evil.example/x).", "See here."),
        ("![chart](https://evil.example/p.png?q=secret)", "chart"),
        ("[1](https://evil.example)", "\\[1]"),
        ("Go to https://evil.example/?q=1, now.", "Go to …, now."),
        (
            "At https://dashboards.example.com/7.",
            "At `https://dashboards.example.com/7`.",
        ),
        (
            "<img src=x onerror=alert(1)>",
            "\\<img src=x onerror=alert(1)>",
        ),
        ("a <!-- note --> b", "a \\<!-- note --> b"),
        ("<https://evil.example>", "\\<…>"),
        ("[x]: https://evil.example\n\n[x]", "[x]\\: …\n\n[x]"),
        ("see [fct_trips](../tables/fct_trips.md)", "see fct_trips"),
        (
            "see [`fct_trips`](fct_trips.md) there",
            "see `fct_trips` there",
        ),
        ("[run](javascript:alert(1))", "run"),
        ("he\u{200b}llo\u{202e}", "hello"),
        (
            "> ```\n[x](https://evil.example)\n",
            "> \n```\n[x](https://evil.example)\n",
        ),
        ("www.evil.example and WWW.evil.example", "… and …"),
    ] {
        assert_eq!(through(&[text]), safe, "{text}");
    }
}

#[test]
fn tricks_of_markdown_leave_nothing_active() {
    for text in [
        "[a [b](http://evil.example) c](http://evil.example)",
        "[x\ny](http://evil.example)",
        "[![a](http://evil.example/i.png)](http://evil.example)",
        "[x][ref]\n\n[ref]: http://evil.example 'title'",
        "![x][ref]\n\n[ref]: <http://evil.example>",
        "`\n[x](http://evil.example)\n`",
        "| `a | [x](http://evil.example)` |\n|---|---|\n| b | c |",
        "    ```\n[x](http://evil.example)\n",
        "- ```\n[x](http://evil.example)\n",
        "1. ~~~\n![x](http://evil.example)\n",
        "\\![x](http://evil.example)",
        "\\\\[x](http://evil.example)",
        "[x](<http://evil.example> \"t\")",
        "[x](http&#58;//evil.example)",
        "<a href='http://evil.example'>x</a>",
        "<scr\u{200b}ipt>alert(1)</script>",
        "ht\u{200b}tp://evil.example",
        "xhttp://evil.example",
        "``` [x](http://evil.example)\n",
        "[x]\u{200b}(http://evil.example)",
        "<details><summary>x</summary>",
        "text\n<div>\n\n[x](http://evil.example)\n</div>",
        "[x](http://evil.example",
        "![",
        "[^1]: http://evil.example\n\nSee[^1]",
        "&lt;img src=x&gt; &#60;img src=x&#62;",
        "``[x](http://evil.example)`",
    ] {
        let safe = through(&[text]);
        assert_eq!(
            active(&safe),
            Vec::<String>::new(),
            "{text:?} became {safe:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_is_active_however_it_is_written_and_cut(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("["), Just("]"), Just("("), Just(")"), Just("!"), Just("`"), Just("``"), Just("```"),
                Just("~~~"), Just("\n"), Just("\n\n"), Just("\\"), Just("<"), Just(">"), Just("|"), Just(" "),
                Just("http://evil.example/a"), Just("https://evil.example"), Just("www.evil.example"),
                Just("](http://evil.example)"), Just("[x](http://evil.example)"), Just("![x](http://e.example)"),
                Just("<img src=http://evil.example>"), Just("<!--"), Just("-->"), Just("- "), Just("> "),
                Just("    "), Just("1. "), Just("[1]"), Just("]: "), Just("x"), Just("가"), Just("\u{200b}"),
                Just("https://docs.example.com/tables/fct_trips"), Just("<script>"), Just("&#60;"), Just("\t"),
                Just("# "), Just("| a | b |\n|---|---|\n"), Just("ht"), Just("tp://x"), Just("javascript:x"),
            ],
            0..14,
        ),
        cuts in proptest::collection::vec(0usize..120, 0..10),
    ) {
        let text = parts.concat();
        let whole = through(&[&text]);
        prop_assert_eq!(active(&whole), Vec::<String>::new(), "{:?} became {:?}", text, whole);
        let characters: Vec<char> = text.chars().collect();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(characters.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut start = 0;
        for cut in cuts.into_iter().chain([characters.len()]) {
            pieces.push(characters[start..cut].iter().collect::<String>());
            start = cut;
        }
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        prop_assert_eq!(through(&pieces), whole);
    }
}
