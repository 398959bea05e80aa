//! The other side of [`super::isolated`]: the process that reads risky files.
//!
//! It limits itself before it looks at the first file: memory, processor time for each file, no
//! core file, nothing written anywhere. It ends when its socket closes.

use std::io::{self, Read, Write};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use docent_core::document::Outcome;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::{Extracted, FrontMatter, extract};
use crate::source::{Form, Raw};

/// Longest file that is taken, in bytes; the other side has its own, lower limit.
const MAX_FILE: u64 = 4_000_000_000;

/// What comes before the bytes of each file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) path: String,
    /// What the source knows about it.
    pub(super) given: FrontMatter,
    /// Processor time that the file may take.
    pub(super) seconds: u64,
    /// Memory beyond what is taken already, in `MiB`; the first request decides.
    pub(super) memory_mb: u64,
}

/// Answers requests on standard input, which is a socket, until it closes. For the program that
/// [`super::isolated::Isolation`] names, and nothing else: its limits hold for the whole process.
pub fn serve() -> io::Result<()> {
    let mut channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    std::panic::set_hook(Box::new(|_| {}));
    let mut is_limited = false;
    while let Some(request) = read_frame(&mut channel, MAX_FILE)? {
        let request: Request = serde_json::from_slice(&request)?;
        if !is_limited {
            limit_process(request.memory_mb)?;
            is_limited = true;
        }
        let bytes = read_frame(&mut channel, MAX_FILE)?.unwrap_or_default();
        limit_time(request.seconds)?;
        let raw = Raw {
            path: request.path,
            bytes,
            form: Form::Named,
            given: request.given,
            modified: None,
            included: Vec::new(),
            notes: Vec::new(),
            raw_hash: String::new(),
        };
        let answer: Result<Extracted, Outcome> = extract(&raw);
        drop(raw);
        write_frame(&mut channel, &serde_json::to_vec(&answer)?)?;
    }
    Ok(())
}

fn limit_process(memory_mb: u64) -> io::Result<()> {
    let taken = address_space()?;
    let memory = taken.saturating_add(memory_mb.saturating_mul(1 << 20));
    for (resource, limit) in [
        (Resource::As, memory),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
    ] {
        lower(resource, limit)?;
    }
    Ok(())
}

/// Sets the soft limit: what is taken so far and `seconds` more. The kernel then sends `SIGXCPU`,
/// which ends the process, even if the one that started it is gone.
fn limit_time(seconds: u64) -> io::Result<()> {
    let taken = clock_gettime(ClockId::ProcessCPUTime).tv_sec;
    lower(Resource::Cpu, taken.unsigned_abs().saturating_add(seconds))
}

fn lower(resource: Resource, limit: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum;
    let current = Some(maximum.map_or(limit, |maximum| maximum.min(limit)));
    Ok(setrlimit(resource, Rlimit { current, maximum })?)
}

/// Bytes of address space that the process has now: its own code and data, the model in it.
fn address_space() -> io::Result<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages = pages
        .split(' ')
        .next()
        .and_then(|pages| pages.parse::<u64>().ok());
    pages
        .map(|pages| pages * rustix::param::page_size() as u64)
        .ok_or_else(|| io::Error::other("/proc/self/statm tells no size"))
}

/// Eight bytes of length, little-endian, then the bytes.
pub(super) fn write_frame(channel: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    channel.write_all(&(bytes.len() as u64).to_le_bytes())?;
    channel.write_all(bytes)
}

/// The next frame; `None` where the other side has closed.
pub(super) fn read_frame(channel: &mut impl Read, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 8];
    if let Err(error) = channel.read_exact(&mut length) {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => Ok(None),
            _ => Err(error),
        };
    }
    let length = u64::from_le_bytes(length);
    if length > max_bytes {
        return Err(io::Error::other(format!("a frame of {length} bytes")));
    }
    // Not allocated at once: the length is only a promise.
    let mut bytes = Vec::new();
    channel.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(bytes))
}
