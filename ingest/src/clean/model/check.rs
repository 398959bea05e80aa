//! Whether a tidied text may be indexed in place of its original: it names nothing that the original
//! does not name, it has not lost most of what that names, and it is in the same language.

use super::facts::Facts;
use crate::extract::guess_language;

/// A result may be so much longer than its original, in characters: names are written out, a title
/// and a summary are added.
const LONGEST: usize = 2;
const MORE_CHARS: usize = 1200;

/// Answers why a result is not taken.
pub(super) fn check(original: &str, result: &str) -> Result<(), String> {
    if result.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    let (before, after) = (original.chars().count(), result.chars().count());
    if after > before * LONGEST + MORE_CHARS {
        return Err(format!("it has {after} characters, the original {before}"));
    }
    if let (Some(was), Some(is)) = (guess_language(original), guess_language(result))
        && was != is
    {
        return Err(format!("it is in another language ({is}, not {was})"));
    }
    let (known, named) = (Facts::of(original), Facts::of(result));
    if let Some(strange) = named.not_in(&known, original) {
        return Err(format!("\"{strange}\" does not stand in the original"));
    }
    let (kept, all) = known.kept_in(&named, result);
    if kept * 2 < all {
        return Err(format!(
            "of {all} numbers, dates, identifiers, links and names only {kept} are left"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const THREAD: &str = "\
**Jonas Berg** (2026-03-02 10:31 UTC):

morning! anyone knows why fct_trips is short since yesterday?? only 12,480 rows

**Mira Lind** (2026-03-02 10:40 UTC):

yes it's the late files from Payments. they come until 06:00, see https://wiki.example.com/payments/late?x=1

**Jonas Berg** (2026-03-02 10:41 UTC):

thx! so who changes that?

**Mira Lind** (2026-03-02 10:44 UTC):

i'll move the job `load_payments` to 07:30 on 2026-03-05, ticket DATA-481
";

    fn told(result: &str) -> String {
        match check(THREAD, result) {
            Ok(()) => "taken".to_owned(),
            Err(reason) => reason,
        }
    }

    #[test]
    fn a_tidied_thread_that_keeps_to_its_original_is_taken() {
        assert_eq!(
            told(
                "# Why fct_trips is short after late files\n\nThe table fct_trips had only 12,480 rows \
                 because files from Payments came late.\n\n1. Files of Payments come until 06:00, see \
                 [the page](https://wiki.example.com/payments/late?x=1).\n2. Mira Lind will move the \
                 job `load_payments` to 07:30 on 2026-03-05 (DATA-481). Jonas Berg had asked.\n"
            ),
            "taken"
        );
    }

    #[test]
    fn what_does_not_stand_in_the_original_is_not_taken() {
        let kept = "fct_trips has 12,480 rows; Payments, DATA-481, load_payments, Mira Lind, Jonas Berg, \
                    https://wiki.example.com/payments/late?x=1 on 2026-03-05 at 07:30. ";
        assert_eq!(told(kept), "taken");
        let with = |more: &str| told(&format!("{kept}{more}"));
        insta::assert_snapshot!(with("It takes 45 minutes."), @r#""45" does not stand in the original"#);
        insta::assert_snapshot!(with("It moves on 2026-03-06."), @r#""2026-03-06" does not stand in the original"#);
        insta::assert_snapshot!(with("It has 12480 of 12,500 rows."), @r#""12500" does not stand in the original"#);
        insta::assert_snapshot!(with("See also fct_trip."), @r#""fct_trip" does not stand in the original"#);
        insta::assert_snapshot!(with("It is loaded by `load_payment`."), @r#""load_payment" does not stand in the original"#);
        insta::assert_snapshot!(with("The owner is Anna Berg."), @r#""anna" does not stand in the original"#);
        insta::assert_snapshot!(with("See https://wiki.example.com/payments."), @r#""https://wiki.example.com/payments" does not stand in the original"#);
        insta::assert_snapshot!(with("Ask #data-help or @tom."), @r##""#data-help" does not stand in the original"##);
        insta::assert_snapshot!(with("The SLA is met."), @r#""sla" does not stand in the original"#);
    }

    #[test]
    fn a_text_that_lost_most_or_changed_its_language_is_not_taken() {
        insta::assert_snapshot!(told("Jonas Berg asked about late files and was told why."), @"of 14 numbers, dates, identifiers, links and names only 2 are left");
        insta::assert_snapshot!(told("어제부터 행이 적은 이유는 결제 파일이 늦게 오기 때문입니다. 담당자가 작업 시각을 옮깁니다."), @"it is in another language (ko, not en)");
        assert_eq!(told(" "), "it is empty");
        assert!(told(&"word ".repeat(1000)).starts_with("it has 5000 characters"));
    }

    #[test]
    fn korean_names_are_looked_for_as_well() {
        let original = "김민수님이 fct_trips 적재를 2026-03-05에 07:30으로 옮깁니다. 문의는 #data-help 로 주세요.";
        assert_eq!(
            check(
                original,
                "김민수님이 fct_trips 적재를 2026-03-05에 07:30으로 옮긴다. 문의: #data-help"
            ),
            Ok(())
        );
        let wrong = check(
            original,
            "이영희님이 fct_trips 적재를 2026-03-05에 07:30으로 옮긴다. 문의: #data-help",
        );
        assert_eq!(
            wrong,
            Err("\"이영희\" does not stand in the original".to_owned())
        );
    }

    proptest! {
        #[test]
        fn a_text_passes_for_itself(text in "[ a-zA-Z0-9가-힣_.,:/#@`*\n-]{1,200}") {
            prop_assume!(!text.trim().is_empty());
            prop_assert_eq!(check(&text, &text), Ok(()));
        }

        #[test]
        fn a_number_of_its_own_is_never_taken(text in "[ a-z.,\n]{0,80}", number in 10..99999_u32) {
            let result = format!("{text} there are {number} of them");
            let original = format!("{text} there are some of them");
            prop_assert!(check(&original, &result).is_err());
        }

        #[test]
        fn no_text_makes_it_panic(original in "\\PC{0,80}", result in "\\PC{0,80}") {
            let _ = check(&original, &result);
        }
    }
}
