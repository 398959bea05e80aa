//! SQL as a row of tokens.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword or a name with its parts, quotes taken away: `analytics.fct_trips`.
    Word(String),
    /// A text in single or dollar quotes, without them.
    Text(String),
    /// What stands between `{{` and `}}`.
    Template(String),
    Comment(String),
    Symbol(char),
}

/// The tokens of a script, of whatever dialect: nothing is refused.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, length) = next(rest, first);
        rest = &rest[length..];
        match token {
            Some(Token::Word(word)) => push_word(&mut tokens, word),
            Some(token) => tokens.push(token),
            None => {}
        }
    }
    tokens
}

/// `a` `.` `b` are one name.
fn push_word(tokens: &mut Vec<Token>, word: String) {
    if let [.., Token::Word(_), Token::Symbol('.')] = tokens.as_slice() {
        tokens.pop();
        if let Some(Token::Word(name)) = tokens.last_mut() {
            name.push('.');
            name.push_str(&word);
            return;
        }
    }
    tokens.push(Token::Word(word));
}

/// The token at the start of `rest` (nothing for blanks), and its length in bytes.
fn next(rest: &str, first: char) -> (Option<Token>, usize) {
    let until =
        |open: usize, close: &str| match rest.get(open..).and_then(|inner| inner.find(close)) {
            Some(at) => (&rest[open..open + at], open + at + close.len()),
            None => (&rest[open.min(rest.len())..], rest.len()),
        };
    if rest.starts_with("--") || (first == '#' && !rest.starts_with("#standardSQL")) {
        let (comment, length) = until(if first == '#' { 1 } else { 2 }, "\n");
        return (Some(Token::Comment(comment.trim().to_owned())), length);
    }
    for (open, close, is_comment) in [
        ("/*", "*/", true),
        ("{#", "#}", true),
        ("{{", "}}", false),
        ("{%", "%}", true),
    ] {
        if rest.starts_with(open) {
            let (inner, length) = until(2, close);
            let inner = inner.trim().to_owned();
            return match (open, is_comment) {
                ("{%", _) => (None, length),
                (_, true) => (Some(Token::Comment(without_stars(&inner))), length),
                _ => (Some(Token::Template(inner)), length),
            };
        }
    }
    if first == '$'
        && let Some(end) = rest[1..].find('$')
        && rest[1..=end]
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_')
        && !rest[1..].starts_with(|c: char| c.is_ascii_digit())
    {
        let (inner, length) = until(end + 2, &rest[..end + 2]);
        return (Some(Token::Text(inner.to_owned())), length);
    }
    match first {
        '\'' => {
            let (inner, length) = quoted(rest, '\'');
            (Some(Token::Text(inner)), length)
        }
        '"' | '`' => {
            let (inner, length) = quoted(rest, first);
            (Some(Token::Word(inner)), length)
        }
        '[' if rest[1..].starts_with(|c: char| c.is_alphabetic() || c == '_') => {
            let (inner, length) = until(1, "]");
            (Some(Token::Word(inner.to_owned())), length)
        }
        c if is_word(c) => {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            (Some(Token::Word(rest[..length].to_owned())), length)
        }
        c if c.is_whitespace() => (None, c.len_utf8()),
        c => (Some(Token::Symbol(c)), c.len_utf8()),
    }
}

/// Letters of names; `$` and `@` stand in names of system tables and of variables.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$' || c == '@'
}

/// What stands in quotes; two of them are one.
fn quoted(rest: &str, quote: char) -> (String, usize) {
    let mut inner = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            inner.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            chars.next();
            inner.push(quote);
        } else {
            return (inner, at + 1);
        }
    }
    (inner, rest.len())
}

fn without_stars(comment: &str) -> String {
    let lines = comment
        .lines()
        .map(|line| line.trim().trim_start_matches('*').trim());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The comments before the first statement, neighbouring lines as one.
pub(super) fn head_comments(tokens: &[Token]) -> Vec<String> {
    let mut comments = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    for token in tokens {
        match token {
            Token::Comment(text) if text.chars().any(char::is_alphanumeric) => lines.push(text),
            Token::Comment(_) => comments.push(std::mem::take(&mut lines).join(" ")),
            // `{{ config(...) }}` stands above everything else.
            Token::Template(_) => {}
            _ => break,
        }
    }
    comments.push(lines.join(" "));
    comments.retain(|comment| !comment.is_empty());
    comments
}
