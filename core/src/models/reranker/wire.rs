//! `POST /rerank` as it stands on the wire: TEI
//! (<https://huggingface.github.io/text-embeddings-inference/>), Cohere
//! (<https://docs.cohere.com/reference/rerank>) and Jina (<https://jina.ai/reranker/>).

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde::{Deserialize, Serialize};

use crate::config::RerankKind;

/// Cohere bills so many documents as one search.
const DOCUMENTS_A_SEARCH: usize = 100;

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Request<'a> {
    Tei {
        query: &'a str,
        texts: &'a [String],
        /// A longer text is cut, not refused.
        truncate: bool,
        return_text: bool,
    },
    Cohere {
        model: &'a str,
        query: &'a str,
        documents: &'a [String],
        top_n: usize,
    },
    Jina {
        model: &'a str,
        query: &'a str,
        documents: &'a [String],
        top_n: usize,
        return_documents: bool,
    },
}

impl<'a> Request<'a> {
    pub(super) fn new(
        kind: RerankKind,
        model: &'a str,
        query: &'a str,
        documents: &'a [String],
    ) -> Self {
        let top_n = documents.len();
        match kind {
            RerankKind::Tei | RerankKind::None => Self::Tei {
                query,
                texts: documents,
                truncate: true,
                return_text: false,
            },
            RerankKind::Cohere => Self::Cohere {
                model,
                query,
                documents,
                top_n,
            },
            RerankKind::Jina => Self::Jina {
                model,
                query,
                documents,
                top_n,
                return_documents: false,
            },
        }
    }
}

/// Any of the three answers, whichever was asked for: compatible servers mix them.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "neither a list of index and score, nor an object with such a list as `results`"
)]
pub(super) enum Response {
    List(Vec<Item>),
    Object {
        results: Vec<Item>,
        #[serde(default)]
        usage: Option<Usage>,
        #[serde(default)]
        meta: Option<Meta>,
    },
}

#[derive(Deserialize)]
pub(super) struct Item {
    index: usize,
    /// `null` is how many servers write NaN.
    #[serde(alias = "relevance_score")]
    score: Option<f32>,
}

#[derive(Deserialize)]
pub(super) struct Usage {
    #[serde(default)]
    total_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Meta {
    #[serde(default)]
    billed_units: Option<BilledUnits>,
    #[serde(default)]
    tokens: Option<Tokens>,
}

#[derive(Deserialize)]
struct BilledUnits {
    #[serde(default)]
    search_units: Option<f64>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    input_tokens: Option<f64>,
}

impl Response {
    fn items(&self) -> &[Item] {
        match self {
            Self::List(items) | Self::Object { results: items, .. } => items,
        }
    }

    /// Input tokens, where they are reported.
    pub(super) fn tokens(&self) -> Option<u64> {
        let Self::Object { usage, meta, .. } = self else {
            return None;
        };
        let of_jina = usage
            .as_ref()
            .and_then(|usage| usage.total_tokens.or(usage.prompt_tokens));
        let of_cohere = || Some(meta.as_ref()?.tokens.as_ref()?.input_tokens? as u64);
        of_jina.or_else(of_cohere).filter(|tokens| *tokens > 0)
    }

    /// Searches as Cohere bills them; where it does not say how many, as its price list counts them.
    pub(super) fn searches(&self, texts: usize) -> Decimal {
        let reported = || match self {
            Self::Object {
                meta: Some(meta), ..
            } => Decimal::from_f64(meta.billed_units.as_ref()?.search_units?),
            _ => None,
        };
        reported().unwrap_or_else(|| Decimal::from(texts.div_ceil(DOCUMENTS_A_SEARCH)))
    }

    /// A score from 0 to 1 for each of the texts that has one. Raw scores (logits) become
    /// probabilities. The error says what cannot be used: a score on the wrong text is worse than none.
    pub(super) fn scores(&self, texts: usize) -> Result<Vec<Option<f32>>, String> {
        let mut scores: Vec<Option<f32>> = vec![None; texts];
        for item in self.items() {
            let index = item.index;
            let score = item.score.filter(|score| score.is_finite());
            let score = score.ok_or_else(|| format!("the score of {index} is not a number"))?;
            match scores.get_mut(index) {
                Some(slot) if slot.is_none() => *slot = Some(score),
                Some(_) => return Err(format!("two scores have the index {index}")),
                None => return Err(format!("a score has the index {index} of {texts} texts")),
            }
        }
        if texts > 0 && scores.iter().all(Option::is_none) {
            return Err("no text has a score".to_owned());
        }
        let raw = |score: &f32| !(0.0..=1.0).contains(score);
        if scores.iter().flatten().any(raw) {
            for score in scores.iter_mut().flatten() {
                *score = 1.0 / (1.0 + (-*score).exp());
            }
        }
        Ok(scores)
    }
}
