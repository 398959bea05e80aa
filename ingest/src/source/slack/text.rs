//! Slack's own markup as Markdown, with names for ids.
//! Source: <https://docs.slack.dev/messaging/formatting-message-text>.

use std::collections::HashMap;

/// Who and what ids stand for.
#[derive(Debug, Default)]
pub(super) struct Directory {
    pub(super) people: HashMap<String, String>,
    pub(super) channels: HashMap<String, String>,
}

impl Directory {
    /// The name of a person; of one who is not in the export, their id.
    pub(super) fn person<'a>(&'a self, id: &'a str) -> &'a str {
        self.people.get(id).map_or(id, String::as_str)
    }
}

/// A message as Markdown. Code keeps every character.
pub(super) fn markdown(text: &str, directory: &Directory) -> String {
    let mut result = String::with_capacity(text.len());
    for (number, part) in text.split("```").enumerate() {
        if number % 2 == 1 {
            if !result.is_empty() && !result.ends_with('\n') {
                result.push('\n');
            }
            let code = plain(part, directory);
            result.push_str(&format!("```\n{}\n```\n", code.trim_matches('\n')));
            continue;
        }
        for (number, part) in part.split('`').enumerate() {
            if number % 2 == 1 {
                result.push_str(&format!("`{}`", plain(part, directory)));
            } else {
                prose(part, directory, &mut result);
            }
        }
    }
    result.trim().to_owned()
}

/// The words of a message on one line, for a title.
pub(super) fn words(text: &str, directory: &Directory) -> String {
    let plain = plain(text, directory).replace(['*', '`', '~'], "");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn prose(text: &str, directory: &Directory, into: &mut String) {
    let linked = references(text, |inside| link(inside, directory));
    let linked = if into.ends_with("```\n") {
        linked.trim_start()
    } else {
        linked.as_str()
    };
    let mut quotes = false;
    for (number, line) in linked.split('\n').enumerate() {
        if number > 0 {
            into.push('\n');
        }
        let starts_line = number > 0 || into.is_empty() || into.ends_with('\n');
        let line = if starts_line {
            line_start(line)
        } else {
            line.to_owned()
        };
        // Markdown would take the line after a quoted one for a part of it.
        if quotes && !line.is_empty() && !line.starts_with("> ") {
            into.push('\n');
        }
        quotes = line.starts_with("> ");
        into.push_str(&emphasis(&unescape(&line, true)));
    }
}

/// What begins a line in Slack and means something else in Markdown, or the other way round.
fn line_start(line: &str) -> String {
    let bare = line.trim_start();
    if let Some(rest) = bare.strip_prefix("&gt;") {
        return format!("> {}", rest.trim_start());
    }
    if let Some(rest) = bare.strip_prefix(['•', '◦', '▪']) {
        let indent = line.len() - bare.len();
        return format!("{}- {}", " ".repeat(indent), rest.trim_start());
    }
    if bare.starts_with('#') {
        return format!("\\{bare}");
    }
    line.to_owned()
}

/// `*bold*` and `~gone~` as Markdown writes them; `_italic_` is the same in both.
fn emphasis(line: &str) -> String {
    let mut result = line.to_owned();
    for (mark, doubled) in [('*', "**"), ('~', "~~")] {
        let mut changed = String::with_capacity(result.len());
        let mut rest = result.as_str();
        while let Some(start) = rest.find(mark) {
            let (before, after) = (&rest[..start], &rest[start + 1..]);
            let opens = before
                .chars()
                .next_back()
                .is_none_or(|c| !c.is_alphanumeric());
            let end = after.find(mark).filter(|end| {
                let inside = &after[..*end];
                let follows = after[end + 1..].chars().next();
                opens
                    && !inside.is_empty()
                    && !inside.starts_with(char::is_whitespace)
                    && !inside.ends_with(char::is_whitespace)
                    && follows.is_none_or(|c| !c.is_alphanumeric() && c != mark)
            });
            changed.push_str(before);
            match end {
                Some(end) => {
                    changed.push_str(&format!("{doubled}{}{doubled}", &after[..end]));
                    rest = &after[end + 1..];
                }
                None => {
                    changed.push(mark);
                    rest = after;
                }
            }
        }
        changed.push_str(rest);
        result = changed;
    }
    result
}

/// Replaces each `<…>`; Slack writes every other `<` as `&lt;`.
fn references(text: &str, replace: impl Fn(&str) -> String) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let Some(end) = rest[start..].find('>') else {
            break;
        };
        result.push_str(&rest[..start]);
        result.push_str(&replace(&rest[start + 1..start + end]));
        rest = &rest[start + end + 1..];
    }
    result.push_str(rest);
    result
}

fn link(inside: &str, directory: &Directory) -> String {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (inside, None),
    };
    match target.chars().next() {
        Some('@' | '#' | '!') => name(target, label, directory),
        _ if target.starts_with("mailto:") || target.starts_with("tel:") => {
            let address = target
                .split_once(':')
                .map_or(target, |(_, address)| address);
            label.unwrap_or(address).to_owned()
        }
        _ => match label.filter(|label| *label != target) {
            Some(label) => format!(
                "[{}]({})",
                label.replace(['[', ']'], ""),
                target.replace(' ', "%20").replace(')', "%29")
            ),
            None => target.to_owned(),
        },
    }
}

fn name(target: &str, label: Option<&str>, directory: &Directory) -> String {
    let (kind, id) = target.split_at(1);
    match kind {
        "@" => format!(
            "@{}",
            directory
                .people
                .get(id)
                .map_or_else(|| label.unwrap_or(id), String::as_str)
        ),
        "#" => format!(
            "#{}",
            directory
                .channels
                .get(id)
                .map_or_else(|| label.unwrap_or(id), String::as_str)
        ),
        _ => match label {
            Some(label) => label.to_owned(),
            // `!here`, `!channel`: nobody is to be called by quoting it.
            None => id.split('^').next().unwrap_or(id).to_owned(),
        },
    }
}

fn plain(text: &str, directory: &Directory) -> String {
    let shown = references(text, |inside| match inside.split_once('|') {
        _ if inside.starts_with(['@', '#', '!']) => link(inside, directory),
        Some((_, label)) => label.to_owned(),
        None => inside.to_owned(),
    });
    unescape(&shown, false)
}

/// The three characters that Slack escapes. In prose a `<` that could begin HTML stays a character.
fn unescape(text: &str, in_prose: bool) -> String {
    let less = if in_prose { "\\<" } else { "<" };
    text.replace("&lt;", less)
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Directory {
        Directory {
            people: HashMap::from([("U1".to_owned(), "Mina Park".to_owned())]),
            channels: HashMap::from([("C1".to_owned(), "data-help".to_owned())]),
        }
    }

    #[test]
    fn slack_markup_becomes_markdown() {
        let shown = |text: &str| markdown(text, &directory());
        assert_eq!(
            shown("Hi <@U1>, ask <#C1|old-name> or <@U9|sam>"),
            "Hi @Mina Park, ask #data-help or @sam"
        );
        assert_eq!(
            shown("see <https://example.com/a?b=1&amp;c=2|the run> and <https://example.com>"),
            "see [the run](https://example.com/a?b=1&c=2) and https://example.com"
        );
        assert_eq!(
            shown("<!here> <!subteam^S1|@data-team> <!date^1^{date}|today>"),
            "here @data-team today"
        );
        assert_eq!(
            shown("*done*: 2*3*4 ~no~ *not * done"),
            "**done**: 2*3*4 ~~no~~ *not * done"
        );
        assert_eq!(
            shown("# no heading\n&gt; quoted\n• one\n• two"),
            "\\# no heading\n> quoted\n\n- one\n- two"
        );
        assert_eq!(
            shown("a &lt;b&gt; &amp; `x &lt; *y*`"),
            "a \\<b> & `x < *y*`"
        );
        assert_eq!(
            shown("try ```select *\nfrom t where a &lt; 1``` please"),
            "try \n```\nselect *\nfrom t where a < 1\n```\nplease"
        );
        assert_eq!(
            words("*Why*  is <https://x.y|this>\nlate?", &directory()),
            "Why is this late?"
        );
    }
}
