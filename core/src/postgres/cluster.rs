//! The private cluster: its folder, who owns it, and how it is built.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, lchown,
};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::process::{RunAs, tie};
use super::{Durability, PATIENCE, PORT, PostgresError, ROLE, programs};
use crate::document::bytes_hash;

/// Longest path of a unix socket on Linux, in bytes (`sun_path` without its final NUL; unix(7)).
const SOCKET_PATH_BYTES: usize = 107;
/// The log starts anew beyond this many bytes.
const LOG_BYTES: u64 = 1 << 20;

/// A cluster that is ready to be run.
pub(super) struct Cluster {
    pub(super) folder: PathBuf,
    /// Postgres's own data directory.
    pub(super) data: PathBuf,
    pub(super) socket_folder: PathBuf,
    pub(super) run_as: RunAs,
    programs: PathBuf,
}

/// Creates the folder and takes its lock: two starts at once would build over each other.
pub(super) async fn lock(folder: &Path) -> Result<File, PostgresError> {
    let failed = |source| PostgresError::Folder {
        path: folder.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join("lock"))
        .map_err(failed)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if begun.elapsed() > PATIENCE / 2 => {
                return Err(PostgresError::InUse {
                    folder: folder.to_owned(),
                });
            }
            Err(TryLockError::WouldBlock) => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

impl Cluster {
    /// Finds the programs and the user for the cluster in `folder`, and builds it where there is
    /// none.
    pub(super) fn prepare(
        folder: &Path,
        bin_dir: Option<&Path>,
        durability: Durability,
    ) -> Result<Self, PostgresError> {
        let failed = |source| PostgresError::Folder {
            path: folder.to_owned(),
            source,
        };
        let folder = fs::canonicalize(folder).map_err(failed)?;
        let data = folder.join("data");
        let programs = programs::find(bin_dir, &data)?;
        let run_as = choose_user(&folder, &data, &programs);
        let socket_folder = own(&folder, run_as)
            .and_then(|()| socket_folder(&folder, run_as))
            .map_err(failed)?;
        let cluster = Self {
            folder,
            data,
            socket_folder,
            run_as,
            programs,
        };
        if !cluster.data.join("PG_VERSION").exists() {
            cluster.build(durability)?;
        }
        Ok(cluster)
    }

    /// One of the programs, with an environment that holds nothing of ours for Postgres.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        command
            .env("LC_ALL", "C")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    pub(super) fn open_log(&self) -> io::Result<File> {
        let path = self.folder.join("postgres.log");
        let full = fs::metadata(&path).is_ok_and(|log| log.len() > LOG_BYTES);
        if full {
            fs::rename(&path, self.folder.join("postgres.log.1"))?;
        }
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
    }

    /// What the server said since the log had `start` bytes: its last lines.
    pub(super) fn log_since(&self, start: u64) -> String {
        let mut text = Vec::new();
        let read = File::open(self.folder.join("postgres.log")).and_then(|mut log| {
            log.seek(SeekFrom::Start(start))?;
            log.read_to_end(&mut text)
        });
        if read.is_err() || text.is_empty() {
            return "it ended without a word".to_owned();
        }
        last_lines(&text)
    }

    /// `initdb` is not atomic: the cluster is built beside its place and then moved there.
    fn build(&self, durability: Durability) -> Result<(), PostgresError> {
        let new = self.folder.join("data.new");
        // C.UTF-8 knows letters beyond ASCII; a system without it has C.
        self.initdb(&new, "C.UTF-8", durability)
            .or_else(|_| self.initdb(&new, "C", durability))?;
        fs::rename(&new, &self.data)
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(|source| PostgresError::Folder {
                path: self.data.clone(),
                source,
            })
    }

    fn initdb(
        &self,
        new: &Path,
        locale: &str,
        durability: Durability,
    ) -> Result<(), PostgresError> {
        let failed = |reason: String| PostgresError::Failed {
            program: "initdb",
            folder: self.folder.clone(),
            reason,
        };
        if new.exists() {
            fs::remove_dir_all(new).map_err(|error| failed(error.to_string()))?;
        }
        let mut command = self.command("initdb");
        command.arg("-D").arg(new).args([
            "--username",
            ROLE,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--locale",
            locale,
        ]);
        if durability == Durability::ForTests {
            command.arg("--no-sync");
        }
        tie(&mut command, self.run_as);
        let output = command.output().map_err(|error| {
            failed(format!("{error}; choose a --data folder that the user `postgres` can reach, or run docent as a user of its own"))
        })?;
        if output.status.success() {
            return Ok(());
        }
        Err(failed(last_lines(&output.stderr)))
    }
}

fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut lines: Vec<&str> = text.lines().rev().take(6).collect();
    lines.reverse();
    lines.join("; ")
}

/// Root may not run Postgres. The owner of an existing cluster goes on with it; a new one gets
/// Debian's `postgres`, or `nobody`. Where that user could not reach the folder or the programs
/// (below `/root`), a user namespace takes root's rights away instead.
fn choose_user(folder: &Path, data: &Path, programs: &Path) -> RunAs {
    if !rustix::process::geteuid().is_root() {
        return RunAs::Myself;
    }
    let owner = fs::metadata(data)
        .ok()
        .filter(|data| data.uid() != 0)
        .map(|data| (data.uid(), data.gid()));
    let Some((uid, gid)) = owner
        .or_else(|| account("postgres"))
        .or_else(|| account("nobody"))
    else {
        return RunAs::Namespace;
    };
    let above = folder.parent().unwrap_or(folder);
    if reaches(uid, gid, above) && reaches(uid, gid, programs) {
        RunAs::User { uid, gid }
    } else {
        RunAs::Namespace
    }
}

/// User and group id of an account, from `/etc/passwd` (name:x:uid:gid:…; passwd(5)).
fn account(name: &str) -> Option<(u32, u32)> {
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some((uid, gid))
    })
}

/// Whether the user may pass through `folder` and everything above it.
fn reaches(uid: u32, gid: u32, folder: &Path) -> bool {
    folder.ancestors().all(|folder| {
        fs::metadata(folder).is_ok_and(|folder| {
            let bit = if folder.uid() == uid {
                0o100
            } else if folder.gid() == gid {
                0o010
            } else {
                0o001
            };
            folder.mode() & bit != 0
        })
    })
}

/// Gives the folder to the user that runs the server, and shuts it for everyone else.
fn own(folder: &Path, run_as: RunAs) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    let (uid, gid) = match run_as {
        RunAs::Myself => return Ok(()),
        RunAs::User { uid, gid } => (uid, gid),
        RunAs::Namespace => (0, 0),
    };
    if fs::metadata(folder)?.uid() != uid {
        chown(folder, Some(uid), Some(gid))?;
    }
    let data = folder.join("data");
    if fs::metadata(&data).is_ok_and(|data| data.uid() != uid) {
        own_tree(&data, uid, gid)?;
    }
    Ok(())
}

/// The folder itself last: an interrupted change is seen, and made again, by the next start.
fn own_tree(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            own_tree(&entry?.path(), uid, gid)?;
        }
    }
    lchown(path, Some(uid), Some(gid))
}

/// The folder itself, or where its path is too long for a socket, one in the temp folder. Its name
/// can be guessed, so one that is there must be ours alone.
fn socket_folder(folder: &Path, run_as: RunAs) -> io::Result<PathBuf> {
    let file = format!(".s.PGSQL.{PORT}");
    if folder.join(&file).as_os_str().len() <= SOCKET_PATH_BYTES {
        return Ok(folder.to_owned());
    }
    let hash = bytes_hash(folder.as_os_str().as_encoded_bytes());
    let short = env::temp_dir().join(format!("docent-{}", &hash[..16]));
    let made = DirBuilder::new().mode(0o700).create(&short);
    if let Err(error) = made
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(error);
    }
    let myself = rustix::process::geteuid().as_raw();
    let owner = match run_as {
        RunAs::Myself | RunAs::Namespace => myself,
        RunAs::User { uid, .. } => uid,
    };
    let found = fs::symlink_metadata(&short)?;
    let ours = found.uid() == myself || found.uid() == owner;
    if !found.is_dir() || !ours || found.mode() & 0o077 != 0 {
        return Err(io::Error::other(format!(
            "its path is too long for a unix socket, and {} belongs to someone else",
            short.display()
        )));
    }
    if found.uid() != owner {
        chown(&short, Some(owner), None)?;
    }
    Ok(short)
}
