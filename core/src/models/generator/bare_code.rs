//! Code whose fence stands in another chunk: a code block that is larger than a chunk is cut, and a
//! later part of it looks like prose without punctuation.

/// The code that a passage begins with, where it begins inside a code block: up to the closing
/// fence, or all of it. 0: it does not.
pub(super) fn leading_code(text: &str) -> usize {
    let mut fences = 0;
    let mut first = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~") {
            fences += 1;
            // Only an opening fence names a language.
            let bare = line.trim().trim_matches(['`', '~']).is_empty();
            first.get_or_insert((start, bare));
        }
        start += line.len();
    }
    match first {
        None if looks_like_code(text) => text.len(),
        Some((at, true)) if fences % 2 == 1 && looks_like_code(&text[..at]) => at,
        _ => 0,
    }
}

/// Whether most lines are indented, or begin or end as no line of prose does.
fn looks_like_code(text: &str) -> bool {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let code = lines.iter().filter(|line| is_code_line(line)).count();
    lines.len() >= 3 && code * 3 >= lines.len() * 2
}

fn is_code_line(line: &str) -> bool {
    let body = line.trim();
    let item = body.starts_with(['-', '*', '+', '|', '>']) && !body.starts_with("--");
    if item || body.starts_with(|c: char| c.is_ascii_digit()) && body.contains(". ") {
        return false;
    }
    line.starts_with("  ")
        || line.starts_with('\t')
        || body.ends_with([',', ';', '(', ')', '{', '}', '[', ']', '='])
        || [
            "--", "//", "#!", "SELECT", "FROM", "WHERE", "GROUP BY", "AND ", "JOIN", "WITH ",
        ]
        .iter()
        .any(|mark| body.starts_with(mark))
}

#[cfg(test)]
mod tests {
    use super::leading_code;

    const QUERY: &str = "  DATE(submission_timestamp) AS day,\n  -- comment\n  sample_id\nFROM\n  telemetry.main\nWHERE\n  sample_id = 1\n";

    #[test]
    fn the_rest_of_a_cut_code_block_is_code_up_to_its_fence() {
        assert_eq!(leading_code(QUERY), QUERY.len());
        let cut = format!("{QUERY}```\n\nThis query runs for an hour.\n");
        assert_eq!(&cut[..leading_code(&cut)], QUERY);
    }

    #[test]
    fn prose_lists_and_whole_code_blocks_are_left_alone() {
        for text in [
            "The table is loaded hourly.\nIt is kept for a year.\nAsk its owner.\n",
            "- one, of many;\n- two, of many;\n  - three,\n- four;\n",
            "Use this query:\n\n```sql\nSELECT 1,\n  2\nFROM t\n```\n",
            "Some text first,\n\n```\nSELECT 1\n```\n\nand `more`,\n",
        ] {
            assert_eq!(leading_code(text), 0, "{text}");
        }
    }
}
