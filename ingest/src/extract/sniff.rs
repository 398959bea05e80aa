//! What a file is: by its first bytes where they tell, else by its name. A PDF named `.txt` is a
//! PDF, a login page saved as `.json` is HTML.

use docent_core::document::Outcome;
use serde::de::IgnoredAny;

/// How far into a file a PDF may begin, in bytes: writers put junk before it, readers accept it.
const PDF_WITHIN: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pdf,
    /// A zip archive: DOCX, PPTX or XLSX by what is in it.
    Office,
    Notebook,
    Html,
    Markdown,
    Mdx,
    ReStructuredText,
    Csv,
    Sql,
    Json,
    JsonLines,
    Yaml,
    Text,
}

impl Kind {
    /// Whether it is read in a process of its own: formats with offsets, compression and references,
    /// whose parsers can be made to loop, to overflow the stack or to fill the memory.
    pub(super) fn is_risky(self) -> bool {
        matches!(self, Self::Pdf | Self::Office | Self::Notebook)
    }

    /// Whether YAML or TOML between `---` lines at its head is metadata.
    pub(super) fn has_front_matter(self) -> bool {
        matches!(
            self,
            Self::Markdown | Self::Mdx | Self::Html | Self::ReStructuredText | Self::Text
        )
    }
}

/// The kind that the bytes alone tell; none for text.
pub(super) fn binary(path: &str, bytes: &[u8]) -> Result<Option<Kind>, Outcome> {
    let head = &bytes[..bytes.len().min(PDF_WITHIN)];
    let pdf = head.windows(5).position(|window| window == b"%PDF-");
    // A text may speak of PDFs; junk before one is no text.
    let is_pdf = pdf.is_some_and(|at| {
        at == 0 || extension(path) == "pdf" || std::str::from_utf8(&bytes[..at]).is_err()
    });
    if is_pdf {
        return Ok(Some(Kind::Pdf));
    }
    match bytes {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Some(Kind::Office)),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Err(Outcome::Skipped(
            "an Office file of the format before 2007, or one with a password; save it as .docx, \
             .pptx or .xlsx without one"
                .to_owned(),
        )),
        _ => Ok(None),
    }
}

/// The kind of a text, by its beginning and its name.
pub(super) fn text(path: &str, text: &str) -> Kind {
    let start = text.trim_start();
    if is_html(start) {
        return Kind::Html;
    }
    let extension = extension(path);
    if start.starts_with(['{', '[']) {
        if start.starts_with('{') && is_notebook(start) {
            return Kind::Notebook;
        }
        let named = ["json", "jsonl", "ndjson", "ipynb"].contains(&extension.as_str());
        // `[]` alone is no document of JSON's, but may be a line of Markdown.
        if !named && start.contains('{') && serde_json::from_str::<IgnoredAny>(start).is_ok() {
            return Kind::Json;
        }
    }
    if start.starts_with("%YAML ") {
        return Kind::Yaml;
    }
    match extension.as_str() {
        "html" | "htm" | "xhtml" => Kind::Html,
        "mdx" => Kind::Mdx,
        "md" | "markdown" | "" => Kind::Markdown,
        "rst" | "rest" => Kind::ReStructuredText,
        "csv" | "tsv" | "tab" => Kind::Csv,
        "sql" | "ddl" => Kind::Sql,
        "json" => Kind::Json,
        "ipynb" => Kind::Notebook,
        "jsonl" | "ndjson" => Kind::JsonLines,
        "yaml" | "yml" => Kind::Yaml,
        _ => Kind::Text,
    }
}

fn is_html(start: &str) -> bool {
    let starts_with = |text: &str, tag: &str| {
        text.get(..tag.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(tag))
    };
    let mut rest = start;
    // XHTML: an XML declaration and comments may come first.
    while rest.starts_with("<?") || rest.starts_with("<!--") {
        let end = if rest.starts_with("<?") { "?>" } else { "-->" };
        match rest.find(end) {
            Some(at) if at < 4_096 => rest = rest[at + end.len()..].trim_start(),
            _ => break,
        }
    }
    starts_with(rest, "<!doctype html") || starts_with(rest, "<html")
}

/// The two keys that every notebook has at its top. Where they stand is not looked at: reading a
/// notebook is what the process of its own is for.
fn is_notebook(text: &str) -> bool {
    text.contains("\"nbformat\"") && text.contains("\"cells\"")
}

fn extension(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.')
        .map_or(String::new(), |(_, extension)| {
            extension.to_ascii_lowercase()
        })
}
