//! Question sets: one JSON object a line, with the files and the words that answer each question.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::EvalError;

/// The kind of question that needs all of its places.
const MULTI: &str = "multi";
/// The kind where none is given, of one question and of a conversation.
const PLAIN: &str = "question";
const FOLLOW_UP: &str = "follow-up";

/// A set of questions with what is known of their answers.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionSet {
    /// From the file's name, without its extensions.
    pub name: String,
    pub questions: Vec<Question>,
}

/// One line of a question file. Keys that evaluation does not read are passed over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Question {
    pub id: String,
    #[serde(default)]
    pub question: String,
    /// Instead of `question`: the questions of a conversation, of which the last one is measured.
    #[serde(default)]
    turns: Vec<String>,
    /// The documents it is about, where a file asks about several collections of them.
    #[serde(default)]
    pub corpus: Option<String>,
    /// What sort of question it is; figures are given for each kind.
    #[serde(default = "kind")]
    pub kind: String,
    /// Where the answer stands; none: the documents do not say.
    #[serde(default)]
    pub gold: Vec<Gold>,
    /// The expected answer, in words.
    #[serde(default)]
    pub answer: Option<String>,
}

/// A place that answers a question, or a part of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Gold {
    /// Relative to the source's root.
    pub path: String,
    /// The words that say it, as they stand in the file; empty: the file as a whole.
    #[serde(default)]
    pub evidence: String,
}

fn kind() -> String {
    PLAIN.to_owned()
}

impl Question {
    /// A question that files answer.
    pub fn new(id: &str, question: &str, kind: &str, gold: Vec<Gold>) -> Self {
        Self {
            id: id.to_owned(),
            question: question.to_owned(),
            turns: Vec::new(),
            corpus: None,
            kind: kind.to_owned(),
            gold,
            answer: None,
        }
    }

    /// Earlier questions of the same conversation, oldest first.
    pub fn before(&self) -> &[String] {
        self.turns.split_last().map_or(&[], |(_, before)| before)
    }

    /// Whether the documents answer it.
    pub fn is_answerable(&self) -> bool {
        !self.gold.is_empty()
    }

    /// Whether every place in `gold` is needed; else each of them answers by itself.
    pub fn needs_all(&self) -> bool {
        self.kind == MULTI
    }

    /// The files that answer it, each once.
    pub fn gold_paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = Vec::new();
        for gold in &self.gold {
            if !paths.contains(&gold.path.as_str()) {
                paths.push(&gold.path);
            }
        }
        paths
    }
}

impl QuestionSet {
    /// Reads a file: all of it, or what asks about one corpus. A line that is no question is an error that names the file and the line.
    pub fn read(path: &Path, corpus: Option<&str>) -> Result<Self, EvalError> {
        let text = super::read_text(path)?;
        let mut questions: Vec<Question> = Vec::new();
        let mut seen = HashSet::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let wrong = |reason: String| EvalError::Line {
                file: path.display().to_string(),
                line: number + 1,
                reason,
            };
            let mut question: Question =
                serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            if let Some(last) = question.turns.last() {
                question.question.clone_from(last);
                if question.kind == PLAIN {
                    FOLLOW_UP.clone_into(&mut question.kind);
                }
            }
            if question.question.trim().is_empty() {
                return Err(wrong("`question` is empty".to_owned()));
            }
            if !seen.insert(question.id.clone()) {
                return Err(wrong(format!("the id `{}` is there twice", question.id)));
            }
            if corpus.is_none() || question.corpus.as_deref() == corpus {
                questions.push(question);
            }
        }
        if questions.is_empty() {
            return Err(EvalError::Empty(path.display().to_string()));
        }
        let name = set_name(path);
        Ok(Self {
            name: match corpus {
                Some(corpus) => format!("{corpus} {name}"),
                None => name,
            },
            questions,
        })
    }
}

/// `tests/eval/demo.questions.jsonl` as `demo`.
fn set_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".jsonl").unwrap_or(&name);
    name.strip_suffix(".questions").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, corpus: Option<&str>) -> Result<QuestionSet, EvalError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("demo.questions.jsonl");
        std::fs::write(&file, text).unwrap();
        QuestionSet::read(&file, corpus)
    }

    #[test]
    fn questions_are_read_with_their_kinds_and_places() {
        let set = read(
            "{\"id\": \"a\", \"question\": \"A?\", \"kind\": \"multi\", \"gold\": [{\"path\": \"x.md\", \"evidence\": \"x\"}, {\"path\": \"x.md\"}], \"note\": \"n\"}\n\n{\"id\": \"b\", \"question\": \"B?\"}\n",
            None,
        )
        .unwrap();
        assert_eq!(set.name, "demo");
        let [a, b] = set.questions.as_slice() else {
            panic!("two questions, not {set:?}")
        };
        assert_eq!((a.gold_paths(), a.needs_all()), (vec!["x.md"], true));
        assert_eq!((b.kind.as_str(), b.is_answerable()), ("question", false));
    }

    #[test]
    fn the_last_turn_of_a_conversation_is_measured_and_a_corpus_is_picked() {
        let text = "{\"id\": \"a\", \"corpus\": \"demo\", \"turns\": [\"A?\", \"And B?\"]}\n{\"id\": \"b\", \"corpus\": \"other\", \"turns\": [\"C?\"]}\n";
        let set = read(text, Some("demo")).unwrap();
        let [one] = set.questions.as_slice() else {
            panic!("one question, not {set:?}")
        };
        assert_eq!(one.question, "And B?");
        assert_eq!(one.before(), ["A?".to_owned()]);
        assert_eq!(one.kind, "follow-up");
        assert_eq!(read(text, None).unwrap().questions.len(), 2);
    }

    #[test]
    fn a_bad_line_is_named_with_its_file_and_number() {
        for (text, reason) in [
            (
                "{\"id\": \"a\", \"question\": \"A?\"}\n{\"id\": 1}\n",
                "line 2: invalid type",
            ),
            ("not json\n", "line 1: expected ident"),
            ("{\"id\": \"a\"}\n", "line 1: `question` is empty"),
            (
                "{\"id\": \"a\", \"question\": \"A?\"}\n{\"id\": \"a\", \"question\": \"B?\"}\n",
                "line 2: the id `a` is there twice",
            ),
            ("\n", "holds no questions"),
        ] {
            let error = read(text, None).unwrap_err().to_string();
            assert!(
                error.contains("demo.questions.jsonl") && error.contains(reason),
                "{error}"
            );
        }
    }
}
