//! Where a repository is, and where people look at its files.

use reqwest::Url;

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    Ssh,
    /// A path on this machine.
    File,
}

/// A repository's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) protocol: Protocol,
    /// As git is told.
    pub(super) url: String,
    /// Empty for a path.
    pub(super) host: String,
    pub(super) port: u16,
    /// The repository's page, where it can have one: `https://host/team/repo`.
    web: String,
}

/// How a host's web view writes the address of a file at a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WebView {
    GitHub,
    GitLab,
    Bitbucket,
    Gitea,
    Azure,
    /// Not known: the repository's page has to do.
    None,
}

impl Remote {
    /// Reads `https://…`, `ssh://…`, `git@host:team/repo`, `file://…` or an absolute path.
    pub(super) fn parse(address: &str) -> Result<Self, String> {
        let address = address.trim();
        if let Some(path) = address.strip_prefix("file://") {
            return Self::path(path);
        }
        if address.starts_with('/') {
            return Self::path(address);
        }
        if !address.contains("://") {
            // scp's form: the part before the colon is no path.
            let (login, path) = address
                .split_once(':')
                .filter(|(login, path)| !login.contains('/') && !path.is_empty())
                // `helper::address` names a program that git would run.
                .filter(|(_, path)| !path.starts_with(':'))
                .ok_or_else(|| wrong(address))?;
            let host = login.rsplit_once('@').map_or(login, |(_, host)| host);
            return Self::ssh(
                &format!("ssh://{login}/{}", path.trim_start_matches('/')),
                address,
            )
            .filter(|remote| remote.host == host.to_lowercase())
            .ok_or_else(|| wrong(address));
        }
        if address.starts_with("ssh://") {
            return Self::ssh(address, address).ok_or_else(|| wrong(address));
        }
        let url = Url::parse(address).map_err(|_| wrong(address))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong(address));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "url has a user name or password in it; use `user` with token_env or token_file"
                    .to_owned(),
            );
        }
        Ok(Self {
            protocol: Protocol::Http,
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port_or_known_default().unwrap_or(443),
            web: page(url.as_str()),
            url: url.to_string(),
        })
    }

    fn path(path: &str) -> Result<Self, String> {
        if !path.starts_with('/') {
            return Err(wrong(path));
        }
        Ok(Self {
            protocol: Protocol::File,
            url: format!("file://{path}"),
            host: String::new(),
            port: 0,
            web: String::new(),
        })
    }

    fn ssh(url: &str, told: &str) -> Option<Self> {
        let parsed = Url::parse(url).ok()?;
        let host = parsed.host_str()?.to_lowercase();
        // A name that begins with a dash would be an option of ssh, and git hands names to a shell.
        let odd = |text: &str| {
            text.starts_with('-')
                || text.contains(|c: char| !(c.is_ascii_alphanumeric() || "-_.:[]".contains(c)))
        };
        if odd(&host) || odd(parsed.username()) || parsed.password().is_some() {
            return None;
        }
        Some(Self {
            protocol: Protocol::Ssh,
            port: parsed.port().unwrap_or(22),
            web: page(&format!("https://{host}{}", parsed.path())),
            host,
            url: told.to_owned(),
        })
    }

    /// The view that the configuration names, or else the one that the host's name tells.
    pub(super) fn view(&self, named: &str) -> Result<WebView, String> {
        Ok(match named {
            "github" => WebView::GitHub,
            "gitlab" => WebView::GitLab,
            "bitbucket" => WebView::Bitbucket,
            "gitea" => WebView::Gitea,
            "azure" => WebView::Azure,
            "none" => WebView::None,
            "" => {
                let names = [
                    ("github", WebView::GitHub),
                    ("gitlab", WebView::GitLab),
                    ("bitbucket", WebView::Bitbucket),
                    ("gitea", WebView::Gitea),
                    ("forgejo", WebView::Gitea),
                    ("codeberg", WebView::Gitea),
                    ("dev.azure.com", WebView::Azure),
                ];
                names
                    .into_iter()
                    .find(|(name, _)| self.host.contains(name))
                    .map_or(WebView::None, |(_, view)| view)
            }
            other => {
                return Err(format!(
                    "host = \"{other}\": docent knows github, gitlab, bitbucket, gitea, azure and none"
                ));
            }
        })
    }

    /// The address of a file at a commit, or of the repository where its host is not known.
    pub(super) fn file(&self, view: WebView, commit: &str, path: &str) -> Option<String> {
        if self.web.is_empty() {
            return None;
        }
        let (web, path) = (&self.web, encode(path));
        Some(match view {
            WebView::GitHub => format!("{web}/blob/{commit}/{path}"),
            WebView::GitLab => format!("{web}/-/blob/{commit}/{path}"),
            WebView::Bitbucket => format!("{web}/src/{commit}/{path}"),
            WebView::Gitea => format!("{web}/src/commit/{commit}/{path}"),
            WebView::Azure => format!("{web}?path=/{path}&version=GC{commit}"),
            WebView::None => web.clone(),
        })
    }
}

fn wrong(address: &str) -> String {
    format!(
        "url = \"{address}\" is no repository; write https://host/team/repo, git@host:team/repo, or \
         the absolute path of one on this machine"
    )
}

fn page(url: &str) -> String {
    url.trim_end_matches('/')
        .trim_end_matches(".git")
        .to_owned()
}

/// A path inside an address.
pub(super) fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_hosts_address() {
        let file = |url: &str, named: &str| {
            let remote = Remote::parse(url).unwrap();
            let view = remote.view(named).unwrap();
            remote.file(view, "abc", "docs/a b.md").unwrap_or_default()
        };
        for url in [
            "https://github.com/team/repo",
            "https://github.com/team/repo.git",
            "git@github.com:team/repo.git",
            "ssh://git@github.com:22/team/repo",
        ] {
            assert_eq!(
                file(url, ""),
                "https://github.com/team/repo/blob/abc/docs/a%20b.md"
            );
        }
        assert_eq!(
            file("https://gitlab.example.com/a/b/c.git", ""),
            "https://gitlab.example.com/a/b/c/-/blob/abc/docs/a%20b.md"
        );
        assert_eq!(
            file("https://bitbucket.org/t/r", ""),
            "https://bitbucket.org/t/r/src/abc/docs/a%20b.md"
        );
        assert_eq!(
            file("https://git.corp/t/r", "gitea"),
            "https://git.corp/t/r/src/commit/abc/docs/a%20b.md"
        );
        assert_eq!(file("https://git.corp/t/r", ""), "https://git.corp/t/r");
        assert_eq!(file("/srv/repo", ""), "");
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for url in [
            "",
            "repo",
            "../repo",
            "ext::sh -c id",
            "ftp://host/repo",
            "git://host/repo",
            "https://user:secret@host/repo",
            "ssh://-oProxyCommand=id/repo",
            "-oProxyCommand=id:repo",
            "ssh://git@$(id)/repo",
            "git@host;id:repo",
            "file://host/repo",
        ] {
            assert!(Remote::parse(url).is_err(), "{url} is taken");
        }
    }
}
