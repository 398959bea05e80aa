//! Addresses of documents.

use std::path::Path;

/// A path as a part of an address.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The address of a file on this machine.
pub(crate) fn file(path: &Path) -> String {
    format!("file://{}", encode(&path.to_string_lossy()))
}
