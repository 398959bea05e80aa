//! The other side: a command that asks the owner of the data folder.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use docent_ingest::{Progress, RunReport};
use futures::StreamExt;
use rmcp::model::CallToolResult;
use serde::Serialize;

use super::{
    AskRequest, BackupRequest, DoctorRequest, EvalLine, IngestLine, IngestRequest, Migrated,
    ToolLine,
};
use crate::chat::{Answer, Event};
use crate::commands::backup::BackupSummary;
use crate::commands::doctor::Finding;
use crate::commands::eval::{EvalRequest, Outcome};
use crate::commands::key::{self, KeyRequest};
use crate::commands::purge::{Done, PurgeRequest};
use crate::commands::report::ReportRequest;
use crate::eval;
use crate::mcp::tools::ToolCall;
use crate::report::Report;

/// A connection to the owner's socket.
pub struct OwnerClient {
    http: reqwest::Client,
}

impl OwnerClient {
    /// Connects; `None` where nobody answers there.
    pub async fn connect(socket: &Path) -> Option<Self> {
        let http = reqwest::Client::builder()
            .unix_socket(socket.to_path_buf())
            .no_proxy()
            .build()
            .ok()?;
        let ping = http
            .get("http://docent/owner/ping")
            .timeout(Duration::from_secs(2))
            .send()
            .await
            .ok()?;
        ping.status().is_success().then_some(Self { http })
    }

    async fn post(&self, route: &str, body: &impl Serialize) -> anyhow::Result<reqwest::Response> {
        let response = self
            .http
            .post(format!("http://docent/owner/{route}"))
            .header("content-type", "application/json")
            .body(serde_json::to_vec(body)?)
            .send()
            .await
            .context("the running docent does not answer on its socket")?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        if status == reqwest::StatusCode::NOT_FOUND {
            bail!("the running docent is of another version; restart it");
        }
        let text = response.text().await.unwrap_or_default();
        let detail = serde_json::from_str::<serde_json::Value>(&text)
            .ok()
            .and_then(|problem| Some(problem.get("detail")?.as_str()?.to_owned()))
            .unwrap_or(text);
        bail!("the running docent refused ({status}): {detail}")
    }

    /// Asks a question; every event is shown as it comes.
    pub async fn ask(
        &self,
        request: &AskRequest,
        mut show: impl FnMut(&Event),
    ) -> anyhow::Result<Answer> {
        let response = self.post("ask", request).await?;
        let mut lines = Lines::new(response);
        let mut name = String::new();
        while let Some(line) = lines.next().await? {
            if let Some(event) = line.strip_prefix("event:") {
                event.trim().clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data:") {
                let text = format!(r#"{{"event":"{name}","data":{data}}}"#);
                let event: Event = serde_json::from_str(&text)
                    .context("the running docent is of another version; restart it")?;
                show(&event);
                match event {
                    Event::Done(answer) => return Ok(*answer),
                    Event::Error { message, .. } => bail!(message),
                    _ => {}
                }
            }
        }
        bail!("the running docent broke off its answer")
    }

    /// Has the owner call a tool, and shows its progress.
    pub(crate) async fn tool(
        &self,
        call: &ToolCall,
        mut show: impl FnMut(String),
    ) -> anyhow::Result<CallToolResult> {
        let response = self.post("tool", call).await?;
        let mut lines = Lines::new(response);
        while let Some(line) = lines.next().await? {
            let line: ToolLine = serde_json::from_str(&line)
                .context("the running docent is of another version; restart it")?;
            match line {
                ToolLine::Progress(step) => show(step),
                ToolLine::Done(result) => return Ok(*result),
            }
        }
        bail!("the running docent stopped in the middle of the call")
    }

    /// Starts a run and shows its progress.
    pub async fn ingest(
        &self,
        request: &IngestRequest,
        mut show: impl FnMut(Progress),
    ) -> anyhow::Result<RunReport> {
        let response = self.post("ingest", request).await?;
        let mut lines = Lines::new(response);
        while let Some(line) = lines.next().await? {
            let line: IngestLine = serde_json::from_str(&line)
                .context("the running docent is of another version; restart it")?;
            match line {
                IngestLine::Progress(Progress::Done { report }) => return Ok(report),
                IngestLine::Progress(progress) => show(progress),
                IngestLine::Failed(error) => bail!(error),
            }
        }
        bail!("the running docent stopped in the middle of the run; run it again")
    }

    /// Has the owner evaluate, and shows its progress.
    pub async fn eval(
        &self,
        request: &EvalRequest,
        mut show: impl FnMut(eval::Progress),
    ) -> anyhow::Result<Outcome> {
        let response = self.post("eval", request).await?;
        let mut lines = Lines::new(response);
        while let Some(line) = lines.next().await? {
            let line: EvalLine = serde_json::from_str(&line)
                .context("the running docent is of another version; restart it")?;
            match line {
                EvalLine::Progress(progress) => show(progress),
                EvalLine::Ended(outcome) => return Ok(outcome),
                EvalLine::Failed(error) => bail!(error),
            }
        }
        bail!("the running docent stopped in the middle of the evaluation")
    }

    /// Has the owner try its parts.
    pub async fn doctor(&self, request: &DoctorRequest) -> anyhow::Result<Vec<Finding>> {
        let response = self.post("doctor", request).await?;
        Ok(serde_json::from_slice(&response.bytes().await?)?)
    }

    /// Has the owner purge a document.
    pub async fn purge(&self, request: &PurgeRequest) -> anyhow::Result<Done> {
        let response = self.post("purge", request).await?;
        Ok(serde_json::from_slice(&response.bytes().await?)?)
    }

    /// Has the owner make, show or revoke keys.
    pub async fn key(&self, request: &KeyRequest) -> anyhow::Result<key::Done> {
        let response = self.post("key", request).await?;
        Ok(serde_json::from_slice(&response.bytes().await?)?)
    }

    /// Has the owner read a report.
    pub async fn report(&self, request: &ReportRequest) -> anyhow::Result<Report> {
        let response = self.post("report", request).await?;
        Ok(serde_json::from_slice(&response.bytes().await?)?)
    }

    /// Has the owner bring the ledger's tables up to date, as far as it knows them.
    pub async fn migrate(&self) -> anyhow::Result<Migrated> {
        let response = self.post("migrate", &()).await?;
        Ok(serde_json::from_slice(&response.bytes().await?)?)
    }

    /// Has the owner write a backup.
    pub async fn backup(&self, request: &BackupRequest) -> anyhow::Result<BackupSummary> {
        let response = self.post("backup", request).await?;
        Ok(serde_json::from_slice(&response.bytes().await?)?)
    }
}

/// The lines of a response body as they arrive.
struct Lines {
    body: futures::stream::BoxStream<'static, reqwest::Result<Vec<u8>>>,
    buffer: Vec<u8>,
}

impl Lines {
    fn new(response: reqwest::Response) -> Self {
        let body = response
            .bytes_stream()
            .map(|piece| piece.map(|bytes| bytes.to_vec()))
            .boxed();
        Self {
            body,
            buffer: Vec::new(),
        }
    }

    async fn next(&mut self) -> anyhow::Result<Option<String>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8(line)?;
                return Ok(Some(line.trim_end().to_owned()));
            }
            match self.body.next().await {
                Some(piece) => self
                    .buffer
                    .extend(piece.context("the running docent went away")?),
                None => return Ok(None),
            }
        }
    }
}
