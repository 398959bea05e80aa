//! Text of documents in the Markdown of a result: data, that nothing in it can pass for anything else.

use crate::chat::is_unseen;

/// A text as a block of code: whatever stands in it, the block ends where docent ends it.
pub(super) fn fenced(text: &str) -> String {
    let text = seen(text);
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// A text on one line, in which nothing is active.
pub(super) fn inline(text: &str) -> String {
    let text = seen(text);
    let mut safe = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !safe.is_empty() {
            safe.push(' ');
        }
        for c in word.chars() {
            if c.is_ascii_punctuation() && !"_-.,;:/'\"%()?+=@".contains(c) {
                safe.push('\\');
            }
            safe.push(c);
        }
    }
    // Readers of Markdown make links of bare addresses, too.
    safe.replace("://", ":\\//").replace("www.", "www\\.")
}

/// A name with the place that it leads to: a link where that is an address of the web.
pub(super) fn linked(name: &str, uri: &str) -> String {
    let is_web = uri.starts_with("https://") || uri.starts_with("http://");
    let is_plain = uri
        .chars()
        .all(|c| c.is_ascii_graphic() && !"<>\\`".contains(c));
    if uri.is_empty() {
        inline(name)
    } else if is_web && is_plain {
        format!("[{}](<{uri}>)", inline(name))
    } else {
        format!("{} (at {})", inline(name), inline(uri))
    }
}

fn seen(text: &str) -> String {
    text.chars().filter(|c| !is_unseen(*c)).collect()
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Parser, Tag};

    use super::*;

    /// What a Markdown reader makes of it: targets of links, pictures, HTML.
    fn active(markdown: &str) -> Vec<String> {
        let events = Parser::new(markdown).filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some(dest_url.to_string())
            }
            Event::Html(html) | Event::InlineHtml(html) => Some(html.to_string()),
            _ => None,
        });
        events.collect()
    }

    #[test]
    fn a_text_cannot_leave_its_fence() {
        let text = "a\n```\n![x](http://evil.example)\n````\n<b>";
        let safe = fenced(text);
        assert!(active(&safe).is_empty(), "{safe}");
        let blocks =
            Parser::new(&safe).filter(|event| matches!(event, Event::Start(Tag::CodeBlock(_))));
        assert_eq!(blocks.count(), 1, "{safe}");
    }

    #[test]
    fn a_title_is_words_alone() {
        for title in [
            "](http://evil.example) x",
            "![a](http://evil.example)",
            "<img src=x>",
            "<http://evil.example>",
            "`a` **b** [c]: http://evil.example",
        ] {
            assert!(active(&inline(title)).is_empty(), "{title}");
            let link = linked(title, "https://docs.example/a");
            assert_eq!(active(&link), ["https://docs.example/a"], "{title}");
        }
        assert_eq!(inline("a\u{202e}b\n # c"), "ab \\# c");
    }

    #[test]
    fn only_addresses_of_the_web_are_links() {
        assert!(active(&linked("a", "javascript:alert(1)")).is_empty());
        assert!(active(&linked("a", "file:///etc/passwd")).is_empty());
        assert!(active(&linked("a", "https://a.example/> x")).is_empty());
        assert_eq!(
            linked("fct_trips", "https://a.example/(b)"),
            "[fct_trips](<https://a.example/(b)>)"
        );
    }
}
