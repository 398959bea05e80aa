//! An export as it was downloaded: a zip, or the folder that it was unpacked into.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use docent_core::document::Outcome;
use ignore::WalkBuilder;

use super::read::read_file;
use crate::archive::{Archive, Limits};

/// The whole of a wiki is one XML file in its export.
const LIMITS: Limits = Limits {
    member_bytes: 4_000_000_000,
    ..Limits::EXPORT
};
/// Largest file that is read at once, in bytes.
const WHOLE: u64 = 256_000_000;

/// Files by their names, `/` between parts. Links are not followed, and a zip is bounded.
pub(super) enum Package {
    Folder { root: PathBuf, names: Vec<String> },
    Zip(Box<Archive<BufReader<File>>>),
}

impl Package {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| {
            format!("cannot read the export {}: {error}", path.display())
        };
        if !path.is_dir() {
            let file = File::open(path).map_err(|error| failed(&error))?;
            let archive =
                Archive::open(BufReader::new(file), LIMITS).map_err(|error| failed(&error))?;
            return Ok(Self::Zip(Box::new(archive)));
        }
        let mut names = Vec::new();
        let walk = WalkBuilder::new(path)
            .standard_filters(false)
            .follow_links(false)
            .build();
        for entry in walk {
            let entry = entry.map_err(|error| failed(&error))?;
            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
            let name = entry.path().strip_prefix(path).ok().and_then(Path::to_str);
            if let Some(name) = name.filter(|_| is_file) {
                names.push(name.to_owned());
            }
            if names.len() > LIMITS.members {
                return Err(failed(&format!(
                    "it has more than {} files",
                    LIMITS.members
                )));
            }
        }
        names.sort();
        Ok(Self::Folder {
            root: path.to_path_buf(),
            names,
        })
    }

    /// All files, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Folder { names, .. } => names.clone(),
            Self::Zip(archive) => {
                let mut names: Vec<String> = archive.names().map(str::to_owned).collect();
                names.sort();
                names
            }
        }
    }

    /// A whole file; `None` where there is none of this name.
    pub(super) fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Folder { root, names } => {
                if names
                    .binary_search_by(|known| known.as_str().cmp(name))
                    .is_err()
                {
                    return Ok(None);
                }
                match read_file(&root.join(name), WHOLE) {
                    Ok((bytes, _)) => Ok(Some(bytes)),
                    Err(Outcome::Failed(reason) | Outcome::Skipped(reason)) => {
                        Err(format!("{name}: {reason}"))
                    }
                    Err(_) => Err(format!("{name} cannot be read")),
                }
            }
            Self::Zip(archive) => {
                let Some(mut member) = archive.stream(name).map_err(|error| error.to_string())?
                else {
                    return Ok(None);
                };
                let mut bytes = Vec::new();
                let read = (&mut member).take(WHOLE + 1).read_to_end(&mut bytes);
                if let Some(error) = member.explain(read.err()) {
                    return Err(error.to_string());
                }
                if bytes.len() as u64 > WHOLE {
                    return Err(format!("{name} is larger than {WHOLE} bytes"));
                }
                Ok(Some(bytes))
            }
        }
    }

    /// Reads a file piece by piece: one that is larger than what may be held.
    pub(super) fn stream<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut dyn Read) -> Result<T, String>,
    ) -> Result<T, String> {
        match self {
            Self::Folder { root, .. } => {
                let mut file =
                    File::open(root.join(name)).map_err(|error| format!("{name}: {error}"))?;
                read(&mut file)
            }
            Self::Zip(archive) => {
                let member = archive.stream(name).map_err(|error| error.to_string())?;
                let mut member = member.ok_or_else(|| format!("{name} is not in the export"))?;
                read(&mut member)
            }
        }
    }

    /// A file of JSON; `None` where there is none of this name.
    pub(super) fn json<T: serde::de::DeserializeOwned>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, String> {
        let Some(bytes) = self.read(name)? else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| format!("{name} is not as Slack writes it: {error}"))
    }
}
