//! The tables and views that a script names, by what it does with them.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::Token;

/// Names of a script, each once.
#[derive(Default)]
pub(super) struct Names {
    pub(super) created: BTreeSet<String>,
    pub(super) written: BTreeSet<String>,
    pub(super) read: BTreeSet<String>,
    /// `COMMENT ON TABLE name IS '…'`.
    pub(super) comments: BTreeMap<String, String>,
}

/// Kinds of things that are created and have a name worth finding.
const CREATED: [&str; 8] = [
    "table",
    "view",
    "function",
    "procedure",
    "schema",
    "database",
    "model",
    "macro",
];
/// Words between `create` and the name of its kind, or between the kind and the name.
const BETWEEN: [&str; 16] = [
    "or",
    "replace",
    "temp",
    "temporary",
    "transient",
    "materialized",
    "external",
    "unlogged",
    "secure",
    "recursive",
    "global",
    "local",
    "if",
    "not",
    "exists",
    "dynamic",
];
/// Words that end a list of tables.
const AFTER_TABLES: [&str; 20] = [
    "where",
    "group",
    "order",
    "having",
    "limit",
    "union",
    "intersect",
    "except",
    "window",
    "qualify",
    "set",
    "on",
    "using",
    "join",
    "left",
    "right",
    "inner",
    "full",
    "cross",
    "when",
];
/// Functions whose arguments have a `from` of their own.
const WITH_FROM: [&str; 5] = ["extract", "trim", "substring", "overlay", "position"];

/// Finds the names.
pub(super) fn of(tokens: &[Token]) -> Names {
    let tokens: Vec<&Token> = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Comment(_)))
        .collect();
    let mut finder = Finder {
        tokens: &tokens,
        names: Names::default(),
        own: BTreeSet::new(),
        brackets: Vec::new(),
    };
    for at in 0..tokens.len() {
        finder.take(at);
    }
    let Finder { mut names, own, .. } = finder;
    names
        .read
        .retain(|name| !own.contains(&name.to_lowercase()));
    names
}

struct Finder<'a> {
    tokens: &'a [&'a Token],
    names: Names,
    /// Common table expressions: names of the script's own.
    own: BTreeSet<String>,
    /// For each open bracket, whether `from` inside of it names no table.
    brackets: Vec<bool>,
}

impl Finder<'_> {
    fn word(&self, at: usize) -> Option<&str> {
        match self.tokens.get(at)? {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.word(at)
            .is_some_and(|found| found.eq_ignore_ascii_case(word))
    }

    fn is_any(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(at, word))
    }

    fn symbol(&self, at: usize, symbol: char) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| **token == Token::Symbol(symbol))
    }

    fn take(&mut self, at: usize) {
        match self.tokens[at] {
            Token::Symbol('(') => {
                let before = at.checked_sub(1);
                self.brackets
                    .push(before.is_some_and(|before| self.is_any(before, &WITH_FROM)));
            }
            Token::Symbol(')') => drop(self.brackets.pop()),
            Token::Template(template) => {
                if let Some(name) = template_name(template) {
                    self.names.read.insert(name);
                }
            }
            Token::Word(word) => {
                let word = word.to_lowercase();
                self.keyword(at, &word);
            }
            _ => {}
        }
    }

    fn keyword(&mut self, at: usize, word: &str) {
        let before = |word: &str| at > 0 && self.is(at - 1, word);
        match word {
            "create" => self.created(at + 1),
            "from" if before("delete") => self.written(at + 1),
            "from" if before("distinct") || self.brackets.last() == Some(&true) => {}
            "from" | "join" => self.tables(at + 1),
            // `DELETE … USING` and `MERGE … USING`; after a join, it names columns in brackets.
            "using" => self.tables(at + 1),
            "into" | "overwrite" if !self.is_any(at + 1, &["table"]) => self.written(at + 1),
            "table" if self.at_change(at) => self.written(at + 1),
            "update" if !before("for") && !before("on") && !before("then") => self.written(at + 1),
            "copy" => self.written(at + 1),
            "as" if self.symbol(at + 1, '(') => self.own_name(at),
            "as" if self.is_any(at + 1, &["materialized", "not"]) => self.own_name(at),
            "comment" if self.is(at + 1, "on") => self.comment(at + 2),
            _ => {}
        }
    }

    /// Whether the word `table` here follows `alter`, `drop`, `truncate`, `insert into` …
    fn at_change(&self, at: usize) -> bool {
        at > 0 && self.is_any(at - 1, &["alter", "drop", "truncate", "into", "overwrite"])
    }

    /// `name AS (`, or `name (columns) AS (`, after `WITH` or a comma.
    fn own_name(&mut self, at: usize) {
        let mut name = at.checked_sub(1);
        if name.is_some_and(|at| self.symbol(at, ')')) {
            name = (0..at)
                .rev()
                .find(|at| self.symbol(*at, '('))
                .and_then(|open| open.checked_sub(1));
        }
        let Some(name) = name else { return };
        let leads = name.checked_sub(1).is_some_and(|before| {
            self.is_any(before, &["with", "recursive"]) || self.symbol(before, ',')
        });
        if let Some(word) = self.word(name).filter(|_| leads) {
            self.own.insert(word.to_lowercase());
        }
    }

    fn created(&mut self, mut at: usize) {
        while self.is_any(at, &BETWEEN) {
            at += 1;
        }
        if !self.is_any(at, &CREATED) {
            return;
        }
        at += 1;
        while self.is_any(at, &BETWEEN) {
            at += 1;
        }
        if let Some(name) = self.name(at) {
            self.names.created.insert(name);
        }
    }

    fn written(&mut self, mut at: usize) {
        while self.is_any(at, &["only", "if", "exists"]) {
            at += 1;
        }
        if let Some(name) = self.name(at) {
            self.names.written.insert(name);
        }
    }

    /// A list of tables, each perhaps with another name.
    fn tables(&mut self, mut at: usize) {
        loop {
            while self.is_any(at, &["only", "lateral", "table"]) {
                at += 1;
            }
            match self.name(at) {
                // `unnest(x)`, `generate_series(1, 9)`: functions.
                Some(_) if self.symbol(at + 1, '(') => return,
                Some(name) => drop(self.names.read.insert(name)),
                None if matches!(self.tokens.get(at), Some(Token::Template(_))) => {}
                None => return,
            }
            at += 1;
            if self.is(at, "as") {
                at += 1;
            }
            if self.word(at).is_some() && !self.is_any(at, &AFTER_TABLES) {
                at += 1;
            }
            if !self.symbol(at, ',') {
                return;
            }
            at += 1;
        }
    }

    /// A name at this place: neither a keyword that may stand there, nor a number.
    fn name(&self, at: usize) -> Option<String> {
        let name = self.word(at)?;
        let is_keyword = self.is_any(at, &["select", "values", "dual", "set", "lateral"])
            || self.is_any(at, &AFTER_TABLES);
        let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_') && !is_keyword;
        is_name.then(|| name.to_owned())
    }

    /// `TABLE name IS 'text'`, after `COMMENT ON`.
    fn comment(&mut self, at: usize) {
        let Some(name) = self.word(at + 1) else {
            return;
        };
        if let (true, Some(Token::Text(text))) = (self.is(at + 2, "is"), self.tokens.get(at + 3)) {
            self.names.comments.insert(name.to_owned(), text.clone());
        }
    }
}

/// What dbt's `ref('model')`, `ref('package', 'model')` and `source('schema', 'table')` name.
fn template_name(template: &str) -> Option<String> {
    let (function, arguments) = template.split_once('(')?;
    let quoted = arguments.split(['\'', '"']).skip(1).step_by(2);
    let names: Vec<&str> = quoted.filter(|name| !name.is_empty()).collect();
    match (function.trim(), names.as_slice()) {
        ("ref", [.., model]) => Some((*model).to_owned()),
        ("source", [schema, table, ..]) => Some(format!("{schema}.{table}")),
        _ => None,
    }
}
