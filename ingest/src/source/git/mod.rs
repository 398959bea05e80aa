//! A git repository: a branch of it, or a folder in that, through the `git` program.
//!
//! The repository is kept bare in the cache with a work tree beside it, so that nothing of git's own
//! lies where documents are read. Submodules, hooks and this machine's own configuration of git play
//! no part. With the history (commits without old files, where the server can do that) each document
//! points at the commit that changed it last.

mod history;
mod program;
mod remote;

use std::collections::HashMap;
use std::path::{Component, Path};

use chrono::DateTime;
use docent_core::config;

use self::history::Change;
use self::program::Program;
use self::remote::{Remote, WebView};
use super::{Content, Context, Form, Listing, SourceError, missing_token, walk};
use crate::extract::FrontMatter;

/// Fetches the branch and lists what is in it.
pub(super) async fn list(context: &Context<'_>, git: &config::Git) -> Result<Listing, SourceError> {
    let repository = Repository::new(context, git)
        .await
        .map_err(|reason| refused(context, reason))?;
    let head = repository
        .fetch()
        .await
        .map_err(|reason| refused(context, reason))?;
    let changes = repository.changes(&head).await;
    let folder = config::Folder {
        path: context.cache.join("tree"),
        include: git.include.clone(),
        exclude: git.exclude.clone(),
        // What is in a repository was put there on purpose.
        gitignore: false,
    };
    let mut listing = walk::list(context.source, &folder, context.max_file_bytes)?;
    for found in &mut listing.found {
        let full = repository.full_path(&found.path);
        let change = changes.get(&full).unwrap_or(&head);
        found.given = Some(Box::new(FrontMatter {
            uri: repository.uri(&found.path, &change.commit),
            updated_at: change.at.filter(|_| changes.contains_key(&full)),
            ..FrontMatter::default()
        }));
        if let Content::File(file) = &found.content {
            // Its file's time is that of the checkout.
            found.content = Content::Kept(file.clone(), Form::Named);
        }
    }
    Ok(listing)
}

/// Whether the repository can be reached and has the branch.
pub(super) async fn check(context: &Context<'_>, git: &config::Git) -> Result<String, SourceError> {
    let found = async {
        let repository = Repository::new(context, git).await?;
        let branch = repository.branch();
        let url = repository.remote.url.as_str();
        let refs = repository
            .program
            .start(&["ls-remote", "--quiet", "--", url, branch])
            .await?;
        if refs.is_empty() {
            return Err(format!("{url} has no branch {branch}"));
        }
        Ok(format!("{url} can be read"))
    };
    found.await.map_err(|reason| refused(context, reason))
}

fn refused(context: &Context<'_>, reason: String) -> SourceError {
    SourceError::Refused {
        name: context.source.name.clone(),
        reason,
    }
}

struct Repository<'a> {
    context: &'a Context<'a>,
    git: &'a config::Git,
    remote: Remote,
    view: WebView,
    program: Program,
}

impl<'a> Repository<'a> {
    async fn new(context: &'a Context<'a>, git: &'a config::Git) -> Result<Self, String> {
        let remote = Remote::parse(&git.url)?;
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !Path::new(&git.path).components().all(inside) {
            return Err(format!(
                "path = \"{}\" must be a folder of the repository, without .. or a slash before it",
                git.path
            ));
        }
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c);
        if git.branch.starts_with('-') || git.branch.contains(is_odd) {
            return Err(format!(
                "branch = \"{}\" is no name of a branch",
                git.branch
            ));
        }
        let has_token = !(git.token_env.is_empty() && git.token_file.as_os_str().is_empty());
        if has_token && git.token.is_empty() {
            return Err(missing_token(&git.token_env, &git.token_file));
        }
        let git_dir = context.cache.join("git");
        Ok(Self {
            view: remote.view(&git.host)?,
            program: Program::new(git_dir, git, &remote).await?,
            context,
            git,
            remote,
        })
    }

    fn branch(&self) -> &str {
        match self.git.branch.as_str() {
            "" => "HEAD",
            branch => branch,
        }
    }

    /// Brings repository and work tree up to date; answers with the branch's commit.
    async fn fetch(&self) -> Result<Change, String> {
        let cache = &self.context.cache;
        let failed = |error: std::io::Error| format!("cannot write {}: {error}", cache.display());
        let (git_dir, tree) = (cache.join("git"), cache.join("tree"));
        let origin = cache.join("origin");
        let told = format!(
            "{}\n{}\n{}\n{}",
            self.remote.url, self.git.branch, self.git.path, self.git.history
        );
        // Another repository, branch or folder: nothing of the old one is of use.
        if !git_dir.is_dir() || std::fs::read_to_string(&origin).ok().as_deref() != Some(&told) {
            for path in [&git_dir, &tree] {
                if path.exists() {
                    std::fs::remove_dir_all(path).map_err(failed)?;
                }
            }
            std::fs::create_dir_all(cache).map_err(failed)?;
            self.clone_into(&git_dir).await?;
            std::fs::write(&origin, told).map_err(failed)?;
        }
        let mut fetch = vec!["fetch", "--quiet", "--no-tags", "--force"];
        if !self.git.history {
            fetch.extend(["--depth", "1"]);
        }
        fetch.extend(["origin", self.branch()]);
        self.program.run(&fetch).await?;
        std::fs::create_dir_all(&tree).map_err(failed)?;
        let work_tree = format!("--work-tree={}", tree.display());
        let root = format!("FETCH_HEAD:{}", self.git.path.trim_matches('/'));
        self.program
            .run(&[&work_tree, "read-tree", "--reset", "-u", &root])
            .await
            .map_err(|reason| {
                if self.git.path.is_empty() {
                    reason
                } else {
                    format!(
                        "path = \"{}\" is no folder of the branch: {reason}",
                        self.git.path
                    )
                }
            })?;
        let head = self
            .program
            .run(&["log", "-1", "--format=%H %ct", "FETCH_HEAD"])
            .await?;
        let head = String::from_utf8_lossy(&head);
        let (commit, at) = head.trim().split_once(' ').ok_or("git shows no commit")?;
        Ok(Change {
            commit: commit.to_owned(),
            at: at
                .parse()
                .ok()
                .and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
        })
    }

    async fn clone_into(&self, git_dir: &Path) -> Result<(), String> {
        let mut clone = vec!["clone", "--quiet", "--bare", "--single-branch", "--no-tags"];
        if self.git.history {
            clone.push("--filter=blob:none");
        } else {
            clone.extend(["--depth", "1"]);
        }
        if !self.git.branch.is_empty() {
            clone.extend(["--branch", &self.git.branch]);
        }
        let to = git_dir.display().to_string();
        clone.extend(["--", &self.remote.url, &to]);
        let cloned = self.program.start(&clone).await;
        if cloned.is_err() {
            let _ = std::fs::remove_dir_all(git_dir);
        }
        cloned.map(drop)
    }

    /// Which commit changed each file last, by its path in the repository. Without an answer, files
    /// are said to be as the branch's last commit left them, without a date.
    async fn changes(&self, head: &Change) -> HashMap<String, Change> {
        if self.git.history {
            let mut log = vec![
                "log",
                "--no-renames",
                "--format=%x01%H %ct",
                "--name-only",
                "-z",
                "FETCH_HEAD",
                "--",
            ];
            if !self.git.path.is_empty() {
                log.push(&self.git.path);
            }
            return match self.program.run(&log).await {
                Ok(log) => history::from_log(&log),
                Err(reason) => {
                    tracing::warn!(source = %self.context.source.name, "no history: {reason}");
                    HashMap::new()
                }
            };
        }
        let Ok(listed) = self.program.run(&["ls-files", "-s", "-z"]).await else {
            return HashMap::new();
        };
        history::from_memory(&self.context.cache.join("seen.json"), &listed, head)
            .into_iter()
            .map(|(path, change)| (self.full_path(&path), change))
            .collect()
    }

    fn full_path(&self, path: &str) -> String {
        match self.git.path.trim_matches('/') {
            "" => path.to_owned(),
            folder => format!("{folder}/{path}"),
        }
    }

    /// Where a person opens a file at a commit: the source's own template wins.
    fn uri(&self, path: &str, commit: &str) -> Option<String> {
        let template = &self.context.source.uri;
        if template.is_empty() {
            return self.remote.file(self.view, commit, &self.full_path(path));
        }
        Some(
            template
                .replace("{commit}", commit)
                .replace("{path}", &remote::encode(path)),
        )
    }
}
