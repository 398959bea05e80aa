//! Cargo does not see a new file in `migrations/` by itself.

#[expect(clippy::print_stdout, reason = "how a build script talks to Cargo")]
fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
