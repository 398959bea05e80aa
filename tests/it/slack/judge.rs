//! What slack-sdk's own models say of what was sent.

use std::process::Command;

use docent_scripted::slack::SlackCall;
use serde_json::{Value, json};

/// Every payload's blocks are what slack-sdk takes for blocks. `make test` fetches the package; without
/// it there is nobody to ask.
pub(crate) fn check(calls: &[SlackCall]) {
    let Some(python) = std::env::var_os("SLACK_SDK_PYTHON").filter(|path| !path.is_empty()) else {
        return;
    };
    let payloads: Vec<String> = calls
        .iter()
        .filter_map(|call| payload(&call.body))
        .map(|payload| payload.to_string())
        .collect();
    assert!(!payloads.is_empty(), "nothing with blocks was sent");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), payloads.join("\n")).unwrap();
    let judged = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/clients/slack_blocks.py"
        ))
        .arg(file.path())
        .output()
        .unwrap();
    assert!(
        judged.status.success(),
        "{}{}",
        String::from_utf8_lossy(&judged.stdout),
        String::from_utf8_lossy(&judged.stderr)
    );
}

fn payload(body: &Value) -> Option<Value> {
    if body["view"].is_object() {
        return Some(json!({"view": body["view"]}));
    }
    let blocks = body["blocks"]
        .as_array()
        .filter(|blocks| !blocks.is_empty())?;
    Some(json!({"blocks": blocks}))
}
