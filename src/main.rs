//! docent answers questions about a company's data products from its documents.

use std::process::ExitCode;

fn main() -> ExitCode {
    docent::commands::main()
}
