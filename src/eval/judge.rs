//! A chat model's judgement of answers, and how far it agrees with the checks that need no model.

use std::path::Path;

use docent_core::app::App;
use docent_core::ledger::Purpose;
use docent_core::models::{CallFor, Message, ModelError, Role};
use minijinja::{Environment, Value, context};
use uuid::Uuid;

use super::EvalError;
use super::questions::Question;
use super::report::SetReport;
use crate::chat::Answer;
use crate::chat::probe::ProbedPassage;

const NAME: &str = "judge.md";
const BUILT_IN: &str = include_str!("../../prompts/judge.md");
/// Output tokens of a judgement: two short lines, with room for a model that thinks aloud.
const MAX_TOKENS: u32 = 300;

/// Asks the configured chat model.
pub struct Judge(Environment<'static>);

/// What a model says of an answer; `None`: it did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    pub correct: Option<bool>,
    pub supported: Option<bool>,
}

impl Judge {
    /// The template of `folder`, where there is one, or the built-in one.
    pub fn load(folder: &Path) -> Result<Self, EvalError> {
        let path = folder.join(NAME);
        let template = if !folder.as_os_str().is_empty() && path.is_file() {
            super::read_text(&path)?
        } else {
            BUILT_IN.to_owned()
        };
        let mut environment = Environment::new();
        environment
            .add_template_owned(NAME, template)
            .map_err(|error| broken(&error))?;
        Ok(Self(environment))
    }

    /// Judges an answer by the expected one and by the passages that it cites.
    pub(super) async fn judge(
        &self,
        app: &App,
        question: &Question,
        answer: &Answer,
        passages: &[ProbedPassage],
    ) -> Result<Verdict, EvalError> {
        let fence = format!("text-{}", &Uuid::new_v4().simple().to_string()[..12]);
        let cited: Vec<Value> = answer
            .citations
            .iter()
            .filter_map(|citation| {
                let passage = passages.get(citation.number.checked_sub(1)?)?;
                let text = &passage.payload.text;
                Some(context! { number => citation.number, text => text, fence => &fence })
            })
            .collect();
        let expected = question
            .answer
            .as_ref()
            .filter(|_| question.is_answerable());
        let values = context! {
            question => &question.question,
            expected => expected,
            passages => cited,
            answer => &answer.answer,
            fence => &fence,
        };
        let content = self
            .0
            .get_template(NAME)
            .and_then(|template| template.render(values))
            .map_err(|error| broken(&error))?;
        let messages = [Message {
            role: Role::User,
            content,
        }];
        let call = CallFor::interaction(Purpose::Judge, answer.interaction_id);
        let completed = app.generator.complete(&call, &messages, MAX_TOKENS).await?;
        Ok(read(&completed.text))
    }
}

impl From<ModelError> for EvalError {
    fn from(error: ModelError) -> Self {
        Self::Chat(error.into())
    }
}

fn broken(error: &minijinja::Error) -> EvalError {
    EvalError::Unreadable {
        file: format!("the prompt template {NAME}"),
        reason: format!("{error:#}"),
    }
}

/// Reads the two lines, wherever they stand in what the model wrote; the last of each counts.
fn read(text: &str) -> Verdict {
    let said = |name: &str| {
        text.lines().rev().find_map(|line| {
            let plain = line
                .trim()
                .trim_start_matches(['*', '-', '`', ' '])
                .to_lowercase();
            let rest = plain
                .strip_prefix(name)?
                .trim_start_matches(['*', '`', ':', ' ']);
            match rest {
                rest if rest.starts_with("yes") => Some(true),
                rest if rest.starts_with("no") => Some(false),
                _ => None,
            }
        })
    };
    Verdict {
        correct: said("correct"),
        supported: said("supported"),
    }
}

/// How often two ways to judge agree, and how far beyond chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    pub n: usize,
    /// The share of the questions on which they say the same.
    pub share: f64,
    /// Cohen's kappa (Cohen 1960, *A coefficient of agreement for nominal scales*): 1 always, 0 as
    /// often as by chance. `None` where both always say the same one thing.
    pub kappa: Option<f64>,
}

/// The agreement of what the model judges with a mechanical check that is passed in full.
pub fn agreement(set: &SetReport, judged: &str, measure: &str) -> Option<Agreement> {
    let pairs: Vec<(bool, bool)> = set
        .asked
        .iter()
        .filter_map(|asked| {
            let judged = asked.scores.get(judged)?;
            let checked = asked.scores.get(measure)?;
            Some((*judged > 0.5, *checked > 1.0 - 1e-9))
        })
        .collect();
    (!pairs.is_empty()).then(|| of_pairs(&pairs))
}

fn of_pairs(pairs: &[(bool, bool)]) -> Agreement {
    let n = pairs.len() as f64;
    let share = |holds: &dyn Fn(&(bool, bool)) -> bool| {
        pairs.iter().filter(|pair| holds(pair)).count() as f64 / n
    };
    let same = share(&|(left, right)| left == right);
    let (left, right) = (share(&|(left, _)| *left), share(&|(_, right)| *right));
    let by_chance = left * right + (1.0 - left) * (1.0 - right);
    Agreement {
        n: pairs.len(),
        share: same,
        kappa: (by_chance < 1.0).then(|| (same - by_chance) / (1.0 - by_chance)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_read_however_it_is_dressed() {
        let plain = read("correct: yes\nsupported: no");
        assert_eq!((plain.correct, plain.supported), (Some(true), Some(false)));
        let dressed = read("Let me see.\n- **Correct:** No.\n`supported`: Yes");
        assert_eq!(
            (dressed.correct, dressed.supported),
            (Some(false), Some(true))
        );
        assert_eq!(read("I cannot say."), Verdict::default());
    }

    #[test]
    fn agreement_beyond_chance_is_cohens_kappa() {
        // Both yes 20, both no 15, else 5 and 10: agreement 0.7, by chance 0.5, kappa 0.4.
        let mut pairs = vec![(true, true); 20];
        pairs.extend([(false, false); 15]);
        pairs.extend([(true, false); 5]);
        pairs.extend([(false, true); 10]);
        let agreement = of_pairs(&pairs);
        assert!((agreement.share - 0.7).abs() < 1e-12);
        assert!((agreement.kappa.unwrap() - 0.4).abs() < 1e-12);
        assert_eq!(of_pairs(&[(true, true)]).kappa, None);
    }
}
