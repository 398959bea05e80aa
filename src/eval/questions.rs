//! Question sets: one JSON object a line, with the files and the words that answer each question.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::EvalError;

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
    pub question: String,
    /// What sort of question it is; figures are given for each kind.
    #[serde(default = "kind")]
    pub kind: String,
    /// Where the answer stands; none: the documents do not say.
    #[serde(default)]
    pub gold: Vec<Gold>,
    /// The expected answer, in words.
    #[serde(default)]
    pub answer: Option<String>,
    /// Earlier questions of the same conversation, oldest first.
    #[serde(default)]
    pub before: Vec<String>,
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
    "question".to_owned()
}

impl Question {
    /// Whether the documents answer it.
    pub fn is_answerable(&self) -> bool {
        !self.gold.is_empty()
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
    /// Reads a file. A line that is no question is an error that names the file and the line.
    pub fn read(path: &Path) -> Result<Self, EvalError> {
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
            let question: Question =
                serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            if question.question.trim().is_empty() {
                return Err(wrong("`question` is empty".to_owned()));
            }
            if !seen.insert(question.id.clone()) {
                return Err(wrong(format!("the id `{}` is there twice", question.id)));
            }
            questions.push(question);
        }
        if questions.is_empty() {
            return Err(EvalError::Empty(path.display().to_string()));
        }
        Ok(Self {
            name: set_name(path),
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
