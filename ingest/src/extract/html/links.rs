//! What a page says about itself and where it leads: what a crawler needs to know.

use docent_core::document::Outcome;

/// Links that are taken from one page.
const MAX_LINKS: usize = 10_000;

/// The head and the links of a page. Addresses stand as they are written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PageLinks {
    pub(crate) links: Vec<String>,
    /// What relative addresses are relative to, where it is not the page itself.
    pub(crate) base: Option<String>,
    /// The address that the page prefers to be known by.
    pub(crate) canonical: Option<String>,
    /// `<meta name="robots">`, in lower case.
    pub(crate) robots: String,
    /// When the page says that it was changed.
    pub(crate) modified: Option<String>,
}

/// Reads a page's links. Fails on one that is nested too deep to be a document.
pub(crate) fn links(text: &str) -> Result<PageLinks, Outcome> {
    let document = super::parse(text)?;
    let first = |selector: &str, attribute: &str| {
        document
            .select(selector)
            .first()
            .attr(attribute)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    };
    let links = document
        .select("a[href]:not([rel~=nofollow]), area[href]")
        .iter()
        .filter_map(|link| link.attr("href"))
        .map(|address| address.trim().to_owned())
        .take(MAX_LINKS)
        .collect();
    Ok(PageLinks {
        links,
        base: first("base[href]", "href"),
        canonical: first("link[rel=canonical]", "href"),
        robots: first("meta[name=robots], meta[name=docent]", "content")
            .unwrap_or_default()
            .to_lowercase(),
        modified: first("meta[property='article:modified_time']", "content"),
    })
}
