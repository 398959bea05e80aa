//! One tag of raw HTML, read without a parser.

/// Elements of HTML as people write them in Markdown.
const KNOWN: [&str; 67] = [
    "a",
    "abbr",
    "article",
    "aside",
    "b",
    "big",
    "blockquote",
    "br",
    "button",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "kbd",
    "label",
    "li",
    "main",
    "mark",
    "nav",
    "object",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "s",
    "samp",
    "script",
    "section",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
];
const KNOWN_TOO: [&str; 15] = [
    "svg", "table", "tbody", "td", "template", "textarea", "tfoot", "th", "thead", "time", "tr",
    "tt", "u", "ul", "video",
];

/// A tag of a known element (in MDX, of a component as well).
pub(in crate::extract) struct Tag<'a> {
    pub(in crate::extract) name: String,
    pub(in crate::extract) closes: bool,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// The tag at the start of `raw`.
    pub(in crate::extract) fn of(raw: &'a str, is_mdx: bool) -> Option<Self> {
        let (name, closes) = Self::name_of(raw)?;
        let is_component = is_mdx && name.starts_with(|c: char| c.is_ascii_uppercase());
        let lower = name.to_ascii_lowercase();
        let known = KNOWN.contains(&lower.as_str()) || KNOWN_TOO.contains(&lower.as_str());
        (known || is_component).then(|| Tag {
            name: lower,
            closes,
            attributes: &raw[1 + usize::from(closes) + name.len()..],
        })
    }

    pub(super) fn name_of(raw: &str) -> Option<(&str, bool)> {
        let rest = raw.strip_prefix('<')?;
        let (rest, closes) = match rest.strip_prefix('/') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || "-_.:".contains(c)))
            .unwrap_or(rest.len());
        let name = &rest[..end];
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            .then_some((name, closes))
    }

    /// The value of an attribute, where it has one.
    pub(in crate::extract) fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            let at = rest.find(name)?;
            let before = rest[..at].chars().next_back();
            rest = &rest[at + name.len()..];
            let value = rest.trim_start().strip_prefix('=').map(str::trim_start);
            if let Some(value) = value
                && before.is_none_or(|c| c.is_whitespace() || c == '"' || c == '\'')
            {
                let quote = value.chars().next().filter(|c| *c == '"' || *c == '\'');
                let end = match quote {
                    Some(quote) => value[1..].find(quote).map(|end| &value[1..=end]),
                    None => value.split(|c: char| c.is_whitespace() || c == '>').next(),
                };
                return end.map(str::to_owned);
            }
        }
    }
}
