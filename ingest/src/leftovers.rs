//! What runs left behind that nobody comes back for: files of vectors of collections that were given
//! up, and the corpora of evaluations that nobody repeats.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use docent_core::app::App;

use crate::received::KINDS;
use crate::run::IngestError;

/// Vectors of a collection that was begun and left for another one: whoever comes back within a week
/// does not pay again.
const VECTORS: Duration = Duration::from_hours(7 * 24);
/// A corpus beside the live collection that was not used for so long.
const CORPUS: Duration = Duration::from_hours(30 * 24);

/// Takes away what is old. It is no reason for a run to fail: what cannot be taken away is told, and
/// tried again after the next run. `collection` is the one that the run has completed.
pub(crate) async fn clean(app: &App, collection: &str) {
    if let Err(error) = vectors(app, collection).await {
        tracing::warn!(%error, "vectors of abandoned collections cannot be taken away");
    }
    for folder in old_corpora(&app.data.path().join("beside")) {
        if let Err(error) = remove_corpus(app, &folder).await {
            tracing::warn!(%error, folder = %folder.display(), "an old corpus cannot be taken away");
        }
    }
}

/// `received-COLLECTION` and `parted-COLLECTION` of collections that are not there any more, or were
/// not worked at for long.
async fn vectors(app: &App, collection: &str) -> Result<(), IngestError> {
    let rows = app.ledger.collections().await?;
    let known: HashSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    for file in entries(app.data.path()) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let of = KINDS
            .iter()
            .find_map(|kind| name.strip_prefix(kind)?.strip_prefix('-'));
        let Some(of) = of.filter(|of| *of != collection) else {
            continue;
        };
        if !known.contains(of) || is_older(&file, VECTORS) {
            fs::remove_file(&file).map_err(IngestError::Leftover)?;
        }
    }
    Ok(())
}

fn old_corpora(beside: &Path) -> Vec<PathBuf> {
    let mut folders = entries(beside);
    folders.retain(|folder| folder.is_dir() && is_older(&folder.join("used"), CORPUS));
    folders
}

/// With its collections and what the ledger knows of them.
async fn remove_corpus(app: &App, folder: &Path) -> Result<(), IngestError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let beside = app.beside(&name, Vec::new())?;
    for collection in beside.index.collections().await? {
        beside.index.remove(&collection).await?;
        app.ledger.delete_collection(&collection).await?;
    }
    drop(beside);
    fs::remove_dir_all(folder).map_err(IngestError::Leftover)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

/// A file that is not there is as old as its folder.
fn is_older(file: &Path, than: Duration) -> bool {
    let place = if file.exists() {
        Some(file)
    } else {
        file.parent()
    };
    let changed = place.and_then(|place| fs::metadata(place).ok()?.modified().ok());
    changed
        .and_then(|changed| SystemTime::now().duration_since(changed).ok())
        .is_some_and(|age| age > than)
}
