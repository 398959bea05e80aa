//! Who asks: somebody of the company, where Slack vouches for their mail address, or somebody unknown.
//! And what may be read for them: their own groups between the two of us, the channel's where others
//! read along.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use docent_core::config::SlackApp;
use docent_core::document::EVERYONE;
use parking_lot::Mutex;

use super::api::UserInfo;
use super::{Slack, SlackError};
use crate::chat::{Caller, CallerKind};

/// How long it is believed what Slack says of somebody.
const KEPT: Duration = Duration::from_mins(10);
/// Longest wait for it. Who cannot be looked up is unknown this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// People remembered; when there are more, all are looked up again.
const REMEMBERED: usize = 10_000;

/// Where and by whom something was said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaker<'a> {
    pub(crate) team: &'a str,
    pub(crate) user: &'a str,
    /// The person's workspace, where Slack names it.
    pub(crate) user_team: Option<&'a str>,
    /// The channel that others read; `None`: a direct message.
    pub(crate) channel: Option<&'a str>,
}

/// The mail addresses of people of late: by team and user.
#[derive(Debug, Default)]
pub(crate) struct People(Mutex<HashMap<(String, String), Known>>);

/// An address, and since when it is believed.
type Known = (Option<String>, Instant);

impl People {
    /// The caller that somebody is.
    pub(crate) async fn caller(
        &self,
        slack: &Slack,
        settings: &SlackApp,
        speaker: Speaker<'_>,
    ) -> Caller {
        let mail = self.mail(slack, settings, speaker).await;
        let name = match &mail {
            Some(mail) => format!("user:{mail}"),
            None => format!("slack:{}/{}", speaker.team, speaker.user),
        };
        let (groups, sources) = match speaker.channel.map(|channel| settings.channel(channel)) {
            Some(place) => (place.groups, place.sources),
            None => (groups_of(settings, mail.as_deref()), Vec::new()),
        };
        let mut caller = Caller::named(name, CallerKind::Slack, groups);
        caller.sources = Some(sources).filter(|sources| !sources.is_empty());
        caller.place = speaker
            .channel
            .map(|channel| format!("slack:{}/{channel}", speaker.team));
        caller
    }

    /// The company's own address of a person, in small letters; `None`: unknown.
    async fn mail(
        &self,
        slack: &Slack,
        settings: &SlackApp,
        speaker: Speaker<'_>,
    ) -> Option<String> {
        // A person of another company: their workspace vouches for them, not ours.
        if speaker.user_team.is_some_and(|team| team != speaker.team) {
            return None;
        }
        let key = (speaker.team.to_owned(), speaker.user.to_owned());
        let known = self.0.lock().get(&key).cloned();
        if let Some((mail, at)) = known
            && at.elapsed() < KEPT
        {
            return mail;
        }
        let asked = tokio::time::timeout(PATIENCE, slack.user_info(speaker.user)).await;
        let mail = match asked {
            Ok(Ok(info)) => company_mail(settings, speaker.team, &info),
            // Nobody that Slack knows.
            Ok(Err(SlackError::Refused { code, .. })) if code == "user_not_found" => None,
            Ok(Err(error)) => {
                tracing::warn!(%error, "somebody in Slack cannot be looked up and reads what everyone may");
                return None;
            }
            Err(_) => {
                tracing::warn!("Slack does not say in time who asks; they read what everyone may");
                return None;
            }
        };
        let mut people = self.0.lock();
        if people.len() >= REMEMBERED {
            people.clear();
        }
        people.insert(key, (mail.clone(), Instant::now()));
        mail
    }
}

fn company_mail(settings: &SlackApp, team: &str, info: &UserInfo) -> Option<String> {
    let is_own = info.team_id.is_empty() || info.team_id == team;
    let is_member = is_own
        && info.mail_confirmed
        && !(info.is_bot || info.is_guest || info.is_stranger || info.is_deleted);
    let mail = info.mail.as_deref().filter(|_| is_member)?;
    let mail = mail.trim().to_lowercase();
    let (local, domain) = mail.split_once('@')?;
    let is_company = settings.mail_domains.is_empty()
        || settings
            .mail_domains
            .iter()
            .any(|of| of.trim_start_matches('@').eq_ignore_ascii_case(domain));
    let is_plain = !local.is_empty() && !mail.chars().any(|c| c.is_control() || c.is_whitespace());
    (is_company && is_plain && mail.len() <= 200).then_some(mail)
}

fn groups_of(settings: &SlackApp, mail: Option<&str>) -> Vec<String> {
    let mut groups = vec![EVERYONE.to_owned()];
    if let Some(mail) = mail {
        let domain = mail.find('@').map_or("", |at| &mail[at..]);
        for (name, theirs) in &settings.people {
            if name.eq_ignore_ascii_case(mail) || name.eq_ignore_ascii_case(domain) {
                groups.extend(theirs.iter().cloned());
            }
        }
    }
    groups.sort_unstable();
    groups.dedup();
    groups
}

#[cfg(test)]
mod tests {
    use docent_core::config::{Overrides, load};

    use super::*;

    fn settings() -> SlackApp {
        let mut slack = load(&Overrides::default()).unwrap().slack;
        slack.mail_domains = vec!["example.com".to_owned()];
        let people = [("Ana@example.com", "finance"), ("@example.com", "staff")];
        slack.people = people
            .into_iter()
            .map(|(name, group)| (name.to_owned(), vec![group.to_owned()]))
            .collect();
        slack
    }

    fn ana() -> UserInfo {
        UserInfo {
            id: "U1".to_owned(),
            team_id: "T1".to_owned(),
            name: "Ana".to_owned(),
            mail: Some("ana@Example.com".to_owned()),
            mail_confirmed: true,
            is_bot: false,
            is_guest: false,
            is_stranger: false,
            is_deleted: false,
            locale: None,
        }
    }

    #[test]
    fn a_member_with_a_confirmed_address_of_the_company_is_known() {
        let mail = company_mail(&settings(), "T1", &ana());
        assert_eq!(mail.as_deref(), Some("ana@example.com"));
        let groups = groups_of(&settings(), mail.as_deref());
        assert_eq!(groups, ["everyone", "finance", "staff"]);
    }

    #[test]
    fn everyone_else_is_unknown_and_reads_what_everyone_may() {
        let changes: [fn(&mut UserInfo); 8] = [
            |info| info.mail = None,
            |info| info.mail_confirmed = false,
            |info| info.is_guest = true,
            |info| info.is_stranger = true,
            |info| info.is_bot = true,
            |info| info.is_deleted = true,
            |info| info.team_id = "T2".to_owned(),
            |info| info.mail = Some("ana@example.com.evil.org".to_owned()),
        ];
        for change in changes {
            let mut info = ana();
            change(&mut info);
            assert_eq!(company_mail(&settings(), "T1", &info), None, "{info:?}");
        }
        assert_eq!(groups_of(&settings(), None), ["everyone"]);
    }
}
