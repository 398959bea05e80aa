//! Confluence's storage format as Markdown: XHTML with elements of its own for macros, links, images,
//! tasks and layouts. Source: "Confluence Storage Format" in Atlassian's documentation.
//!
//! The text is first made HTML that a browser's parser reads rightly (no prefixes, no CDATA, no
//! self-closing elements), then written anew with Confluence's elements replaced by those of HTML.

use docent_core::document::Outcome;
use dom_query::{Document, NodeRef};

use super::Names;
use crate::extract;

/// Macros whose body is text like that around them; what they do with it is a matter of looks.
const BOXES: [(&str, &str); 6] = [
    ("info", "Info"),
    ("note", "Note"),
    ("tip", "Tip"),
    ("warning", "Warning"),
    ("panel", ""),
    ("quote", ""),
];
/// Macros whose body is shown as it is written.
const CODE: [&str; 5] = ["code", "noformat", "mermaid", "plantuml", "sql-query"];
/// Elements of HTML that have no end.
const VOID: [&str; 6] = ["br", "hr", "img", "col", "wbr", "input"];

/// The Markdown of a page's body.
pub(super) fn markdown(storage: &str, names: &Names<'_>) -> Result<String, Outcome> {
    let html = as_html(storage);
    let document = extract::parse_html(&html)?;
    let mut writer = Writer {
        names,
        html: String::with_capacity(html.len()),
    };
    writer.children(&body(&document));
    extract::html_to_markdown(&writer.html)
}

fn body(document: &Document) -> NodeRef<'_> {
    document.body().unwrap_or_else(|| document.root())
}

/// Storage format as HTML: `<ac:link/>` becomes `<ac-link></ac-link>`, CDATA becomes text.
fn as_html(storage: &str) -> String {
    let mut html = String::with_capacity(storage.len() + storage.len() / 8);
    let mut rest = storage;
    while let Some(start) = rest.find('<') {
        html.push_str(&rest[..start]);
        rest = &rest[start..];
        if let Some(text) = rest.strip_prefix("<![CDATA[") {
            // Exports write `]] >` where a page's own CDATA ends inside of another.
            let ends = ["]]>", "]] >"].map(|end| text.find(end).map(|at| (at, end.len())));
            let (end, length) = ends.into_iter().flatten().min().unwrap_or((text.len(), 0));
            html.push_str(&escape(&text[..end]));
            rest = &text[end + length..];
            continue;
        }
        let end = tag_end(rest);
        let tag = &rest[..end];
        rest = &rest[end..];
        push_tag(&mut html, tag);
    }
    html.push_str(rest);
    html
}

/// Where a tag ends; a `>` in a quoted value is none.
fn tag_end(text: &str) -> usize {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '>') => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn push_tag(html: &mut String, tag: &str) {
    let name: String = tag
        .trim_start_matches(['<', '/'])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_:".contains(*c))
        .collect();
    let is_own = name.starts_with("ac:") || name.starts_with("ri:");
    if !is_own {
        match tag.strip_suffix("/>") {
            // HTML knows no self-closing elements; `<p/>` would stay open.
            Some(start) if !name.is_empty() && !VOID.contains(&name.as_str()) => {
                html.push_str(&format!("{start}></{name}>"));
            }
            _ => html.push_str(tag),
        }
        return;
    }
    let renamed = name.replace(':', "-");
    let start = tag.replacen(&name, &renamed, 1);
    let start = start.replace(" ac:", " ac-").replace(" ri:", " ri-");
    match start.strip_suffix("/>") {
        Some(start) => html.push_str(&format!("{start}></{renamed}>")),
        None => html.push_str(&start),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

struct Writer<'a> {
    names: &'a Names<'a>,
    html: String,
}

impl Writer<'_> {
    fn children(&mut self, node: &NodeRef<'_>) {
        for child in node.children_it(false) {
            self.node(&child);
        }
    }

    fn node(&mut self, node: &NodeRef<'_>) {
        if node.is_text() {
            self.html.push_str(&escape(&node.text()));
            return;
        }
        let Some(name) = node.node_name() else { return };
        match &*name {
            "ac-structured-macro" | "ac-macro" => self.named_macro(node),
            "ac-link" => self.link(node),
            "ac-image" => self.html.push_str(&escape(&attribute(node, "ac-alt"))),
            "ac-emoticon" => self
                .html
                .push_str(&escape(&attribute(node, "ac-emoji-fallback"))),
            "ac-task-list" => self.wrapped("ul", node),
            "ac-task" => self.task(node),
            "ac-layout" | "ac-layout-section" | "ac-layout-cell" | "ac-rich-text-body" => {
                self.wrapped("div", node);
            }
            // The new editor's panels come twice: as its own tree, and as what older readers show.
            "ac-adf-extension" => match child(node, "ac-adf-fallback") {
                Some(fallback) => self.children(&fallback),
                None => self.children(node),
            },
            "ac-placeholder" | "ac-parameter" | "ac-adf-attribute" | "ri-attachment" => {}
            "ri-user" => self.user(node),
            "time" => self.html.push_str(&escape(&attribute(node, "datetime"))),
            "p" if is_blank(node) => {}
            name => self.html_element(name, node),
        }
    }

    fn html_element(&mut self, name: &str, node: &NodeRef<'_>) {
        self.html.push_str(&format!("<{name}"));
        for kept in ["href", "start", "colspan", "rowspan", "alt"] {
            if let Some(value) = node.attr(kept) {
                self.html
                    .push_str(&format!(" {kept}=\"{}\"", escape(&value)));
            }
        }
        self.html.push('>');
        if !VOID.contains(&name) {
            self.children(node);
            self.html.push_str(&format!("</{name}>"));
        }
    }

    fn wrapped(&mut self, name: &str, node: &NodeRef<'_>) {
        self.html.push_str(&format!("<{name}>"));
        self.children(node);
        self.html.push_str(&format!("</{name}>"));
    }

    fn strong(&mut self, words: &str) {
        if !words.is_empty() {
            self.html
                .push_str(&format!("<p><strong>{}</strong></p>", escape(words)));
        }
    }

    fn named_macro(&mut self, node: &NodeRef<'_>) {
        let name = attribute(node, "ac-name").to_lowercase();
        let title = parameter(node, "title");
        let plain = child(node, "ac-plain-text-body").map(|body| body.text().to_string());
        let rich = child(node, "ac-rich-text-body");
        if let Some(code) = plain.filter(|_| rich.is_none()) {
            self.strong(&title);
            let language = parameter(node, "language").to_lowercase();
            let class = if language.is_empty() || language == "none" {
                String::new()
            } else {
                format!(" class=\"language-{}\"", escape(&language))
            };
            self.html
                .push_str(&format!("<pre><code{class}>{}</code></pre>", escape(&code)));
            return;
        }
        if let Some((_, label)) = BOXES.iter().find(|(known, _)| *known == name) {
            self.html.push_str("<blockquote>");
            let heading = match (*label, title.as_str()) {
                (label, "") => label.to_owned(),
                ("", title) => title.to_owned(),
                (label, title) => format!("{label}: {title}"),
            };
            self.strong(&heading);
            if let Some(body) = &rich {
                self.children(body);
            }
            self.html.push_str("</blockquote>");
            return;
        }
        match name.as_str() {
            "status" => self.html.push_str(&escape(&title)),
            "jira" => self.html.push_str(&escape(&parameter(node, "key"))),
            "include" | "excerpt-include" => {
                if let Some(link) = node
                    .descendants()
                    .iter()
                    .find(|one| one.has_name("ri-page"))
                {
                    self.html.push_str("<p>See ");
                    self.page(link, None);
                    self.html.push_str("</p>");
                }
            }
            name if CODE.contains(&name) => {}
            _ => {
                if rich.is_some() {
                    self.strong(&title);
                }
                if let Some(body) = &rich {
                    self.wrapped("div", body);
                }
            }
        }
    }

    fn task(&mut self, node: &NodeRef<'_>) {
        let done =
            child(node, "ac-task-status").is_some_and(|status| status.text().trim() == "complete");
        self.html.push_str(if done { "<li>☑ " } else { "<li>☐ " });
        if let Some(body) = child(node, "ac-task-body") {
            self.children(&body);
        }
        self.html.push_str("</li>");
    }

    fn link(&mut self, node: &NodeRef<'_>) {
        let words = ["ac-plain-text-link-body", "ac-link-body"]
            .into_iter()
            .find_map(|name| child(node, name))
            .map(|body| body.text().trim().to_owned())
            .filter(|words| !words.is_empty());
        if let Some(page) = child(node, "ri-page") {
            self.page(&page, words);
        } else if let Some(user) = child(node, "ri-user") {
            self.user(&user);
        } else if let Some(words) = words {
            self.html.push_str(&escape(&words));
        } else if let Some(file) = child(node, "ri-attachment") {
            self.html
                .push_str(&escape(&attribute(&file, "ri-filename")));
        }
    }

    /// A link to a page, by its title. One that is not known here is named only.
    fn page(&mut self, page: &NodeRef<'_>, words: Option<String>) {
        let title = attribute(page, "ri-content-title");
        let words = words.unwrap_or_else(|| title.clone());
        match (self.names.page)(&attribute(page, "ri-space-key"), &title) {
            Some(uri) => self.html.push_str(&format!(
                "<a href=\"{}\">{}</a>",
                escape(&uri),
                escape(&words)
            )),
            None => self.html.push_str(&escape(&words)),
        }
    }

    fn user(&mut self, user: &NodeRef<'_>) {
        let id = user_id(user);
        if let Some(name) = (self.names.user)(&id) {
            self.html.push_str(&format!("@{}", escape(&name)));
        }
    }
}

/// Whether a paragraph holds a line break and nothing else.
fn is_blank(paragraph: &NodeRef<'_>) -> bool {
    paragraph
        .children_it(false)
        .all(|child| child.has_name("br") || (child.is_text() && child.text().trim().is_empty()))
}

fn user_id(user: &NodeRef<'_>) -> String {
    let account = attribute(user, "ri-account-id");
    if account.is_empty() {
        attribute(user, "ri-userkey")
    } else {
        account
    }
}

/// The accounts that a page mentions.
pub(super) fn mentions(storage: &str) -> Vec<String> {
    storage
        .split("ri:account-id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

fn child<'a>(node: &NodeRef<'a>, name: &str) -> Option<NodeRef<'a>> {
    node.children_it(false).find(|child| child.has_name(name))
}

fn attribute(node: &NodeRef<'_>, name: &str) -> String {
    node.attr(name)
        .map(|value| value.trim().to_owned())
        .unwrap_or_default()
}

fn parameter(node: &NodeRef<'_>, name: &str) -> String {
    node.children_it(false)
        .find(|child| child.has_name("ac-parameter") && attribute(child, "ac-name") == name)
        .map(|parameter| parameter.text().trim().to_owned())
        .unwrap_or_default()
}
