//! docent answers questions about a company's data products from its documents.

use std::process::ExitCode;

/// An answer and a chunk are thousands of small allocations, made by many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    docent::commands::main()
}
