//! One batch of texts, through everything that can go wrong with it, until each text has its vector
//! or its own error.

use super::openai::OpenAiEmbedder;
use super::parts::halve;
use super::vector::weighted_mean;
use super::{Arrived, Embedded};
use crate::models::backoff::{Attempts, Patience};
use crate::models::failure::{Failed, Next};
use crate::models::{CallFor, ModelError, TokenCounter};

/// A text refused as too long is not cut below this many characters: by then the server means
/// something else.
const SHORTEST_PIECE: usize = 32;
/// After so many texts were refused alone and none accepted, a harmless text is tried: if it is
/// refused too, the request is at fault, not the texts.
const REFUSED_BEFORE_PROBE: usize = 3;

/// A text or a part of one, and which text of the caller it belongs to.
pub(super) struct Piece {
    pub(super) owner: usize,
    pub(super) text: String,
    /// Whether it is all of its owner's text.
    pub(super) whole: bool,
}

/// What all batches of a call share.
pub(super) struct Batch<'a> {
    pub(super) embedder: &'a OpenAiEmbedder,
    pub(super) call: &'a CallFor,
    pub(super) model: &'a str,
    pub(super) prefix: &'a str,
    pub(super) patience: Patience,
}

/// What became of a piece, under its owner's number.
pub(super) type Done = (usize, Result<Embedded, ModelError>);

#[derive(Default)]
struct Progress {
    done: Vec<Done>,
    accepted: bool,
    refused_alone: usize,
}

impl Batch<'_> {
    /// Sends the pieces; sends again only those without a vector, in halves if the batch was refused,
    /// cut in two if one is too long.
    /// What arrives of whole texts is shown with each answer.
    pub(super) async fn embed(&self, pieces: Vec<Piece>, arrived: &Arrived<'_>) -> Vec<Done> {
        let mut progress = Progress::default();
        let mut open = vec![(pieces, Attempts::new(self.patience))];
        while let Some((mut pieces, mut attempts)) = open.pop() {
            if pieces.is_empty() {
                continue;
            }
            let texts = pieces
                .iter()
                .map(|piece| format!("{}{}", self.prefix, piece.text));
            let answer = self
                .embedder
                .request(self.call, self.model, texts.collect())
                .await;
            let failed = match answer {
                Ok(answer) => {
                    show(&pieces, &answer.slots, arrived);
                    pieces = progress.take(pieces, answer.slots);
                    if pieces.is_empty() {
                        continue;
                    }
                    let reason = format!("it left out the vectors of {} texts", pieces.len());
                    let error = self.embedder.bad_response(self.model, reason);
                    Failed::worked(error, Next::OnceMore)
                }
                Err(failed) => failed,
            };
            if let Some(wait) = attempts.wait_after(&failed) {
                tokio::time::sleep(wait).await;
                open.push((pieces, attempts));
                continue;
            }
            if failed.next != Next::Smaller {
                progress.fail(pieces, &failed.error);
                continue;
            }
            match self.smaller(pieces, &failed) {
                Ok(two) => {
                    open.extend(two.map(|pieces| (pieces, Attempts::new(self.patience))));
                }
                Err(pieces) => {
                    progress.refused_alone += pieces.len();
                    progress.fail(pieces, &failed.error);
                    if self.is_hopeless(&progress).await {
                        for (pieces, _) in open.drain(..) {
                            progress.fail(pieces, &failed.error);
                        }
                    }
                }
            }
        }
        progress.done
    }

    /// Two smaller requests in the place of a refused one, the second half first; the pieces
    /// themselves where there is none.
    #[expect(clippy::unused_self, reason = "a step of `embed`")]
    fn smaller(
        &self,
        mut pieces: Vec<Piece>,
        failed: &Failed,
    ) -> Result<[Vec<Piece>; 2], Vec<Piece>> {
        if pieces.len() > 1 {
            let right = pieces.split_off(pieces.len() / 2);
            return Ok([right, pieces]);
        }
        let Some(piece) = pieces.first() else {
            return Err(pieces);
        };
        match halve(&piece.text) {
            Some((left, right)) if failed.too_long() && piece.text.len() > SHORTEST_PIECE => {
                let part = |text: &str| Piece {
                    owner: piece.owner,
                    text: text.to_owned(),
                    whole: false,
                };
                // Whitespace alone is no text; its other half keeps the meaning.
                let full = |text: &str| {
                    if text.trim().is_empty() {
                        vec![]
                    } else {
                        vec![part(text)]
                    }
                };
                Ok([full(right), full(left)])
            }
            _ => Err(pieces),
        }
    }

    async fn is_hopeless(&self, progress: &Progress) -> bool {
        if progress.accepted || progress.refused_alone != REFUSED_BEFORE_PROBE {
            return false;
        }
        let probe = vec![format!("{}docent", self.prefix)];
        let answer = self.embedder.request(self.call, self.model, probe).await;
        matches!(
            answer,
            Err(Failed {
                next: Next::Smaller | Next::GiveUp,
                ..
            })
        )
    }
}

impl Progress {
    /// Keeps what was received and gives back the pieces that were left out.
    fn take(
        &mut self,
        pieces: Vec<Piece>,
        slots: Vec<Option<Result<Embedded, ModelError>>>,
    ) -> Vec<Piece> {
        self.accepted = true;
        let mut missing = Vec::new();
        for (piece, slot) in pieces.into_iter().zip(slots) {
            match slot {
                Some(result) => self.done.push((piece.owner, result)),
                None => missing.push(piece),
            }
        }
        missing
    }

    fn fail(&mut self, pieces: Vec<Piece>, error: &ModelError) {
        let failed = pieces
            .into_iter()
            .map(|piece| (piece.owner, Err(error.clone())));
        self.done.extend(failed);
    }
}

fn show(pieces: &[Piece], slots: &[Option<Result<Embedded, ModelError>>], arrived: &Arrived<'_>) {
    let vectors = pieces.iter().zip(slots).filter_map(|(piece, slot)| {
        let vector = &slot.as_ref()?.as_ref().ok()?.vector;
        piece.whole.then_some((piece.owner, vector.as_slice()))
    });
    arrived(&vectors.collect::<Vec<_>>());
}

/// Cuts a list of pieces into batches of at most `texts` pieces and `tokens` tokens (a single piece
/// may have more).
pub(super) fn packed(
    pieces: Vec<Piece>,
    texts: usize,
    tokens: usize,
    counter: &TokenCounter,
) -> Vec<Vec<Piece>> {
    let texts = texts.max(1);
    let longest = pieces
        .iter()
        .map(|piece| piece.text.len())
        .max()
        .unwrap_or(0);
    // A token has at least one byte: where the bytes fit, nothing needs to be counted.
    let count = longest.saturating_mul(texts.min(pieces.len())) > tokens;
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut filled = 0;
    for piece in pieces {
        let weight = if count { counter.count(&piece.text) } else { 0 };
        if batch.len() == texts || (filled + weight > tokens && !batch.is_empty()) {
            batches.push(std::mem::take(&mut batch));
            filled = 0;
        }
        filled += weight;
        batch.push(piece);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// Puts the pieces of each text together again: vectors as their mean weighted by tokens, tokens and
/// costs added up. A text with a failed piece has failed.
pub(super) fn merged(
    texts: usize,
    done: impl Iterator<Item = Done>,
    empty: &dyn Fn() -> ModelError,
    bad: &dyn Fn(&str) -> ModelError,
) -> Vec<Result<Embedded, ModelError>> {
    let mut pieces: Vec<Vec<Result<Embedded, ModelError>>> = vec![Vec::new(); texts];
    for (owner, result) in done {
        pieces[owner].push(result);
    }
    let merge = |own: Vec<Result<Embedded, ModelError>>| {
        let mut own = own.into_iter().collect::<Result<Vec<_>, _>>()?;
        if own.len() < 2 {
            return own.pop().ok_or_else(empty);
        }
        let tokens = own.iter().map(|piece| piece.tokens).sum();
        let cost = own.iter().map(|piece| piece.cost).sum();
        let vectors: Vec<_> = own
            .into_iter()
            .map(|piece| (piece.vector, piece.tokens))
            .collect();
        let vector = weighted_mean(&vectors).map_err(bad)?;
        Ok(Embedded {
            vector,
            tokens,
            cost,
        })
    };
    pieces.into_iter().map(merge).collect()
}
