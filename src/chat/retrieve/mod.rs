//! Retrieve: the passages that fit a question best, of those that the caller may read.

mod clauses;
mod curated;
pub(crate) mod evidence;
pub(super) mod expand;
mod names;
mod neighbours;
mod rank;
mod rerank;
mod spelling;

use std::collections::HashMap;

use chrono::Utc;
use docent_core::app::App;
use docent_core::index::{
    AskedFacts, Filter, Hit, Match, Question, SearchRequest, SparseVector, TermFrequencies,
    Weights, collection_name, lexical, shares_embedding,
};
use docent_core::ledger::Purpose;
use docent_core::models::{CallFor, Passage};
use docent_core::traces::step;
use tracing::Instrument;
use uuid::Uuid;

use super::probe::Trace;
use super::record::Draft;
use super::turn::SourcePassage;
use super::{ChatError, Turn};

/// Hits that are ranked for each passage that is kept.
const RANKED: usize = 4;

/// Ranked hits, for each passage that is kept, that may be joined to one.
const NEIGHBOURS: usize = 2;

/// A hit with what speaks for it.
#[derive(Debug, Clone)]
pub(super) struct Retrieved {
    pub(super) hit: Hit,
    /// Its number in the prompt and in citations, from 1.
    pub(super) number: usize,
    /// Cosine of question and passage; `None` where the question has no vector.
    pub(super) cosine: Option<f32>,
    /// How well it meets the question's terms.
    pub(super) matched: Match,
    /// Whether it is somebody's answer to just this question.
    pub(super) preferred: bool,
}

/// What retrieval came to, best first.
#[derive(Debug, Clone, Default)]
pub(super) struct Retrieval {
    pub(super) passages: Vec<Retrieved>,
    /// The question as it was searched.
    pub(super) question: Question,
    /// How many of the question's names no passage has.
    pub(super) missing_names: f32,
    /// The share of the question's words that the collection does not have (0 to 1).
    pub(super) unknown: f32,
    /// Whether the state of a moment is asked for.
    pub(super) asks_of_a_moment: bool,
    /// How far the arms agree on their first places (0 to 1).
    pub(super) agreement: f32,
    /// How it came to it, where that was asked for.
    pub(super) trace: Option<Trace>,
}

/// How far a search reaches.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    /// Passages at the most.
    pub(super) limit: usize,
    /// Only passages of these documents.
    pub(super) documents: Option<Vec<Uuid>>,
    /// Whether each arm is searched alone as well, to explain the result.
    pub(super) trace: bool,
}

impl Reach {
    /// As far as an answer needs.
    pub(super) fn of_answer(app: &App) -> Self {
        Self {
            limit: app.config.retrieval.passages,
            ..Self::default()
        }
    }
}

/// Embeds the question, searches both arms and ranks what they found; a dense arm that is down leaves
/// the sparse one.
pub(super) async fn retrieve(
    app: &App,
    turn: &Turn,
    draft: &mut Draft,
    reach: &Reach,
) -> Result<Retrieval, ChatError> {
    found_by(app, turn, draft, reach, draft.standalone_question.clone()).await
}

/// The same with any text in the question's place.
async fn found_by(
    app: &App,
    turn: &Turn,
    draft: &mut Draft,
    reach: &Reach,
    text: String,
) -> Result<Retrieval, ChatError> {
    let live = app.index.live().await?.ok_or(ChatError::NothingIngested)?;
    let frequencies = app.terms_of(&live).await;
    // The words are looked at while the model has the question.
    let (dense, question) = tokio::join!(
        question_vector(app, turn, draft, &live, &text),
        asked(app, turn, &live, &frequencies, &text),
    );
    let settings = &app.config.retrieval;
    let request = SearchRequest {
        dense,
        sparse: Some(question.sparse_vector()),
        parts: parts(app, &text, &question, &frequencies),
        filter: Filter {
            groups: Some(turn.caller.groups.clone()),
            sources: turn.caller.sources.clone(),
            documents: reach.documents.clone(),
            ..Filter::default()
        },
        candidates: settings.candidates,
        limit: rerank::wanted(app, reach.limit.max(settings.passages * RANKED)),
        weights: Weights {
            dense: settings.dense_weight,
            sparse: settings.sparse_weight,
        },
    };
    let trace = if reach.trace {
        Some(Trace::of(app, &live, &text, &question, &request).await?)
    } else {
        None
    };
    let mut hits = app.index.search(&live, request).await?;
    curated::leave_out_expired(&mut hits, Utc::now());
    let agreement = evidence::agreement(&hits);
    let mut hits = rerank::rerank(app, turn, draft, hits).await;
    let likeness = curated::Likeness {
        text: &text,
        question: &question,
        frequencies: &frequencies,
        least: app.config.answers.min_match,
    };
    curated::lift(&mut hits, &likeness);
    let ranked = rank::rank(hits, &question, reach.limit * NEIGHBOURS);
    let asked = AskedFacts::of(&text);
    let analyse = |hit: &Hit| {
        // What its metadata answer need not stand in its text.
        let mut text = hit.payload.lexical_text();
        text.push('\n');
        text.push_str(&asked.covered_words(&hit.payload.facts()));
        lexical::passage_vector(&text, frequencies.average_length())
    };
    // What speaks for a chunk is its own; what is joined to it is there to be read.
    let analysed: Vec<SparseVector> = ranked.iter().take(reach.limit).map(analyse).collect();
    let alone: HashMap<Uuid, Match> = ranked
        .iter()
        .zip(&analysed)
        .map(|(hit, passage)| (hit.id, question.met_by(passage)))
        .collect();
    let missing_names = names::missing(&text, &question, &analysed);
    let passages = neighbours::joined(ranked, reach.limit)
        .into_iter()
        .enumerate()
        .map(|(position, hit)| Retrieved {
            number: position + 1,
            cosine: hit.cosine,
            preferred: likeness.is_answered_by(&hit.payload),
            matched: match alone.get(&hit.id) {
                Some(matched) => *matched,
                None => question.met_by(&analyse(&hit)),
            },
            hit,
        });
    Ok(Retrieval {
        passages: passages.collect(),
        missing_names,
        unknown: question.unknown_share(&frequencies),
        asks_of_a_moment: names::asks_of_a_moment(&text),
        question,
        agreement,
        trace,
    })
}

/// The terms of a question, with what else they may be called and how they may have been meant.
async fn asked(
    app: &App,
    turn: &Turn,
    live: &str,
    frequencies: &TermFrequencies,
    text: &str,
) -> Question {
    let mut question = Question::new(text, frequencies);
    app.glossary.expand(text, frequencies, &mut question);
    spelling::correct(app, turn, live, frequencies, &mut question).await;
    question
}

/// The words of each thing that the question asks, where it asks several; spelling as in the whole.
fn parts(
    app: &App,
    text: &str,
    question: &Question,
    frequencies: &TermFrequencies,
) -> Vec<SparseVector> {
    let parts = clauses::clauses(text).into_iter().map(|clause| {
        let mut part = Question::new(clause, frequencies);
        app.glossary.expand(clause, frequencies, &mut part);
        part.spell_as(question);
        part.sparse_vector()
    });
    parts.collect()
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
    let embedding = app
        .embedder
        .embed_question(&call, question)
        .instrument(step("embed"));
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

impl Retrieval {
    /// What speaks for an answer.
    pub(crate) fn evidence(&self) -> evidence::Evidence {
        evidence::Evidence::of(self)
    }

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
                    preferred: passage.preferred,
                    facts: payload.facts(),
                }
            })
            .collect()
    }
}
