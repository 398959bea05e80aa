//! Which addresses belong to a website source, and what its pages are called.

use docent_core::config;
use ignore::gitignore::Gitignore;
use reqwest::Url;

use super::super::{SourceError, walk};

/// Parameters that say where a reader came from, not what they read.
const TRACKING: [&str; 3] = ["utm_", "gclid", "fbclid"];
/// Endings of what is no text: not worth a request.
const NOT_TEXT: [&str; 26] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "mjs", "map", "json", "xml",
    "zip", "gz", "tar", "woff", "woff2", "ttf", "mp4", "webm", "mp3", "exe", "dmg", "whl", "jar",
];

/// The part of the web that is read.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) start: Url,
    /// Without a closing slash.
    prefix: String,
    include: Gitignore,
    exclude: Gitignore,
}

impl Scope {
    pub(super) fn of(source: &config::Source, site: &config::Website) -> Result<Self, SourceError> {
        let refused = |reason: String| SourceError::Refused {
            name: source.name.clone(),
            reason,
        };
        let parse = |key: &str, address: &str| {
            Url::parse(address)
                .ok()
                .filter(|url| url.has_host())
                .ok_or_else(|| refused(format!("{key} = \"{address}\" is no web address")))
        };
        let start = tidy(parse("url", &site.url)?);
        let prefix = if site.prefix.is_empty() {
            folder_of(&start)
        } else {
            parse("prefix", &site.prefix)?
        };
        let prefix = prefix.as_str().trim_end_matches('/').to_owned();
        let scope = Self {
            include: walk::globs(source, "include", &site.include)?,
            exclude: walk::globs(source, "exclude", &site.exclude)?,
            prefix,
            start,
        };
        if !scope.holds(&scope.start) {
            return Err(refused(format!(
                "its url {} is not below its prefix {}",
                scope.start, scope.prefix
            )));
        }
        Ok(scope)
    }

    /// Whether an address lies below the prefix.
    pub(super) fn holds(&self, url: &Url) -> bool {
        url.as_str()
            .strip_prefix(&self.prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
    }

    /// Whether a page is to be read: it lies below the prefix, and the globs let it in.
    pub(super) fn wants(&self, url: &Url) -> bool {
        let path = url.path().trim_start_matches('/');
        let extension = path
            .rsplit('/')
            .next()
            .and_then(|name| name.rsplit_once('.'))
            .map(|(_, extension)| extension.to_lowercase());
        if extension.is_some_and(|extension| NOT_TEXT.contains(&extension.as_str())) {
            return false;
        }
        let path = if path.is_empty() { "index" } else { path };
        self.holds(url)
            && !self
                .exclude
                .matched_path_or_any_parents(path, false)
                .is_ignore()
            && (self.include.is_empty()
                || self
                    .include
                    .matched_path_or_any_parents(path, false)
                    .is_ignore())
    }
}

/// An address as it is asked for: without fragment and without parameters that only track.
pub(super) fn tidy(mut url: Url) -> Url {
    url.set_fragment(None);
    let is_tracking = |name: &str| TRACKING.iter().any(|known| name.starts_with(known));
    if url.query_pairs().any(|(name, _)| is_tracking(&name)) {
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| !is_tracking(name))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
    }
    url
}

/// The path of the document that a page gives: its address without the host.
pub(super) fn document_path(url: &Url) -> String {
    let path = url.path().trim_start_matches('/');
    let path = if path.is_empty() { "index" } else { path };
    match url.query().filter(|query| !query.is_empty()) {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

/// The folder of a page: `/docs/` of `/docs/index.html`, and `/docs` of `/docs`.
fn folder_of(url: &Url) -> Url {
    let mut folder = url.clone();
    folder.set_query(None);
    let is_file = url
        .path_segments()
        .and_then(|mut parts| parts.next_back().map(|last| last.contains('.')))
        .unwrap_or_default();
    if is_file && let Ok(mut parts) = folder.path_segments_mut() {
        parts.pop();
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;
    use docent_core::config::{Overrides, Source, SourceKind, load};

    fn scope(settings: &str) -> Result<Scope, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("docent.toml");
        let text = format!("[[source]]\nname = \"site\"\nkind = \"website\"\n{settings}");
        std::fs::write(&file, text).unwrap();
        let config = load(&Overrides {
            config: Some(file),
            ..Overrides::default()
        })
        .unwrap();
        let source: &Source = &config.sources[0];
        let SourceKind::Website(site) = &source.kind else {
            panic!("not a website")
        };
        Scope::of(source, site).map_err(|error| error.to_string())
    }

    #[test]
    fn pages_below_the_prefix_are_wanted() {
        let wants =
            |settings: &str, url: &str| scope(settings).unwrap().wants(&url.parse().unwrap());
        let docs = "url = \"https://example.com/docs/index.html\"";
        assert!(wants(docs, "https://example.com/docs/a?page=2"));
        assert!(wants(docs, "https://example.com/docs"));
        assert!(!wants(docs, "https://example.com/docs-old/a"));
        assert!(!wants(docs, "https://example.com/"));
        assert!(!wants(docs, "http://example.com/docs/a"));
        assert!(!wants(docs, "https://example.com.evil.com/docs/a"));
        assert!(!wants(docs, "https://example.com/docs/logo.PNG"));
        let globs =
            "url = \"https://example.com/\"\ninclude = [\"guides/\"]\nexclude = [\"**/old/**\"]";
        assert!(wants(globs, "https://example.com/guides/a/b"));
        assert!(!wants(globs, "https://example.com/guides/old/b"));
        assert!(!wants(globs, "https://example.com/blog"));
        assert!(
            scope("url = \"https://example.com/a\"\nprefix = \"https://example.com/b\"")
                .unwrap_err()
                .contains("not below its prefix")
        );
        assert!(scope("url = \"example.com\"").is_err());
    }

    #[test]
    fn addresses_are_made_the_same() {
        let tidied = |url: &str| tidy(url.parse().unwrap()).to_string();
        assert_eq!(
            tidied("https://e.com/a?utm_source=x&b=1#c"),
            "https://e.com/a?b=1"
        );
        assert_eq!(tidied("https://e.com/a?gclid=x"), "https://e.com/a");
        assert_eq!(document_path(&"https://e.com/".parse().unwrap()), "index");
        assert_eq!(
            document_path(&"https://e.com/a/?b=1".parse().unwrap()),
            "a/?b=1"
        );
    }
}
