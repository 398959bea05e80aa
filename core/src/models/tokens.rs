//! Counting tokens as a model's own tokenizer does.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokenizers::Tokenizer;

/// The tokenizer of the built-in model, as its authors publish it (`pocket-encoder` has the same
/// file but does not export it; a test compares the two).
const BUILTIN: &[u8] = include_bytes!("../../assets/minilm-l3-tokenizer.json");

/// Counts tokens. Cheap to clone.
#[derive(Clone)]
pub struct TokenCounter(Kind);

#[derive(Clone)]
enum Kind {
    Tokenizer(Arc<Tokenizer>),
    Cl100k,
    Bytes,
}

impl TokenCounter {
    /// The built-in model's own tokenizer.
    ///
    /// # Panics
    /// Never: the embedded file is read in a test.
    pub fn builtin() -> Self {
        static TOKENIZER: OnceLock<Arc<Tokenizer>> = OnceLock::new();
        let tokenizer = TOKENIZER.get_or_init(|| {
            let mut tokenizer =
                Tokenizer::from_bytes(BUILTIN).expect("the embedded tokenizer is valid");
            tokenizer.with_padding(None);
            tokenizer
                .with_truncation(None)
                .expect("no truncation is always valid");
            Arc::new(tokenizer)
        });
        Self(Kind::Tokenizer(Arc::clone(tokenizer)))
    }

    /// A quarter of the bytes, rounded up.
    pub fn bytes() -> Self {
        Self(Kind::Bytes)
    }

    /// As `embedding.tokenizer` and `chat.tokenizer` name it: `cl100k_base`, `bytes`, or the path
    /// of a `tokenizer.json`. The error says what is wrong with the file.
    pub fn named(name: &str) -> Result<Self, String> {
        match name {
            "cl100k_base" => Ok(Self(Kind::Cl100k)),
            "bytes" => Ok(Self::bytes()),
            path => {
                let mut tokenizer = Tokenizer::from_file(Path::new(path)).map_err(|error| {
                    format!(
                        "tokenizer = \"{path}\": {error}; it must be \"cl100k_base\", \"bytes\" \
                         or the path of a tokenizer.json"
                    )
                })?;
                tokenizer.with_padding(None);
                tokenizer
                    .with_truncation(None)
                    .map_err(|error| format!("tokenizer = \"{path}\": {error}"))?;
                Ok(Self(Kind::Tokenizer(Arc::new(tokenizer))))
            }
        }
    }

    /// Tokens of a text, without the special ones that a model adds around it.
    pub fn count(&self, text: &str) -> usize {
        match &self.0 {
            Kind::Tokenizer(tokenizer) => tokenizer
                .encode_fast(text, false)
                .map_or_else(|_| text.len().div_ceil(4), |encoding| encoding.len()),
            Kind::Cl100k => tiktoken_rs::cl100k_base_singleton().count_ordinary(text),
            Kind::Bytes => text.len().div_ceil(4),
        }
    }
}
