//! Who reads from whom, and the sentences that say so.
//!
//! The sentences are written to be found and quoted one by one: each names its subject, and holds
//! the words that people ask with (upstream, feeds, built from; downstream, depends on, breaks).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::manifest::{Kind, Manifest, last_part};
use crate::source::prose::{code, count, names};

/// Names in one sentence: with more of them a sentence would not fit a passage.
const NAMES: usize = 12;
/// Of what is only indirectly connected, at most this many are named.
const FAR: usize = 24;

/// Edges between the resources of a manifest.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    parents: BTreeMap<String, BTreeSet<String>>,
    children: BTreeMap<String, BTreeSet<String>>,
}

/// Resources at some distance of one, by what they are.
struct Reach<'a> {
    direct: Vec<&'a str>,
    /// Beyond the direct ones, the nearer first.
    far: Vec<&'a str>,
}

impl Lineage {
    pub(super) fn of(manifest: &Manifest) -> Self {
        let mut lineage = Self::default();
        for (id, resource) in &manifest.resources {
            for parent in &resource.node.depends_on.nodes {
                // A test or macro is no parent, and a snapshot may name itself.
                if parent == id || parent.starts_with("test.") || parent.starts_with("macro.") {
                    continue;
                }
                lineage.link(parent, id);
            }
        }
        lineage
    }

    fn link(&mut self, parent: &str, child: &str) {
        let parents = self.parents.entry(child.to_owned()).or_default();
        parents.insert(parent.to_owned());
        let children = self.children.entry(parent.to_owned()).or_default();
        children.insert(child.to_owned());
    }

    fn upstream(&self, id: &str) -> Reach<'_> {
        reach(&self.parents, id)
    }

    fn downstream(&self, id: &str) -> Reach<'_> {
        reach(&self.children, id)
    }

    /// The source tables and seeds that everything of a resource comes from.
    pub(super) fn roots<'a>(&'a self, manifest: &Manifest, id: &str) -> Vec<&'a str> {
        let upstream = self.upstream(id);
        let all = upstream.direct.into_iter().chain(upstream.far);
        all.filter(|id| {
            matches!(
                manifest.resources.get(*id).map(|resource| resource.kind),
                Some(Kind::Source | Kind::Seed)
            )
        })
        .collect()
    }

    /// Paragraphs of what feeds a resource; empty for one that nothing feeds.
    pub(super) fn upstream_paragraphs(&self, manifest: &Manifest, id: &str) -> Vec<String> {
        let subject = code(&name(manifest, id));
        let upstream = self.upstream(id);
        let mut paragraphs = Vec::new();
        for (position, part) in upstream.direct.chunks(NAMES).enumerate() {
            let list = list(manifest, part);
            paragraphs.push(if position == 0 {
                format!(
                    "{subject} is built from {}, which {} it directly upstream: {list}.",
                    kinds(manifest, &upstream.direct),
                    verb(upstream.direct.len(), "feed")
                )
            } else {
                format!("Also directly upstream, feeding {subject}: {list}.")
            });
        }
        // What is upstream of a seed or source is nothing; of others the roots say where data enters.
        let roots: Vec<&str> = upstream
            .far
            .iter()
            .copied()
            .filter(|id| is_root(manifest, id))
            .collect();
        let between: Vec<&str> = upstream
            .far
            .iter()
            .copied()
            .filter(|id| !is_root(manifest, id))
            .collect();
        far(&mut paragraphs, manifest, &between, |many, list, rest| {
            format!("Further upstream of {subject}, indirectly, {many}: {list}{rest}.")
        });
        far(&mut paragraphs, manifest, &roots, |many, list, rest| {
            format!(
                "At the root of the lineage of {subject}, where its data comes from, {many}: \
                 {list}{rest}."
            )
        });
        paragraphs
    }

    /// Paragraphs of what depends on a resource; never empty.
    pub(super) fn downstream_paragraphs(&self, manifest: &Manifest, id: &str) -> Vec<String> {
        let subject = code(&name(manifest, id));
        let downstream = self.downstream(id);
        if downstream.direct.is_empty() {
            let ends_here = matches!(
                manifest.resources.get(id).map(|resource| resource.kind),
                Some(Kind::Exposure)
            );
            return vec![if ends_here {
                format!("{subject} is at the end of the lineage: no model depends on it.")
            } else {
                format!(
                    "Nothing in this dbt project depends on {subject}: if it is dropped, no other \
                     model and no exposure breaks."
                )
            }];
        }
        let mut paragraphs = Vec::new();
        for (position, part) in downstream.direct.chunks(NAMES).enumerate() {
            let list = list(manifest, part);
            paragraphs.push(if position == 0 {
                format!(
                    "{subject} is used by {}, which {} on it directly: {list}.",
                    kinds(manifest, &downstream.direct),
                    verb(downstream.direct.len(), "depend")
                )
            } else {
                format!("Also depending directly on {subject}: {list}.")
            });
        }
        let all: Vec<&str> = downstream
            .direct
            .iter()
            .chain(&downstream.far)
            .copied()
            .collect();
        let (ends, between): (Vec<&str>, Vec<&str>) = all
            .iter()
            .partition(|id| kind(manifest, id) == Some(Kind::Exposure));
        far(&mut paragraphs, manifest, &between, |many, list, rest| {
            format!("If {subject} is dropped or changed, {many} can break: {list}{rest}.")
        });
        far(&mut paragraphs, manifest, &ends, |many, list, rest| {
            format!(
                "Dashboards and other exposures that break if {subject} is dropped, {many}: \
                 {list}{rest}."
            )
        });
        paragraphs
    }
}

/// Sentences of what is not next to a resource, over several paragraphs where it is much.
fn far(
    paragraphs: &mut Vec<String>,
    manifest: &Manifest,
    ids: &[&str],
    sentence: impl Fn(String, String, String) -> String,
) {
    let shown = &ids[..ids.len().min(FAR)];
    let left = ids.len() - shown.len();
    let parts = shown.chunks(NAMES).count();
    for (position, part) in shown.chunks(NAMES).enumerate() {
        let many = if position == 0 {
            kinds(manifest, ids)
        } else {
            "these others too".to_owned()
        };
        let rest = if left > 0 && position + 1 == parts {
            format!(" and {left} more")
        } else {
            String::new()
        };
        paragraphs.push(sentence(many, list(manifest, part), rest));
    }
}

fn reach<'a>(edges: &'a BTreeMap<String, BTreeSet<String>>, id: &str) -> Reach<'a> {
    let direct: Vec<&str> = edges
        .get(id)
        .map(|next| next.iter().map(String::as_str).collect())
        .unwrap_or_default();
    let mut seen: BTreeSet<&str> = direct.iter().copied().collect();
    let mut queue: VecDeque<&str> = direct.iter().copied().collect();
    let mut far = Vec::new();
    while let Some(at) = queue.pop_front() {
        for next in edges.get(at).into_iter().flatten() {
            // A cycle cannot be built by dbt, but can be written into a file.
            if next != id && seen.insert(next) {
                far.push(next.as_str());
                queue.push_back(next);
            }
        }
    }
    Reach { direct, far }
}

fn kind(manifest: &Manifest, id: &str) -> Option<Kind> {
    manifest.resources.get(id).map(|resource| resource.kind)
}

fn is_root(manifest: &Manifest, id: &str) -> bool {
    matches!(kind(manifest, id), Some(Kind::Source | Kind::Seed))
}

fn name(manifest: &Manifest, id: &str) -> String {
    manifest.resources.get(id).map_or_else(
        // Of another project, or disabled.
        || last_part(id).to_owned(),
        |resource| resource.name.clone(),
    )
}

fn list(manifest: &Manifest, ids: &[&str]) -> String {
    names(ids.iter().map(|id| name(manifest, id)))
}

fn verb(number: usize, verb: &str) -> String {
    if number == 1 {
        format!("{verb}s")
    } else {
        verb.to_owned()
    }
}

/// `3 models and 1 source table`.
fn kinds(manifest: &Manifest, ids: &[&str]) -> String {
    let mut counts: BTreeMap<Option<Kind>, usize> = BTreeMap::new();
    for id in ids {
        *counts.entry(kind(manifest, id)).or_default() += 1;
    }
    let mut parts: Vec<String> = counts
        .into_iter()
        .map(|(kind, number)| count(number, kind.map_or("other resource", Kind::words)))
        .collect();
    // What docent knows comes first.
    parts.sort_by_key(|part| part.contains("other resource"));
    crate::source::prose::and(&parts)
}
