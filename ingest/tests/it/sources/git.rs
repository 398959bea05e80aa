//! Git repositories: a real one, made by the `git` program, by path and served over HTTP.

use std::path::Path;
use std::process::Command;

use docent_scripted::site::{ScriptedSite, SitePage};
use insta::assert_snapshot;

use super::{check, documents, given, list, paths, source};

fn git(folder: &Path, at: &str, arguments: &[&str]) {
    let done = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_DATE", at)
        .env("GIT_COMMITTER_DATE", at)
        .envs([
            ("GIT_AUTHOR_NAME", "A"),
            ("GIT_AUTHOR_EMAIL", "a@example.com"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "A"),
            ("GIT_COMMITTER_EMAIL", "a@example.com"),
        ])
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

const ONE: &str = "2026-03-01T10:00:00Z";
const TWO: &str = "2026-03-02T10:00:00Z";
const THREE: &str = "2026-03-03T10:00:00Z";

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A repository with a documentation folder, a hook and a submodule's remains.
fn repository(folder: &Path) -> std::path::PathBuf {
    let repo = folder.join("repo");
    std::fs::create_dir(&repo).unwrap();
    git(&repo, ONE, &["init", "--quiet", "--initial-branch=main"]);
    write(
        &repo,
        "docs/trips.md",
        "# Trips\n\nOne row a trip.\n\n{{#include ../secret.txt}}{{#include parts/late.md}}\n",
    );
    write(&repo, "docs/parts/late.md", "Loaded hourly.\n");
    write(&repo, "secret.txt", "outside of the folder");
    write(&repo, "src/main.md", "# Not a document\n");
    write(
        &repo,
        ".gitmodules",
        "[submodule \"x\"]\npath = docs/x\nurl = ext::sh -c id\n",
    );
    git(&repo, ONE, &["add", "."]);
    git(&repo, ONE, &["commit", "--quiet", "-m", "one"]);
    write(
        &repo,
        "docs/riders.md",
        "---\nowner: Growth\n---\n# Riders\n\nWho rides.\n",
    );
    git(&repo, TWO, &["add", "."]);
    git(&repo, TWO, &["commit", "--quiet", "-m", "two"]);
    repo
}

fn head(repo: &Path) -> String {
    let out = Command::new("git")
        .current_dir(repo)
        .args(["rev-parse", "HEAD"])
        .output()
        .unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_folder_of_a_branch_is_read_and_each_file_points_at_its_commit() {
    let folder = tempfile::tempdir().unwrap();
    let repo = repository(folder.path());
    let two = head(&repo);
    let settings = format!(
        "kind = \"git\"\nurl = \"{}\"\npath = \"docs\"\nuri = \"https://git.example.com/blob/{{commit}}/{{path}}\"",
        repo.display()
    );
    let source = source(folder.path(), &settings);
    assert!(check(folder.path(), &source).await.is_ok());
    let first = list(folder.path(), &source).await.unwrap();
    let one = given(&first, 2).uri.clone().unwrap();
    let one = one.split('/').nth(4).unwrap().to_owned();
    assert_snapshot!(documents(&first, &[(&two, "TWO"), (&one, "ONE")]));

    // A change: only its own document gets another address, and what is removed is gone.
    write(&repo, "docs/riders.md", "# Riders\n\nWho rides now.\n");
    std::fs::remove_file(repo.join("docs/parts/late.md")).unwrap();
    git(&repo, THREE, &["commit", "--quiet", "-a", "-m", "three"]);
    let second = list(folder.path(), &source).await.unwrap();
    assert_eq!(paths(&second), ["riders.md", "trips.md"]);
    let three = format!("https://git.example.com/blob/{}/riders.md", head(&repo));
    assert_eq!(given(&second, 0).uri, Some(three));
    assert_eq!(given(&second, 1), given(&first, 2));

    // A lost work tree and a lost cache are made anew.
    std::fs::remove_dir_all(folder.path().join("cache/tree")).unwrap();
    assert_eq!(
        list(folder.path(), &source).await.unwrap().found,
        second.found
    );
    std::fs::remove_dir_all(folder.path().join("cache")).unwrap();
    assert_eq!(
        list(folder.path(), &source).await.unwrap().found,
        second.found
    );
}

#[tokio::test]
async fn without_history_a_file_keeps_the_commit_it_was_first_seen_at() {
    let folder = tempfile::tempdir().unwrap();
    let repo = repository(folder.path());
    let first_seen = head(&repo);
    let settings = format!(
        "kind = \"git\"\nurl = \"file://{}\"\nbranch = \"main\"\npath = \"docs\"\nhistory = false\nuri = \"x/{{commit}}/{{path}}\"",
        repo.display()
    );
    let source = source(folder.path(), &settings);
    let first = list(folder.path(), &source).await.unwrap();
    assert_eq!(
        given(&first, 1).uri,
        Some(format!("x/{first_seen}/riders.md"))
    );
    assert_eq!(given(&first, 1).updated_at, None);
    write(&repo, "docs/trips.md", "# Trips\n\nChanged.\n");
    git(&repo, THREE, &["commit", "--quiet", "-a", "-m", "three"]);
    let second = list(folder.path(), &source).await.unwrap();
    assert_eq!(given(&second, 1), given(&first, 1));
    assert_eq!(
        given(&second, 2).uri,
        Some(format!("x/{}/trips.md", head(&repo)))
    );
    assert_eq!(
        given(&second, 2).updated_at.unwrap().to_rfc3339(),
        "2026-03-03T10:00:00+00:00"
    );
}

#[tokio::test]
async fn a_repository_is_fetched_over_http_with_its_token_in_no_argument() {
    let folder = tempfile::tempdir().unwrap();
    let repo = repository(folder.path());
    git(
        folder.path(),
        ONE,
        &["clone", "--quiet", "--bare", "repo", "bare.git"],
    );
    let bare = folder.path().join("bare.git");
    git(&bare, ONE, &["repack", "-a", "-d", "--quiet"]);
    git(&bare, ONE, &["update-server-info"]);
    let site = ScriptedSite::start().await;
    serve_files(&site, &bare, "/team/data.git");
    let host = site.url().trim_start_matches("http://").to_owned();
    let settings = |more: &str| {
        format!(
            "kind = \"git\"\nurl = \"{}/team/data.git\"\npath = \"docs\"\nhost = \"gitea\"\n\
             token_env = \"SOURCE_TOKEN\"\n{more}",
            site.url()
        )
    };
    let walled = source(folder.path(), &settings(""));
    let error = list(folder.path(), &walled).await.unwrap_err().to_string();
    assert_snapshot!(error, @r#"source "source": 127.0.0.1 is not on the public internet; where that is meant, add it to the source's allow_hosts"#);
    assert_eq!(site.take_requests(), []);

    let open = source(
        folder.path(),
        &settings(&format!("allow_hosts = [\"{host}\"]")),
    );
    let listing = list(folder.path(), &open).await.unwrap();
    assert_eq!(paths(&listing), ["parts/late.md", "riders.md", "trips.md"]);
    let uri = format!(
        "{}/team/data/src/commit/{}/docs/riders.md",
        site.url(),
        head(&repo)
    );
    assert_eq!(given(&listing, 1).uri, Some(uri));
    let asked = site.take_requests();
    let login = "Basic eC1hY2Nlc3MtdG9rZW46czNjcmV0"; // x-access-token:s3cret
    assert!(
        !asked.is_empty()
            && asked
                .iter()
                .all(|request| request.authorization.as_deref() == Some(login))
    );

    // Redirects are not followed: they would take the token along.
    site.set(
        "/team/data.git/info/refs?service=git-upload-pack",
        SitePage::redirect("/elsewhere"),
    );
    let error = list(folder.path(), &open).await.unwrap_err().to_string();
    assert!(
        error.contains("write the address that it leads to") && !error.contains("s3cret"),
        "{error}"
    );
    site.set(
        "/team/data.git/info/refs?service=git-upload-pack",
        SitePage::status(401),
    );
    let error = check(folder.path(), &open).await.unwrap_err().to_string();
    assert!(error.contains("needs a token"), "{error}");
}

fn serve_files(site: &ScriptedSite, folder: &Path, at: &str) {
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(at_folder) = waiting.pop() {
        for entry in std::fs::read_dir(at_folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            let page = SitePage::of("application/octet-stream", std::fs::read(&path).unwrap());
            if name == "info/refs" {
                site.set(
                    &format!("{at}/info/refs?service=git-upload-pack"),
                    page.clone(),
                );
            }
            site.set(&format!("{at}/{name}"), page);
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_repository_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let repo = repository(folder.path());
    let url = format!("kind = \"git\"\nurl = \"{}\"\n", repo.display());
    let mut said = Vec::new();
    for settings in [
        "kind = \"git\"\nurl = \"/nowhere\"".to_owned(),
        format!("{url}branch = \"nope\""),
        format!("{url}branch = \"--upload-pack=id\""),
        format!("{url}path = \"nope\""),
        format!("{url}path = \"../..\""),
        format!("{url}token_env = \"NOT_SET\""),
        format!("{url}host = \"svn\""),
        format!("{url}max_bytes = 10\ntimeout_seconds = 1000"),
    ] {
        let source = source(folder.path(), &settings);
        match list(folder.path(), &source).await {
            Ok(_) => said.push("read".to_owned()),
            Err(error) => said.push(
                error
                    .to_string()
                    .replace(&*folder.path().to_string_lossy(), "FOLDER"),
            ),
        }
    }
    assert_snapshot!(said.join("\n"));
}
