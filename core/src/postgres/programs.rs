//! Finds the machine's Postgres programs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PostgresError;

/// Where Debian keeps the programs, a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder of `initdb` and `postgres` for the cluster in `data`: the newest where there is no
/// cluster yet, else the one that made it. A folder that is named, as `bin_dir` or in
/// `PG_BIN_DIR`, is the only one looked at.
pub(super) fn find(bin_dir: Option<&Path>, data: &Path) -> Result<PathBuf, PostgresError> {
    let named = bin_dir.map(Path::to_owned).or_else(|| {
        env::var_os("PG_BIN_DIR")
            .filter(|dir| !dir.is_empty())
            .map(PathBuf::from)
    });
    let (candidates, looked) = match named {
        Some(dir) => (vec![dir.clone()], dir.display().to_string()),
        None => (installed(), format!("PATH and {DEBIAN}/*/bin")),
    };
    let found: Vec<PathBuf> = candidates
        .into_iter()
        .filter_map(|dir| complete(&dir))
        .collect();
    let Some(first) = found.first() else {
        return Err(PostgresError::NotFound { looked });
    };
    let Ok(made_by) = fs::read_to_string(data.join("PG_VERSION")) else {
        return Ok(first.clone());
    };
    let made_by = made_by.trim().to_owned();
    let versions: Vec<String> = found.iter().map(|dir| version(dir)).collect();
    match versions.iter().position(|version| *version == made_by) {
        Some(at) => Ok(found[at].clone()),
        None => Err(PostgresError::OtherVersion {
            folder: data.to_owned(),
            made_by,
            found: versions.join(", "),
        }),
    }
}

/// Folders of `PATH`, then Debian's, newest version first.
fn installed() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .collect();
    let mut debian: Vec<(u32, PathBuf)> = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    debian.sort_unstable_by(|left, right| right.cmp(left));
    folders.extend(debian.into_iter().map(|(_, dir)| dir));
    folders
}

/// The folder that really holds both programs. A lone `postgres` (a wrapper, a client package)
/// does not count; a link leads to the folder that it points into.
fn complete(dir: &Path) -> Option<PathBuf> {
    let both = |dir: &Path| dir.join("postgres").is_file() && dir.join("initdb").is_file();
    if !both(dir) {
        return None;
    }
    let real = fs::canonicalize(dir.join("postgres")).ok()?;
    let real = real.parent()?;
    if both(real) {
        return Some(real.to_owned());
    }
    fs::canonicalize(dir).ok()
}

/// The major version as `PG_VERSION` writes it, e.g. `15`; empty where it cannot be told.
fn version(dir: &Path) -> String {
    let Ok(output) = Command::new(dir.join("postgres")).arg("--version").output() else {
        return String::new();
    };
    // "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .nth(2)
        .map(|number| number.chars().take_while(char::is_ascii_digit).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_initdb_is_not_taken_for_an_installation() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("postgres"), "").unwrap();
        let error = find(Some(dir.path()), &dir.path().join("data")).unwrap_err();
        assert!(
            error.to_string().contains("apt-get install postgresql"),
            "{error}"
        );
    }
}
