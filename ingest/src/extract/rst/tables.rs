//! Tables that are drawn with characters.

/// The table that begins here: its rows, the first its header, and its length in lines.
pub(super) fn at(lines: &[&str]) -> Option<(Vec<Vec<String>>, usize)> {
    let first = lines[0];
    if first.starts_with("+-") && first.bytes().all(|byte| matches!(byte, b'+' | b'-' | b'=')) {
        return Some(grid(lines));
    }
    let is_simple = first.starts_with("==") && first.contains(' ') && is_simple_line(first);
    if is_simple { simple(lines) } else { None }
}

fn is_simple_line(line: &str) -> bool {
    line.starts_with("==") && line.bytes().all(|byte| byte == b'=' || byte == b' ')
}

/// A table of boxes. A cell that spans columns stands in the first of them.
fn grid(lines: &[&str]) -> (Vec<Vec<String>>, usize) {
    let length = lines
        .iter()
        .take_while(|line| line.starts_with(['+', '|']))
        .count();
    let edges: Vec<usize> = lines[0].match_indices('+').map(|(at, _)| at).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut is_open = false;
    for line in &lines[..length] {
        if line.starts_with('+') {
            is_open = false;
            continue;
        }
        if !is_open {
            rows.push(vec![String::new(); edges.len().saturating_sub(1)]);
            is_open = true;
        }
        let Some(row) = rows.last_mut() else { continue };
        // By characters: a drawn table counts letters, not bytes.
        let letters: Vec<char> = line.chars().collect();
        let mut start = 1;
        for (column, edge) in edges.iter().skip(1).enumerate() {
            let is_edge = letters
                .get(*edge)
                .is_none_or(|letter| *letter == '|' || *letter == '+');
            if !is_edge && *edge + 1 < letters.len() {
                continue;
            }
            let end = (*edge).min(letters.len()).max(start.min(letters.len()));
            let text: String = letters[start.min(end)..end].iter().collect();
            let first = edges
                .iter()
                .position(|edge| edge + 1 >= start)
                .unwrap_or(column);
            if let Some(cell) = row.get_mut(first)
                && !text.trim().is_empty()
            {
                if !cell.is_empty() {
                    cell.push(' ');
                }
                cell.push_str(text.trim());
            }
            start = end + 1;
        }
    }
    (rows, length)
}

/// A table of columns under lines of `=`. A row whose first cell is blank goes on from the one above.
fn simple(lines: &[&str]) -> Option<(Vec<Vec<String>>, usize)> {
    let mut columns = Vec::new();
    let mut start = None;
    for (at, byte) in lines[0].bytes().chain([b' ']).enumerate() {
        match (byte, start) {
            (b'=', None) => start = Some(at),
            (b' ', Some(begun)) => {
                columns.push((begun, at));
                start = None;
            }
            _ => {}
        }
    }
    let edges: Vec<usize> = (1..lines.len())
        .filter(|at| is_simple_line(lines[*at]))
        .take(2)
        .collect();
    // With a header there are three lines, without one there are two and then a blank one.
    let end = match edges.as_slice() {
        [only] => *only,
        [first, _] if lines.get(first + 1).is_none_or(|line| line.is_empty()) => *first,
        [_, second] => *second,
        _ => return None,
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in &lines[1..end] {
        if line.is_empty() || line.starts_with("==") || line.starts_with("--") {
            continue;
        }
        let letters: Vec<char> = line.chars().collect();
        let cells = columns.iter().enumerate().map(|(number, (from, to))| {
            let to = if number + 1 == columns.len() {
                letters.len()
            } else {
                *to
            };
            let (from, to) = ((*from).min(letters.len()), to.min(letters.len()));
            letters[from..to.max(from)]
                .iter()
                .collect::<String>()
                .trim()
                .to_owned()
        });
        let cells: Vec<String> = cells.collect();
        match rows.last_mut() {
            Some(row) if cells[0].is_empty() => {
                for (cell, more) in row
                    .iter_mut()
                    .zip(&cells)
                    .filter(|(_, more)| !more.is_empty())
                {
                    cell.push_str(&format!(" {more}"));
                }
            }
            _ => rows.push(cells),
        }
    }
    Some((rows, end + 1))
}
