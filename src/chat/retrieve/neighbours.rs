//! Neighbours: hits that stand one after the other in a document become one passage, in the place of
//! the best of them. A rule and its exception, a table and the sentence that leads to it, are read, quoted
//! and cited together, and the places that this frees go to other documents.

use docent_core::document::PageMark;
use docent_core::index::{Hit, Payload};

/// Chunks of a passage at the most: a document read in whole is no passage.
const MOST: u32 = 3;

/// What stands between two chunks of one passage.
const BETWEEN: &str = "\n\n";

/// The first `limit` passages of ranked hits, with the hits joined to them that are their neighbours.
pub(super) fn joined(ranked: Vec<Hit>, limit: usize) -> Vec<Hit> {
    let mut runs: Vec<Run> = Vec::with_capacity(limit);
    for hit in ranked {
        if let Some(run) = runs.iter_mut().find(|run| run.is_beside(&hit)) {
            run.add(hit);
        } else if runs.len() < limit {
            runs.push(Run {
                from: hit.payload.ordinal,
                to: hit.payload.ordinal,
                last: hit.payload.heading.clone(),
                hit,
            });
        }
    }
    runs.into_iter().map(|run| run.hit).collect()
}

/// A passage and the places in its document that it takes.
struct Run {
    from: u32,
    to: u32,
    /// The headings of its last chunk.
    last: Vec<String>,
    hit: Hit,
}

impl Run {
    fn is_beside(&self, hit: &Hit) -> bool {
        let payload = &hit.payload;
        let is_next = payload.ordinal == self.to + 1 || payload.ordinal + 1 == self.from;
        payload.document_id == self.hit.payload.document_id
            && payload.source == self.hit.payload.source
            && is_next
            && self.to - self.from + 1 < MOST
    }

    fn add(&mut self, hit: Hit) {
        let own = &mut self.hit.payload;
        let other = hit.payload;
        if other.ordinal > self.to {
            self.to = other.ordinal;
            append(own, &other, &self.last);
            self.last = other.heading;
        } else {
            self.from = other.ordinal;
            let mut text = Payload {
                text: String::new(),
                pages: Vec::new(),
                ..own.clone()
            };
            append(&mut text, &other, &own.heading);
            append(&mut text, own, &other.heading);
            (own.text, own.pages) = (text.text, text.pages);
        }
    }
}

/// Puts a chunk behind a text that ends under the headings `above`, with its own heading where that is
/// another one.
fn append(text: &mut Payload, chunk: &Payload, above: &[String]) {
    if !text.text.is_empty() {
        text.text.push_str(BETWEEN);
    }
    if chunk.heading != above
        && let Some(heading) = chunk.heading.last()
    {
        text.text.push_str("### ");
        text.text.push_str(heading);
        text.text.push_str(BETWEEN);
    }
    let start = text.text.len() as u32;
    text.text.push_str(&chunk.text);
    text.pages.extend(chunk.pages.iter().map(|mark| PageMark {
        at: mark.at + start,
        page: mark.page,
    }));
}

#[cfg(test)]
mod tests {
    use docent_core::document::document_id;
    use uuid::Uuid;

    use super::*;

    fn hit(document: &str, ordinal: u32, heading: &str, text: &str) -> Hit {
        let payload = serde_json::json!({
            "document_id": document_id("docs", document), "source": "docs", "uri": "", "path": document,
            "title": document, "heading": [heading], "text": text, "language": null, "ordinal": ordinal,
            "pages": [{ "at": 0, "page": ordinal + 1 }], "text_hash": text, "asset": null, "owner": null,
            "owner_slack": null, "owner_email": null, "groups": ["everyone"], "status": null,
            "updated_at": null, "fresh_at": null,
        });
        Hit {
            id: Uuid::new_v4(),
            score: 1.0,
            cosine: None,
            dense_arm: None,
            sparse_arm: None,
            dense: Vec::new(),
            payload: serde_json::from_value(payload).unwrap(),
        }
    }

    fn texts(hits: &[Hit]) -> Vec<&str> {
        hits.iter().map(|hit| hit.payload.text.as_str()).collect()
    }

    #[test]
    fn neighbours_become_one_passage_in_reading_order_and_free_a_place() {
        let ranked = vec![
            hit("trips.md", 4, "Rules", "The rule."),
            hit("other.md", 5, "Rules", "Something else."),
            hit("trips.md", 5, "Exceptions", "The exception."),
            hit("trips.md", 3, "Rules", "What leads to it."),
            hit("third.md", 0, "Start", "A third document."),
        ];
        let passages = joined(ranked.clone(), 3);
        assert_eq!(
            texts(&passages),
            [
                "What leads to it.\n\nThe rule.\n\n### Exceptions\n\nThe exception.",
                "Something else.",
                "A third document.",
            ]
        );
        assert_eq!(passages[0].id, ranked[0].id);
        assert_eq!(passages[0].payload.heading, ["Rules"]);
    }

    #[test]
    fn pages_are_those_of_each_part() {
        let ranked = vec![
            hit("report.pdf", 7, "Costs", "Eight."),
            hit("report.pdf", 6, "Sums", "Seven."),
        ];
        let passages = joined(ranked, 8);
        let payload = &passages[0].payload;
        assert_eq!(payload.text, "### Sums\n\nSeven.\n\n### Costs\n\nEight.");
        for (word, page) in [("Seven", 7), ("Eight", 8)] {
            let at = payload.text.find(word).unwrap();
            assert_eq!(payload.page_at(at), Some(page), "{word}");
        }
    }

    #[test]
    fn a_whole_document_does_not_become_one_passage() {
        let ranked = (0..6)
            .map(|at| hit("long.md", at, "Part", "Text."))
            .collect();
        let passages = joined(ranked, 8);
        let starts: Vec<u32> = passages.iter().map(|hit| hit.payload.ordinal).collect();
        assert_eq!(starts, [0, 3]);
    }

    #[test]
    fn what_is_no_neighbour_stays_by_itself() {
        let ranked = vec![
            hit("a.md", 1, "H", "One."),
            hit("a.md", 3, "H", "Three."),
            hit("b.md", 2, "H", "Two."),
        ];
        assert_eq!(texts(&joined(ranked, 8)), ["One.", "Three.", "Two."]);
    }
}
