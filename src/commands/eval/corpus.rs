//! The corpus of an evaluation: ingested like any source, into a collection of its own that is kept
//! for the next time.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use docent_core::app::App;
use docent_core::config::Source;
use docent_core::document::bytes_hash;
use docent_ingest::{ProgressSender as IngestProgress, Request};

use crate::eval::beir::Beir;
use crate::eval::{Progress, ProgressSender};

/// Hex digits that tell corpora of the same name apart.
const DIGITS: usize = 8;

/// A folder's documents. The collection follows what changes in the folder.
pub(super) async fn of_folder(
    app: &App,
    set: &str,
    folder: &Path,
    progress: &ProgressSender,
) -> anyhow::Result<Arc<App>> {
    let name = name("folder", set, folder.as_os_str().as_encoded_bytes());
    ingest(app, &name, set, folder, progress).await
}

/// A BEIR corpus. The collection is of its content, wherever the folder lies.
pub(super) async fn of_beir(
    app: &App,
    beir: &Beir,
    progress: &ProgressSender,
) -> anyhow::Result<Arc<App>> {
    let name = name("beir", &beir.name, beir.corpus_hash.as_bytes());
    let files = beir.lay_out(&app.data.beside(&name))?;
    ingest(app, &name, &beir.name, &files, progress).await
}

fn name(kind: &str, name: &str, identity: &[u8]) -> String {
    let name: String = name
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => c,
            _ => '_',
        })
        .take(40)
        .collect();
    format!("{kind}-{name}-{}", &bytes_hash(identity)[..DIGITS])
}

async fn ingest(
    app: &App,
    name: &str,
    set: &str,
    folder: &Path,
    progress: &ProgressSender,
) -> anyhow::Result<Arc<App>> {
    let source = Source::folder(format!("eval-{name}"), folder.to_path_buf());
    let beside = Arc::new(app.beside(name, vec![source.clone()])?);
    let request = Request {
        sources: vec![source],
        all_configured: true,
        without_answers: true,
        ..Request::default()
    };
    let (sender, mut events) = IngestProgress::channel();
    let run = tokio::spawn(docent_ingest::run(Arc::clone(&beside), request, sender));
    let mut documents = 0;
    while let Some(event) = events.recv().await {
        match event {
            docent_ingest::Progress::Source { documents: of, .. } => documents = of,
            docent_ingest::Progress::Documents { done, .. } => {
                progress.send(Progress::Documents {
                    set: set.to_owned(),
                    done,
                    of: documents,
                });
            }
            docent_ingest::Progress::Note { text } => progress.send(Progress::Note { text }),
            docent_ingest::Progress::Problem { .. } | docent_ingest::Progress::Done { .. } => {}
        }
    }
    let report = run
        .await?
        .with_context(|| format!("the documents of {set} could not be indexed"))?;
    for source in &report.sources {
        if let Some(error) = &source.error {
            anyhow::bail!("the documents of {set} could not be indexed: {error}");
        }
        if let Some(problem) = source.problems.first() {
            progress.send(Progress::Note {
                text: format!(
                    "{set}: {} documents were left out, the first of them {}: {}",
                    source.problems.len(),
                    problem.path,
                    problem.reason
                ),
            });
        }
    }
    Ok(beside)
}
