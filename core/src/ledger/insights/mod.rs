//! What the pages of the data team read, one file a page, and [`rollup`], which keeps it quick.
//!
//! Everything comes from the `report_*` views (migrations 0060 and 0061); only a question's own page, and
//! figures of one source or asset that no sum has, read the rows themselves.

mod rollup;
