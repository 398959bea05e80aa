//! Confluence: the pages of spaces or labels of a site, or the export of a space.
//!
//! A page's place in the tree becomes its outer headings, its restriction (with those above it) its
//! groups. A page whose readers cannot be told is left out, and taken out where it was in.

mod access;
mod api;
mod export;
mod html;
mod shelf;
mod site;
mod storage;
mod xml;

use docent_core::config;

use super::{Context, Listing, SourceError};

/// What links and mentions in a page are looked up in.
pub(super) struct Names<'a> {
    /// The address of a page, by its space (empty: the page's own) and title.
    pub(super) page: &'a dyn Fn(&str, &str) -> Option<String>,
    /// The name of a person, by their account.
    pub(super) user: &'a dyn Fn(&str) -> Option<String>,
}

/// Lists the pages.
pub(super) async fn list(
    context: &Context<'_>,
    wiki: &config::Confluence,
) -> Result<Listing, SourceError> {
    let listed = if is_export(wiki) {
        export::list(context, wiki).await
    } else {
        site::list(context, wiki).await
    };
    listed.map_err(|reason| refused(context, reason))
}

/// Whether the site answers and takes the token, or the export can be read.
pub(super) async fn check(
    context: &Context<'_>,
    wiki: &config::Confluence,
) -> Result<String, SourceError> {
    let found = if is_export(wiki) {
        export::check(wiki)
    } else {
        site::check(wiki).await
    };
    found.map_err(|reason| refused(context, reason))
}

fn is_export(wiki: &config::Confluence) -> bool {
    !wiki.export.as_os_str().is_empty()
}

fn refused(context: &Context<'_>, reason: String) -> SourceError {
    SourceError::Refused {
        name: context.source.name.clone(),
        reason,
    }
}
