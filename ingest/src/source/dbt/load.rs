//! Getting the artefacts: from a folder, or from a server that keeps them.

use std::path::{Path, PathBuf};

use docent_core::config;
use docent_core::document::Outcome;

use super::{Artifacts, documents};
use crate::source::{Context, Listing, SourceError, read, walk};

/// Reads a project's artefacts and lists its documents.
pub(in crate::source) async fn list(
    context: &Context<'_>,
    settings: &config::Dbt,
) -> Result<Listing, SourceError> {
    let source = context.source;
    let artifacts = if settings.url.is_empty() {
        from_folder(source, settings)?
    } else {
        super::fetch::artifacts(source, settings).await?
    };
    let uri = source.uri.clone();
    // A large manifest takes a second: not on a thread that serves.
    let made = tokio::task::spawn_blocking(move || documents(&artifacts, &uri))
        .await
        .map_err(|error| refused(source, error.to_string()))?
        .map_err(|error| refused(source, error.to_string()))?;
    let include = walk::globs(source, "include", &settings.include)?;
    let exclude = walk::globs(source, "exclude", &settings.exclude)?;
    let wanted = |path: &str| {
        let path = Path::new(path);
        let among =
            include.is_empty() || include.matched_path_or_any_parents(path, false).is_ignore();
        among && !exclude.matched_path_or_any_parents(path, false).is_ignore()
    };
    Ok(Listing {
        found: made
            .documents
            .into_iter()
            .filter(|found| wanted(&found.path))
            .collect(),
        problems: made.problems,
        ..Listing::default()
    })
}

/// Whether there is a manifest.
pub(in crate::source) async fn check(
    context: &Context<'_>,
    settings: &config::Dbt,
) -> Result<String, SourceError> {
    let source = context.source;
    if !settings.url.is_empty() {
        return super::fetch::check(source, settings).await;
    }
    let folder = folder(settings);
    let manifest = folder.join("manifest.json");
    std::fs::File::open(&manifest).map_err(|error| unreadable(source, &manifest, &error))?;
    Ok(format!("{} can be read", manifest.display()))
}

pub(super) fn refused(source: &config::Source, reason: String) -> SourceError {
    SourceError::Refused {
        name: source.name.clone(),
        reason,
    }
}

fn unreadable(source: &config::Source, path: &Path, error: &std::io::Error) -> SourceError {
    let (name, path) = (source.name.clone(), path.display().to_string());
    match error.kind() {
        std::io::ErrorKind::NotFound => SourceError::Missing { name, path },
        _ => SourceError::Unreadable {
            name,
            path,
            reason: error.to_string(),
        },
    }
}

/// The folder that was named, or the `target` folder of the project that was named.
fn folder(settings: &config::Dbt) -> PathBuf {
    let target = settings.path.join("target");
    if !settings.path.join("manifest.json").exists() && target.join("manifest.json").exists() {
        target
    } else {
        settings.path.clone()
    }
}

fn from_folder(source: &config::Source, settings: &config::Dbt) -> Result<Artifacts, SourceError> {
    let folder = folder(settings);
    let open = |name: &str| {
        let path = folder.join(name);
        // A link to another place is meant here: whoever configures docent names the folder.
        let path = path
            .canonicalize()
            .map_err(|error| unreadable(source, &path, &error))?;
        match read::read_file(&path, settings.max_bytes) {
            Ok((bytes, _)) => Ok(bytes),
            Err(Outcome::Skipped(reason) | Outcome::Failed(reason)) => {
                Err(SourceError::Unreadable {
                    name: source.name.clone(),
                    path: path.display().to_string(),
                    reason: format!("{reason}; see source.max_bytes"),
                })
            }
            Err(_) => Err(SourceError::Missing {
                name: source.name.clone(),
                path: path.display().to_string(),
            }),
        }
    };
    let optional = |name: &str| {
        if folder.join(name).exists() {
            open(name).map(Some)
        } else {
            Ok(None)
        }
    };
    Ok(Artifacts {
        manifest: open("manifest.json")?,
        catalog: optional("catalog.json")?,
        sources: optional("sources.json")?,
        freshness: optional("freshness.json")?,
        run_results: optional("run_results.json")?,
    })
}
