//! What the sparse side promises: the same terms for the same text, everywhere.

use docent_core::index::lexical::{
    K1, length, passage_vector, question_vector, term_id, term_ids, terms,
};
use proptest::prelude::*;

#[test]
fn english_words_are_lowercased_stemmed_and_freed_of_stop_words() {
    for (text, expected) in [
        (
            "How is the Freshness of tables MEASURED?",
            "fresh tabl measur",
        ),
        ("stations, station; Station's", "station station station"),
        ("What's new? Don't panic, we'll see", "new panic see"),
        ("the end.Next sentence", "end.next end next sentenc"),
        ("28 days, 1,000 rows, 3.5 %", "28 day 1 000 row 3.5 3 5"),
        ("", ""),
        ("--- *** | … 🚲", ""),
    ] {
        assert_eq!(terms(text).join(" "), expected, "{text}");
    }
}

#[test]
fn an_identifier_is_found_whole_and_in_parts() {
    for (text, expected) in [
        (
            "fct_weekly_active_users",
            "fct_weekly_active_users fct week activ user",
        ),
        ("`orders.net_amount`", "orders.net_amount order net amount"),
        ("netAmount", "netamount net amount"),
        ("HTTPServer2", "httpserver2 http server 2"),
        ("crc32(client_id)", "crc32 crc 32 client_id client id"),
        ("kebab-case", "kebab-case kebab case"),
        ("__init__", "init"),
        ("is_active", "is_active activ"),
        ("the KPIs and URLs", "kpis url"),
        ("p95", "p95 95"),
        ("2026-11-02", "2026-11-02 2026 11 02"),
        ("--full", "full"),
        ("a_b", "a_b"),
    ] {
        assert_eq!(terms(text).join(" "), expected, "{text}");
    }
}

#[test]
fn korean_chinese_and_japanese_become_pairs_of_characters() {
    for (text, expected) in [
        ("대여 기록은 매일", "대여 기록 록은 매일"),
        ("표", "표"),
        ("테이블orders를", "테이 이블 order 를"),
        ("orders테이블", "order 테이 이블"),
        ("数据产品", "数据 据产 产品"),
        ("データ基盤", "デー ータ タ基 基盤"),
        // Half-width letters and decomposed syllables are brought to the usual form.
        ("ﾃﾞｰﾀ", "デー ータ"),
        ("\u{1103}\u{1162}\u{110b}\u{1167}", "대여"),
        ("ＡＢＣ", "abc"),
    ] {
        assert_eq!(terms(text).join(" "), expected, "{text}");
    }
}

#[test]
fn a_korean_question_shares_terms_with_a_text_of_other_particles() {
    let question = term_ids("대여 기록을 어디서 보나요?");
    let passage = term_ids("대여기록은 fct_rentals 에 있습니다");
    let shared = question.iter().filter(|id| passage.contains(id)).count();
    assert!(shared >= 2, "{shared} shared");
}

#[test]
fn words_with_accents_are_kept_whole() {
    assert_eq!(terms("Café Zürich, naïve").join(" "), "café zürich naïve");
    assert_eq!(terms("cafe\u{301}").join(" "), "café");
    assert_eq!(terms("Москва данные").join(" "), "москва данные");
    assert_eq!(terms("l’été d'abord").join(" "), "l été d abord");
}

#[test]
fn an_identifier_is_as_long_as_its_parts_written_with_spaces() {
    assert_eq!(length("weekly_active_users"), 3);
    assert_eq!(length("weekly active users"), 3);
    assert_eq!(length("the users of it"), 1);
    assert_eq!(length("데이터"), 2);
    assert_eq!(length(""), 0);
}

#[test]
fn ids_never_change() {
    // Stored in every collection: another hash would need another LEXICAL_VERSION.
    assert_eq!(term_id(""), 0xcbf2_9ce4 ^ 0x8422_2325);
    assert_eq!(term_id("a"), 0xaf63_dc4c ^ 0x8601_ec8c);
    assert_eq!(term_id("fct_trips"), 1_638_020_348);
}

#[test]
fn weights_follow_bm25() {
    let vector = passage_vector("trips trips station", 3.0);
    let weight_of = |term| {
        let at = vector.indices.binary_search(&term_id(term)).unwrap();
        vector.values[at]
    };
    // At the average length the formula is tf (k1 + 1) / (tf + k1).
    assert!((weight_of("trip") - 2.0 * (K1 + 1.0) / (2.0 + K1)).abs() < 1e-6);
    assert!((weight_of("station") - 1.0).abs() < 1e-6);
    let long = passage_vector("trips station dock bike rack lane", 3.0);
    assert!(long.values.iter().all(|&weight| weight < 1.0));
    let question = question_vector("trips by trip and station");
    let at = question.indices.binary_search(&term_id("trip")).unwrap();
    assert_eq!((question.values[at], question.indices.len()), (2.0, 2));
}

proptest! {
    #[test]
    fn any_text_gives_a_sound_vector_and_always_the_same(text in "\\PC{0,80}", average in -1.0f32..400.0) {
        let vector = passage_vector(&text, average);
        prop_assert_eq!(vector.indices.len(), vector.values.len());
        prop_assert!(vector.indices.is_sorted_by(|left, right| left < right));
        prop_assert!(vector.values.iter().all(|weight| weight.is_finite() && *weight > 0.0));
        prop_assert_eq!(&vector, &passage_vector(&text, average));
        prop_assert_eq!(&vector.indices, &term_ids(&text));
        prop_assert_eq!(&question_vector(&text).indices, &vector.indices);
    }

    #[test]
    fn any_bytes_at_all_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(terms(&text).iter().all(|term| !term.is_empty()));
        prop_assert!(length(&text) <= terms(&text).len());
    }

    #[test]
    fn scripts_may_be_mixed_without_spaces(text in "[a-z가-힣一-龥ぁ-んé_.’' -]{0,40}") {
        prop_assert!(terms(&text).iter().all(|term| !term.contains(' ')));
    }

    #[test]
    fn every_part_of_an_identifier_is_a_term(parts in proptest::collection::vec("[a-z]{3,9}", 2..6), style in 0..4) {
        let identifier = match style {
            0 => parts.join("_"),
            1 => parts.join("."),
            2 => parts.join("-"),
            _ => camel_case(&parts),
        };
        let found = terms(&identifier);
        let whole = identifier.to_lowercase();
        prop_assert!(found.contains(&whole) || style == 3, "{} in {:?}", whole, found);
        // A question by the plain words finds the identifier, and so does the identifier itself.
        for part in terms(&parts.join(" ")) {
            prop_assert!(found.contains(&part), "{} in {:?}", part, found);
        }
        prop_assert_eq!(found, terms(&identifier));
        prop_assert!(length(&identifier) <= parts.len());
    }
}

fn camel_case(parts: &[String]) -> String {
    parts
        .iter()
        .map(|part| {
            let (first, rest) = part.split_at(1);
            first.to_uppercase() + rest
        })
        .collect()
}
