//! An answer that was given, read again: its texts from the ledger, its documents from the index, as far
//! as whoever wants it may read them now.

use docent_core::document::Status;
use docent_core::index::{Filter, IndexError, Payload, StoredPoint};
use docent_core::ledger::{AskedInSlack, Interaction, InteractionOutcome, LedgerError};
use uuid::Uuid;

use crate::chat::turn::{
    Answer, AnswerGenerator, AnswerOutcome, AnswerUsage, Citation, Contact, Timings,
};
use crate::server::AppState;

/// The answer and where it was asked for. `None`: there is none, or not for these groups any more.
pub(crate) async fn read(
    service: &AppState,
    interaction_id: Uuid,
    groups: &[String],
) -> Result<Option<(AskedInSlack, Answer)>, LedgerError> {
    let app = &service.app;
    let Some(asked) = app.ledger.asked_in_slack(interaction_id).await? else {
        return Ok(None);
    };
    app.ledger.flush().await;
    let Some(interaction) = app.ledger.interaction(interaction_id, None).await? else {
        return Ok(None);
    };
    let found = readable(service, &interaction, groups);
    let points = found.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the documents of an answer cannot be looked up");
        Vec::new()
    });
    let payload = |id: Uuid| points.iter().find(|point| point.id == id);
    let mut citations = Vec::new();
    for passage in &interaction.passages {
        let (Some(number), quote) = (passage.cited_as, &passage.quote) else {
            continue;
        };
        // What may not be read any more, or is gone, takes the answer with it.
        let Some(point) = payload(passage.point_id) else {
            return Ok(None);
        };
        citations.push(citation(number as usize, quote.as_deref(), &point.payload));
    }
    citations.sort_unstable_by_key(|citation| citation.number);
    let contact = nearest_owned(&interaction, &points).and_then(Contact::of);
    let answer = Answer {
        interaction_id,
        conversation_id: interaction.conversation_id,
        question: interaction.question,
        standalone_question: interaction.standalone_question,
        answer: interaction.answer,
        outcome: match interaction.outcome {
            InteractionOutcome::Answered => AnswerOutcome::Answered,
            InteractionOutcome::Abstained => AnswerOutcome::Abstained,
            _ => AnswerOutcome::Failed,
        },
        generator: AnswerGenerator::Model,
        fallback_reason: interaction.fallback_reason,
        citations,
        marks: Vec::new(),
        contact,
        usage: AnswerUsage::default(),
        timings: Timings::default(),
    };
    Ok(Some((asked, answer)))
}

/// What of an answer's passages may be read now.
pub(crate) async fn readable(
    service: &AppState,
    interaction: &Interaction,
    groups: &[String],
) -> Result<Vec<StoredPoint>, IndexError> {
    let index = &service.app.index;
    let passages = interaction.passages.iter();
    let filter = Filter {
        groups: Some(groups.to_vec()),
        ids: Some(passages.map(|one| one.point_id).collect()),
        ..Filter::default()
    };
    match index.live().await? {
        Some(live) => index.points(&live, &filter, false).await,
        None => Ok(Vec::new()),
    }
}

/// The best passage that has an owner: whom an abstention names.
pub(crate) fn nearest_owned<'a>(
    interaction: &Interaction,
    points: &'a [StoredPoint],
) -> Option<&'a Payload> {
    interaction.passages.iter().find_map(|passage| {
        let point = points.iter().find(|point| point.id == passage.point_id)?;
        point.payload.owner.is_some().then_some(&point.payload)
    })
}

fn citation(number: usize, quote: Option<&str>, payload: &Payload) -> Citation {
    Citation {
        number,
        title: payload.title.clone(),
        uri: payload.uri.clone(),
        path: payload.path.clone(),
        heading: payload.heading.join(" > "),
        quote: quote.unwrap_or_default().to_owned(),
        span: None,
        score: 0.0,
        verified: None,
        updated_at: payload.updated_at,
        fresh_at: payload.fresh_at,
        status: payload.status.map(|status| Status::name(status).to_owned()),
        owner: payload.owner.clone(),
        author: payload
            .curated
            .as_ref()
            .map(|curated| curated.author.clone()),
    }
}
