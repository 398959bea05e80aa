//! Documents put together again from their chunks: parts that two chunks share stand once, headings stand
//! where another one begins.

use std::collections::BTreeMap;

use docent_core::index::Payload;

/// Fewest bytes that two chunks share by more than chance.
const SHARED: usize = 12;

/// Each document as its first chunk's payload and its whole text.
pub(super) fn assembled(mut chunks: Vec<Payload>) -> Vec<(Payload, String)> {
    chunks.sort_by_key(|chunk| chunk.ordinal);
    let mut documents: BTreeMap<_, Vec<Payload>> = BTreeMap::new();
    for chunk in chunks {
        let of = (chunk.source.clone(), chunk.document_id);
        documents.entry(of).or_default().push(chunk);
    }
    let whole = documents.into_values().filter_map(|chunks| {
        let text = joined(&chunks);
        Some((chunks.into_iter().next()?, text))
    });
    whole.collect()
}

fn joined(chunks: &[Payload]) -> String {
    let mut text = String::new();
    let mut above: &[String] = &[];
    let mut before = "";
    for chunk in chunks {
        let continues = !text.is_empty() && chunk.heading == above;
        if continues {
            if let Some(rows) = without_header(before, &chunk.text) {
                text.push_str(&format!("\n{rows}"));
            } else {
                let shared = shared(before, &chunk.text);
                if shared == 0 {
                    text.push_str("\n\n");
                }
                text.push_str(&chunk.text[shared..]);
            }
        } else {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            if let Some(heading) = chunk.heading.last()
                && !chunk.text.trim_start().starts_with('#')
            {
                let level = "#".repeat((chunk.heading.len() + 1).min(6));
                text.push_str(&format!("{level} {heading}\n\n"));
            }
            text.push_str(&chunk.text);
        }
        above = &chunk.heading;
        before = &chunk.text;
    }
    text
}

/// How many bytes of the next chunk are the end of the one before.
fn shared(before: &str, next: &str) -> usize {
    let longest = before.len().min(next.len());
    (SHARED..=longest)
        .rev()
        .find(|length| next.is_char_boundary(*length) && before.ends_with(&next[..*length]))
        .unwrap_or_default()
}

/// The rows of a chunk that goes on with the table of the one before, which has the same header.
fn without_header<'a>(before: &str, next: &'a str) -> Option<&'a str> {
    let is_row = |line: &str| line.trim_start().starts_with('|');
    let end = next.match_indices('\n').nth(1)?.0;
    let (header, rows) = (&next[..end], &next[end + 1..]);
    let dashes = header.lines().nth(1)?;
    let is_header = dashes.contains("---") && header.lines().all(is_row);
    let goes_on = before.trim_end().lines().last().is_some_and(is_row) && before.contains(header);
    (is_header && goes_on).then_some(rows)
}

#[cfg(test)]
mod tests {
    use docent_core::document::document_id;

    use super::*;

    fn chunk(ordinal: u32, heading: &[&str], text: &str) -> Payload {
        let payload = serde_json::json!({
            "document_id": document_id("docs", "a.md"), "source": "docs", "uri": "", "path": "a.md",
            "title": "a", "heading": heading, "text": text, "language": null, "ordinal": ordinal,
            "text_hash": text, "asset": "a", "owner": null, "owner_slack": null, "owner_email": null,
            "groups": ["everyone"], "status": null, "updated_at": null, "fresh_at": null,
        });
        serde_json::from_value(payload).unwrap()
    }

    #[test]
    fn parts_and_table_headers_that_chunks_share_stand_once() {
        let chunks = vec![
            chunk(2, &["Columns"], "| name | type |\n|---|---|\n| c | int |"),
            chunk(0, &[], "The first sentence. The second sentence."),
            chunk(
                1,
                &["Columns"],
                "| name | type |\n|---|---|\n| a | int |\n| b | int |",
            ),
            chunk(
                3,
                &["Columns"],
                "None of them is ever null. They are counted.",
            ),
            chunk(4, &["Columns"], "They are counted. 매일 집계합니다."),
        ];
        let documents = assembled(chunks);
        assert_eq!(documents.len(), 1);
        insta::assert_snapshot!(documents[0].1, @"
        The first sentence. The second sentence.

        ## Columns

        | name | type |
        |---|---|
        | a | int |
        | b | int |
        | c | int |

        None of them is ever null. They are counted. 매일 집계합니다.
        ");
    }
}
