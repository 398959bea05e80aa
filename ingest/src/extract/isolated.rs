//! Reading risky formats in a process of its own: a thread cannot be stopped, a process can.
//!
//! A reader thread has one [`Extractor`]. It starts docent itself once more (`docent
//! extract-worker`), hands it file after file over a socket and takes Markdown back, so that the
//! start is paid once. Whatever a file does to its parser ends that process and fails that file:
//! a loop at its time limit, memory at its limit, a panic, an abort, a stack overflow. The next
//! file gets a new process.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use docent_core::config;
use docent_core::document::Outcome;

use super::{Extracted, extract, sniff, worker};
use crate::source::{Form, Raw};

/// A process is replaced after so many files: parsers leave their memory in pieces.
const FILES: u32 = 500;
/// Longest answer that is taken, in bytes.
const MAX_ANSWER: u64 = 64_000_000;

/// The program that reads risky files, and what it may take for one.
#[derive(Debug, Clone)]
pub struct Isolation {
    /// A program that calls [`worker::serve`], and its arguments.
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// Longest time for one file, of the wall clock as of the processor.
    pub limit: Duration,
    /// Memory beyond what the program itself takes at its start, in `MiB`.
    pub memory_mb: u64,
}

impl Isolation {
    /// As the configuration has it: docent itself, where it names no program.
    pub fn of(settings: &config::Ingest) -> Self {
        let program = if settings.extract_program.as_os_str().is_empty() {
            // What is running now, even where another version was installed over it since.
            PathBuf::from("/proc/self/exe")
        } else {
            settings.extract_program.clone()
        };
        Self {
            program,
            arguments: vec![OsString::from("extract-worker")],
            limit: Duration::from_secs(settings.extract_seconds.max(1)),
            memory_mb: settings.extract_memory_mb,
        }
    }
}

/// Extracts documents, risky ones in a process of its own, which is started for the first of them.
pub struct Extractor {
    isolation: Isolation,
    worker: Option<Worker>,
}

impl Extractor {
    pub fn new(isolation: Isolation) -> Self {
        Self {
            isolation,
            worker: None,
        }
    }

    /// [`extract()`], but nothing that the file holds can harm this process.
    pub fn extract(&mut self, raw: &Raw) -> Result<Extracted, Outcome> {
        if !is_risky(raw) {
            return extract(raw);
        }
        loop {
            let mut worker = match self.worker.take() {
                Some(worker) => worker,
                None => Worker::start(&self.isolation)?,
            };
            match worker.ask(raw, &self.isolation) {
                Ok(result) => {
                    self.worker = Some(worker).filter(|worker| worker.files < FILES);
                    return result;
                }
                // What earlier files left behind may have taken the memory: once more in a new one.
                Err(failure) if worker.files > 0 && !failure.is_timeout() => {}
                Err(failure) => return Err(worker.end(&failure, &self.isolation)),
            }
        }
    }
}

fn is_risky(raw: &Raw) -> bool {
    if raw.form != Form::Named {
        return false;
    }
    match sniff::binary(&raw.path, &raw.bytes) {
        Ok(Some(kind)) => kind.is_risky(),
        Ok(None) => {
            let first = raw.bytes.iter().find(|byte| byte.is_ascii_graphic());
            first == Some(&b'{')
                && super::decode::text(&raw.bytes)
                    .is_ok_and(|text| sniff::text(&raw.path, &text).is_risky())
        }
        Err(_) => false,
    }
}

/// A running process and the socket that is its standard input.
struct Worker {
    child: Child,
    channel: UnixStream,
    /// Files that it has read.
    files: u32,
}

/// Why no answer came.
enum Failure {
    Timeout,
    Ended(io::Error),
}

impl Failure {
    fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::Timeout,
            _ => Self::Ended(error),
        }
    }
}

impl Worker {
    fn start(isolation: &Isolation) -> Result<Self, Outcome> {
        let started = || -> io::Result<Self> {
            let (channel, theirs) = UnixStream::pair()?;
            let mut command = Command::new(&isolation.program);
            // It needs none of this process's secrets, and parsers that print find nobody.
            command
                .arg0("docent")
                .args(&isolation.arguments)
                .env_clear()
                .stdin(Stdio::from(OwnedFd::from(theirs)))
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
                command.env("LD_LIBRARY_PATH", path);
            }
            Ok(Self {
                child: command.spawn()?,
                channel,
                files: 0,
            })
        };
        started().map_err(|error| {
            let program = isolation.program.display();
            Outcome::Failed(format!(
                "its parser could not be started: {program}: {error} (ingest.extract_program)"
            ))
        })
    }

    fn ask(
        &mut self,
        raw: &Raw,
        isolation: &Isolation,
    ) -> Result<Result<Extracted, Outcome>, Failure> {
        let mut channel = Timed {
            stream: &self.channel,
            until: Instant::now() + isolation.limit,
        };
        let request = worker::Request {
            path: raw.path.clone(),
            given: raw.given.clone(),
            seconds: isolation.limit.as_secs() + 1,
            memory_mb: isolation.memory_mb,
        };
        let request = serde_json::to_vec(&request).map_err(io::Error::from)?;
        worker::write_frame(&mut channel, &request)?;
        worker::write_frame(&mut channel, &raw.bytes)?;
        let answer = worker::read_frame(&mut channel, MAX_ANSWER)?
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        self.files += 1;
        Ok(serde_json::from_slice(&answer).map_err(io::Error::from)?)
    }

    /// Stops it, and tells what became of the file.
    fn end(mut self, failure: &Failure, isolation: &Isolation) -> Outcome {
        let too_slow = || {
            let seconds = isolation.limit.as_secs_f32();
            format!("not read within {seconds} s (ingest.extract_seconds)")
        };
        let reason = match failure {
            Failure::Timeout => too_slow(),
            // It may be about to end: its own status says more than the broken socket.
            Failure::Ended(error) => match self.wait(Duration::from_secs(2)) {
                Some(status) => match status.signal() {
                    Some(24) => too_slow(),
                    Some(6 | 9) => format!(
                        "its parser ran out of memory or of stack (ingest.extract_memory_mb = {})",
                        isolation.memory_mb
                    ),
                    Some(11) => "its parser crashed; please report the file".to_owned(),
                    _ => format!("its parser ended without an answer: {status}"),
                },
                None => format!("its parser did not answer: {error}"),
            },
        };
        Outcome::Failed(reason)
    }

    fn wait(&mut self, longest: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + longest;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            if Instant::now() > until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A socket that gives up at a moment, however slowly bytes trickle.
struct Timed<'a> {
    stream: &'a UnixStream,
    until: Instant,
}

impl Timed<'_> {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(Some(left))
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
