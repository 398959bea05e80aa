//! Rule `disliked`: readers suddenly vote the answers from a document down.
//!
//! Different readers of the last two weeks are compared with those of the half year before, by Fisher's
//! exact test; a document with too few ratings of its own is compared with all documents. As many tests
//! are made as documents are looked at, so each must be so much surer (Bonferroni).

use chrono::TimeDelta;
use docent_core::index::Payload;
use docent_core::ledger::{Finding, LedgerError, RatedDocument};

use super::Watch;
use super::owner::Contact;
use super::statistics::{Count, fisher};

const RECENT: TimeDelta = TimeDelta::days(14);
/// Ratings of a document's own past that it can be compared with.
const OWN_PAST: i64 = 10;
/// Dislikes are few, and each document has its own: the probability is so many times
/// `alerts.significance`.
const TIMES: f64 = 10.0;

pub(super) async fn find(watch: &Watch<'_>) -> Result<Vec<Finding>, LedgerError> {
    let least = i64::from(watch.settings().min_dislikes.max(1));
    let (rated, (down, up)) = watch
        .app
        .ledger
        .rated_documents(watch.now, RECENT, least)
        .await?;
    let everyone = Count {
        hits: down,
        all: down + up,
    };
    let chance = watch.settings().significance * TIMES / rated.len().max(1) as f64;
    let mut findings = Vec::new();
    for document in &rated {
        let now = Count {
            hits: document.recent_down,
            all: document.recent_down + document.recent_up,
        };
        let own = Count {
            hits: document.past_down,
            all: document.past_down + document.past_up,
        };
        let past = if own.all >= OWN_PAST { own } else { everyone };
        if past.all >= OWN_PAST && fisher(now, past) < chance {
            let payload = watch.document(document.document_id).await;
            findings.push(finding(watch, document, payload.as_ref(), past));
        }
    }
    Ok(findings)
}

fn finding(
    watch: &Watch<'_>,
    document: &RatedDocument,
    payload: Option<&Payload>,
    past: Count,
) -> Finding {
    let config = &watch.app.config;
    let contact =
        Contact::of_document(config, payload, document.owner.as_deref(), &document.source);
    let (addressed_to, recipients) = contact.addressed(config);
    let asset = payload.and_then(|payload| payload.asset.as_deref());
    let about = asset.map_or_else(String::new, |asset| format!(" (it is about {asset})"));
    Finding {
        rule: "disliked".to_owned(),
        subject: document.document_id.to_string(),
        addressed_to,
        recipients,
        since: document.first_down,
        title: format!("Answers from “{}” are voted down", document.title),
        what: format!(
            "{} of {} readers in two weeks; it was {:.0}% before. The document: {}/{}{about}.",
            document.recent_down,
            document.recent_down + document.recent_up,
            past.rate() * 100.0,
            document.source,
            document.path,
        ),
        todo: "Read what readers wrote beside their votes, and put the document right.".to_owned(),
        place: "insights/gaps".to_owned(),
        documents: vec![document.document_id],
    }
}
