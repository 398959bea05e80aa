//! Running the `git` program: without the configuration of this machine, without hooks, over the one
//! protocol that is meant, for a bounded time, and with the token in its environment only.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use docent_core::config;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::Instant;

use super::super::net::{AllowedHosts, is_public};
use super::remote::{Protocol, Remote};

/// What is kept of what git says.
const MAX_WORDS: u64 = 16_384;
/// Longest output of a command, in bytes: a list of a million files fits.
const MAX_OUTPUT: u64 = 256 * 1024 * 1024;
/// How often a repository that grows is weighed.
const WEIGH_EVERY: Duration = Duration::from_millis(500);
/// What git may read of docent's own environment: where programs, keys and certificates are.
const KEPT: [&str; 10] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_SSH_COMMAND",
    "GIT_EXEC_PATH",
];
/// Handed on to hosts that the configuration allows; others are reached directly, at the address
/// that was checked.
const PROXIES: [&str; 6] = [
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

/// Calls git for one source.
pub(super) struct Program {
    git_dir: PathBuf,
    settings: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    deadline: Instant,
    timeout_seconds: u64,
    max_bytes: u64,
}

impl Program {
    /// Checks where the repository is: on the public internet, or where the configuration allows.
    pub(super) async fn new(
        git_dir: PathBuf,
        git: &config::Git,
        remote: &Remote,
    ) -> Result<Self, String> {
        let protocol = match remote.protocol {
            Protocol::Http => remote.url.split(':').next().unwrap_or("https"),
            Protocol::Ssh => "ssh",
            Protocol::File => "file",
        };
        let mut settings: Vec<(String, String)> = [
            ("core.hooksPath", "/dev/null"),
            ("core.fsmonitor", "false"),
            ("core.autocrlf", "false"),
            ("credential.helper", ""),
            ("fetch.recurseSubmodules", "false"),
            ("gc.autoDetach", "false"),
            ("http.followRedirects", "false"),
            ("protocol.allow", "never"),
            ("safe.directory", "*"),
            ("submodule.recurse", "false"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        settings.push((format!("protocol.{protocol}.allow"), "always".to_owned()));
        let mut variables: Vec<(String, String)> = [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", "true"),
            ("LC_ALL", "C"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let allowed = AllowedHosts::of(&git.allow_hosts).has(&remote.host, Some(remote.port));
        if allowed {
            variables.extend(PROXIES.iter().filter_map(|name| variable(name)));
        } else if remote.protocol != Protocol::File {
            let address = public_address(remote).await?;
            if remote.protocol == Protocol::Http {
                // What was checked is what is connected to, whatever the name resolves to next.
                let pinned = format!("{}:{}:{address}", remote.host, remote.port);
                settings.push(("http.curloptResolve".to_owned(), pinned));
            } else {
                // A command of the operator's own names a key, perhaps.
                let own = variable("GIT_SSH_COMMAND").map_or("ssh".to_owned(), |(_, own)| own);
                let ssh = format!(
                    "{own} -o BatchMode=yes -o HostKeyAlias={} -o HostName={address}",
                    remote.host
                );
                variables.push(("GIT_SSH_COMMAND".to_owned(), ssh));
            }
        }
        if !git.token.is_empty() {
            let user = if git.user.is_empty() {
                user_of(&remote.host)
            } else {
                &git.user
            };
            let login = BASE64_STANDARD.encode(format!("{user}:{}", git.token.expose()));
            settings.push((
                format!("http.{}.extraHeader", remote.url),
                format!("Authorization: Basic {login}"),
            ));
        }
        Ok(Self {
            git_dir,
            settings,
            variables,
            deadline: Instant::now() + Duration::from_secs(git.timeout_seconds.max(1)),
            timeout_seconds: git.timeout_seconds,
            max_bytes: git.max_bytes,
        })
    }

    /// Runs a command in the repository; answers with what it printed.
    pub(super) async fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, String> {
        let git_dir = self.git_dir.display().to_string();
        let flag = format!("--git-dir={git_dir}");
        self.start(&[&[flag.as_str()], arguments].concat()).await
    }

    /// Runs a command that needs no repository yet.
    pub(super) async fn start(&self, arguments: &[&str]) -> Result<Vec<u8>, String> {
        let mut command = Command::new("git");
        command
            .args(arguments)
            .env_clear()
            .envs(KEPT.iter().filter_map(|name| variable(name)))
            .envs(self.variables.iter().cloned())
            .env("GIT_CONFIG_COUNT", self.settings.len().to_string());
        for (number, (key, value)) in self.settings.iter().enumerate() {
            command
                .env(format!("GIT_CONFIG_KEY_{number}"), key)
                .env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Its helpers (git-remote-https, ssh) end with it.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                "the program `git` is not installed, or not on PATH".to_owned()
            }
            _ => format!("git cannot be started: {error}"),
        })?;
        let group = Group(child.id().and_then(|id| Pid::from_raw(id as i32)));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err("git gives no output".to_owned());
        };
        let work = async {
            let (mut stdout, mut stderr) = (stdout.take(MAX_OUTPUT), stderr.take(MAX_WORDS));
            let read = tokio::join!(stdout.read_to_end(&mut out), stderr.read_to_end(&mut err));
            read.0.and(read.1)?;
            child.wait().await
        };
        let status = tokio::select! {
            done = tokio::time::timeout_at(self.deadline, work) => match done {
                Ok(status) => status.map_err(|error| format!("git: {error}"))?,
                Err(_) => return Err(format!(
                    "git was stopped after {} seconds (timeout_seconds)", self.timeout_seconds
                )),
            },
            () = self.grown() => return Err(self.too_large()),
        };
        drop(group);
        if status.success() {
            if weight(&self.git_dir) > self.max_bytes {
                return Err(self.too_large());
            }
            return Ok(out);
        }
        Err(explain(&String::from_utf8_lossy(&err)))
    }

    fn too_large(&self) -> String {
        format!(
            "the repository has more than {} bytes (max_bytes)",
            self.max_bytes
        )
    }

    /// Ends when the repository is larger than it may be.
    async fn grown(&self) {
        loop {
            tokio::time::sleep(WEIGH_EVERY).await;
            if weight(&self.git_dir) > self.max_bytes {
                return;
            }
        }
    }
}

/// A process group that is killed when it is dropped; one that has ended is not there any more.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn variable(name: &str) -> Option<(String, String)> {
    Some((name.to_owned(), std::env::var(name).ok()?))
}

/// One address of a host, where all that it has are public.
async fn public_address(remote: &Remote) -> Result<String, String> {
    let host = remote.host.trim_matches(['[', ']']);
    let addresses: Vec<_> = tokio::net::lookup_host((host, remote.port))
        .await
        .map_err(|error| format!("{host} cannot be found: {error}"))?
        .collect();
    if addresses.iter().any(|address| !is_public(address.ip())) {
        return Err(format!(
            "{host} is not on the public internet; where that is meant, add it to the source's \
             allow_hosts"
        ));
    }
    // IPv4 first: machines without IPv6 are more than networks without IPv4.
    addresses
        .iter()
        .min_by_key(|address| address.is_ipv6())
        .map(|address| address.ip().to_string())
        .ok_or_else(|| format!("{host} has no address"))
}

/// The user name that goes with a token where the configuration names none.
fn user_of(host: &str) -> &'static str {
    if host.contains("gitlab") {
        "oauth2"
    } else if host.contains("bitbucket") {
        "x-token-auth"
    } else {
        "x-access-token"
    }
}

fn weight(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => weight(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// What git says, on one line, with the way out where it is known.
fn explain(said: &str) -> String {
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("warning:"))
        .collect();
    let words = lines.join("; ");
    let has = |sign: &str| words.contains(sign);
    let way_out = if has("could not read Username")
        || has("Authentication failed")
        || has("terminal prompts disabled")
        || has("error: 401")
        || has("error: 403")
    {
        "; it needs a token that may read the repository (token_env or token_file), and one that \
         has not expired"
    } else if has("Permission denied (publickey)") {
        "; this user's ssh key may not read it"
    } else if has("Host key verification failed") {
        "; add the host's key to known_hosts"
    } else if has("redirect") || has("returned error: 30") {
        "; write the address that it leads to as the source's url"
    } else {
        ""
    };
    format!("git: {words}{way_out}")
}
