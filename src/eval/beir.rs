//! Corpora in the format of BEIR (<https://github.com/beir-cellar/beir>): `corpus.jsonl`,
//! `queries.jsonl` and `qrels.tsv` in a folder. The corpus is laid out as one text file a document,
//! so that it walks the same way into the index as everything else.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use docent_core::document::bytes_hash;
use serde::Deserialize;

use super::metrics::Grades;
use super::questions::{Gold, Question};
use super::{EvalError, read_text};

/// Characters of a file name that are taken over from an id; a longer one is hashed.
const LONGEST_NAME: usize = 180;

/// A corpus with its questions.
#[derive(Debug, Clone)]
pub struct Beir {
    /// The folder's name.
    pub name: String,
    pub documents: Vec<BeirDocument>,
    pub queries: Vec<BeirQuery>,
    /// By question id. A question whose documents all have grade 0 is there, with none above it.
    pub grades: HashMap<String, Grades>,
    /// Of the corpus's bytes.
    pub corpus_hash: String,
}

/// A document of the corpus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BeirDocument {
    #[serde(alias = "_id")]
    pub id: String,
    #[serde(default)]
    pub title: String,
    pub text: String,
}

/// A question of the set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BeirQuery {
    #[serde(alias = "_id")]
    pub id: String,
    pub text: String,
    /// Whether one of `candidates` answers it, where that was judged (NoMIRACL).
    #[serde(default)]
    pub answerable: Option<bool>,
    /// The documents that were judged for it.
    #[serde(default)]
    pub candidates: Vec<String>,
}

impl Beir {
    /// Reads a folder. A line that is not what it should be is an error with its file and number.
    pub fn read(folder: &Path) -> Result<Self, EvalError> {
        let corpus = folder.join("corpus.jsonl");
        let text = read_text(&corpus)?;
        let corpus_hash = bytes_hash(text.as_bytes());
        let documents = lines(&corpus, &text)?;
        let queries_file = folder.join("queries.jsonl");
        let queries = lines(&queries_file, &read_text(&queries_file)?)?;
        let flat = folder.join("qrels.tsv");
        let split = folder.join("qrels").join("test.tsv");
        let qrels = if !flat.is_file() && split.is_file() {
            split
        } else {
            flat
        };
        let grades = read_grades(&qrels, &read_text(&qrels)?)?;
        let name = folder
            .canonicalize()
            .ok()
            .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or_else(|| "beir".to_owned());
        Ok(Self {
            name,
            documents,
            queries,
            grades,
            corpus_hash,
        })
    }

    /// The questions with at least one relevant document: what `trec_eval` averages over.
    pub fn judged(&self) -> impl Iterator<Item = (&BeirQuery, &Grades)> {
        self.queries.iter().filter_map(|query| {
            let grades = self.grades.get(&query.id)?;
            let relevant = grades.values().any(|grade| *grade > 0);
            relevant.then_some((query, grades))
        })
    }

    /// Whether its questions say if their own candidates answer them.
    pub fn has_candidates(&self) -> bool {
        self.queries
            .iter()
            .any(|query| query.answerable.is_some() && !query.candidates.is_empty())
    }

    /// A judged question as one of a question set: the files of its relevant documents are gold.
    pub fn question(&self, id: &str) -> Option<Question> {
        let query = self.queries.iter().find(|query| query.id == id)?;
        let relevant = |grades: &Grades| {
            let mut ids: Vec<&String> = grades
                .iter()
                .filter(|(_, grade)| **grade > 0)
                .map(|(id, _)| id)
                .collect();
            ids.sort_unstable();
            ids.into_iter()
                .map(|id| Gold {
                    path: file_name(id),
                    evidence: String::new(),
                })
                .collect()
        };
        let gold = self.grades.get(id).map(relevant).unwrap_or_default();
        Some(Question::new(&query.id, &query.text, "beir", gold))
    }

    /// Writes the corpus as files below `folder`, where that was not done before.
    pub fn lay_out(&self, folder: &Path) -> Result<PathBuf, EvalError> {
        let failed = |error: std::io::Error| EvalError::Corpus {
            folder: folder.display().to_string(),
            reason: error.to_string(),
        };
        let finished = folder.join("corpus");
        if finished.is_dir() {
            return Ok(finished);
        }
        let unfinished = folder.join("corpus.new");
        if unfinished.is_dir() {
            std::fs::remove_dir_all(&unfinished).map_err(failed)?;
        }
        std::fs::create_dir_all(&unfinished).map_err(failed)?;
        for document in &self.documents {
            let path = unfinished.join(file_name(&document.id));
            std::fs::write(path, as_file(document)).map_err(failed)?;
        }
        std::fs::rename(&unfinished, &finished).map_err(failed)?;
        Ok(finished)
    }

    /// Which document each file of [`lay_out`](Self::lay_out) is.
    pub fn ids_by_file(&self) -> HashMap<String, &str> {
        self.documents
            .iter()
            .map(|document| (file_name(&document.id), document.id.as_str()))
            .collect()
    }
}

/// The name of a document's file: its id, with what a file name cannot hold escaped.
pub fn file_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len() + 4);
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if name.len() > LONGEST_NAME {
        name = bytes_hash(id.as_bytes());
    }
    name.push_str(".txt");
    name
}

/// A text file whose front matter has the title: a JSON string is a YAML one.
fn as_file(document: &BeirDocument) -> String {
    if document.title.trim().is_empty() {
        return format!("---\n---\n{}\n", document.text);
    }
    let title = serde_json::Value::from(document.title.as_str());
    format!("---\ntitle: {title}\n---\n{}\n", document.text)
}

fn lines<T: serde::de::DeserializeOwned>(file: &Path, text: &str) -> Result<Vec<T>, EvalError> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| EvalError::Line {
                file: file.display().to_string(),
                line: number + 1,
                reason: error.to_string(),
            })
        })
        .collect()
}

/// `query-id <tab> corpus-id <tab> score`, with a header line or without.
fn read_grades(file: &Path, text: &str) -> Result<HashMap<String, Grades>, EvalError> {
    let mut grades: HashMap<String, Grades> = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || (number == 0 && line.starts_with("query-id")) {
            continue;
        }
        let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
        let [query, document, grade] = columns.as_slice() else {
            return Err(EvalError::Line {
                file: file.display().to_string(),
                line: number + 1,
                reason: format!("{} columns where there should be three", columns.len()),
            });
        };
        let grade: i64 = grade.parse().map_err(|_| EvalError::Line {
            file: file.display().to_string(),
            line: number + 1,
            reason: format!("the grade `{grade}` is no whole number"),
        })?;
        // A negative grade marks what was not judged: not relevant, as in trec_eval.
        grades
            .entry((*query).to_owned())
            .or_default()
            .insert((*document).to_owned(), u32::try_from(grade).unwrap_or(0));
    }
    Ok(grades)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(corpus: &str, queries: &str, qrels: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("corpus.jsonl", corpus),
            ("queries.jsonl", queries),
            ("qrels.tsv", qrels),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    const CORPUS: &str = "{\"_id\": \"a/1\", \"title\": \"A \\\"title\\\"\", \"text\": \"one\"}\n{\"id\": \"b\", \"text\": \"two\"}\n";
    const QUERIES: &str = "{\"id\": \"q1\", \"text\": \"one?\"}\n{\"id\": \"q2\", \"text\": \"two?\"}\n{\"id\": \"q3\", \"text\": \"three?\"}\n";

    #[test]
    fn questions_without_a_relevant_document_are_left_out() {
        let folder = folder(
            CORPUS,
            QUERIES,
            "query-id\tcorpus-id\tscore\nq1\ta/1\t2\nq1\tb\t0\nq2\tb\t0\n",
        );
        let beir = Beir::read(folder.path()).unwrap();
        let judged: Vec<&str> = beir.judged().map(|(query, _)| query.id.as_str()).collect();
        assert_eq!(judged, ["q1"]);
        assert_eq!(beir.grades["q1"]["a/1"], 2);
    }

    #[test]
    fn a_corpus_becomes_files_that_know_their_documents() {
        let folder = folder(CORPUS, QUERIES, "");
        let beir = Beir::read(folder.path()).unwrap();
        let files = beir.lay_out(&folder.path().join("out")).unwrap();
        let read = |name: &str| std::fs::read_to_string(files.join(name)).unwrap();
        assert_eq!(
            read("a%2F1.txt"),
            "---\ntitle: \"A \\\"title\\\"\"\n---\none\n"
        );
        assert_eq!(beir.ids_by_file()["a%2F1.txt"], "a/1");
        assert_eq!(beir.ids_by_file()["b.txt"], "b");
    }

    #[test]
    fn a_bad_line_is_named_with_its_file_and_number() {
        let bad = folder(
            CORPUS,
            "{\"id\": \"q1\", \"text\": \"one?\"}\n{\"id\": 2}\n",
            "",
        );
        let error = Beir::read(bad.path()).unwrap_err().to_string();
        assert!(
            error.contains("queries.jsonl, line 2: invalid type"),
            "{error}"
        );
        for (qrels, reason) in [
            ("q1\ta\n", "line 1: 2 columns where there should be three"),
            (
                "query-id\tcorpus-id\tscore\nq1\ta\thigh\n",
                "line 2: the grade `high`",
            ),
        ] {
            let bad = folder(CORPUS, QUERIES, qrels);
            let error = Beir::read(bad.path()).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
