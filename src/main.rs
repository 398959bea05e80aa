//! docent answers questions about a company's data products from its documents.

use std::process::ExitCode;

/// An answer and a chunk are thousands of small allocations, made by many threads, and a run of hours must give
/// back what it no longer uses.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    docent::commands::main()
}
