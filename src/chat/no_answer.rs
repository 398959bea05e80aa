//! The marker that the prompt asks a model for when the passages do not answer. Models dress it up:
//! in backticks, bold, quotation marks, with a full stop or an escaped underscore.

const MARKER: &str = "NO_ANSWER";

/// What the beginning of an answer turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// The marker: nothing of it is shown.
    Marker,
    /// May still become the marker.
    Undecided,
    Answer,
}

/// Reads the beginning of an answer.
pub(super) fn opening(text: &str) -> Opening {
    let plain = text.replace('\\', "");
    let start = plain.trim_start_matches(is_dress);
    let Some(rest) = start.strip_prefix(MARKER) else {
        return if MARKER.starts_with(start) {
            Opening::Undecided
        } else {
            Opening::Answer
        };
    };
    // `NO_ANSWER_RATE` is a column.
    match rest.trim_start_matches('_').chars().next() {
        Some(next) if next.is_alphanumeric() => Opening::Answer,
        Some(_) => Opening::Marker,
        None => Opening::Undecided,
    }
}

/// Whether a whole answer begins with the marker.
pub(super) fn begins(text: &str) -> bool {
    opening(&format!("{text} ")) == Opening::Marker
}

/// Whether the marker stands alone in a line of an answer.
pub(super) fn stands_alone(text: &str) -> bool {
    let plain = text.replace('\\', "");
    plain
        .lines()
        .any(|line| line.trim_matches(is_dress) == MARKER)
}

/// What a model puts around the marker.
fn is_dress(c: char) -> bool {
    c.is_whitespace() || "`*_~\"'“”‘’()[]{}<>#-:.!,;".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_is_known_in_every_dress() {
        for text in [
            "NO_ANSWER",
            "`NO_ANSWER`",
            "**NO_ANSWER**\nI looked at the table's page.",
            "\"NO_ANSWER.\"",
            "  NO\\_ANSWER: nothing about it.",
            "```\nNO_ANSWER\n```",
            "__NO_ANSWER__",
        ] {
            assert!(begins(text), "{text}");
        }
        assert!(stands_alone("I looked everywhere.\n\n`NO_ANSWER`."));
    }

    #[test]
    fn words_that_only_look_like_it_are_an_answer() {
        for text in [
            "`NO_ANSWER_RATE` is a column [1].",
            "NO_ANSWERS are counted [1].",
            "No answer is given before 06:00 [1].",
            "The model writes NO_ANSWER when it does not know [1].",
        ] {
            assert!(!begins(text) && !stands_alone(text), "{text}");
        }
    }

    #[test]
    fn nothing_is_shown_of_what_may_become_the_marker() {
        for text in ["", " ", "**", "`NO", "NO_ANSWER", "__NO_ANSWER_"] {
            assert_eq!(opening(text), Opening::Undecided, "{text}");
        }
        assert_eq!(opening("NO_ANSWER\n"), Opening::Marker);
        assert_eq!(opening("Not"), Opening::Answer);
        assert_eq!(opening("**Fresh"), Opening::Answer);
    }
}
