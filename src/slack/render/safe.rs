//! Text that calls nobody and links nowhere by itself. Slack reads `<!channel>`, `<@U…>`, `<#C…>` and
//! `<https://…|words>` in texts, and names such as `@channel` where it is told to.

use reqwest::Url;

/// Word joiner: it has no width and breaks no line, but Slack finds no mention around it.
pub const BREAK: char = '\u{2060}';

/// What makes everyone look.
const EVERYONE: [&str; 4] = ["@channel", "@here", "@everyone", "@group"];
/// Addresses that `<` may begin.
const SCHEMES: [&str; 9] = [
    "<http",
    "<https",
    "<mailto",
    "<tel",
    "<slack",
    "<javascript",
    "<data",
    "<file",
    "<ftp",
];
/// `<` as HTML writes it.
const ENTITIES: [&str; 5] = ["&lt;", "&#60;", "&#x3c;", "&#060;", "&#x03c;"];
/// Longest address that is made a link.
const LONGEST_ADDRESS: usize = 1500;

/// Adds a text, with a [`BREAK`] in everything that could call somebody. Only what stands before a
/// character decides about it, so a text may be added in parts.
pub fn push(out: &mut String, text: &str) {
    for c in text.chars().filter(|c| !is_unseen(*c)) {
        if calls(out, c) {
            out.push(BREAK);
        }
        out.push(c);
    }
}

/// The text as [`push`] adds it.
pub fn guarded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push(&mut out, text);
    out
}

/// The text for `mrkdwn`, where nothing of it is markup of Slack's, nor an address that Slack makes a link of
/// by itself.
pub fn escaped(text: &str) -> String {
    let guarded = guarded(text);
    let mut out = String::with_capacity(guarded.len());
    for c in guarded.chars() {
        if c == ':' && (ends_with(&out, "http") || ends_with(&out, "https")) {
            out.push(BREAK);
        }
        push_escaped(&mut out, c);
    }
    out
}

/// Adds a character for `mrkdwn`.
pub fn push_escaped(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        c => out.push(c),
    }
}

/// One line of at most `longest` characters.
pub fn line(text: &str, longest: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= longest {
        return line;
    }
    let mut cut: String = line.chars().take(longest.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The address of a document as a link's target: of the web, without a login, and with nothing in it
/// that ends a link. `None`: it is not shown as a link.
pub fn address(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let has_login = !url.username().is_empty() || url.password().is_some();
    if !is_web || has_login {
        return None;
    }
    let mut address = String::new();
    for c in url.as_str().chars() {
        match c {
            '(' => address.push_str("%28"),
            ')' => address.push_str("%29"),
            '<' => address.push_str("%3C"),
            '>' => address.push_str("%3E"),
            '|' => address.push_str("%7C"),
            '[' => address.push_str("%5B"),
            ']' => address.push_str("%5D"),
            '`' => address.push_str("%60"),
            '\\' => address.push_str("%5C"),
            '*' => address.push_str("%2A"),
            '@' => address.push_str("%40"),
            c => address.push(c),
        }
    }
    // A host in brackets is an address of IPv6, which is nothing to link to.
    (address.len() <= LONGEST_ADDRESS && !address.contains("//%5B")).then_some(address)
}

/// Whether a character could make what stands before it call somebody.
fn calls(before: &str, c: char) -> bool {
    match c {
        '!' | '@' | '#' => {
            before.ends_with('<') || ENTITIES.iter().any(|entity| ends_with(before, entity))
        }
        ':' => SCHEMES.iter().any(|scheme| ends_with(before, scheme)),
        c if c.is_ascii_alphabetic() => {
            let c = c.to_ascii_lowercase();
            EVERYONE
                .iter()
                .filter_map(|name| name.strip_suffix(c))
                .any(|name| ends_with(before, name))
        }
        _ => false,
    }
}

/// In whatever case; `end` is ASCII.
fn ends_with(text: &str, end: &str) -> bool {
    let (text, end) = (text.as_bytes(), end.as_bytes());
    text.len() >= end.len() && text[text.len() - end.len()..].eq_ignore_ascii_case(end)
}

/// Characters that nobody sees and that change how others are read. Joiners of emoji and of scripts that
/// need them stay.
pub(super) fn is_unseen(c: char) -> bool {
    match c {
        '\n' | '\t' | '\u{200c}' | '\u{200d}' => false,
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{feff}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_calls_somebody_is_broken() {
        for (text, safe) in [
            ("<!channel>", "<\u{2060}!channel>"),
            ("<@U123|ana>", "<\u{2060}@U123|ana>"),
            ("<!subteam^S1>", "<\u{2060}!subteam^S1>"),
            ("&lt;!here&gt;", "&lt;\u{2060}!here&gt;"),
            ("<\u{0}!here>", "<\u{2060}!here>"),
            ("@Channel", "@Channe\u{2060}l"),
            ("@he\u{200b}re!", "@her\u{2060}e!"),
            (
                "<https://evil.example|docs>",
                "<https\u{2060}://evil.example|docs>",
            ),
        ] {
            assert_eq!(guarded(text), safe, "{text:?}");
        }
        assert_eq!(
            escaped("a < b && <!here>"),
            "a &lt; b &amp;&amp; &lt;\u{2060}!here&gt;"
        );
    }

    #[test]
    fn what_calls_nobody_stays_as_it_is() {
        for text in [
            "ana@example.com",
            "@dataclass",
            "Vec<String>",
            "a <= b",
            "std::vector<std::string>",
            "👩\u{200d}🔬",
        ] {
            assert_eq!(guarded(text), text);
        }
    }

    #[test]
    fn a_guarded_text_is_guarded_in_parts_as_well() {
        let text = "x <!channel> @everyone <https://a.example>";
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let mut out = String::new();
            push(&mut out, &text[..cut]);
            push(&mut out, &text[cut..]);
            assert_eq!(out, guarded(text));
        }
    }

    #[test]
    fn only_addresses_of_the_web_are_links() {
        assert_eq!(
            address("https://wiki.example/a_(b)?q=x|y").as_deref(),
            Some("https://wiki.example/a_%28b%29?q=x%7Cy")
        );
        for uri in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "docs/a.md",
            "https://user:secret@wiki.example/",
            "mailto:ana@example.com",
        ] {
            assert_eq!(address(uri), None, "{uri}");
        }
    }
}
