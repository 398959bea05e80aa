//! Cutting a text that is longer than the model's input limit.

use crate::models::TokenCounter;

/// Cuts a text into parts of at most `limit` tokens each, at whitespace near their middle where
/// there is some. Joined, the parts are the text. A single character is never cut, whatever its
/// tokens.
pub fn parts<'a>(text: &'a str, limit: usize, counter: &TokenCounter) -> Vec<&'a str> {
    let mut done = Vec::new();
    let mut open = vec![text];
    while let Some(part) = open.pop() {
        // A token has at least one byte, so a short text needs no counting.
        let fits = part.len() <= limit || counter.count(part) <= limit;
        match halve(part).filter(|_| !fits) {
            Some((left, right)) => open.extend([right, left]),
            None => done.push(part),
        }
    }
    done
}

/// Cuts a text in two: after the whitespace nearest to its middle if some lies in its middle half,
/// else between the two middle characters. `None`: it has only one character.
pub(super) fn halve(text: &str) -> Option<(&str, &str)> {
    let middle = text.len() / 2;
    let reach = text.len() / 4;
    let left = text.floor_char_boundary(middle - reach);
    let right = text.ceil_char_boundary(middle + reach);
    let cut = text[left..right]
        .char_indices()
        .filter(|(_, c)| c.is_whitespace())
        .map(|(at, c)| left + at + c.len_utf8())
        .filter(|cut| *cut < text.len())
        .min_by_key(|cut| cut.abs_diff(middle))
        .or_else(|| {
            let before = text.floor_char_boundary(middle);
            Some(if before == 0 {
                text.ceil_char_boundary(middle.max(1))
            } else {
                before
            })
        })?;
    (cut > 0 && cut < text.len()).then(|| text.split_at(cut))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{0,400}",
            "[a-z]{0,600}",
            "[가-힣]{0,300}",
            "([a-z]{1,9} ){0,120}",
            "([가-힣]{1,5}[ \n]){0,60}",
            "\\s{0,50}",
        ]
    }

    proptest! {
        #[test]
        fn parts_joined_are_the_text_and_each_is_within_the_limit(
            text in texts(),
            limit in 1usize..60,
        ) {
            for counter in [TokenCounter::builtin(), TokenCounter::named("bytes").unwrap()] {
                let parts = parts(&text, limit, &counter);
                prop_assert_eq!(parts.concat(), text.as_str());
                for part in parts {
                    prop_assert!(
                        counter.count(part) <= limit || part.chars().count() == 1,
                        "{part:?} has {} tokens, over {limit}",
                        counter.count(part)
                    );
                }
            }
        }

        #[test]
        fn halves_are_never_empty(text in texts()) {
            match halve(&text) {
                Some((left, right)) => {
                    prop_assert!(!left.is_empty() && !right.is_empty());
                    prop_assert_eq!(format!("{left}{right}"), text);
                }
                None => prop_assert!(text.chars().count() <= 1),
            }
        }
    }

    #[test]
    fn a_text_within_the_limit_stays_whole() {
        let text = "one two three";
        assert_eq!(parts(text, 3, &TokenCounter::builtin()), [text]);
    }

    #[test]
    fn a_text_is_cut_at_whitespace_near_its_middle() {
        let counter = TokenCounter::builtin();
        assert_eq!(
            parts("red green blue yellow", 2, &counter),
            ["red green ", "blue yellow"]
        );
    }
}
