//! Marks inside a line: literals, roles, links, substitutions.

use std::collections::HashMap;

/// What the marks of a text refer to.
#[derive(Default)]
pub(super) struct Inline {
    /// `.. |name| replace:: text`.
    substitutions: HashMap<String, String>,
    /// `.. _name: address`.
    targets: HashMap<String, String>,
}

impl Inline {
    /// Reads the definitions of a text.
    pub(super) fn of(lines: &[&str]) -> Self {
        let mut inline = Self::default();
        for line in lines {
            let Some(rest) = line.trim_start().strip_prefix(".. ") else {
                continue;
            };
            if let Some((name, definition)) =
                rest.strip_prefix('|').and_then(|rest| rest.split_once('|'))
                && let Some(text) = definition.trim().strip_prefix("replace::")
            {
                inline
                    .substitutions
                    .insert(name.to_owned(), text.trim().to_owned());
            } else if let Some((name, address)) = rest
                .strip_prefix('_')
                .and_then(|rest| rest.split_once(": "))
            {
                let name = name.trim_matches('`').to_lowercase();
                inline.targets.insert(name, address.trim().to_owned());
            }
        }
        inline
    }

    /// The text with Markdown's marks.
    pub(super) fn markdown(&self, text: &str) -> String {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['`', '|', '\\', '_', ':']) {
            result.push_str(&rest[..at]);
            rest = &rest[at..];
            let (shown, length) = self.mark(rest, &mut result);
            result.push_str(&shown);
            rest = &rest[length..];
        }
        result.push_str(rest);
        result
    }

    /// What the mark at the start of `rest` becomes, and its length. `before` is the text so far.
    fn mark(&self, rest: &str, before: &mut String) -> (String, usize) {
        let first = rest.chars().next().map_or(String::new(), String::from);
        let as_it_is = (first.clone(), first.len());
        match first.as_str() {
            "\\" => {
                let next = rest[1..].chars().next();
                let shown = next.filter(|c| !c.is_whitespace()).map(String::from);
                (
                    shown.unwrap_or_default(),
                    1 + next.map_or(0, char::len_utf8),
                )
            }
            "`" if rest.starts_with("``") => match rest[2..].find("``") {
                Some(end) => {
                    let code = &rest[2..2 + end];
                    let fence = if code.contains('`') { "``" } else { "`" };
                    (format!("{fence}{code}{fence}"), end + 4)
                }
                None => as_it_is,
            },
            "`" => match rest[1..].find('`') {
                Some(end) => {
                    let words = &rest[1..=end];
                    let after = &rest[end + 2..];
                    let underscores = after.len() - after.trim_start_matches('_').len();
                    (
                        self.reference(words, underscores > 0),
                        end + 2 + underscores.min(2),
                    )
                }
                None => as_it_is,
            },
            ":" => match role(rest) {
                Some((role, words, length)) => (shown(role, words), length),
                None => as_it_is,
            },
            "|" => match rest[1..].split_once('|') {
                Some((name, _)) if self.substitutions.contains_key(name) => {
                    (self.substitutions[name].clone(), name.len() + 2)
                }
                _ => as_it_is,
            },
            // `name_` is a reference where a target has that name.
            "_" if !rest[1..].starts_with(|c: char| c.is_alphanumeric() || c == '_') => {
                let start = before
                    .rfind(|c: char| c.is_whitespace() || c == '(')
                    .map_or(0, |at| at + 1);
                let Some(address) = self.targets.get(&before[start..].to_lowercase()) else {
                    return as_it_is;
                };
                let link = format!("[{}]({address})", &before[start..]);
                before.truncate(start);
                (link, 1)
            }
            _ => as_it_is,
        }
    }

    /// `` `text <address>`_ ``, `` `text`_ ``, or a text in the default role.
    fn reference(&self, words: &str, is_reference: bool) -> String {
        if !is_reference {
            return words.to_owned();
        }
        let (words, address) = split_address(words);
        let address =
            address.or_else(|| self.targets.get(&words.to_lowercase()).map(String::as_str));
        match address {
            Some(address) => format!("[{words}]({address})"),
            None => words.to_owned(),
        }
    }
}

/// `` :role:`words` ``: role, words, length.
fn role(rest: &str) -> Option<(&str, &str, usize)> {
    let (name, after) = rest[1..].split_once(":`")?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "-_:+.".contains(c));
    let end = after.find('`').filter(|_| is_name)?;
    Some((name, &after[..end], 1 + name.len() + 2 + end + 1))
}

/// What a reader sees of a role: names of code stay code, references give their text.
fn shown(role: &str, words: &str) -> String {
    let (text, target) = split_address(words);
    if role == "ref" || role == "doc" || role == "term" || role == "any" || role == "download" {
        return text.to_owned();
    }
    if target.is_some() {
        return text.to_owned();
    }
    match role {
        "sup" | "sub" | "abbr" | "guilabel" | "menuselection" | "title" | "emphasis" | "strong"
        | "numref" => words.to_owned(),
        // `~package.module.name` shows its last part.
        _ => match words.strip_prefix('~') {
            Some(path) => format!("`{}`", path.rsplit('.').next().unwrap_or(path)),
            None => format!("`{}`", words.trim_start_matches('!')),
        },
    }
}

/// `text <address>` in its two parts.
fn split_address(words: &str) -> (&str, Option<&str>) {
    match words
        .strip_suffix('>')
        .and_then(|words| words.rsplit_once('<'))
    {
        Some((text, address)) if text.trim().is_empty() => (address, Some(address)),
        Some((text, address)) => (text.trim(), Some(address)),
        None => (words, None),
    }
}
