//! What metadata say of a document, as lines that can be shown, searched for and quoted: its owner
//! and how fresh its data are. Nobody writes these into the text of a page.

use chrono::{DateTime, Utc};

use super::Payload;
use super::lexical;
use crate::document::Status;

/// A document's metadata as lines. The prompt shows them, and a citation may quote them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// `owner: Finance Data (#finance-data, finance@example.com)`
    pub owner: Option<String>,
    /// `data as of: 2026-11-20 05:20 UTC`
    pub fresh: Option<String>,
    /// `status: certified`
    pub status: Option<String>,
    /// `page updated: 2026-10-06`
    pub updated: Option<String>,
    /// `answered by: Ana, 2026-11-20`, of a curated answer.
    pub answered: Option<String>,
}

impl Facts {
    /// All lines, in the order in which the prompt shows them.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        let answered = self.answered.iter();
        let others = [&self.updated, &self.fresh, &self.owner, &self.status];
        answered
            .map(String::as_str)
            .chain(others.into_iter().filter_map(|line| line.as_deref()))
    }
}

impl Payload {
    /// What its metadata say.
    pub fn facts(&self) -> Facts {
        let owner = self.owner.as_ref().map(|owner| {
            let ways = [self.owner_slack.as_deref(), self.owner_email.as_deref()];
            let ways: Vec<&str> = ways.into_iter().flatten().collect();
            if ways.is_empty() {
                format!("owner: {owner}")
            } else {
                format!("owner: {owner} ({})", ways.join(", "))
            }
        });
        let minute = |at: DateTime<Utc>| at.format("data as of: %Y-%m-%d %H:%M UTC").to_string();
        let day = |at: DateTime<Utc>| at.format("page updated: %Y-%m-%d").to_string();
        Facts {
            owner,
            fresh: self.fresh_at.map(minute),
            status: self
                .status
                .map(|status| format!("status: {}", Status::name(status))),
            // Of an answer the day stands beside its author.
            updated: self.updated_at.filter(|_| self.curated.is_none()).map(day),
            answered: self.curated.as_ref().map(|curated| {
                let day = curated.at.format("%Y-%m-%d");
                format!("answered by: {}, {day}", curated.author)
            }),
        }
    }
}

/// Which facts a question asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AskedFacts {
    pub owner: bool,
    pub fresh: bool,
}

/// Words that ask who answers for something; they stand for its owner line.
const OWNER_WORDS: &str = "own owns owned owner owners owning ownership responsible accountable \
    maintain maintains maintained maintainer steward contact charge 담당자 담당자는 담당 담당하는 \
    소유자 소유자는 책임자 책임자는 관리자 관리자는 오너 누구 누가 누구인가요";
/// Words that ask how fresh something is; they stand for its freshness line.
const FRESH_WORDS: &str = "fresh freshness stale recent latest current up-to-date up date outdated \
    updated refreshed loaded last 최신 최신인가요 신선도 신선한가요 갱신 갱신되었나요 언제 마지막";

impl AskedFacts {
    /// Reads a question in English or Korean.
    pub fn of(question: &str) -> Self {
        let question = question.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| question.contains(word));
        let begins = |stems: &[&str]| {
            question
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| stems.contains(&word))
        };
        let asks_who = begins(&["who", "whom", "whose", "which"]);
        Self {
            owner: begins(&["owns", "owner", "owners", "ownership", "steward"])
                || (asks_who
                    && (begins(&["own", "owned", "contact"])
                        || has(&["responsible", "accountable", "in charge", "maintain"])
                        || has(&["should i ask", "do i ask", "can i ask"])))
                || has(&[
                    "담당자",
                    "담당하",
                    "소유자",
                    "책임자",
                    "누가 관리",
                    "누구에게",
                    "오너",
                ]),
            fresh: begins(&["fresh", "freshness", "stale", "outdated"])
                || has(&["up to date", "up-to-date", "how recent", "how current"])
                || has(&[
                    "last loaded",
                    "last updated",
                    "last refreshed",
                    "latest load",
                ])
                || has(&[
                    "최신인",
                    "최신 상태",
                    "최신 데이터",
                    "신선",
                    "마지막으로",
                    "갱신되었",
                ]),
        }
    }

    /// Whether the question asks for none.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// The lines of what is asked for, where the metadata have them.
    pub fn answered_by(self, facts: &Facts) -> Vec<&str> {
        let owner = facts.owner.as_deref().filter(|_| self.owner);
        let fresh = facts.fresh.as_deref().filter(|_| self.fresh);
        [owner, fresh].into_iter().flatten().collect()
    }

    /// Words of the question that the metadata answer, whatever the text says.
    pub fn covered_words(self, facts: &Facts) -> String {
        let mut words = String::new();
        if self.owner && facts.owner.is_some() {
            words.push_str(OWNER_WORDS);
        }
        if self.fresh && facts.fresh.is_some() {
            words.push(' ');
            words.push_str(FRESH_WORDS);
        }
        words
    }

    /// The question's terms that say what it is about, without those that ask for the facts.
    pub fn subject(self, question: &str) -> Vec<String> {
        let mut asking = Vec::new();
        if self.owner {
            asking.extend(lexical::terms(OWNER_WORDS));
        }
        if self.fresh {
            asking.extend(lexical::terms(FRESH_WORDS));
        }
        let mut terms = lexical::distinct_terms(question);
        terms.retain(|term| !asking.contains(term));
        terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_for_an_owner_and_for_freshness_are_told_from_others() {
        let asked = |question: &str| {
            let asked = AskedFacts::of(question);
            (asked.owner, asked.fresh)
        };
        assert_eq!(asked("Who owns the revenue dashboard?"), (true, false));
        assert_eq!(asked("Who is responsible for fct_trips?"), (true, false));
        assert_eq!(asked("fct_trips 담당자는 누구인가요?"), (true, false));
        assert_eq!(asked("is orders fresh?"), (false, true));
        assert_eq!(
            asked("When was fct_trips last loaded, and who owns it?"),
            (true, true)
        );
        assert_eq!(
            asked("How is the refresh of tables scheduled?"),
            (false, false)
        );
        assert_eq!(asked("What counts as our own bike?"), (false, false));
        assert_eq!(asked("Who may read provider fees?"), (false, false));
    }

    #[test]
    fn the_subject_is_what_is_left_without_the_words_that_ask() {
        let asked = AskedFacts::of("Who owns the revenue dashboard?");
        let subject = asked.subject("Who owns the revenue dashboard?");
        assert_eq!(subject, ["revenu", "dashboard"]);
    }
}
