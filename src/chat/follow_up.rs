//! A follow-up without a chat model: where a question points back ("How fresh is it?") or says next to
//! nothing ("And the target?"), the rare words of the question before it are searched with it.

use docent_core::index::TermFrequencies;
use docent_core::index::lexical::{self, term_id};

/// Words that are carried over.
const MOST: usize = 4;
/// A word is carried over when it is at least this rare, beside the rarest of its question.
const RARE: f32 = 0.6;
/// A question with fewer words of its own says too little.
const FEW: usize = 2;

/// Always stand for something said before.
const PRONOUNS: [&str; 15] = [
    "it",
    "its",
    "itself",
    "they",
    "them",
    "their",
    "theirs",
    "themselves",
    "those",
    "he",
    "him",
    "his",
    "she",
    "her",
    "hers",
];
/// What follows "it" where it stands for nothing: "does it take", "is it possible".
const AFTER_EMPTY_IT: [&str; 10] = [
    "take",
    "takes",
    "possible",
    "true",
    "safe",
    "okay",
    "ok",
    "necessary",
    "seem",
    "seems",
];
/// Words of time after "this" and "these", which then mean today's.
const TIMES: [&str; 11] = [
    "week", "weeks", "month", "months", "year", "quarter", "morning", "day", "days", "time",
    "fiscal",
];
/// Before a "that" or "there" that points back, besides the beginning of the question.
const BEFORE_THAT: [&str; 22] = [
    "is", "was", "are", "does", "did", "do", "can", "could", "would", "will", "should", "of", "on",
    "in", "for", "with", "from", "to", "by", "about", "than", "like",
];
/// Beginnings of Korean words that point back; written alone or with a particle.
const KOREAN_PRONOUNS: [&str; 20] = [
    "그것", "그거", "그건", "그게", "그걸", "이것", "이거", "이건", "이게", "이걸", "저것", "거기",
    "여기", "그곳", "그쪽", "그중", "그때", "이때", "그들", "해당",
];
/// Korean words that point back where they stand alone: "그 테이블", and "then".
const KOREAN_ALONE: [&str; 9] = [
    "그",
    "이",
    "저",
    "그럼",
    "그러면",
    "그렇다면",
    "같은",
    "위",
    "방금",
];

/// The question with the rare words of `previous` after it, in brackets; `None` where it stands alone.
pub(super) fn carry_over(
    question: &str,
    previous: &str,
    frequencies: &TermFrequencies,
) -> Option<String> {
    let own = words(question, frequencies);
    let points_back = points_back(question);
    if !points_back && own.len() >= FEW {
        return None;
    }
    let own_terms: Vec<&str> = own.iter().flat_map(Word::terms).collect();
    let names_another = !points_back && own.iter().any(Word::is_identifier);
    let mut carried: Vec<Word> = words(previous, frequencies)
        .into_iter()
        .filter(|word| !word.terms().any(|term| own_terms.contains(&term)))
        // "How fresh is fct_trips?", "And dim_bikes?": it stands in the place of the other.
        .filter(|word| !(names_another && word.is_identifier()))
        .collect();
    // A word that no document has is no subject, unless it is a name, or there is no other.
    if carried.iter().any(|word| word.known) {
        carried.retain(|word| word.known || word.is_identifier());
    }
    let rarest = carried.iter().map(|word| word.weight).fold(0.0, f32::max);
    carried.retain(|word| word.weight >= RARE * rarest);
    carried.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    carried.truncate(MOST);
    carried.sort_by_key(|word| word.place);
    if carried.is_empty() {
        return None;
    }
    let carried: Vec<&str> = carried.iter().map(|word| word.text.as_str()).collect();
    Some(format!("{} ({})", question.trim(), carried.join(" ")))
}

/// A word that says something, as it was written.
struct Word {
    text: String,
    terms: Vec<String>,
    /// The rarity of its rarest term.
    weight: f32,
    /// Whether any document has it.
    known: bool,
    place: usize,
}

impl Word {
    fn terms(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().map(String::as_str)
    }

    /// `fct_trips`, `main.v4`, `E1`
    fn is_identifier(&self) -> bool {
        self.text.is_ascii() && (self.terms.len() > 1 || self.text.bytes().any(|b| b == b'_'))
    }
}

/// The question's words without stop words, words of asking and particles, each once.
fn words(question: &str, frequencies: &TermFrequencies) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for (place, text) in split(&lexical::subject(question)).enumerate() {
        // `fct_trips는`
        let text = match text.trim_end_matches(is_hangul) {
            "" => text,
            name => name,
        };
        if matches!(text.to_ascii_lowercase().as_str(), "one" | "ones" | "same")
            || is_korean_pronoun(text)
        {
            continue;
        }
        let terms = lexical::terms(text);
        // An identifier is told by its whole, which comes first; pairs of syllables by all of them.
        let Some(first) = terms.first() else {
            continue;
        };
        if words.iter().any(|word| word.terms == terms) {
            continue;
        }
        let rarity = |term: &String| frequencies.idf(term_id(term));
        words.push(Word {
            weight: terms.iter().map(rarity).fold(0.0, f32::max),
            known: frequencies.frequency(term_id(first)) > 0,
            text: text.to_owned(),
            terms,
            place,
        });
    }
    words
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "()[]\"?!,;:/".contains(c))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|word| !word.is_empty())
}

fn points_back(question: &str) -> bool {
    let lower = question.to_lowercase().replace('’', "'");
    let words: Vec<&str> = split(&lower)
        .map(|word| word.split('\'').next().unwrap_or(word))
        .collect();
    let word = |place: usize| words.get(place).copied().unwrap_or_default();
    if matches!((word(0), word(1)), ("what" | "how", "about")) {
        return true;
    }
    (0..words.len()).any(|place| {
        let before = place.checked_sub(1).map_or("", word);
        let after = word(place + 1);
        let last = place + 1 == words.len();
        match word(place) {
            "it" => !AFTER_EMPTY_IT.contains(&after),
            "this" | "these" => !TIMES.contains(&after),
            "that" => before.is_empty() || last || BEFORE_THAT.contains(&before),
            // "Is there a table", but "in there", "who works there".
            "there" => last || matches!(before, "in" | "from" | "out"),
            "one" | "ones" => last && !before.is_empty(),
            "same" => before == "the",
            other => PRONOUNS.contains(&other) || is_korean_pronoun(other),
        }
    })
}

fn is_hangul(character: char) -> bool {
    matches!(character, '가'..='힣')
}

fn is_korean_pronoun(word: &str) -> bool {
    KOREAN_ALONE.contains(&word)
        || KOREAN_PRONOUNS.iter().any(|pronoun| {
            // With a particle of at most two syllables, or written together with `의`.
            word.strip_prefix(pronoun)
                .is_some_and(|rest| rest.chars().count() <= 2)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection() -> TermFrequencies {
        let common = [
            "fresh", "tabl", "own", "defin", "load", "low", "bike", "정의", "목표",
        ];
        let rare = [
            "fct_trips",
            "dim_bikes",
            "utilis",
            "jetstream",
            "analysi",
            "결품",
            "품률",
            "distance_m",
            "trip",
            "dim",
            "fct",
        ];
        let common = common.map(|term| (term.to_owned(), 300));
        let rare = rare.map(|term| (term.to_owned(), 4));
        TermFrequencies::from_terms(common.into_iter().chain(rare), 1000)
    }

    fn after(previous: &str, question: &str) -> Option<String> {
        carry_over(question, previous, &collection())
    }

    #[test]
    fn a_question_that_points_back_takes_the_rare_words_with_it() {
        for (previous, question, expected) in [
            (
                "What is in dim_bikes?",
                "How fresh is it?",
                "How fresh is it? (dim_bikes)",
            ),
            (
                "How fresh is fct_trips?",
                "who owns that?",
                "who owns that? (fct_trips)",
            ),
            (
                "Who owns fct_trips?",
                "How often is that table loaded on weekdays?",
                "How often is that table loaded on weekdays? (fct_trips)",
            ),
            (
                "How is utilisation defined?",
                "and who owns it?",
                "and who owns it? (utilisation)",
            ),
            (
                "Who runs the Jetstream analysis?",
                "what about the overall one?",
                "what about the overall one? (Jetstream analysis)",
            ),
            (
                "결품률은 어떻게 정의되나요?",
                "목표는요?",
                "목표는요? (결품률)",
            ),
            (
                "fct_trips는 누가 관리하나요?",
                "그 테이블은 매일 몇 시에 적재되나요?",
                "그 테이블은 매일 몇 시에 적재되나요? (fct_trips)",
            ),
            // What was carried before is carried on.
            (
                "How fresh is it? (dim_bikes)",
                "And who owns them?",
                "And who owns them? (dim_bikes)",
            ),
            // It stands in the place of the other.
            (
                "How fresh is fct_trips?",
                "And dim_bikes?",
                "And dim_bikes? (fresh)",
            ),
        ] {
            assert_eq!(after(previous, question).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_question_that_stands_alone_is_left_as_it_is() {
        for question in [
            "Who owns the utilisation metric?",
            "Which tables that are deprecated have an owner?",
            "Is there a table of stations?",
            "Which tables were loaded this week?",
            "How long does it take to load fct_trips?",
            "이용률 지표의 담당자는 누구인가요?",
        ] {
            assert_eq!(after("What is in dim_bikes?", question), None, "{question}");
        }
        // There is nothing to carry.
        assert_eq!(after("What is it?", "And that?"), None);
        assert_eq!(
            after("How fresh is dim_bikes?", "Is dim_bikes fresh? It?"),
            None
        );
    }
}
