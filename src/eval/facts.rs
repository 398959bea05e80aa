//! The key facts of an expected answer: numbers, identifiers and names, which a right answer has
//! whatever words it is put in.

/// Numbers that people also write as words.
const NUMBERS: [(&str, &str); 13] = [
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("once", "1"),
];

/// The facts of an expected answer, each once, lowercased.
pub(super) fn key_facts(expected: &str) -> Vec<String> {
    let mut facts: Vec<String> = Vec::new();
    let mut starts_sentence = true;
    for word in expected.split_whitespace() {
        let bare = bare(word);
        if !bare.is_empty() && is_fact(bare, starts_sentence) {
            for fact in spelled(bare) {
                if !facts.contains(&fact) {
                    facts.push(fact);
                }
            }
        }
        starts_sentence = word.ends_with(['.', '!', '?', ':', ';']);
    }
    facts
}

/// The share of the facts that stand in the answer; `None` where there are none.
pub(super) fn share_present(expected: &str, answer: &str) -> Option<f64> {
    let facts = key_facts(expected);
    if facts.is_empty() {
        return None;
    }
    let answer = answer_words(answer);
    let present = facts.iter().filter(|fact| stands_in(fact, &answer));
    Some(present.count() as f64 / facts.len() as f64)
}

/// A number, an identifier, or a name: something capitalised that does not begin a sentence, or that
/// is written with capitals inside.
fn is_fact(word: &str, starts_sentence: bool) -> bool {
    let letters = || word.chars().filter(|c| c.is_alphabetic());
    let inner_capital = word.chars().skip(1).any(char::is_uppercase);
    let capital = word.starts_with(char::is_uppercase);
    let identifier = word.contains(['_', '/', '=', '`', '('])
        || (word.contains('.') && word.chars().any(char::is_alphabetic) && word.len() > 3);
    word.contains(|c: char| c.is_ascii_digit())
        || number_of(&word.to_lowercase()).is_some()
        || identifier
        || (inner_capital && letters().count() > 1)
        || (capital && !starts_sentence && letters().count() > 1)
}

/// A fact as it is looked for: digits apart from what is written onto them (`30일`, `1시간`),
/// identifiers as they are.
fn spelled(word: &str) -> Vec<String> {
    let word = word.to_lowercase();
    if let Some(number) = number_of(&word) {
        return vec![number.to_owned()];
    }
    let ascii_word = word.is_ascii();
    if ascii_word {
        return vec![word];
    }
    let numbers: Vec<String> = word
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .map(|number| number.trim_matches('.').to_owned())
        .filter(|number| !number.is_empty())
        .collect();
    if numbers.is_empty() {
        vec![word]
    } else {
        numbers
    }
}

fn number_of(word: &str) -> Option<&'static str> {
    let known = NUMBERS.iter().find(|(name, _)| *name == word);
    known.map(|(_, number)| *number)
}

/// A word without the punctuation around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_' && c != '%')
}

/// The answer in lower case, number words written as digits too.
fn answer_words(answer: &str) -> String {
    let mut text = answer.to_lowercase();
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter_map(number_of)
        .collect();
    let words = words.join(" ");
    text.push(' ');
    text.push_str(&words);
    text
}

/// Whether a fact stands in a text, not as a part of a longer number or word.
fn stands_in(fact: &str, text: &str) -> bool {
    let joins = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(fact).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + fact.len()..].chars().next();
        let ends_open = |edge: Option<char>, own: Option<char>| {
            own.is_none_or(|own| !joins(own)) || edge.is_none_or(|edge| !joins(edge))
        };
        ends_open(before, fact.chars().next()) && ends_open(after, fact.chars().next_back())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_identifiers_and_names_are_facts_and_plain_words_are_not() {
        assert_eq!(
            key_facts("In SurveyGizmo; the pings do not contain the responses."),
            ["surveygizmo"]
        );
        assert_eq!(
            key_facts("tmp tables are deleted after 7 days; GCP queries after thirty."),
            ["7", "gcp"]
        );
        assert_eq!(
            key_facts("telemetry.active_users_aggregates, updated daily at 3:30."),
            ["telemetry.active_users_aggregates", "3:30"]
        );
        assert_eq!(key_facts("1시간"), ["1"]);
        assert!(key_facts("No, they are read-only.").is_empty());
    }

    #[test]
    fn a_fact_is_present_however_a_number_is_written_and_not_inside_another() {
        assert_eq!(share_present("7 days", "They go after 17 days."), Some(0.0));
        assert_eq!(
            share_present("7 days", "They go after seven days."),
            Some(1.0)
        );
        assert_eq!(
            share_present("1시간", "the results of any query for one hour"),
            Some(1.0)
        );
        assert_eq!(share_present("5 or 9", "It is 5."), Some(0.5));
        assert_eq!(share_present("nothing here", "x"), None);
    }
}
