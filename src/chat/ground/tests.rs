use super::*;

const TRIPS: &str = "`fct_trips` has one row per finished trip, from unlock to lock, since 2022-01-01. \
On 2026-10-01 it held 142 million rows; an average weekday adds about 96,000.\n\n\
The Airflow DAG `trips_hourly` loads `fct_trips` every hour at 20 minutes past. \
Yesterday's trips are complete by 06:00 KST. Provider fees are not subtracted.\n\n\
| column | type | meaning |\n|---|---|---|\n| `started_at` | TIMESTAMP | unlock time, UTC |\n\
| `ended_at` | TIMESTAMP | lock time, UTC |\n\n\
- Exact positions are kept for 30 days and then replaced by a 250 m grid cell, which is deleted after 24 months.\n";
const KOREAN: &str = "결품률은 대여소에 이용 가능한 자전거가 한 대도 없는 시간의 비율이며, 목표는 4% 이하입니다. \
만차율은 빈 거치대가 하나도 없는 시간의 비율이며, 목표는 3% 이하입니다.\n\n\
지표는 `agg_station_hourly` 테이블에 한 시간 단위로 저장되며, 매시 40분에 갱신됩니다.\n";

fn settings() -> Grounding {
    Grounding {
        min_words: 0.5,
        negation: true,
        stale_after_days: 0,
    }
}

fn trips() -> Passage {
    Passage::new(
        "fct_trips\nHow it is loaded",
        TRIPS,
        &[
            "owner: Rider Analytics (#rider-analytics)",
            "page updated: 2026-10-06",
        ],
    )
}

fn found(claim: &str, passage: &Passage) -> Finding {
    check(&Claim::new(claim), &[passage], &settings())
}

#[test]
fn what_a_passage_says_in_other_words_is_supported() {
    let korean = Passage::new("대여소 재배치 지표", KOREAN, &["owner: Fleet Analytics"]);
    for claim in [
        "The table is loaded every hour, 20 minutes past the hour, by the `trips_hourly` DAG.",
        "It has one row for each finished trip since 1 January 2022.",
        "About 96 thousand rows are added on an average weekday.",
        "Yesterday's trips are complete by 6 AM KST.",
        "fct_trips is owned by Rider Analytics (#rider-analytics).",
        "Exact positions are kept for 30 days; the 250 m grid cell is deleted after two years.",
        "Yesterday's trips are complete by 06:00 Korea Standard Time.",
    ] {
        let finding = found(claim, &trips());
        assert!(finding.is_supported(), "{claim}: {finding:?}");
    }
    for claim in [
        "결품률의 목표는 4% 이하입니다.",
        "만차율은 빈 거치대가 없는 시간의 비율입니다.",
        "지표는 한 시간마다 `agg_station_hourly`에 저장되고 매시 40분에 갱신됩니다.",
    ] {
        let finding = found(claim, &korean);
        assert!(finding.is_supported(), "{claim}: {finding:?}");
    }
}

#[test]
fn the_reason_names_what_is_wrong() {
    let reason = |claim: &str| found(claim, &trips()).unsupported;
    let missing = |text: &str| Some(Unsupported::Missing(text.to_owned()));
    assert_eq!(
        reason("fct_trips is loaded every hour at 25 minutes past."),
        missing("25 minutes")
    );
    assert_eq!(
        reason("The DAG `trips_daily` loads fct_trips every hour."),
        missing("trips_daily")
    );
    assert_eq!(reason("fct_trips is loaded daily."), missing("daily"));
    assert_eq!(
        reason("fct_trips held 142 thousand rows on 2026-10-01."),
        missing("142 thousand")
    );
    assert_eq!(
        reason("Refunds belong to the monthly close of the books."),
        missing("monthly")
    );
    assert_eq!(
        reason("Refunds belong to a close of the books."),
        Some(Unsupported::FewWords)
    );
    assert_eq!(
        reason("Exact positions are kept for 24 months and then replaced by a 250 m grid cell."),
        Some(Unsupported::Differs {
            said: "24 months".to_owned(),
            stated: "30 days".to_owned()
        })
    );
    assert_eq!(
        reason("Provider fees are subtracted."),
        Some(Unsupported::Negated)
    );
    assert_eq!(
        reason("The Airflow DAG trips_hourly does not load fct_trips every hour."),
        Some(Unsupported::Negated)
    );
    assert_eq!(
        reason("정확한 위치는 오래 보관됩니다"),
        Some(Unsupported::OtherLanguage)
    );
}

#[test]
fn a_sentence_in_another_language_is_held_to_its_details() {
    let finding = found("`fct_trips`는 매시간 20분에 적재됩니다.", &trips());
    assert!(finding.is_supported(), "{finding:?}");
    let wrong = found("`fct_trips`는 매일 적재됩니다.", &trips());
    assert_eq!(
        wrong.unsupported,
        Some(Unsupported::Missing("매일".to_owned()))
    );
}

#[test]
fn the_quote_stands_in_the_passage_where_it_says() {
    let quote = found("It is loaded hourly, 20 minutes past.", &trips())
        .quote
        .unwrap();
    assert_eq!(
        quote.text,
        "The Airflow DAG `trips_hourly` loads `fct_trips` every hour at 20 minutes past."
    );
    assert_eq!(&TRIPS[quote.span.unwrap()], quote.text);
    let owner = found("Its owner is Rider Analytics.", &trips())
        .quote
        .unwrap();
    assert_eq!(owner.text, "owner: Rider Analytics (#rider-analytics)");
    assert_eq!(owner.span, None);
}

#[test]
fn two_passages_support_together_what_neither_does_alone() {
    let other = Passage::new(
        "Refunds",
        "Refunds are booked on their own day, by Finance Data.",
        &[],
    );
    let claim = Claim::new(
        "fct_trips is loaded every hour, and refunds are booked on their own day by Finance Data.",
    );
    assert!(!check(&claim, &[&other], &settings()).is_supported());
    let both = check(&claim, &[&trips(), &other], &settings());
    assert!(both.is_supported(), "{both:?}");
}
