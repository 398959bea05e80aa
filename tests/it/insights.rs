//! `/insights`: figures are exact, pages are for those who may see them, texts only where that is allowed,
//! and a gap closes when its document is there.

mod exact;
mod figures;
mod gaps;
mod origins;
mod pages;
