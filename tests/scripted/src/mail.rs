//! A mail server that keeps what it is sent, and refuses on request. It speaks SMTP (RFC 5321) as far as
//! a client that wants to send needs it.

use std::io;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// A mail as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// Headers and body, lines ended by `\n`, dots unstuffed.
    pub text: String,
}

impl Mail {
    /// A header's value, on one line.
    pub fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.text.split_once("\n\n")?;
        let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
        unfolded.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known
                .eq_ignore_ascii_case(name)
                .then(|| decoded(value.trim()))
        })
    }

    /// The body with quoted-printable undone.
    pub fn body(&self) -> String {
        let body = self.text.split_once("\n\n").map_or("", |(_, body)| body);
        let is_quoted = self
            .header("content-transfer-encoding")
            .is_some_and(|encoding| encoding.eq_ignore_ascii_case("quoted-printable"));
        if !is_quoted {
            return body.to_owned();
        }
        let joined = body.replace("=\n", "");
        let bytes = joined.as_bytes();
        let mut plain = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            let hex = joined.get(at + 1..at + 3);
            match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) if bytes[at] == b'=' => {
                    plain.push(byte);
                    at += 3;
                }
                _ => {
                    plain.push(bytes[at]);
                    at += 1;
                }
            }
        }
        String::from_utf8_lossy(&plain).into_owned()
    }
}

#[derive(Default)]
struct Shared {
    mails: Mutex<Vec<Mail>>,
    /// What a recipient is answered, instead of 250.
    refused: Mutex<Vec<(String, String)>>,
    connections: Mutex<usize>,
}

/// A running server. It stops when it is dropped.
pub struct ScriptedMail {
    port: u16,
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl ScriptedMail {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Panics
    /// Where no port can be had.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port on the loopback interface");
        let port = listener
            .local_addr()
            .expect("an address that was bound")
            .port();
        let accepting = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *accepting.connections.lock() += 1;
                let shared = Arc::clone(&accepting);
                tokio::spawn(async move { drop(speak(stream, &shared).await) });
            }
        });
        Self {
            port,
            shared,
            task: task.abort_handle(),
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every mail so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails.lock().clone()
    }

    /// Clients that came so far.
    pub fn connections(&self) -> usize {
        *self.shared.connections.lock()
    }

    /// Answers `to` like this from now on: `451 busy` (come again) or `550 no such mailbox` (never).
    pub fn refuse(&self, to: &str, answer: &str) {
        self.shared
            .refused
            .lock()
            .push((to.to_owned(), answer.to_owned()));
    }

    /// Takes everybody's mail again.
    pub fn heal(&self) {
        self.shared.refused.lock().clear();
    }
}

impl Drop for ScriptedMail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn speak(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut mail = empty();
    writer.write_all(b"220 scripted ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let command = line.to_ascii_uppercase();
        let answer = if command.starts_with("EHLO") {
            "250-scripted\r\n250 8BITMIME".to_owned()
        } else if command.starts_with("MAIL FROM:") {
            mail = empty();
            mail.from = address(&line);
            "250 ok".to_owned()
        } else if command.starts_with("RCPT TO:") {
            let to = address(&line);
            let refused = shared
                .refused
                .lock()
                .iter()
                .find(|(known, _)| *known == to)
                .cloned();
            if let Some((_, answer)) = refused {
                answer
            } else {
                mail.to.push(to);
                "250 ok".to_owned()
            }
        } else if command == "DATA" {
            writer.write_all(b"354 go on\r\n").await?;
            while let Some(line) = lines.next_line().await? {
                if line == "." {
                    break;
                }
                mail.text.push_str(line.strip_prefix('.').unwrap_or(&line));
                mail.text.push('\n');
            }
            shared.mails.lock().push(mail.clone());
            "250 taken".to_owned()
        } else if command == "QUIT" {
            writer.write_all(b"221 bye\r\n").await?;
            return Ok(());
        } else {
            "250 ok".to_owned()
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn empty() -> Mail {
    Mail {
        from: String::new(),
        to: Vec::new(),
        text: String::new(),
    }
}

/// What stands between `<` and `>`.
fn address(line: &str) -> String {
    let inner = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(String::new, |(address, _)| address.to_owned())
}

/// Encoded words (RFC 2047) as what they stand for: UTF-8 in base64, which is what our client writes.
fn decoded(value: &str) -> String {
    let mut text = String::new();
    let mut rest = value.replace("?= =?utf-8?b?", "?==?utf-8?b?");
    while let Some((before, after)) = rest.split_once("=?utf-8?b?") {
        text.push_str(before);
        let (word, after) = after.split_once("?=").unwrap_or((after, ""));
        let bytes = STANDARD.decode(word).unwrap_or_default();
        text.push_str(&String::from_utf8_lossy(&bytes));
        rest = after.to_owned();
    }
    text + &rest
}
