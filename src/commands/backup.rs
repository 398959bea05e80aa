//! `docent backup` and `docent restore`: ledger and index in one file.
//!
//! The file is a tar archive compressed with zstd: `backup.json` (what it is), `ledger.copy` (every
//! table, as [`Ledger::export`](docent_core::ledger::Ledger::export) writes them) and
//! `points.jsonl` (the live collection's points with their dense vectors; sparse vectors are
//! computed anew). It fits either kind of index and either kind of Postgres, whatever it came from.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};
use docent_core::app::App;
use docent_core::config::Config;
use docent_core::index::{CollectionSpec, Payload, Point, lexical};
use docent_core::ledger::CollectionRow;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::terminal::{grouped, say};
use super::{Access, Ended, open};
use crate::owner::BackupRequest;

/// `docent backup FILE`, `docent restore FILE`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The backup file
    file: PathBuf,
}

/// Version of the file's form.
const FORMAT: u32 = 1;
/// Points read or written at a time.
const POINTS: usize = 500;

/// `backup.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    docent: String,
    created_at: DateTime<Utc>,
    /// The live collection; `None`: nothing was ingested.
    collection: Option<CollectionRow>,
    points: u64,
}

/// A line of `points.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
struct PointLine {
    id: Uuid,
    dense: Vec<f32>,
    payload: Payload,
}

/// What was written or read.
#[derive(Debug, Serialize, Deserialize)]
pub struct BackupSummary {
    pub points: u64,
    pub bytes: u64,
}

pub(super) async fn backup(config: Config, arguments: Arguments) -> anyhow::Result<Ended> {
    let file = std::path::absolute(&arguments.file)?;
    let summary = match open(config, "backup").await? {
        Access::Owner(owner) => owner.backup(&BackupRequest { file: file.clone() }).await?,
        Access::Own(app) => {
            let summary = write(&app, &file).await;
            app.close().await;
            summary?
        }
    };
    say(format!(
        "wrote {}: the ledger and {} points, {} bytes",
        file.display(),
        grouped(summary.points),
        grouped(summary.bytes)
    ));
    Ok(Ended::Done)
}

/// Writes a backup beside `file` and renames it: a broken one never stands under that name.
pub async fn write(app: &App, file: &Path) -> anyhow::Result<BackupSummary> {
    app.ledger.flush().await;
    let folder = file.parent().context("the backup file has no folder")?;
    let mut ledger = tempfile::tempfile_in(folder)
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    app.ledger.export(&mut ledger).await?;
    let mut points = tempfile::tempfile_in(folder)?;
    let live = app.index.live().await?;
    let count = match &live {
        Some(live) => write_points(app, live, &mut points).await?,
        None => 0,
    };
    let rows = app.ledger.collections().await?;
    let manifest = Manifest {
        format: FORMAT,
        docent: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: Utc::now(),
        collection: rows
            .into_iter()
            .find(|row| Some(&row.name) == live.as_ref()),
        points: count,
    };
    let manifest = serde_json::to_vec_pretty(&manifest)?;

    let target = tempfile::NamedTempFile::new_in(folder)?;
    let compressed = zstd::Encoder::new(target.as_file(), 3)?;
    let mut archive = tar::Builder::new(compressed);
    append(
        &mut archive,
        "backup.json",
        manifest.as_slice(),
        manifest.len() as u64,
    )?;
    for (name, part) in [("ledger.copy", &mut ledger), ("points.jsonl", &mut points)] {
        let size = part.stream_position()?;
        part.rewind()?;
        append(&mut archive, name, part, size)?;
    }
    archive.into_inner()?.finish()?;
    target.as_file().sync_all()?;
    let bytes = target.as_file().metadata()?.len();
    target
        .persist(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(BackupSummary {
        points: count,
        bytes,
    })
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    name: &str,
    content: impl Read,
    size: u64,
) -> anyhow::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_cksum();
    archive.append_data(&mut header, name, content)?;
    Ok(())
}

async fn write_points(app: &App, live: &str, file: &mut File) -> anyhow::Result<u64> {
    let mut out = BufWriter::new(file);
    let mut offset = None;
    let mut count = 0;
    loop {
        let page = app.index.scroll(live, offset, POINTS, true).await?;
        for point in page.points {
            let line = PointLine {
                id: point.id,
                dense: point.dense.unwrap_or_default(),
                payload: point.payload,
            };
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
            count += 1;
        }
        offset = page.next;
        if offset.is_none() {
            out.flush()?;
            return Ok(count);
        }
    }
}

pub(super) async fn restore(config: Config, arguments: Arguments) -> anyhow::Result<Ended> {
    let app = match open(config, "restore").await? {
        Access::Owner(_) => {
            bail!("stop the running docent first: a backup is read into an empty one")
        }
        Access::Own(app) => app,
    };
    let result = read(&app, &arguments.file).await;
    app.close().await;
    let points = result?;
    say(format!(
        "restored the ledger and {} points from {}",
        grouped(points),
        arguments.file.display()
    ));
    Ok(Ended::Done)
}

/// Reads a backup into an empty docent and answers how many points there were.
pub async fn read(app: &App, file: &Path) -> anyhow::Result<u64> {
    ensure!(
        app.index.live().await?.is_none(),
        "this docent has documents already; restore into an empty one (--data DIR)"
    );
    let source = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut archive = tar::Archive::new(zstd::Decoder::new(source)?);
    let mut manifest: Option<Manifest> = None;
    let mut points = 0;
    let broken = || {
        format!(
            "{} is no backup of docent, or it is damaged",
            file.display()
        )
    };
    for entry in archive.entries().with_context(broken)? {
        let mut entry = entry.with_context(broken)?;
        let name = entry.path()?.into_owned();
        match name.to_str() {
            Some("backup.json") => {
                let read: Manifest = serde_json::from_reader(&mut entry).with_context(broken)?;
                ensure!(
                    read.format <= FORMAT,
                    "{} was written by a newer docent ({}); restore it with that one",
                    file.display(),
                    read.docent
                );
                manifest = Some(read);
            }
            Some("ledger.copy") => app.ledger.import(&mut entry).await?,
            Some("points.jsonl") => {
                let collection = manifest.as_ref().and_then(|read| read.collection.as_ref());
                if let Some(row) = collection {
                    points = read_points(app, row, BufReader::new(entry)).await?;
                }
            }
            _ => {}
        }
    }
    let manifest = manifest.with_context(broken)?;
    ensure!(
        points == manifest.points,
        "{} holds {points} of its {} points; it is damaged",
        file.display(),
        manifest.points
    );
    Ok(points)
}

async fn read_points(
    app: &App,
    row: &CollectionRow,
    mut lines: impl BufRead,
) -> anyhow::Result<u64> {
    let spec = CollectionSpec {
        name: row.name.clone(),
        dimensions: row.dimensions as usize,
    };
    app.index.create(&spec).await?;
    let mut batch = Vec::with_capacity(POINTS);
    let mut count = 0;
    let mut line = String::new();
    loop {
        line.clear();
        let end = lines.read_line(&mut line)? == 0;
        if !end {
            let point: PointLine = serde_json::from_str(&line)?;
            let text = point.payload.lexical_text();
            batch.push(Point {
                id: point.id,
                dense: point.dense,
                sparse: lexical::passage_vector(&text, row.average_length as f32),
                payload: point.payload,
            });
        }
        if batch.len() == POINTS || (end && !batch.is_empty()) {
            count += batch.len() as u64;
            app.index
                .upsert(&row.name, std::mem::take(&mut batch))
                .await?;
        }
        if end {
            break;
        }
    }
    app.index.optimize(&row.name).await?;
    app.index.flush(&row.name).await?;
    app.index.set_generation(&row.name, row.generation).await?;
    app.index.switch(&row.name).await?;
    Ok(count)
}
