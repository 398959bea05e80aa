//! Safe: an answer's text without anything active. Models repeat what documents tell them to write, and
//! documents are not to be trusted: pictures are left out, HTML is shown as text, a link keeps its target
//! only where that is the address of a passage, characters that nobody sees are dropped.
//!
//! It works while the text streams: what may still become a link is held back, and cutting the stream
//! elsewhere changes nothing. Whatever it cannot make out is escaped.

mod address;

use std::collections::BTreeSet;

use docent_core::models::marks::Reader;

use self::address::{address_at, may_begin_address};

/// Longest label and longest target of a link, in bytes; what is longer is no link.
const LONGEST_LABEL: usize = 300;
const LONGEST_TARGET: usize = 2000;

/// What an answer may point at.
#[derive(Debug, Default, Clone)]
pub(super) struct Allowed {
    /// Addresses of the passages: links may lead there.
    pub(super) uris: BTreeSet<String>,
    /// The passages' texts: an address that stands in them may be shown, as text.
    pub(super) texts: Vec<String>,
}

impl Allowed {
    fn links_to(&self, target: &str) -> bool {
        let place = |uri: &str| uri.split('#').next().unwrap_or_default().to_owned();
        let target = place(target);
        let is_web = target.starts_with("https://") || target.starts_with("http://");
        is_web && self.uris.iter().any(|uri| place(uri) == target)
    }

    fn shows(&self, address: &str) -> bool {
        self.texts.iter().any(|text| text.contains(address))
    }
}

/// Makes a stream of Markdown safe.
pub(super) struct Sanitiser {
    allowed: Allowed,
    reader: Reader,
    held: String,
    /// What was let through last.
    last: char,
    /// Whether there are words in the line so far, and before its last bracket.
    has_words: bool,
    had_words: bool,
}

impl Sanitiser {
    pub(super) fn new(allowed: Allowed) -> Self {
        Self {
            allowed,
            reader: Reader::default(),
            held: String::new(),
            last: '\n',
            has_words: false,
            had_words: false,
        }
    }

    /// What of the text so far is decided.
    pub(super) fn push(&mut self, text: &str) -> String {
        self.held.extend(text.chars().filter(|c| !is_unseen(*c)));
        self.decided(false)
    }

    /// What was still held back at the end.
    pub(super) fn finish(&mut self) -> String {
        self.decided(true)
    }

    fn decided(&mut self, is_all: bool) -> String {
        let held = std::mem::take(&mut self.held);
        let mut safe = String::with_capacity(held.len());
        let mut at = 0;
        while at < held.len() {
            let before = safe.len();
            let Some(length) = self.step(&held[at..], is_all, &mut safe) else {
                break;
            };
            at += length;
            // What came to stand behind a bracket must not become its target.
            if self.last == ']' && self.may_define(&safe[before..]) && !self.reader.in_block() {
                safe.insert(before, '\\');
            }
            for c in safe[before..].chars() {
                match c {
                    '\n' => self.has_words = false,
                    '[' => self.had_words = self.has_words,
                    c => self.has_words |= c.is_alphanumeric(),
                }
            }
            self.last = safe.chars().next_back().unwrap_or(self.last);
        }
        held[at..].clone_into(&mut self.held);
        safe
    }

    /// Whether what follows a bracket could make it a link, or the target of links.
    fn may_define(&self, after: &str) -> bool {
        after.starts_with('(') || (after.starts_with(':') && !self.had_words)
    }

    /// Lets through what the text begins with; how much of it that was. `None`: it is not decided yet.
    fn step(&mut self, text: &str, is_all: bool, safe: &mut String) -> Option<usize> {
        if self.reader.in_block() {
            let (length, _) = self.reader.piece(text, is_all)?;
            // The end of a block, where everyone sees it.
            let line = if self.reader.in_block() {
                &text[..length]
            } else {
                text[..length].trim_start()
            };
            safe.push_str(line);
            return Some(length);
        }
        let first = text.chars().next()?;
        match first {
            '!' => {
                if text.len() == 1 && !is_all {
                    return None;
                }
                if text[1..].starts_with('[') {
                    // A picture: what it would have shown in words stays.
                    return self
                        .bracket(&text[1..], is_all, true, safe)
                        .map(|length| length + 1);
                }
                safe.push('!');
                self.passed("!");
                Some(1)
            }
            '[' => self.bracket(text, is_all, false, safe),
            '<' => self.angle(text, is_all, safe),
            '`' | '~' => self.code(text, is_all, safe),
            '\\' | '\n' => {
                let (length, _) = self.reader.piece(text, is_all)?;
                safe.push_str(&text[..length]);
                Some(length)
            }
            _ => self.plain(text, is_all, safe),
        }
    }

    /// Tells the reader of code blocks that something stands in the line.
    fn passed(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.reader.piece("x", true);
        }
    }

    /// Text up to the next sign, or an address.
    fn plain(&mut self, text: &str, is_all: bool, safe: &mut String) -> Option<usize> {
        let mut before = safe.chars().next_back().unwrap_or(self.last);
        let mut end = 0;
        for (at, c) in text.char_indices() {
            let in_word = before.is_alphanumeric();
            if let Some(address) = address_at(&text[at..], in_word) {
                if at > 0 {
                    break;
                }
                if address.is_open && !is_all {
                    return None;
                }
                self.address(&text[..address.length], safe);
                return Some(address.length);
            }
            if !is_all && may_begin_address(&text[at..], in_word) {
                break;
            }
            if "!`~[\\\n<".contains(c) {
                break;
            }
            end = at + c.len_utf8();
            before = c;
        }
        if end == 0 {
            return None;
        }
        self.reader.piece(&text[..end], true);
        let mut before = ' ';
        for c in text[..end].chars() {
            // A bracket that closes no link.
            if before == ']' && (c == '(' || (c == ':' && !self.had_words)) {
                safe.push('\\');
            }
            safe.push(c);
            before = c;
        }
        Some(end)
    }

    /// An address that stands in the text: as it is where it is a passage's, as code where a passage says
    /// it, and else not at all.
    fn address(&mut self, address: &str, safe: &mut String) {
        if self.allowed.links_to(address) {
            safe.push_str(address);
        } else if self.allowed.shows(address) && !address.contains('`') {
            safe.push_str(&format!("`{address}`"));
        } else {
            safe.push('…');
        }
        self.passed("x");
    }

    /// A bracket: a citation, a link, or a character.
    fn bracket(
        &mut self,
        text: &str,
        is_all: bool,
        is_picture: bool,
        safe: &mut String,
    ) -> Option<usize> {
        let inside = &text[1..];
        let mark = if is_picture { "!" } else { "" };
        let close = match label_end(inside) {
            LabelEnd::At(close) => close,
            LabelEnd::Open if !is_all => return None,
            // Whatever it becomes, it is no link.
            LabelEnd::Open | LabelEnd::None => {
                safe.push_str(mark);
                safe.push_str("\\[");
                self.passed("x");
                return Some(1);
            }
        };
        let label = &inside[..close];
        let after = &inside[close + 1..];
        if after.is_empty() && !is_all {
            return None;
        }
        if after.starts_with('(') {
            let target = match target(after) {
                Some(target) => target,
                None if after.len() <= LONGEST_TARGET && !is_all => return None,
                None => {
                    safe.push_str(mark);
                    safe.push_str("\\[");
                    self.passed("x");
                    return Some(1);
                }
            };
            let length = 1 + close + 1 + target.length;
            if !is_picture && self.allowed.links_to(target.address) && !label.trim().is_empty() {
                safe.push_str(&format!("[{}]({})", self.label(label), target.address));
            } else if is_number(label) {
                // A link is no citation.
                safe.push_str(&format!("\\[{label}]"));
            } else {
                safe.push_str(&self.label(label));
            }
            self.passed("x");
            return Some(length);
        }
        let length = close + 2;
        safe.push_str(mark);
        if is_number(label) {
            safe.push_str(&text[..length]);
            self.passed("x");
            return Some(length);
        }
        // Brackets around words: without a target anywhere they are only brackets.
        safe.push('[');
        self.passed("x");
        Some(1)
    }

    /// The words of a link, in which nothing is active.
    fn label(&self, label: &str) -> String {
        let mut inner = Self::new(Allowed {
            uris: BTreeSet::new(),
            texts: self.allowed.texts.clone(),
        });
        inner.last = 'x';
        // It does not stand at the beginning of a line.
        inner.passed("x");
        let mut safe = inner.push(label);
        safe.push_str(&inner.finish());
        safe
    }

    /// `<`: an address in brackets, HTML, or a character.
    fn angle(&mut self, text: &str, is_all: bool, safe: &mut String) -> Option<usize> {
        let Some(next) = text[1..].chars().next() else {
            if !is_all {
                return None;
            }
            safe.push_str("\\<");
            return Some(1);
        };
        if next.is_whitespace() || next.is_ascii_digit() || next == '=' {
            safe.push('<');
        } else {
            safe.push_str("\\<");
        }
        self.passed("x");
        Some(1)
    }

    /// Code: a block gets lines of its own at the margin, so that no list or quote around it ends it
    /// early; a span stays, unless a table could cut it.
    fn code(&mut self, text: &str, is_all: bool, safe: &mut String) -> Option<usize> {
        let (length, _) = self.reader.piece(text, is_all)?;
        let code = &text[..length];
        if self.reader.in_block() {
            if safe.chars().next_back().unwrap_or(self.last) != '\n' {
                safe.push('\n');
            }
            safe.push_str(code);
            return Some(length);
        }
        let active = ["](", "://", "<", "www.", "mailto:"]
            .iter()
            .any(|sign| code.contains(sign));
        if active && code.contains('|') {
            safe.push_str(&self.label(code.trim_matches('`')));
        } else if code.bytes().all(|byte| byte == b'`') {
            // Without a partner in its line: another line may have one.
            safe.push_str(&"\\`".repeat(code.len()));
        } else {
            safe.push_str(code);
        }
        Some(length)
    }
}

fn is_number(label: &str) -> bool {
    !label.trim().is_empty()
        && label
            .chars()
            .all(|c| c.is_ascii_digit() || " ,;^".contains(c))
}

struct Target<'a> {
    address: &'a str,
    /// From bracket to bracket.
    length: usize,
}

/// Where the label of a link ends.
enum LabelEnd {
    /// At this byte.
    At(usize),
    /// Not yet.
    Open,
    /// It is none: it is too long, or something else stands in it.
    None,
}

/// Looks for the bracket that closes a label, over code and escaped signs.
fn label_end(inside: &str) -> LabelEnd {
    let mut code = false;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        if at > LONGEST_LABEL {
            return LabelEnd::None;
        }
        match c {
            _ if std::mem::take(&mut escaped) => {}
            '\n' => return LabelEnd::None,
            '`' => code = !code,
            _ if code => {}
            '\\' => escaped = true,
            '[' => return LabelEnd::None,
            ']' => return LabelEnd::At(at),
            _ => {}
        }
    }
    if inside.len() > LONGEST_LABEL {
        LabelEnd::None
    } else {
        LabelEnd::Open
    }
}

/// The target of a link, from its opening bracket on. `None`: it does not end.
fn target(text: &str) -> Option<Target<'_>> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if at > LONGEST_TARGET {
            return None;
        }
        match c {
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    let inside = text[1..at].trim();
                    // A title may stand behind the address.
                    let address = inside.split([' ', '\n', '\t']).next().unwrap_or("");
                    return Some(Target {
                        address: address.trim_start_matches('<').trim_end_matches('>'),
                        length: at + 1,
                    });
                }
            }
            _ => {}
        }
    }
    None
}

/// Characters that nobody sees and that may hide what is said, or turn its direction: a model or a
/// person could be told something that is not shown.
pub(crate) fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{0}'..='\u{8}'
            | '\u{b}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0e}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests;
