//! Slack exports, written to the format of Slack's own.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{check, documents, list, paths, problems, source};

fn message(user: &str, ts: &str, text: &str) -> Value {
    json!({ "type": "message", "user": user, "ts": ts, "text": text })
}

fn reply(user: &str, ts: &str, thread: &str, text: &str) -> Value {
    json!({ "type": "message", "user": user, "ts": ts, "thread_ts": thread, "text": text })
}

/// File names and contents of an export.
fn export() -> Vec<(&'static str, Value)> {
    let thread = "1773479520.000100";
    vec![
        (
            "users.json",
            json!([
                { "id": "U1", "name": "mina", "real_name": "Mina Park", "profile": { "display_name": "mina" } },
                { "id": "U2", "name": "joon", "profile": { "real_name": "Joon Lee" } },
                { "id": "U3", "name": "alerts", "is_bot": true, "profile": {} },
            ]),
        ),
        (
            "channels.json",
            json!([{ "id": "C1", "name": "data-help", "members": ["U1"] }]),
        ),
        (
            "groups.json",
            json!([{ "id": "G1", "name": "finance-data" }, { "id": "G2", "name": "board" }]),
        ),
        (
            "dms.json",
            json!([{ "id": "D012345678", "members": ["U1", "U2"] }]),
        ),
        (
            "data-help/2026-03-14.json",
            json!([
                { "type": "message", "subtype": "channel_join", "user": "U2", "ts": "1773479400.000000", "text": "<@U2> has joined the channel" },
                { "type": "message", "user": "U1", "ts": thread, "thread_ts": thread, "reply_count": 3,
                  "text": "Why is *revenue* doubled on <https://bi.example.com/d/7|the revenue dashboard>? cc <@U2> in <#C1>" },
                { "type": "message", "subtype": "bot_message", "bot_id": "B1", "ts": "1773479521.000000", "text": "Alert: freshness" },
                message("U3", "1773479522.000000", "beep"),
                reply("U2", "1773479580.000200", thread, "Run ```select sum(net)\nfrom fct_payments\nwhere day &lt; '2026-03-15'``` and compare."),
                message("U1", "1773480000.000300", "Daejeon goes live on Monday."),
                { "type": "message", "user": "U2", "ts": "1773480060.000400", "text": "&gt; goes live\nNice", "files": [{ "name": "plan.pdf", "permalink": "https://tandemoor.slack.com/files/U2/F1/plan.pdf" }] },
            ]),
        ),
        (
            "data-help/2026-03-15.json",
            json!([reply(
                "U1",
                "1773565920.000500",
                thread,
                "The backfill ran twice. Fixed."
            )]),
        ),
        (
            "finance-data/2026-03-14.json",
            json!([message("U1", "1773480000.000300", "Nuri Pay takes 1.2%.")]),
        ),
        (
            "board/2026-03-14.json",
            json!([message("U1", "1773480000.000300", "We sell the company.")]),
        ),
        (
            "D012345678/2026-03-14.json",
            json!([message("U1", "1773480000.000300", "Between us.")]),
        ),
        (
            "mpdm-a--b-1/2026-03-14.json",
            json!([message("U1", "1773480000.000300", "Between three.")]),
        ),
        (
            "odd/2026-03-14.json",
            json!([message("U1", "1773480000.000300", "Whose is this?")]),
        ),
    ]
}

fn unpacked(folder: &Path) -> PathBuf {
    let root = folder.join("export");
    for (name, content) in export() {
        let file = root.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content.to_string()).unwrap();
    }
    root
}

fn packed(folder: &Path) -> PathBuf {
    let path = folder.join("export.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, content) in export() {
        zip.start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(content.to_string().as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    path
}

const SETTINGS: &str = "kind = \"slack\"\nworkspace = \"https://tandemoor.slack.com\"\n\
    private = { finance-data = [\"finance\"] }\n";

#[tokio::test]
async fn a_thread_is_one_document_and_only_readable_channels_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = unpacked(folder.path());
    let settings = format!("{SETTINGS}path = \"{}\"", root.display());
    let source_of = |settings: &str| source(folder.path(), settings);
    let unpacked = source_of(&settings);
    assert!(check(folder.path(), &unpacked).await.is_ok());
    let listing = list(folder.path(), &unpacked).await.unwrap();
    assert_snapshot!(documents(&listing, &[]));
    assert_snapshot!(problems(&listing), @r#"
    skipped board: permission unknown: a private channel; say who may read it, private = { board = ["group"] }, or exclude it
    skipped odd: permission unknown: neither channels.json nor groups.json names it
    "#);
    let withdrawn: Vec<_> = listing.withdrawn.iter().map(String::as_str).collect();
    assert_eq!(withdrawn, ["D012345678/", "board/", "mpdm-a--b-1/", "odd/"]);

    // The zip says the same.
    let zip = packed(folder.path());
    let from_zip = list(
        folder.path(),
        &source_of(&format!("{SETTINGS}path = \"{}\"", zip.display())),
    )
    .await
    .unwrap();
    assert_eq!(from_zip.found, listing.found);
    let threads = source_of(&format!(
        "{settings}\nunthreaded = false\nexclude = [\"finance-*\", \"odd\"]"
    ));
    assert_eq!(
        paths(&list(folder.path(), &threads).await.unwrap()),
        ["data-help/1773479520.000100"]
    );
}

#[tokio::test]
async fn a_broken_export_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let root = unpacked(folder.path());
    let settings = format!("{SETTINGS}path = \"{}\"", root.display());
    std::fs::write(root.join("data-help/2026-03-15.json"), "[{").unwrap();
    let source_of = |path: &Path| {
        source(
            folder.path(),
            &format!("{SETTINGS}path = \"{}\"", path.display()),
        )
    };
    let listing = list(folder.path(), &source(folder.path(), &settings))
        .await
        .unwrap();
    assert_eq!(paths(&listing), ["finance-data/2026-03-14"]);
    assert!(
        problems(&listing).contains("failed data-help/: data-help/2026-03-15.json is not"),
        "{}",
        problems(&listing)
    );

    std::fs::remove_file(root.join("channels.json")).unwrap();
    let mut said = vec![
        list(folder.path(), &source_of(&root))
            .await
            .unwrap_err()
            .to_string(),
    ];
    let escaping = folder.path().join("escaping.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&escaping).unwrap());
    zip.start_file("../channels.json", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.finish().unwrap();
    said.push(
        list(folder.path(), &source_of(&escaping))
            .await
            .unwrap_err()
            .to_string(),
    );
    let bomb = folder.path().join("bomb.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&bomb).unwrap());
    let packed = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    zip.start_file("users.json", packed).unwrap();
    for _ in 0..50 {
        zip.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    zip.finish().unwrap();
    said.push(
        list(folder.path(), &source_of(&bomb))
            .await
            .unwrap_err()
            .to_string(),
    );
    said.push(
        list(folder.path(), &source_of(Path::new("/nowhere.zip")))
            .await
            .unwrap_err()
            .to_string(),
    );
    assert_snapshot!(
        said.join("\n")
            .replace(&*folder.path().to_string_lossy(), "FOLDER")
    );
}
