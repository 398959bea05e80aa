use proptest::prelude::*;

use super::*;
use crate::config::{Overrides, load};

fn redactor(change: impl FnOnce(&mut Redaction)) -> Redactor {
    let mut settings = load(&Overrides::default()).unwrap().redaction;
    settings.enabled = true;
    change(&mut settings);
    Redactor::new(&settings).unwrap().unwrap()
}

fn redacted(text: &str) -> String {
    redactor(|_| ()).redact(text).into_owned()
}

#[test]
fn addresses_numbers_and_keys_are_taken_out_of_a_text() {
    let text = "\
Ask Jonas (jonas.berg+data@example.co.uk) or call +49 30 1234567.
서울 담당자: 김민수 minsu@example.kr, 010-1234-5678로 전화하세요. 대표번호는 1588-1234.
Load with postgres://loader:hunter2@db.example.com:5432/dwh and API_KEY=\"a8f3kd93kd02\".
export OPENAI_API_KEY=sk-proj-4f8a1b2c3d4e5f6a7b8c9d0e
curl -H 'Authorization: Bearer abcDEF0123456789abcdef' https://hooks.slack.com/services/T0/B0/x9
";
    insta::assert_snapshot!(redacted(text), @r#"
    Ask Jonas ([mail]) or call [phone].
    서울 담당자: 김민수 [mail], [phone]로 전화하세요. 대표번호는 [phone].
    Load with postgres://loader:[key]@db.example.com:5432/dwh and API_KEY="[key]".
    export OPENAI_API_KEY=[key]
    curl -H 'Authorization: Bearer [key]' [key]
    "#);
}

#[test]
fn korean_phone_numbers_are_taken_out_as_people_write_them() {
    for number in [
        "010-1234-5678",
        "010 1234 5678",
        "010.1234.5678",
        "01012345678",
        "011-234-5678",
        "02-123-4567",
        "02-1234-5678",
        "(02) 123-4567",
        "031-123-4567",
        "070-1234-5678",
        "1588-1234",
        "1899-0000",
        "+82-10-1234-5678",
        "+82 10 1234 5678",
        "+821012345678",
        "+82 2-123-4567",
    ] {
        for text in [
            format!("전화 {number} 문의"),
            format!("{number}로 연락"),
            format!("tel:{number}"),
            format!("({number})"),
            format!("연락처:{number}."),
        ] {
            let shown = redacted(&text);
            assert!(shown.contains("[phone]"), "{text} → {shown}");
            assert!(
                !shown.chars().any(|c| c.is_ascii_digit()),
                "{text} → {shown}"
            );
        }
    }
}

#[test]
fn what_only_looks_like_one_stays() {
    for text in [
        "2026-11-26T04:14:22Z and 26.11.2026, 11/26/2026, 2026.01.02",
        "between 2010-2020, 1850-1900 and 1,234,567.89",
        "version 1.2.3.4567, 10.20.30.40:5432, 192.168.010.001",
        "id 6f5a97e2-2d84-4d0b-9d53-64f0d0ce0001, commit 16f6242",
        "passage-123456789012 and order_01012345678, E-010-12",
        "fct_trips.trip_id is never null; 0.123456789 of 100000000",
        "max_tokens = 320, token: required, password = ${DB_PASSWORD}",
        "secret: the password of the service, api_key: {{ env_var('KEY') }}",
        "@channel see #data-help, git checkout main@{1}",
        "Bearer authentication-is-described-below",
        "sk-learn is a library, sk_customer_dimension is a key",
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn a_number_ends_before_the_figures_that_follow_it() {
    assert_eq!(
        redacted("+82 10 1234 5678 2026 trips"),
        "[phone] 2026 trips"
    );
}

#[test]
fn patterns_of_ones_own_have_their_name_and_a_wrong_one_is_told() {
    let own = redactor(|settings| {
        let pattern = r"\bE-\d{6}\b".to_owned();
        settings.patterns.insert("employee".to_owned(), pattern);
        settings.mail = false;
    });
    assert_eq!(own.redact("E-123456 a@b.de"), "[employee] a@b.de");
    let other = redactor(|_| ());
    assert_ne!(own.fingerprint(), other.fingerprint());
    let mut settings = load(&Overrides::default()).unwrap().redaction;
    settings.patterns.insert("open".to_owned(), "(".to_owned());
    let told = Redactor::new(&settings).unwrap_err().to_string();
    assert!(
        told.starts_with("redaction.patterns.open is no regular expression"),
        "{told}"
    );
    settings.patterns.insert("open".to_owned(), "a*".to_owned());
    assert!(Redactor::new(&settings).is_err());
}

fn around() -> impl Strategy<Value = String> {
    "[ a-zA-Z가-힣,.!?\n]{0,30}"
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_redacting_twice_changes_nothing_more(text in "\\PC{0,120}") {
        let redactor = redactor(|_| ());
        let once = redactor.redact(&text).into_owned();
        prop_assert_eq!(redactor.redact(&once), once.as_str());
    }

    #[test]
    fn a_text_without_digits_and_signs_stays_as_it_is(text in "[ a-zA-Z가-힣,.!?#*\n]{0,120}") {
        prop_assert_eq!(redacted(&text), text);
    }

    #[test]
    fn a_mail_address_is_gone_whatever_stands_around_it(
        before in around(), after in around(),
        name in "[a-z][a-z0-9._]{0,10}[a-z0-9]", domain in "[a-z][a-z0-9]{1,10}\\.(com|kr|co\\.uk)",
    ) {
        let address = format!("{name}@{domain}");
        let shown = redacted(&format!("{before} {address} {after}"));
        prop_assert!(!shown.contains(&address) && shown.contains("[mail]"), "{}", shown);
    }

    #[test]
    fn a_korean_mobile_number_is_gone_whatever_stands_around_it(
        before in around(), after in around(),
        prefix in "(010|011|016|019)", middle in "[0-9]{4}", end in "[0-9]{4}", sign in "[-. ]?",
    ) {
        let number = format!("{prefix}{sign}{middle}{sign}{end}");
        let shown = redacted(&format!("{before} {number}{after}"));
        // A letter that follows at once makes it another word.
        let goes_on = after.starts_with(|c: char| c.is_ascii_alphanumeric());
        prop_assert!(goes_on || shown.contains("[phone]"), "{}", shown);
        prop_assert!(goes_on || !shown.contains(&number), "{}", shown);
    }

    #[test]
    fn an_international_number_is_gone(
        before in around(), country in 1..999_u32, groups in prop::collection::vec("[0-9]{2,4}", 3..4),
        sign in "[-. ]",
    ) {
        let number = format!("+{country}{sign}{}", groups.join(&sign));
        let shown = redacted(&format!("{before} {number} trips"));
        let digits = number.chars().filter(char::is_ascii_digit).count();
        prop_assert!(digits < 8 || !shown.contains(&number), "{}", shown);
    }
}
