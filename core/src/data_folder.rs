//! The data folder and its one owner: whoever holds the lock may open the embedded index and the
//! embedded Postgres. Others reach them through the owner's socket.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// It cannot be made or written.
    #[error("the data folder {folder} cannot be used: {reason}; choose another with --data DIR")]
    Unusable { folder: String, reason: String },
    /// Another process has held it for too long.
    #[error(
        "the data folder {folder} is in use by {holder}; wait for it to end, or give this command \
         a folder of its own with --data DIR"
    )]
    Held { folder: String, holder: String },
}

/// The lock of a data folder; given back when it is dropped, or when the process ends in any way.
#[derive(Debug)]
pub struct Ownership {
    _lock: File,
}

/// A folder, owned or not.
#[derive(Debug, Clone)]
pub struct DataFolder {
    path: PathBuf,
}

/// A socket path may have at most this many bytes (`sun_path`, with its closing NUL, on Linux).
const SOCKET_PATH_MAX: usize = 107;

impl DataFolder {
    /// Makes the folder (0700) where it is missing.
    pub fn open(path: &Path) -> Result<Self, DataFolderError> {
        let unusable = |error: std::io::Error| DataFolderError::Unusable {
            folder: path.display().to_string(),
            reason: error.to_string(),
        };
        if !path.is_dir() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(unusable)?;
        }
        let path = path.canonicalize().map_err(unusable)?;
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the embedded index lies.
    pub fn index(&self) -> PathBuf {
        self.path.join("index")
    }

    /// Where the embedded Postgres lies.
    pub fn postgres(&self) -> PathBuf {
        self.path.join("postgres")
    }

    /// Where a source keeps what it fetched: losing it costs fetching it again, nothing else.
    pub fn cache(&self, source: &str) -> PathBuf {
        self.path.join("cache").join(source)
    }

    /// Where records wait while Postgres is away.
    pub fn spool(&self) -> PathBuf {
        self.path.join("spool")
    }

    /// Where events of Slack wait while Postgres is away.
    pub fn slack_inbox(&self) -> PathBuf {
        self.path.join("slack")
    }

    /// Where collections lie that are beside the live one, as an evaluation's corpus.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.path.join("beside").join(name)
    }

    /// Its lasting name, made when it is first asked for: another folder has another one, wherever the
    /// two lie.
    pub fn identity(&self) -> Result<Uuid, DataFolderError> {
        let path = self.path.join("identity");
        let unusable = |error: std::io::Error| DataFolderError::Unusable {
            folder: self.path.display().to_string(),
            reason: format!("{}: {error}", path.display()),
        };
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        if let Ok(identity) = written.trim().parse() {
            return Ok(identity);
        }
        // Not there, or a power cut came between making and writing it.
        let identity = Uuid::new_v4();
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&path).map_err(unusable)?;
        write!(file, "{identity}").map_err(unusable)?;
        Ok(identity)
    }

    /// The owner's socket: `docent.sock` in the folder, or, where that path is too long for a
    /// socket, a name made from it in a private folder below the temporary one.
    pub fn socket(&self) -> PathBuf {
        let path = self.path.join("docent.sock");
        if path.as_os_str().len() <= SOCKET_PATH_MAX {
            return path;
        }
        let digest = crate::document::bytes_hash(path.as_os_str().as_encoded_bytes());
        let user = rustix::process::geteuid().as_raw();
        std::env::temp_dir()
            .join(format!("docent-{user}"))
            .join(format!("{}.sock", &digest[..16]))
    }

    /// [`socket`](Self::socket), whose folder is there and, outside the data folder, nobody else's:
    /// its name can be guessed, and whoever made it first would hear the questions.
    pub fn private_socket(&self) -> Result<PathBuf, DataFolderError> {
        let socket = self.socket();
        let folder = socket.parent().unwrap_or(&self.path);
        if folder == self.path {
            return Ok(socket);
        }
        let made = std::fs::DirBuilder::new().mode(0o700).create(folder);
        let made = match made {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => check_private(folder),
        };
        made.map_err(|error| DataFolderError::Unusable {
            folder: self.path.display().to_string(),
            reason: format!(
                "its path is too long for a socket, and {}: {error}",
                folder.display()
            ),
        })?;
        Ok(socket)
    }

    /// Takes the lock when it is free; otherwise says who holds it.
    pub fn try_own(&self, command: &str) -> Result<Result<Ownership, String>, DataFolderError> {
        let path = self.path.join("docent.lock");
        let unusable = |error: std::io::Error| DataFolderError::Unusable {
            folder: self.path.display().to_string(),
            reason: format!("{}: {error}", path.display()),
        };
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {
                let holder = format!("docent {command} (process {})", std::process::id());
                lock.set_len(0).map_err(unusable)?;
                lock.rewind().map_err(unusable)?;
                lock.write_all(holder.as_bytes()).map_err(unusable)?;
                Ok(Ok(Ownership { _lock: lock }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                lock.read_to_string(&mut holder).map_err(unusable)?;
                if holder.is_empty() {
                    "another process".clone_into(&mut holder);
                }
                Ok(Err(holder))
            }
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Takes the lock, waiting up to `patience` for a short command that holds it.
    pub async fn own(
        &self,
        command: &str,
        patience: Duration,
    ) -> Result<Ownership, DataFolderError> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            match self.try_own(command)? {
                Ok(ownership) => return Ok(ownership),
                Err(holder) if tokio::time::Instant::now() >= deadline => {
                    return Err(DataFolderError::Held {
                        folder: self.path.display().to_string(),
                        holder,
                    });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

/// Whether a folder is this user's, and closed to everyone else.
fn check_private(folder: &Path) -> std::io::Result<()> {
    let found = std::fs::symlink_metadata(folder)?;
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    let open_to_others = 0o077;
    if found.is_dir() && ours && (found.mode() & open_to_others) == 0 {
        return Ok(());
    }
    Err(std::io::Error::other(
        "it is not a folder of this user alone (0700)",
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn a_second_owner_is_told_who_holds_the_folder_and_gets_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(&folder.path().join("data")).unwrap();
        let first = data.own("ingest", Duration::ZERO).await.unwrap();
        let refused = data.own("ask", Duration::from_millis(150)).await;
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("docent ingest (process"), "{said}");
        drop(first);
        data.own("ask", Duration::ZERO).await.unwrap();
    }

    #[test]
    fn a_folder_keeps_its_name_and_another_one_has_another() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let identity = |path: &Path| DataFolder::open(path).unwrap().identity().unwrap();
        assert_eq!(identity(one.path()), identity(one.path()));
        assert_ne!(identity(one.path()), identity(two.path()));
    }

    #[test]
    fn a_long_path_gets_a_socket_that_can_be_bound() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("x".repeat(120));
        let data = DataFolder::open(&deep).unwrap();
        assert!(data.socket().as_os_str().len() <= SOCKET_PATH_MAX);
    }

    #[test]
    fn a_socket_is_not_put_where_others_may_write_or_lead_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let set = |mode| {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.path(), permissions).unwrap();
        };
        set(0o777);
        assert!(check_private(folder.path()).is_err());
        set(0o700);
        assert!(check_private(folder.path()).is_ok());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(check_private(&link).is_err());
    }
}
