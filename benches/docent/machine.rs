//! Processes, their time and their memory, as Linux tells them.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Resident memory of a process in megabytes, without the pages of mapped files.
pub(crate) fn memory_mb(process: u32) -> f64 {
    status_mb(process, "RssAnon:").expect("a live process")
}

/// A line of a process's status, in megabytes; `None`: it has ended.
pub(crate) fn status_mb(process: u32, name: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// What a folder takes on the disk, in megabytes.
pub(crate) fn disk_mb(folder: &Path) -> f64 {
    fn blocks(folder: &Path) -> u64 {
        let entries = std::fs::read_dir(folder).expect("a folder").flatten();
        let blocks = entries.map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => blocks(&entry.path()),
            Ok(metadata) => metadata.blocks(),
            Err(_) => 0,
        });
        blocks.sum()
    }
    blocks(folder) as f64 * 512.0 / 1e6
}

/// The scripted model server in a process of its own; it ends when this is dropped.
pub(crate) struct ScriptedProcess {
    pub base_url: String,
    child: Child,
    _open: ChildStdin,
}

impl ScriptedProcess {
    pub(crate) fn start(first_token_ms: u64, gap_ms: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([
                super::SCRIPTED,
                &first_token_ms.to_string(),
                &gap_ms.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the scripted server starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out)
            .read_line(&mut line)
            .expect("its address");
        Self {
            base_url: line.trim().to_owned(),
            _open: child.stdin.take().expect("its input"),
            child,
        }
    }
}

impl Drop for ScriptedProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `docent serve` in a process of its own.
pub(crate) struct ServeProcess {
    pub url: String,
    pub id: u32,
    /// From the start of the process until it was ready to answer.
    pub ready_in: Duration,
    child: Child,
}

impl ServeProcess {
    /// Starts it over a data folder, and waits until it can answer.
    pub(crate) async fn start(data: &Path, environment: &[(&str, String)]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let started = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_docent"))
            .arg("--data")
            .arg(data)
            .arg("serve")
            .env("DOCENT_SERVER__PORT", port.to_string())
            .env("DOCENT_LOG__LEVEL", "error")
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .spawn()
            .expect("docent starts");
        let url = format!("http://127.0.0.1:{port}");
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        loop {
            let ready = http.get(format!("{url}/readyz")).send().await;
            if ready.is_ok_and(|response| response.status().is_success()) {
                break;
            }
            assert!(
                started.elapsed() < Duration::from_mins(2),
                "docent does not become ready"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Self {
            url,
            id: child.id(),
            ready_in: started.elapsed(),
            child,
        }
    }

    /// Ends it as an operator would.
    pub(crate) fn stop(mut self) {
        let _ = Command::new("kill")
            .args(["-TERM", &self.id.to_string()])
            .status();
        let _ = self.child.wait();
    }
}
