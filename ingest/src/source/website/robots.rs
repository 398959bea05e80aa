//! robots.txt: what a site asks crawlers to leave alone. Source: RFC 9309, and the `Crawl-delay` and
//! `Sitemap` lines that many sites add.

use std::time::Duration;

/// docent's own name in robots.txt.
const NAME: &str = "docent";
/// Longest robots.txt that is read; RFC 9309 asks for 500 KiB at the least.
pub(super) const MAX_BYTES: u64 = 512 * 1024;
/// A site that wants a longer pause than this would not be read in a day.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// The rules that hold for docent.
#[derive(Debug, Clone, Default)]
pub(super) struct Robots {
    /// Patterns of paths, and whether they may be fetched.
    rules: Vec<(String, bool)>,
    pub(super) delay: Duration,
    pub(super) sitemaps: Vec<String>,
}

impl Robots {
    /// The groups that name docent, or else those for everybody.
    pub(super) fn parse(text: &str) -> Self {
        let mut own = Self::default();
        let mut others = Self::default();
        let mut has_own = false;
        let mut sitemaps = Vec::new();
        let (mut for_own, mut for_others) = (false, false);
        let mut in_names = false;
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let (key, value) = (key.trim().to_lowercase(), value.trim());
            if key == "sitemap" {
                sitemaps.push(value.to_owned());
                continue;
            }
            if key == "user-agent" {
                if !in_names {
                    (for_own, for_others) = (false, false);
                }
                in_names = true;
                for_own |= value.eq_ignore_ascii_case(NAME);
                for_others |= value == "*";
                has_own |= for_own;
                continue;
            }
            in_names = false;
            for (holds, robots) in [(for_own, &mut own), (for_others, &mut others)] {
                if holds {
                    robots.take(&key, value);
                }
            }
        }
        let mut robots = if has_own { own } else { others };
        robots.sitemaps = sitemaps;
        robots
    }

    fn take(&mut self, key: &str, value: &str) {
        match key {
            "allow" | "disallow" if !value.is_empty() => {
                self.rules.push((value.to_owned(), key == "allow"));
            }
            "crawl-delay" => {
                let seconds: f64 = value.parse().unwrap_or(0.0);
                self.delay = Duration::try_from_secs_f64(seconds.max(0.0))
                    .unwrap_or_default()
                    .min(LONGEST_DELAY);
            }
            _ => {}
        }
    }

    /// Whether a path (with its query) may be fetched: the longest rule that fits decides, and of
    /// two equally long ones the one that allows.
    pub(super) fn allows(&self, path: &str) -> bool {
        self.rules
            .iter()
            .filter(|(pattern, _)| fits(pattern, path))
            .max_by_key(|(pattern, allows)| (pattern.len(), *allows))
            .is_none_or(|(_, allows)| *allows)
    }
}

/// Whether a pattern fits the start of a path: `*` stands for anything, `$` at the end for the end.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, to_the_end) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let last = if to_the_end { parts.pop() } else { None };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    match last {
        Some(last) => rest.ends_with(last),
        None => !to_the_end || rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rule_of_docents_own_group_decides() {
        let text = "User-agent: *\nDisallow: /\n\nUser-agent: Other\nUser-agent: docent # us\n\
            Crawl-delay: 2\nDisallow: /private\nAllow: /private/open$\nDisallow: /*.pdf$\n\
            Disallow: /a/*/secret\n\nSitemap: https://example.com/map.xml\n";
        let robots = Robots::parse(text);
        let allowed = [
            "/",
            "/docs",
            "/private/open",
            "/a.pdf?x=1",
            "/a/secret",
            "/a.pdf.html",
        ];
        let refused = ["/private", "/private/open/more", "/a.pdf", "/a/b/secret/c"];
        for path in allowed {
            assert!(robots.allows(path), "{path}");
        }
        for path in refused {
            assert!(!robots.allows(path), "{path}");
        }
        assert_eq!(robots.delay, Duration::from_secs(2));
        assert_eq!(robots.sitemaps, ["https://example.com/map.xml"]);
    }

    #[test]
    fn without_a_group_of_its_own_docent_takes_those_for_everybody() {
        let robots = Robots::parse(
            "User-agent: *\nDisallow: /x\nUser-agent: a\nDisallow: /\nUser-agent: *\nDisallow: /y",
        );
        assert!(robots.allows("/z") && !robots.allows("/x") && !robots.allows("/y"));
        assert!(Robots::parse("").allows("/"));
        assert!(Robots::parse("User-agent: *\nDisallow:").allows("/"));
    }
}
