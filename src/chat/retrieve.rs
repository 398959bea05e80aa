//! Retrieve: the passages that fit a question best, of those that the caller may read.

use std::collections::HashMap;

use docent_core::app::App;
use docent_core::index::{
    AskedFacts, Filter, Hit, SearchRequest, TermFrequencies, collection_name, coverage, lexical,
    shares_embedding,
};
use docent_core::ledger::Purpose;
use docent_core::models::{CallFor, Passage};

use super::record::Draft;
use super::turn::SourcePassage;
use super::{ChatError, Turn};

/// A hit with what speaks for it.
#[derive(Debug, Clone)]
pub(super) struct Retrieved {
    pub(super) hit: Hit,
    /// Its number in the prompt and in citations, from 1.
    pub(super) number: usize,
    /// Cosine of question and passage; `None` where the question has no vector.
    pub(super) cosine: Option<f32>,
    /// Share of the question's terms that stand in it, weighted by rarity (0 to 1).
    pub(super) coverage: f32,
}

/// What retrieval came to, best first.
#[derive(Debug, Clone, Default)]
pub(super) struct Retrieval {
    pub(super) passages: Vec<Retrieved>,
    /// The question's terms and how rare each is.
    pub(super) term_weights: HashMap<String, f32>,
}

/// Embeds the question and searches both arms; a dense arm that is down leaves the sparse one.
pub(super) async fn retrieve(
    app: &App,
    turn: &Turn,
    draft: &mut Draft,
) -> Result<Retrieval, ChatError> {
    let question = draft.standalone_question.clone();
    let live = app.index.live().await?.ok_or(ChatError::NothingIngested)?;
    let dense = question_vector(app, turn, draft, &live, &question).await;
    let settings = &app.config.retrieval;
    let request = SearchRequest {
        dense: dense.clone(),
        sparse: Some(lexical::question_vector(&question)),
        filter: Filter {
            groups: Some(turn.caller.groups.clone()),
            ..Filter::default()
        },
        candidates: settings.candidates,
        limit: settings.passages,
        dense_weight: settings.dense_weight,
        sparse_weight: settings.sparse_weight,
        rrf_k: settings.rrf_k,
    };
    let hits = app.index.search(&live, request).await?;
    Ok(weigh(&app.terms(), &question, dense.as_deref(), hits))
}

/// The question's vector. Without one (the model is down, or it is not the model that the live
/// collection was built with) the sparse arm searches alone.
async fn question_vector(
    app: &App,
    turn: &Turn,
    draft: &mut Draft,
    live: &str,
    question: &str,
) -> Option<Vec<f32>> {
    let call = CallFor::interaction(Purpose::EmbedQuestion, turn.interaction_id);
    let embedding = app.embedder.embed_question(&call, question);
    // Half of the time that is left: the answer itself needs some.
    let Ok(embedded) = tokio::time::timeout(draft.time_left(app) / 2, embedding).await else {
        tracing::warn!("embedding the question takes too long; searching by words alone");
        return None;
    };
    match embedded {
        Ok(embedded) => {
            draft.question_embedding = Some(embedded.vector.clone());
            let fits = is_of_space(app, live).await;
            if !fits {
                tracing::warn!(
                    "the live collection was built with another embedding model; \
                     run `docent ingest` to rebuild it"
                );
            }
            fits.then_some(embedded.vector)
        }
        Err(error) => {
            tracing::warn!(%error, "the question could not be embedded; searching by words alone");
            None
        }
    }
}

/// Whether the collection was built with the embedder that is configured now.
async fn is_of_space(app: &App, live: &str) -> bool {
    let Ok(space) = app.embedder.space().await else {
        return false;
    };
    let name = collection_name(&app.config.index.collection, &space.fingerprint(), "");
    shares_embedding(live, &name)
}

fn weigh(
    terms: &TermFrequencies,
    question: &str,
    dense: Option<&[f32]>,
    hits: Vec<Hit>,
) -> Retrieval {
    let question_terms = lexical::terms(question);
    let asked = AskedFacts::of(question);
    let term_weights: HashMap<String, f32> = question_terms
        .iter()
        .map(|term| (term.clone(), terms.idf(lexical::term_id(term))))
        .collect();
    let passages: Vec<Retrieved> = hits
        .into_iter()
        .enumerate()
        .map(|(position, hit)| {
            // What its metadata answer need not stand in its text.
            let mut text = hit.payload.lexical_text();
            text.push('\n');
            text.push_str(&asked.covered_words(&hit.payload.facts()));
            Retrieved {
                number: position + 1,
                cosine: dense.map(|question| dot(question, &hit.dense)),
                coverage: coverage(&question_terms, &text, terms),
                hit,
            }
        })
        .collect();
    Retrieval {
        passages,
        term_weights,
    }
}

/// Cosine of two vectors of unit length.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Retrieval {
    /// As the reader sees them before the answer.
    pub(super) fn sources(&self) -> Vec<SourcePassage> {
        self.passages
            .iter()
            .map(|passage| {
                let payload = &passage.hit.payload;
                SourcePassage {
                    number: passage.number,
                    title: payload.title.clone(),
                    uri: payload.uri.clone(),
                    path: payload.path.clone(),
                    heading: payload.heading.join(" > "),
                    score: passage.hit.score,
                    updated_at: payload.updated_at,
                    owner: payload.owner.clone(),
                }
            })
            .collect()
    }

    /// As the generators read them.
    pub(super) fn for_generator(&self) -> Vec<Passage> {
        self.passages
            .iter()
            .map(|passage| {
                let payload = &passage.hit.payload;
                Passage {
                    number: passage.number,
                    title: payload.title.clone(),
                    heading: payload.heading.clone(),
                    text: payload.text.clone(),
                    cosine: passage.cosine,
                    score: passage.hit.score,
                    asset: payload.asset.clone(),
                    facts: payload.facts(),
                }
            })
            .collect()
    }
}
