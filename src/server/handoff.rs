//! `POST /v1/handoff`: the owner of what an unanswered question is about is asked in Slack, once. The reply
//! that they stand by becomes docent's answer to it (`slack::handoff`).

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use docent_core::ledger::{Act, Audit, HandOver, Handing, Interaction, InteractionOutcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppState;
use super::openapi::{Guarded, WithBody};
use super::problem::{Problem, ProblemBody};
use crate::chat::language::Language;
use crate::chat::turn::Contact;
use crate::chat::{Caller, CallerKind, ChatError};
use crate::slack::api::OutMessage;
use crate::slack::words::{self, Handed};
use crate::slack::{Bridge, SlackError, again, handoff, plain};

/// Longest wait for Slack. A click is not held up for longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// When to come back where it is not known whether the owner was asked, in seconds.
const UNSURE: u64 = 60;

/// The request's body.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HandOff {
    /// That of the abstention, whose `contact` has `hand_off`.
    interaction_id: Uuid,
}

/// Who was asked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HandedOff {
    owner: String,
}

/// Have the owner asked in Slack
///
/// For an abstention whose `contact` has `hand_off`. The owner of the nearest document gets the question, once,
/// however often it is handed over; the reply that they stand by answers it from then on.
#[utoipa::path(
    post, path = "/v1/handoff", tag = "chat", operation_id = "hand_off",
    security((), ("bearer" = [])),
    request_body = HandOff,
    responses(
        (status = 200, description = "The owner was asked, now or before", body = HandedOff),
        (status = 404, description = "`interaction_unknown`: the caller has had no such abstention",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`owner_not_in_slack`: nobody there can be asked; `hand_off_under_way`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`hand_off_limit_reached`: `slack.hand_offs_per_day`",
            body = ProblemBody, content_type = "application/problem+json"),
        Guarded, WithBody,
    ),
)]
pub(super) async fn hand_off(
    State(service): State<AppState>,
    caller: Caller,
    body: Result<Json<HandOff>, JsonRejection>,
) -> Response {
    let done = async {
        let Json(HandOff { interaction_id }) = body?;
        ask_owner(&service, &caller, interaction_id).await
    };
    match done.await {
        Ok(owner) => Json(HandedOff { owner }).into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// What is asked of whom, and who may read the reply.
struct Question {
    interaction: Interaction,
    contact: Contact,
    groups: Vec<String>,
}

async fn ask_owner(service: &AppState, caller: &Caller, id: Uuid) -> Result<String, Problem> {
    let settings = &service.app.config.slack;
    let bridge = service.slack.as_ref();
    let Some(bridge) = bridge.filter(|_| caller.may_hand_off(settings)) else {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "hand_off_not_allowed",
            "docent asks nobody in Slack for this caller; slack.hand_off says for whom it does",
        ));
    };
    let question = question(service, caller, id).await?;
    let asking = asked_in_slack(service, bridge, caller, &question);
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(asked) => asked?,
        Err(_) => return Err(unsure("Slack does not answer in time")),
    }
    Ok(question.contact.owner.unwrap_or_default())
}

/// An abstention of the caller's, as far as they may still read what it looked at.
async fn question(service: &AppState, caller: &Caller, id: Uuid) -> Result<Question, Problem> {
    let ledger = &service.app.ledger;
    // It may still be queued.
    ledger.flush().await;
    let found = ledger.interaction(id, Some(&caller.name)).await?;
    let abstained = found.filter(|one| one.outcome == InteractionOutcome::Abstained);
    let Some(interaction) = abstained else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "interaction_unknown",
            "you have had no such abstention; interaction_id is the one that an answer carries",
        ));
    };
    let points = again::readable(service, &interaction, &caller.groups).await;
    let points = points.map_err(|error| Problem::from(ChatError::Index(error)))?;
    let nearest = again::nearest_owned(&interaction, &points);
    let Some((payload, contact)) = nearest.and_then(|one| Some((one, Contact::of(one)?))) else {
        return Err(not_in_slack("what the question is about has no owner"));
    };
    Ok(Question {
        contact,
        groups: payload.groups.clone(),
        interaction,
    })
}

async fn asked_in_slack(
    service: &AppState,
    bridge: &Bridge,
    caller: &Caller,
    question: &Question,
) -> Result<(), Problem> {
    let ledger = &service.app.ledger;
    let owner = handoff::owner(bridge, Some(&question.contact)).await;
    let Some(channel) = owner.map_err(|error| unavailable(&error))? else {
        return Err(not_in_slack(
            "docent knows no channel or address of the owner's in Slack",
        ));
    };
    let team = bridge.slack.auth_test().await;
    let team = team.map_err(|error| unavailable(&error))?.team_id;
    let id = Uuid::now_v7();
    let limit = service.app.config.slack.hand_offs_per_day;
    let begun = ledger.begin_handing_over(Handing {
        id,
        interaction_id: question.interaction.id,
        team: &team,
        caller: &caller.counted_as,
        groups: &question.groups,
        most_per_day: limit.into(),
    });
    match begun.await? {
        HandOver::Begun => {}
        HandOver::Done => return Ok(()),
        HandOver::UnderWay => {
            let text = "the owner is being asked already; ask again in a minute whether they were";
            let problem = Problem::new(StatusCode::CONFLICT, "hand_off_under_way", text);
            return Err(problem.retry_after(UNSURE));
        }
        HandOver::TooMany => {
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "hand_off_limit_reached",
                format!("you have had {limit} questions handed over within a day, and no more are allowed"),
            )
            .retry_after(3600));
        }
    }
    let asker = asker(service, bridge, caller).await;
    let message = OutMessage {
        channel,
        text: text(caller, question, asker.as_deref()),
        metadata: Some(handoff::metadata(&format!("handoff:{id}"))),
        ..OutMessage::default()
    };
    match bridge.slack.post_anywhere(&message).await {
        Ok((channel, ts)) => {
            let asked = [channel.as_str(), ts.as_str()];
            ledger
                .finish_handing_over(id, asked, asker.as_deref())
                .await?;
            let target = question.interaction.id.to_string();
            let act = Audit::now(&caller.name, Act::QuestionHandedOver, target);
            ledger.writer().write(act);
            Ok(())
        }
        // Whether the owner has it is not known: for a minute nobody tries again.
        Err(error @ SlackError::Unavailable { .. }) => Err(unavailable(&error)),
        Err(error) => {
            ledger.give_handing_over_up(id).await?;
            if error.is_about_token() || matches!(error, SlackError::RateLimited { .. }) {
                return Err(unavailable(&error));
            }
            tracing::warn!(%error, "the owner of an asset cannot be asked in Slack");
            Err(not_in_slack("docent may not write to the owner in Slack"))
        }
    }
}

/// Who asks, in Slack: only whom the identity provider has vouched for by mail is looked for there.
async fn asker(service: &AppState, bridge: &Bridge, caller: &Caller) -> Option<String> {
    let is_mail = caller.kind == CallerKind::User && service.app.config.oidc.name_claim == "email";
    let mail = caller.name.strip_prefix("user:").filter(|_| is_mail)?;
    match bridge.slack.user_by_mail(mail).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "an asker is not looked up in Slack; the reply is not sent to them");
            None
        }
    }
}

fn text(caller: &Caller, question: &Question, asker: Option<&str>) -> String {
    let standalone = &question.interaction.standalone_question;
    let named = caller.name.strip_prefix("user:");
    let handed = Handed {
        asker: asker
            .map(|id| format!("<@{id}>"))
            .or_else(|| named.map(plain)),
        question: &plain(standalone),
        link: None,
        contact: Some(&question.contact),
    };
    words::to_owner(Language::of(standalone), &handed)
}

fn not_in_slack(why: &str) -> Problem {
    let text = format!("{why}; ask them by mail");
    Problem::new(StatusCode::CONFLICT, "owner_not_in_slack", text)
}

fn unavailable(error: &SlackError) -> Problem {
    tracing::warn!(%error, "a question is not handed over");
    unsure("Slack does not answer")
}

fn unsure(why: &str) -> Problem {
    let text = format!("{why}; try again in a minute, or ask the owner by mail");
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Problem::new(status, "slack_unavailable", text).retry_after(UNSURE)
}
