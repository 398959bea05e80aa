//! Jupyter notebooks: text and code cells in their order, with what the code printed. Pictures,
//! widgets and tracebacks are left out.

use docent_core::document::Outcome;
use serde_json::Value;

use super::write::Markdown;
use super::{Page, markdown};

/// Longest output of a cell that is kept, in characters: more of it is data, not text.
const OUTPUT_LENGTH: usize = 2_000;

/// Reads a notebook of format 3 or 4.
pub(super) fn page(text: &str) -> Result<Page, Outcome> {
    let book: Value = serde_json::from_str(text)
        .map_err(|error| Outcome::Failed(format!("not readable as a notebook: {error}")))?;
    // Format 3 had worksheets.
    let cells = book
        .get("cells")
        .or_else(|| book.pointer("/worksheets/0/cells"));
    let Some(cells) = cells.and_then(Value::as_array) else {
        return Err(Outcome::Failed(
            "not a notebook: it has no cells".to_owned(),
        ));
    };
    let language = [
        "/metadata/kernelspec/language",
        "/metadata/language_info/name",
    ]
    .iter()
    .find_map(|path| book.pointer(path)?.as_str())
    .unwrap_or_default();
    let language: String = language
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let mut whole = Markdown::default();
    let mut title = None;
    for cell in cells {
        let source = joined(cell.get("source").or_else(|| cell.get("input")));
        match cell.get("cell_type").and_then(Value::as_str) {
            Some("markdown") => {
                let page = markdown::page(&source, false);
                title = title.or(page.title);
                whole.raw(&page.markdown);
            }
            Some("heading") => {
                let level = cell.get("level").and_then(Value::as_u64).unwrap_or(1);
                whole.heading(level as usize, &source);
            }
            Some("code") => {
                whole.code(&language, &source);
                outputs(cell, &mut whole);
            }
            _ => {}
        }
    }
    Ok(Page {
        title,
        ..Page::of(whole.finish())
    })
}

/// Text that is kept as a list of lines, or as one.
fn joined(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

fn outputs(cell: &Value, whole: &mut Markdown) {
    let outputs = cell.get("outputs").and_then(Value::as_array);
    for output in outputs.into_iter().flatten() {
        let field = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default();
        match field("output_type") {
            "stream" if field("name") != "stderr" => print(&joined(output.get("text")), whole),
            "execute_result" | "display_data" | "pyout" => {
                let data = output.get("data");
                let has_picture = data
                    .and_then(Value::as_object)
                    .is_some_and(|data| data.keys().any(|kind| kind.starts_with("image/")));
                let plain = data
                    .and_then(|data| data.get("text/plain"))
                    .or_else(|| output.get("text"));
                // Beside a picture stands nothing but `<Figure size 640x480>`.
                if !has_picture {
                    print(&joined(plain), whole);
                }
            }
            "error" | "pyerr" => {
                whole.paragraph(&format!("Error: {}: {}", field("ename"), field("evalue")));
            }
            _ => {}
        }
    }
}

fn print(text: &str, whole: &mut Markdown) {
    let text = text.trim_end();
    if text.is_empty() {
        return;
    }
    let text = match text.char_indices().nth(OUTPUT_LENGTH) {
        Some((end, _)) => format!("{}\n…", &text[..end]),
        None => text.to_owned(),
    };
    whole.paragraph("Output:");
    whole.code("", &text);
}
