//! From bytes to text.

use docent_core::document::Outcome;

/// How much of a file is looked at to tell a binary one.
const SNIFFED: usize = 8_192;

/// UTF-8 with or without a byte order mark, or UTF-16 with one; line ends become `\n`.
pub(super) fn text(bytes: &[u8]) -> Result<String, Outcome> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest, 3)?,
        bytes => utf8(bytes, 0)?,
    };
    if text.contains('\r') {
        return Ok(text.replace("\r\n", "\n").replace('\r', "\n"));
    }
    Ok(text)
}

fn utf8(bytes: &[u8], skipped: usize) -> Result<String, Outcome> {
    if is_binary(bytes) {
        return Err(Outcome::Skipped("binary".to_owned()));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(Outcome::Failed(format!(
            "not valid UTF-8 at byte {}; save it as UTF-8, or as UTF-16 with a byte order mark",
            error.valid_up_to() + skipped
        ))),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Outcome> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let decoded: Result<String, _> =
        char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect();
    match decoded {
        Ok(text) if rest.is_empty() && !text.contains('\0') => Ok(text),
        _ => Err(Outcome::Failed(
            "its byte order mark says UTF-16, but it is not valid UTF-16; save it as UTF-8"
                .to_owned(),
        )),
    }
}

/// A zero byte anywhere, or more than one control byte in twenty at its start.
fn is_binary(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(SNIFFED)];
    let controls = head
        .iter()
        .filter(|byte| matches!(byte, 0x01..=0x08 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f))
        .count();
    bytes.contains(&0) || controls * 20 > head.len()
}
