//! Numbers as they are written: digits with their separators, English and Korean numerals.

/// The value of digits as they are written: `1,000`, `3.50`.
pub(crate) fn digits(text: &str) -> Option<f64> {
    // Every word of every passage comes here, and hardly any is a number.
    let is_number = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b == b'.' || b == b',')
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().filter(|b| *b == b'.').count() <= 1;
    if !is_number {
        return None;
    }
    if text.contains(',') {
        return text.replace(',', "").parse().ok();
    }
    text.parse().ok()
}

/// What an English word multiplies the number before it by.
pub(crate) fn multiplier(word: &str) -> Option<f64> {
    Some(match word {
        "hundred" => 1e2,
        "thousand" | "k" => 1e3,
        "million" | "mn" => 1e6,
        "billion" | "bn" => 1e9,
        "trillion" | "tn" => 1e12,
        _ => return None,
    })
}

/// The value of an English numeral of one word. `one` is not among them: it is an article as well.
fn simple(word: &str) -> Option<f64> {
    const WORDS: [(&str, f64); 28] = [
        ("zero", 0.0),
        ("two", 2.0),
        ("three", 3.0),
        ("four", 4.0),
        ("five", 5.0),
        ("six", 6.0),
        ("seven", 7.0),
        ("eight", 8.0),
        ("nine", 9.0),
        ("ten", 10.0),
        ("eleven", 11.0),
        ("twelve", 12.0),
        ("thirteen", 13.0),
        ("fourteen", 14.0),
        ("fifteen", 15.0),
        ("sixteen", 16.0),
        ("seventeen", 17.0),
        ("eighteen", 18.0),
        ("nineteen", 19.0),
        ("twenty", 20.0),
        ("thirty", 30.0),
        ("forty", 40.0),
        ("fifty", 50.0),
        ("sixty", 60.0),
        ("seventy", 70.0),
        ("eighty", 80.0),
        ("ninety", 90.0),
        ("dozen", 12.0),
    ];
    WORDS
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, value)| *value)
}

/// The value of an English ordinal: `fifth`, `5th`. `first` and `second` say other things as well.
pub(crate) fn ordinal(word: &str) -> Option<f64> {
    const WORDS: [(&str, f64); 10] = [
        ("third", 3.0),
        ("fourth", 4.0),
        ("fifth", 5.0),
        ("sixth", 6.0),
        ("seventh", 7.0),
        ("eighth", 8.0),
        ("ninth", 9.0),
        ("tenth", 10.0),
        ("eleventh", 11.0),
        ("twelfth", 12.0),
    ];
    if let Some((_, value)) = WORDS.iter().find(|(name, _)| *name == word) {
        return Some(*value);
    }
    ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending))
        .and_then(digits)
}

/// The value of a numeral that is spelled out in English, and how many of the words it takes:
/// `two hundred and fifty`, `twenty-five`, `a hundred`. `one` counts where more follows or the next word
/// says that it does (`takes_one`).
pub(crate) fn spelled(words: &[&str], takes_one: impl Fn(usize) -> bool) -> Option<(f64, usize)> {
    let mut total = 0.0;
    let mut part = 0.0;
    let mut at = 0;
    while let Some(&word) = words.get(at) {
        let is_one = matches!(word, "one" | "a" | "an" | "single");
        if let Some(factor) = multiplier(word).filter(|_| word.len() > 2 && at > 0) {
            part *= factor;
            if factor >= 1e3 {
                total += part;
                part = 0.0;
            }
        } else if let Some(value) = hyphenated(word) {
            if part > 0.0 && (part < 20.0 || value >= 10.0) && part < 100.0 {
                break;
            }
            part += value;
        } else if is_one
            && at == 0
            && (words
                .get(1)
                .is_some_and(|next| next.len() > 2 && multiplier(next).is_some())
                || (takes_one(1) && word == "one"))
        {
            part = 1.0;
        } else if word == "and" && at > 0 && part >= 100.0 {
            if words
                .get(at + 1)
                .and_then(|next| hyphenated(next))
                .is_none()
            {
                break;
            }
        } else {
            break;
        }
        at += 1;
    }
    (at > 0).then_some((total + part, at))
}

fn hyphenated(word: &str) -> Option<f64> {
    if let Some(value) = simple(word) {
        return Some(value);
    }
    let (tens, ones) = word.split_once('-')?;
    let ones = if ones == "one" {
        Some(1.0)
    } else {
        simple(ones)
    };
    Some(simple(tens).filter(|tens| *tens >= 20.0)? + ones.filter(|ones| *ones < 10.0)?)
}

/// What a Korean numeral multiplies by: `만`, `억`.
pub(crate) fn korean_multiplier(c: char) -> Option<f64> {
    Some(match c {
        '십' => 1e1,
        '백' => 1e2,
        '천' => 1e3,
        '만' => 1e4,
        '억' => 1e8,
        '조' => 1e12,
        _ => return None,
    })
}

/// A Sino-Korean numeral that a run begins with, its value and length in bytes: `오십`, `이천삼백`, `천`.
pub(crate) fn sino_korean(run: &str) -> Option<(f64, usize)> {
    let (mut total, mut section, mut digit) = (0.0, 0.0, 0.0);
    let mut length = 0;
    for c in run.chars() {
        if let Some(value) = "영일이삼사오육칠팔구".chars().position(|known| known == c) {
            if digit > 0.0 {
                break;
            }
            digit = value as f64;
        } else if let Some(factor) = korean_multiplier(c) {
            let of = if factor >= 1e4 {
                let whole: f64 = section + digit;
                section = 0.0;
                if whole > 0.0 { whole } else { 1.0 }
            } else if digit > 0.0 {
                digit
            } else {
                1.0
            };
            if factor >= 1e4 {
                total += of * factor;
            } else {
                section += of * factor;
            }
            digit = 0.0;
        } else {
            break;
        }
        length += c.len_utf8();
    }
    (length > 0).then_some((total + section + digit, length))
}

/// A native Korean numeral as it stands before what it counts, and its length in bytes: `두`, `열한`,
/// `스물네`.
pub(crate) fn native_korean(run: &str) -> Option<(f64, usize)> {
    const TENS: [(&str, f64); 9] = [
        ("스물", 20.0),
        ("스무", 20.0),
        ("서른", 30.0),
        ("마흔", 40.0),
        ("쉰", 50.0),
        ("예순", 60.0),
        ("일흔", 70.0),
        ("여든", 80.0),
        ("열", 10.0),
    ];
    const ONES: [(&str, f64); 14] = [
        ("하나", 1.0),
        ("다섯", 5.0),
        ("여섯", 6.0),
        ("일곱", 7.0),
        ("여덟", 8.0),
        ("아홉", 9.0),
        ("한", 1.0),
        ("두", 2.0),
        ("둘", 2.0),
        ("세", 3.0),
        ("셋", 3.0),
        ("석", 3.0),
        ("네", 4.0),
        ("넷", 4.0),
    ];
    let begins = |run: &str, words: &[(&str, f64)]| {
        words
            .iter()
            .find(|(word, _)| run.starts_with(word))
            .map(|(word, value)| (*value, word.len()))
    };
    let (tens, length) = begins(run, &TENS).unwrap_or((0.0, 0));
    let (ones, more) = begins(&run[length..], &ONES).unwrap_or((0.0, 0));
    (length + more > 0).then_some((tens + ones, length + more))
}

/// Days that have names of their own, and the length of the name: `열흘`, `사흘`.
pub(crate) fn named_days(run: &str) -> Option<(f64, usize)> {
    const DAYS: [(&str, f64); 11] = [
        ("하루", 1.0),
        ("이틀", 2.0),
        ("사흘", 3.0),
        ("나흘", 4.0),
        ("닷새", 5.0),
        ("엿새", 6.0),
        ("이레", 7.0),
        ("여드레", 8.0),
        ("아흐레", 9.0),
        ("열흘", 10.0),
        ("보름", 15.0),
    ];
    DAYS.iter()
        .find(|(name, _)| run.starts_with(name))
        .map(|(name, value)| (*value, name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_have_the_value_that_they_are_written_for() {
        let spelled = |text: &str| {
            let words: Vec<&str> = text.split(' ').collect();
            spelled(&words, |_| false).map(|(value, _)| value)
        };
        assert_eq!(spelled("twenty-five"), Some(25.0));
        assert_eq!(spelled("two hundred and fifty thousand"), Some(250_000.0));
        assert_eq!(spelled("a hundred"), Some(100.0));
        assert_eq!(spelled("one row"), None);
        assert_eq!(sino_korean("오십"), Some((50.0, 6)));
        assert_eq!(sino_korean("이천삼백만"), Some((23_000_000.0, 15)));
        assert_eq!(sino_korean("천"), Some((1000.0, 3)));
        assert_eq!(native_korean("스물네"), Some((24.0, 9)));
        assert_eq!(native_korean("열두"), Some((12.0, 6)));
        assert_eq!(named_days("열흘간"), Some((10.0, 6)));
        assert_eq!(digits("1,234.5"), Some(1234.5));
        assert_eq!(digits("4.7.2"), None);
    }
}
