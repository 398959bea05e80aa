//! Zip archives that nobody vouches for: office files, and exports that a source is made of.
//!
//! Nothing is ever written to disk, and everything is bounded: how many members, how large each one,
//! how much all that is read of an archive, and how far a member may unpack (a bomb unpacks a
//! thousandfold, text ten- to fiftyfold). A name that leads out of the archive condemns it; a link
//! or an encrypted member cannot be read.

use std::io::{self, Read, Seek};

use docent_core::document::Outcome;
use zip::ZipArchive;
use zip::result::ZipError;

/// Below this size, in bytes, a member may unpack as far as it likes: small XML of blanks does.
const RATIO_FREE: u64 = 4_000_000;

/// What may be read of one archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Members, folders included.
    pub members: usize,
    /// Bytes of one member, unpacked.
    pub member_bytes: u64,
    /// Bytes of all that is read, unpacked.
    pub total_bytes: u64,
    /// How many times larger than its packed form a member of more than 4 MB may be.
    pub ratio: u64,
}

impl Limits {
    /// For DOCX, PPTX and XLSX. A sheet of a million rows has some 100 MB of XML, packed thirtyfold.
    pub const OFFICE: Self = Self {
        members: 20_000,
        member_bytes: 512_000_000,
        total_bytes: 1_000_000_000,
        ratio: 150,
    };
    /// For exports of a wiki or a chat: many members, none of them large.
    pub const EXPORT: Self = Self {
        members: 500_000,
        member_bytes: 100_000_000,
        total_bytes: 10_000_000_000,
        ratio: 150,
    };
}

/// Why an archive, or a member of it, is not read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("not a readable zip archive: {0}")]
    Damaged(String),
    #[error("its zip archive has {found} members, more than {limit}")]
    Members { found: usize, limit: usize },
    #[error("its zip archive names a path outside of itself ({0}); refused")]
    Path(String),
    #[error("{0} in its zip archive is a link, not a file")]
    Link(String),
    #[error("{0} in its zip archive is encrypted; save it without a password")]
    Encrypted(String),
    #[error("{name} in its zip archive unpacks to more than {limit} bytes; refused")]
    Member { name: String, limit: u64 },
    #[error("its zip archive unpacks to more than {0} bytes; refused")]
    Total(u64),
    #[error(
        "{name} in its zip archive unpacks to more than {ratio} times its size, as a zip bomb does; \
         refused"
    )]
    Bomb { name: String, ratio: u64 },
}

impl From<ArchiveError> for Outcome {
    fn from(error: ArchiveError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// An opened archive. It counts what is read of it, over all members.
pub struct Archive<R> {
    zip: ZipArchive<R>,
    limits: Limits,
    /// Bytes unpacked so far.
    unpacked: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the list of members, and refuses the archive for their number or their names.
    pub fn open(reader: R, limits: Limits) -> Result<Self, ArchiveError> {
        let zip = ZipArchive::new(reader).map_err(|error| damaged(&error))?;
        if zip.len() > limits.members {
            return Err(ArchiveError::Members {
                found: zip.len(),
                limit: limits.members,
            });
        }
        if let Some(name) = zip.file_names().find(|name| leads_out(name)) {
            return Err(ArchiveError::Path(shown(name)));
        }
        Ok(Self {
            zip,
            limits,
            unpacked: 0,
        })
    }

    /// Names of all files in it, in the archive's own order, `/` between parts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.zip.file_names().filter(|name| !name.ends_with('/'))
    }

    /// Whether it holds a file of this name.
    pub fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// A whole member; `None` where there is none of this name.
    pub fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        let mut bytes = Vec::new();
        let Some(mut member) = self.stream(name)? else {
            return Ok(None);
        };
        let read = member.read_to_end(&mut bytes);
        member.explain(read.err()).map_or(Ok(Some(bytes)), Err)
    }

    /// A member to be read piece by piece. Reading fails at its bounds, and [`Member::explain`] then
    /// tells which.
    pub fn stream(&mut self, name: &str) -> Result<Option<Member<'_>>, ArchiveError> {
        let file = match self.zip.by_name(name) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                return Err(ArchiveError::Encrypted(shown(name)));
            }
            Err(error) => return Err(damaged(&error)),
        };
        if file.is_symlink() {
            return Err(ArchiveError::Link(shown(name)));
        }
        let left = self.limits.total_bytes.saturating_sub(self.unpacked);
        let packed = file.compressed_size().saturating_mul(self.limits.ratio);
        Ok(Some(Member {
            name: name.to_owned(),
            limits: self.limits,
            ratio_bytes: packed.max(RATIO_FREE),
            total_left: left,
            read: 0,
            unpacked: &mut self.unpacked,
            reached: None,
            file: Box::new(file),
        }))
    }
}

/// A member being read.
pub struct Member<'a> {
    name: String,
    limits: Limits,
    /// Most bytes that its packed size allows.
    ratio_bytes: u64,
    total_left: u64,
    read: u64,
    unpacked: &'a mut u64,
    reached: Option<ArchiveError>,
    file: Box<dyn Read + 'a>,
}

impl Member<'_> {
    /// What was wrong, after reading ended with this error; nothing where it ended well.
    pub fn explain(&mut self, error: Option<io::Error>) -> Option<ArchiveError> {
        let error = error?;
        Some(
            self.reached.take().unwrap_or_else(|| {
                ArchiveError::Damaged(format!("{}: {error}", shown(&self.name)))
            }),
        )
    }

    fn bound(&self) -> Option<ArchiveError> {
        let name = || shown(&self.name);
        if self.read > self.limits.member_bytes {
            let limit = self.limits.member_bytes;
            return Some(ArchiveError::Member {
                name: name(),
                limit,
            });
        }
        if self.read > self.total_left {
            return Some(ArchiveError::Total(self.limits.total_bytes));
        }
        let ratio = self.limits.ratio;
        (self.read > self.ratio_bytes).then(|| ArchiveError::Bomb {
            name: name(),
            ratio,
        })
    }
}

impl Read for Member<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read += read as u64;
        *self.unpacked += read as u64;
        if let Some(bound) = self.bound() {
            let error = io::Error::other(bound.to_string());
            self.reached = Some(bound);
            return Err(error);
        }
        Ok(read)
    }
}

/// Whether a name could be meant to reach a file outside of a folder that it is unpacked into.
fn leads_out(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    name.starts_with(['/', '\\'])
        || drive
        || name.contains('\0')
        || name.split(['/', '\\']).any(|part| part == "..")
}

/// A name as a report can print it.
fn shown(name: &str) -> String {
    let name: String = name.chars().take(200).collect();
    name.escape_debug().to_string()
}

fn damaged(error: &ZipError) -> ArchiveError {
    ArchiveError::Damaged(error.to_string())
}
