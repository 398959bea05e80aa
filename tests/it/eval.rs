//! `docent eval` as people run it: figures, gates, comparison, explanation, a corpus of its own.

#![expect(clippy::float_cmp, reason = "shares of all and of none are exact")]

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::{Serving, docent};
use crate::support::write;

/// A few questions about the demo's documents.
const QUESTIONS: &str = r#"{"id": "loaded", "question": "How often is fct_trips loaded?", "kind": "single", "gold": [{"path": "tables/fct_trips.md", "evidence": "every hour at 20 minutes past"}], "answer": "Every hour at 20 minutes past, by trips_hourly."}
{"id": "false-start", "question": "When does a trip count as a false start?", "kind": "single", "gold": [{"path": "tables/fct_trips.md", "evidence": "shorter than 60 seconds and back at the same station"}], "answer": "Shorter than 60 seconds and back at the same station."}
{"id": "korean", "question": "결품률의 정의는 무엇인가요?", "kind": "korean", "gold": [{"path": "metrics/rebalancing-ko.md"}]}
{"id": "salary", "question": "What is the salary of the CEO?", "kind": "unanswerable", "gold": []}
"#;

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/docs")
}

struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "demo.questions.jsonl", QUESTIONS);
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The questions over the demo's documents.
    fn over_demo(&self) -> String {
        format!(
            "{}={}",
            self.path("demo.questions.jsonl").display(),
            demo().display()
        )
    }

    fn eval(&self, arguments: &[&str]) -> Output {
        docent(&self.path("data"))
            .arg("eval")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)))
}

#[test]
fn retrieval_is_measured_by_kind_over_a_folder_of_its_own() {
    let scene = Scene::new();
    let over = scene.over_demo();
    let output = scene.eval(&[&over, "--retrieval-only", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report = json_of(&output);
    assert_eq!(report["questions"], 4);
    let single = &report["by_kind"]["single"];
    assert_eq!(single["n"], 2);
    for measure in [
        "recall_at_1",
        "recall_at_5",
        "recall_at_10",
        "span_recall_at_5",
        "mrr_at_10",
        "ndcg_at_10",
    ] {
        let value = single[measure].as_f64().unwrap();
        let interval = &single["interval_95"][measure];
        assert!(
            interval[0].as_f64().unwrap() <= value && value <= interval[1].as_f64().unwrap(),
            "{measure}: {single}"
        );
    }
    assert_eq!(single["recall_at_5"], 1.0);
    assert_eq!(report["by_kind"]["korean"]["recall_at_5"], 1.0);
    assert_eq!(
        report["by_kind"]["unanswerable"],
        json!({ "n": 1, "interval_95": {} })
    );
    assert_eq!(report["abstention"]["recall"], 1.0);
    assert_eq!(report["cost_usd"], 0.0);
    // Nothing of it is what people search: that was never ingested.
    let ask = docent(&scene.path("data"))
        .args(["ask", "How often is fct_trips loaded?"])
        .output()
        .unwrap();
    assert!(
        text(&ask.stderr).contains("there is nothing to search yet"),
        "{}",
        text(&ask.stderr)
    );
}

#[test]
fn whole_answers_are_measured_saved_and_compared() {
    let scene = Scene::new();
    let over = scene.over_demo();
    let first = scene.eval(&[&over, "--save", "before.json"]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    let table = text(&first.stdout);
    for expected in [
        "file R@5",
        "evidence",
        "unanswerable questions declined: 1.00 (1 of 1",
    ] {
        assert!(table.contains(expected), "{expected} is not in {table}");
    }
    let second = scene.eval(&[&over, "--json", "--compare", "before.json"]);
    let report = json_of(&second);
    assert_eq!(report["citations"]["valid"], 1.0);
    assert_eq!(report["citations"]["supported"], 1.0);
    let asked = report["per_question"].as_array().unwrap();
    let loaded = asked.iter().find(|one| one["id"] == "loaded").unwrap();
    assert_eq!(loaded["scores"]["evidence_in_answer"], 1.0, "{loaded}");
    assert!(
        loaded["answer"].as_str().unwrap().contains("[1]"),
        "{loaded}"
    );
    assert!(loaded["first_token_ms"].is_number(), "{loaded}");
    let compared = report["compared"].as_array().unwrap();
    assert!(compared.len() >= 8, "{compared:?}");
    for one in compared {
        assert_eq!(
            (&one["difference"], &one["p"]),
            (&json!(0.0), &json!(1.0)),
            "{one}"
        );
    }
}

#[test]
fn a_gate_fails_with_exit_code_one_and_a_wrong_one_with_two() {
    let scene = Scene::new();
    let over = scene.over_demo();
    let gate = |threshold: &str| {
        scene.eval(&[
            &over,
            "--retrieval-only",
            "--json",
            "--fail-under",
            threshold,
        ])
    };
    assert_eq!(gate("single.recall_at_5=1").status.code(), Some(0));
    let below = gate("abstention.recall=1.5");
    assert_eq!(below.status.code(), Some(1));
    assert_eq!(
        text(&below.stderr),
        "demo: abstention.recall is 1.0000, below 1.5\n"
    );
    let unknown = gate("recall_at_7=0.5");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        text(&unknown.stderr).contains("nothing here measures `recall_at_7`"),
        "{}",
        text(&unknown.stderr)
    );
}

#[test]
fn what_cannot_be_read_is_said_with_file_and_line() {
    let scene = Scene::new();
    write(
        scene.folder.path(),
        "bad.jsonl",
        "{\"id\": \"a\", \"question\": \"A?\"}\n{\"id\": \"b\"\n",
    );
    let bad = scene.eval(&["bad.jsonl"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(
        text(&bad.stderr).contains("bad.jsonl, line 2: EOF while parsing"),
        "{}",
        text(&bad.stderr)
    );
    let missing = scene.eval(&["missing.jsonl"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("cannot read missing.jsonl"));
    let nothing = scene.eval(&["demo.questions.jsonl"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(
        text(&nothing.stderr).contains("run `docent ingest` first"),
        "{}",
        text(&nothing.stderr)
    );
}

#[test]
fn a_miss_is_explained_down_to_the_terms_that_its_passage_lacks() {
    let scene = Scene::new();
    let over = scene.over_demo();
    let output = scene.eval(&[&over, "--explain", "loaded"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for expected in [
        "searched:  How often is fct_trips loaded?",
        "fct_trip",
        "decision:  answers",
        "dense",
        "sparse",
        "gold tables/fct_trips.md: every hour at 20 minutes past",
        "in the end 1",
    ] {
        assert!(said.contains(expected), "{expected} is not in {said}");
    }
    let unknown = scene.eval(&[&over, "--explain", "nobody"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("no question here has the id `nobody`"));
}

/// Four documents and three judged questions; a fourth has no relevant document.
fn beir(folder: &Path) -> PathBuf {
    let beir = folder.join("tiny");
    write(
        &beir,
        "corpus.jsonl",
        r#"{"id": "1", "title": "Vitamin B12", "text": "A deficiency of vitamin B12 increases homocysteine in the blood."}
{"id": "2", "title": "Malaria", "text": "Sickle cell trait protects children against severe malaria."}
{"id": "3", "title": "Statins", "text": "Statins lower cholesterol < 100 mg/dl in *most* patients."}
{"id": "4", "title": "Sleep", "text": "Short sleep goes with obesity."}
"#,
    );
    write(
        &beir,
        "queries.jsonl",
        r#"{"id": "a", "text": "vitamin B12 deficiency and homocysteine"}
{"id": "b", "text": "sickle cell trait and severe malaria"}
{"id": "c", "text": "zebra crossings in Reykjavik"}
{"id": "d", "text": "statins and cholesterol"}
"#,
    );
    write(
        &beir,
        "qrels.tsv",
        "query-id\tcorpus-id\tscore\na\t1\t2\nb\t2\t1\nb\t1\t1\nc\t4\t0\nd\t3\t1\n",
    );
    beir
}

#[test]
fn a_beir_corpus_is_embedded_once_and_measured_as_trec_eval_does() {
    let scene = Scene::new();
    let corpus = beir(scene.folder.path());
    let corpus = corpus.to_str().unwrap();
    let run = || {
        let output = scene.eval(&["--beir", corpus, "--retrieval-only", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        json_of(&output)
    };
    let report = run();
    // The question without a relevant document is left out.
    assert_eq!(report["questions"], 3);
    let beir = &report["by_kind"]["beir"];
    assert_eq!(beir["recall_at_10"], 1.0);
    assert_eq!(beir["recall_at_100"], 1.0);
    assert_eq!(beir["mrr_at_10"], 1.0);
    assert!(beir["ndcg_at_10"].as_f64().unwrap() > 0.8, "{beir}");
    let again = run();
    assert_eq!(again["overall"], report["overall"]);
    let backup = scene.path("backup");
    let copied = docent(&scene.path("data"))
        .arg("backup")
        .arg(&backup)
        .output()
        .unwrap();
    assert!(copied.status.success(), "{}", text(&copied.stderr));
}

#[test]
fn a_running_docent_evaluates_for_the_command() {
    let scene = Scene::new();
    let data = scene.path("data");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let serving = docent(&data)
        .arg("serve")
        .env("DOCENT_SERVER__PORT", port.to_string())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _serving = Serving(serving);
    for _ in 0..200 {
        if data.join("docent.sock").exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let over = scene.over_demo();
    let output = scene.eval(&[&over, "--retrieval-only", "--json"]);
    assert!(text(&output.stderr).contains("the running docent evaluates"));
    assert_eq!(json_of(&output)["by_kind"]["single"]["recall_at_5"], 1.0);
    let explained = scene.eval(&[&over, "--explain", "korean"]);
    assert!(text(&explained.stdout).contains("gold metrics/rebalancing-ko.md"));
    let unknown = scene.eval(&[&over, "--explain", "nobody"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn unanswerable_questions_are_told_by_their_own_candidates_and_calibrated() {
    let scene = Scene::new();
    let corpus = beir(scene.folder.path());
    write(
        &corpus,
        "queries.jsonl",
        r#"{"id": "yes-1", "text": "Which vitamin deficiency increases homocysteine?", "answerable": true, "candidates": ["1", "3"]}
{"id": "yes-2", "text": "What protects children against severe malaria?", "answerable": true, "candidates": ["2", "4"]}
{"id": "no-1", "text": "How do statins lower cholesterol?", "answerable": false, "candidates": ["1", "2"]}
{"id": "no-2", "text": "Which zebra lives in Reykjavik?", "answerable": false, "candidates": ["3", "4"]}
"#,
    );
    write(&corpus, "qrels.tsv", "query-id\tcorpus-id\tscore\n");
    let corpus = corpus.to_str().unwrap();
    let output = scene.eval(&[
        "--beir",
        corpus,
        "--retrieval-only",
        "--json",
        "--calibrate",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report = json_of(&output);
    let sets = report["sets"].as_array().unwrap();
    let [own, pool] = sets.as_slice() else {
        panic!("two sets, not {sets:?}")
    };
    let area = |set: &Value, signal: &str| {
        let curves = set["decision"]["curves"].as_array().unwrap();
        let curve = curves.iter().find(|curve| curve["signal"] == signal);
        curve.unwrap()["auc"].as_f64().unwrap()
    };
    // What a document of the pool answers, the question's own candidates do not.
    assert_eq!(area(own, "bm25"), 1.0);
    assert!(area(pool, "coverage") < 1.0);
    assert_eq!(report["calibration"]["answerable"], 4);
    assert!(report["calibration"]["weights"]["bias"].is_number());
}

#[tokio::test]
async fn a_judge_reads_the_answers_of_a_chat_model_and_is_booked() {
    use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};

    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::made(|request| {
            if request.to_string().contains("You check answers") {
                "correct: yes\nsupported: no".to_owned()
            } else {
                "The table is loaded every hour at 20 minutes past [1].".to_owned()
            }
        });
    });
    let mut world = crate::support::World::new().await;
    world.chat_with(&model);
    world.write(
        "tables/fct_trips.md",
        "# fct_trips\n\nThe DAG loads fct_trips every hour at 20 minutes past.\n",
    );
    world.ingest().await;
    write(
        world.folder.path(),
        "set.jsonl",
        QUESTIONS.lines().next().unwrap(),
    );
    let app = std::sync::Arc::new(world.app().await);
    let request = docent::commands::eval::EvalRequest {
        sets: vec![docent::commands::eval::SetRequest {
            file: world.folder.path().join("set.jsonl"),
            corpus: None,
            over: None,
        }],
        judge: true,
        ..Default::default()
    };
    let progress = docent::eval::ProgressSender::default();
    let outcome = docent::commands::eval::evaluate(&app, &request, &progress)
        .await
        .unwrap();
    let docent::commands::eval::Outcome::Measured(report) = outcome else {
        panic!("figures, not {outcome:?}")
    };
    let asked = &report.sets[0].asked[0];
    assert_eq!(asked.scores["judged_correct"], 1.0);
    assert_eq!(asked.scores["judged_supported"], 0.0);
    assert_eq!(asked.scores["citations_supported"], 1.0);
    assert!(asked.output_tokens > 0);
    crate::support::closed(app).await;
    let judged = world
        .database
        .rows("SELECT count(*)::text FROM model_call WHERE purpose = 'judge'")
        .await;
    assert_eq!(judged[0][0].as_deref(), Some("1"));
    let asked = world
        .database
        .rows("SELECT origin, caller FROM interaction")
        .await;
    assert_eq!(
        asked,
        [[Some("evaluation".to_owned()), Some("evaluation".to_owned())]]
    );
}

/// The gate: the demo's own questions must be found, answered and declined at least this well.
#[test]
fn the_demo_questions_hold_their_thresholds() {
    let scene = Scene::new();
    let set = format!(
        "{}={}",
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/eval/demo.questions.jsonl")
            .display(),
        demo().display()
    );
    let thresholds = [
        "single.recall_at_5=0.9",
        "typo.recall_at_5=0.95",
        "multi.recall_at_5=0.8",
        "paraphrase.recall_at_5=0.7",
        "korean.recall_at_5=0.8",
        "single.span_recall_at_5=0.85",
        "citations_valid=0.99",
    ];
    let mut arguments = vec![set.as_str()];
    for threshold in thresholds {
        arguments.extend(["--fail-under", threshold]);
    }
    let output = scene.eval(&arguments);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}
