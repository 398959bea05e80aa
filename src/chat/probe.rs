//! Probe: a question's retrieval alone, by the same function that an answer uses, with what
//! evaluation wants to know of it.

use std::time::Instant;

use docent_core::app::App;
use docent_core::index::{Hit, IndexError, Match, Payload, Question, SearchRequest};
use docent_core::ledger::Purpose;
use docent_core::models::CallFor;
use uuid::Uuid;

use super::no_answer;
use super::record::Draft;
use super::retrieve::expand::expand;
use super::retrieve::{Reach, Retrieval, retrieve};
use super::{Chat, ChatError, Turn, abstain, condense, prompt};

pub(crate) use super::retrieve::evidence::Evidence;

/// What is asked of a probe.
#[derive(Debug, Clone)]
pub(crate) struct ProbeRequest {
    /// Passages at the most.
    pub(crate) limit: usize,
    /// Only passages of these documents.
    pub(crate) documents: Option<Vec<Uuid>>,
    /// Whether each arm is searched alone as well.
    pub(crate) trace: bool,
}

/// What retrieval came to, before anything is generated.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    /// Best first.
    pub(crate) passages: Vec<ProbedPassage>,
    /// Why docent would not answer from them, where it would not.
    pub(crate) abstains: Option<String>,
    /// What speaks for an answer, and how likely that makes one.
    pub(crate) evidence: Evidence,
    pub(crate) probability: f32,
    pub(crate) trace: Option<Trace>,
    pub(crate) retrieve_ms: u64,
}

/// A retrieved passage.
#[derive(Debug, Clone)]
pub(crate) struct ProbedPassage {
    pub(crate) point_id: Uuid,
    pub(crate) payload: Payload,
    /// Fused score.
    pub(crate) score: f32,
    pub(crate) cosine: Option<f32>,
    /// How well it meets the question's terms.
    pub(crate) matched: Match,
}

/// How retrieval came to its passages: what each arm found alone, best first.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// The question as it was searched.
    pub(crate) question: String,
    /// Its terms, with what may stand for them.
    pub(crate) terms: Question,
    /// By cosine; empty where the arm was not searched.
    pub(crate) dense: Vec<Hit>,
    /// By BM25; empty where the arm was not searched.
    pub(crate) sparse: Vec<Hit>,
    /// As they were fused.
    pub(crate) fused: Vec<Hit>,
}

/// Retrieves for a question and decides whether the evidence is enough, and no more.
pub(crate) async fn probe(
    app: &App,
    chat: &Chat,
    turn: &Turn,
    request: &ProbeRequest,
) -> Result<Probe, ChatError> {
    let started = Instant::now();
    let mut draft = Draft::new(app, turn, started);
    let history = chat.conversations.history(app, turn).await;
    draft.standalone_question = condense::condense(app, chat, turn, &history, &draft).await?;
    let reach = Reach {
        limit: request.limit,
        documents: request.documents.clone(),
        trace: request.trace,
    };
    let retrieval = Box::pin(retrieve(app, turn, &mut draft, &reach)).await?;
    let mut retrieval = Box::pin(expand(app, chat, turn, &mut draft, &reach, retrieval)).await;
    let retrieve_ms = started.elapsed().as_millis() as u64;
    let trace = retrieval.trace.take();
    // The decision is made from as many passages as an answer would have.
    let passages = passages(&retrieval);
    retrieval.passages.truncate(app.config.retrieval.passages);
    let evidence = retrieval.evidence();
    Ok(Probe {
        passages,
        abstains: abstain::too_weak(app, &retrieval),
        evidence,
        probability: evidence.probability(&app.config.retrieval.evidence),
        trace,
        retrieve_ms,
    })
}

/// Whether the configured chat model, shown the passages as for an answer, finds them to answer.
pub(crate) async fn judged_by_model(
    app: &App,
    chat: &Chat,
    turn: &Turn,
    request: &ProbeRequest,
) -> Result<bool, ChatError> {
    let mut draft = Draft::new(app, turn, Instant::now());
    let reach = Reach {
        limit: request.limit,
        documents: request.documents.clone(),
        trace: false,
    };
    let retrieval = Box::pin(retrieve(app, turn, &mut draft, &reach)).await?;
    let prompt = prompt::prompt(app, chat, &draft, &[], &retrieval)?;
    let call = CallFor::interaction(Purpose::Answer, turn.interaction_id);
    let longest = app.config.chat.max_output_tokens;
    let completed = app
        .generator
        .complete(&call, &prompt.messages, longest)
        .await?;
    Ok(!no_answer::begins(&completed.text))
}

fn passages(retrieval: &Retrieval) -> Vec<ProbedPassage> {
    let passages = retrieval.passages.iter().map(|passage| ProbedPassage {
        point_id: passage.hit.id,
        payload: passage.hit.payload.clone(),
        score: passage.hit.score,
        cosine: passage.cosine,
        matched: passage.matched,
    });
    passages.collect()
}

impl Trace {
    /// Searches each arm of a request alone, and both.
    pub(super) async fn of(
        app: &App,
        collection: &str,
        question: &str,
        terms: &Question,
        request: &SearchRequest,
    ) -> Result<Self, IndexError> {
        let depth = request.candidates.max(request.limit);
        let arm = |dense: bool, sparse: bool| {
            let mut arm = request.clone();
            arm.parts.retain(|_| dense && sparse);
            // An arm that weighs nothing is not searched.
            arm.dense = arm.dense.filter(|_| dense && request.weights.dense > 0.0);
            arm.sparse = arm
                .sparse
                .filter(|_| sparse && request.weights.sparse > 0.0);
            arm.limit = depth;
            app.index.search(collection, arm)
        };
        Ok(Self {
            question: question.to_owned(),
            terms: terms.clone(),
            dense: arm(true, false).await?,
            sparse: arm(false, true).await?,
            fused: arm(true, true).await?,
        })
    }
}
