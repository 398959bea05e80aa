//! What a question is about, without the words that only make it a question.
//!
//! A passage that answers a question holds its subject, seldom the asking: "누구인가요" or "please tell
//! me" stand in no document, and would count as its rarest words. Passages keep all their words; only
//! questions go through here.

use std::borrow::Cow;

/// English words of asking that Snowball's list does not have. Sorted.
const ASKING: [&str; 22] = [
    "anybody",
    "anyone",
    "curious",
    "explain",
    "hello",
    "help",
    "hey",
    "hi",
    "know",
    "let",
    "please",
    "pls",
    "somebody",
    "someone",
    "tell",
    "thank",
    "thanks",
    "us",
    "wanna",
    "want",
    "wonder",
    "wondering",
];

/// Korean words of asking. Sorted.
const KOREAN_ASKING: [&str; 62] = [
    "가요",
    "궁금합니다",
    "궁금해요",
    "누가",
    "누구",
    "누구인가",
    "대한",
    "대해",
    "됐나요",
    "되나요",
    "되었나요",
    "됩니까",
    "란",
    "몇",
    "무슨",
    "무엇",
    "무엇을",
    "무엇인가",
    "뭐",
    "뭐야",
    "뭐예요",
    "뭔가",
    "뭔가요",
    "뭘까요",
    "알려",
    "알려주세요",
    "알려줘",
    "알려줘요",
    "어느",
    "어디",
    "어디서",
    "어디에",
    "어디인가",
    "어떠한",
    "어떤",
    "어떤가요",
    "어떻게",
    "언제",
    "언제인가",
    "얼마",
    "얼마나",
    "왜",
    "위한",
    "위해",
    "이란",
    "인가",
    "인가요",
    "일까",
    "일까요",
    "입니까",
    "있나요",
    "있는가",
    "있는가요",
    "있습니까",
    "있어",
    "있어요",
    "있을까요",
    "좀",
    "주세요",
    "통해",
    "하나요",
    "합니까",
];

/// Endings of a Korean question's last word, longest first where one ends another.
const ENDINGS: [&str; 34] = [
    "이었나요",
    "되었습니까",
    "했습니까",
    "되었나요",
    "이었는가",
    "했나요",
    "하나요",
    "되나요",
    "됐나요",
    "합니까",
    "됩니까",
    "입니까",
    "있습니까",
    "습니까",
    "는가요",
    "은가요",
    "인가요",
    "였나요",
    "있나요",
    "니까",
    "나요",
    "가요",
    "까요",
    "는가",
    "은가",
    "인가",
    "을까",
    "일까",
    "예요",
    "이에요",
    "에요",
    "이야",
    "죠",
    "요",
];

/// Particles, longest first where one ends another.
const PARTICLES: [&str; 36] = [
    "에게서는",
    "에서는",
    "에서의",
    "으로는",
    "으로의",
    "이라는",
    "에게서",
    "까지는",
    "부터는",
    "라는",
    "에게",
    "에서",
    "으로",
    "까지",
    "부터",
    "처럼",
    "보다",
    "이란",
    "이라",
    "에는",
    "에도",
    "와의",
    "과의",
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "의",
    "에",
    "로",
    "와",
    "과",
    "도",
    "만",
];

/// The question without words of asking, Korean question endings and particles. A question of
/// nothing else is given back as it is.
pub fn subject(question: &str) -> Cow<'_, str> {
    let mut kept = String::with_capacity(question.len());
    let mut changed = false;
    let mut rest = question;
    while let Some(first) = rest.chars().next() {
        let hangul = is_hangul(first);
        let word = hangul || first.is_alphanumeric();
        let same = |c: char| {
            if word {
                is_hangul(c) == hangul && (c.is_alphanumeric() || c == '_' || c == '.')
            } else {
                !c.is_alphanumeric()
            }
        };
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let left = if hangul {
            korean_subject(run)
        } else if word && is_asking(run) {
            ""
        } else {
            run
        };
        changed |= left.len() != run.len();
        kept.push_str(left);
        rest = after;
    }
    if changed && kept.contains(char::is_alphanumeric) {
        Cow::Owned(kept)
    } else {
        Cow::Borrowed(question)
    }
}

fn is_asking(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    ASKING.binary_search(&word.as_str()).is_ok()
}

fn korean_subject(word: &str) -> &str {
    let is_asking = |word: &str| KOREAN_ASKING.binary_search(&word).is_ok();
    // A particle alone stands behind a word of another script: `fct_trips는`.
    if is_asking(word) || PARTICLES.contains(&word) {
        return "";
    }
    let stem = ENDINGS
        .iter()
        .find_map(|ending| word.strip_suffix(ending))
        .unwrap_or(word);
    if is_asking(stem) {
        return "";
    }
    // A word of one syllable and a particle is more often a word of two.
    PARTICLES
        .iter()
        .find_map(|particle| {
            stem.strip_suffix(particle)
                .filter(|stem| stem.chars().nth(1).is_some())
        })
        .unwrap_or(stem)
}

fn is_hangul(character: char) -> bool {
    matches!(character, '가'..='힣')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        assert!(ASKING.is_sorted() && KOREAN_ASKING.is_sorted());
    }

    #[test]
    fn the_asking_is_left_out_and_the_subject_kept() {
        for (question, expected) in [
            (
                "Please tell me who owns fct_trips?",
                "  me who owns fct_trips?",
            ),
            (
                "주간 활성 사용자는 어떻게 계산하나요?",
                "주간 활성 사용자  계산?",
            ),
            ("sample_id는 무엇인가요?", "sample_id ?"),
            ("서울의 인구", "서울 인구"),
            // Nothing would be left.
            ("뭐예요?", "뭐예요?"),
            ("", ""),
        ] {
            assert_eq!(subject(question), expected, "{question}");
        }
    }
}
