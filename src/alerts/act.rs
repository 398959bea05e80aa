//! What people do with alerts, over HTTP or in Slack: acknowledge or mute them; and who in Slack may.

use chrono::{Days, Utc};
use docent_core::config::Config;
use docent_core::document::EVERYONE;
use docent_core::ledger::{Act, Alert, AlertState, Audit, LedgerError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::owner::FALLBACK;
use crate::chat::Caller;
use crate::notify::Recipient;
use crate::server::AppState;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Acting {
    /// Somebody looks after it.
    Acknowledge,
    /// Nobody is to hear of it for `alerts.mute_days`.
    Mute,
}

/// Does it in the name of `who`, with a line in the audit. `None`: there is no such alert.
pub(crate) async fn act(
    service: &AppState,
    id: Uuid,
    who: &str,
    acting: Acting,
) -> Result<Option<AlertState>, LedgerError> {
    let ledger = &service.app.ledger;
    let (state, act) = match acting {
        Acting::Acknowledge => (
            ledger.acknowledge_alert(id, who).await?,
            Act::AlertAcknowledged,
        ),
        Acting::Mute => {
            let days = service.app.config.alerts.mute_days;
            let until = Utc::now() + Days::new(days.into());
            (ledger.mute_alert(id, who, until).await?, Act::AlertMuted)
        }
    };
    if state.is_some() {
        ledger.writer().write(Audit::now(who, act, id.to_string()));
    }
    Ok(state)
}

/// Whether somebody of Slack may: administrators (in a group of `oidc.admin_groups`), the data team (in one of
/// `insights.groups`), and its owner. `user` is Slack's id of them. Whoever only reads the channel that it was
/// posted to may not: a channel may be open to all.
pub(crate) fn may(config: &Config, alert: &Alert, caller: &Caller, user: &str) -> bool {
    // A group that everyone is in makes nobody an owner of anything.
    let own = || caller.groups.iter().filter(|group| *group != EVERYONE);
    let is_trusted = own().any(|group| {
        config.oidc.admin_groups.contains(group) || config.insights.groups.contains(group)
    });
    let owner = &alert.addressed_to;
    let in_its_group = owner != FALLBACK && own().any(|group| group == owner);
    is_trusted
        || in_its_group
        || addresses(config, alert).any(|address| is_of(&address, caller, user))
}

/// Every address of whom it is addressed to: also those that it was not sent to.
fn addresses<'a>(config: &'a Config, alert: &'a Alert) -> impl Iterator<Item = String> + 'a {
    let owner = alert.addressed_to.as_str();
    let named = config.notify.owners.get(owner).into_iter().flatten();
    let sources = config.sources.iter();
    let sources = sources.filter(move |source| source.owner.as_deref() == Some(owner));
    let contacts = sources.flat_map(|source| {
        let mail = source.owner_email.iter().map(|to| format!("mail:{to}"));
        mail.chain(source.owner_slack.iter().map(|to| format!("slack:{to}")))
    });
    let all = alert.recipients.iter().chain(named).cloned();
    all.chain(contacts).chain([format!("mail:{owner}")])
}

/// Whether an address is somebody's own: their mail address, or the messages to them.
fn is_of(address: &str, caller: &Caller, user: &str) -> bool {
    match Recipient::parse(address) {
        Some(Recipient::Mail(to)) => caller
            .name
            .strip_prefix("user:")
            .is_some_and(|mail| mail.eq_ignore_ascii_case(&to)),
        Some(Recipient::Slack(to)) => to.trim_start_matches("<@").trim_end_matches('>') == user,
        Some(Recipient::Webhook) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use docent_core::config::{Overrides, load};

    use super::*;
    use crate::chat::CallerKind;

    fn alert(owner: &str, recipients: &[&str]) -> Alert {
        let now = Utc::now();
        Alert {
            id: Uuid::now_v7(),
            rule: "stale".to_owned(),
            subject: "docs".to_owned(),
            addressed_to: owner.to_owned(),
            recipients: recipients.iter().map(|&to| to.to_owned()).collect(),
            state: AlertState::Open,
            since: now,
            fired_at: now,
            last_seen: now,
            resolved_at: None,
            title: "t".to_owned(),
            what: "w".to_owned(),
            todo: "d".to_owned(),
            place: "p".to_owned(),
            told: None,
            sent_via: Vec::new(),
            acted_by: None,
            acted_at: None,
        }
    }

    #[test]
    fn an_alert_is_its_owners_the_administrators_and_the_data_teams_to_act_on() {
        let mut config = load(&Overrides::default()).unwrap();
        config.oidc.admin_groups = vec!["admins".to_owned()];
        config.insights.groups = vec!["data-team".to_owned(), EVERYONE.to_owned()];
        let owners = &mut config.notify.owners;
        owners.insert(
            "Mobility".to_owned(),
            vec!["mail:Ana@example.com".to_owned()],
        );
        let alert = alert("Mobility", &["slack:#mobility", "slack:U7"]);
        let may = |name: &str, groups: &[&str], user: &str| {
            let groups = groups.iter().map(|&group| group.to_owned()).collect();
            let caller = Caller::named(name, CallerKind::Slack, groups);
            may(&config, &alert, &caller, user)
        };
        assert!(may("user:ana@example.com", &[EVERYONE], "U1"));
        assert!(may("slack:T/U7", &[EVERYONE], "U7"));
        for group in ["admins", "data-team", "Mobility"] {
            assert!(
                may("user:bo@example.com", &[EVERYONE, group], "U2"),
                "{group}"
            );
        }
        assert!(!may("user:bo@example.com", &[EVERYONE, "staff"], "U2"));
        // Whom Slack does not vouch for has no address.
        assert!(!may("slack:T/ana@example.com", &[EVERYONE], "U3"));
    }

    #[test]
    fn no_name_of_an_owner_makes_everyone_one() {
        let config = load(&Overrides::default()).unwrap();
        let caller = |groups: &[&str]| {
            let groups = groups.iter().map(|&group| group.to_owned()).collect();
            Caller::named("user:bo@example.com", CallerKind::Slack, groups)
        };
        for owner in [EVERYONE, FALLBACK] {
            let caller = caller(&[EVERYONE, FALLBACK]);
            assert!(!may(
                &config,
                &alert(owner, &["slack:#data"]),
                &caller,
                "U2"
            ));
        }
    }
}
