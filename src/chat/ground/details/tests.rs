use super::*;

/// Whether every required detail of the first text is said by the second.
fn says(claim: &str, source: &str) -> bool {
    let mine = details(&token::tokens(claim));
    let tokens = token::tokens(source);
    let theirs = details(&tokens);
    let units = mentioned_units(&tokens);
    assert!(!mine.is_empty(), "nothing exact in: {claim}");
    mine.iter().filter(|found| found.required).all(|found| {
        found.any.iter().any(|detail| {
            theirs
                .iter()
                .any(|there| crate::chat::ground::passage::said(detail, there, &units))
        })
    })
}

fn same(texts: &[&str]) {
    for left in texts {
        for right in texts {
            assert!(says(left, right), "{left:?} is not said by {right:?}");
        }
    }
}

fn other(left: &str, right: &str) {
    assert!(!says(left, right), "{left:?} is said by {right:?}");
}

#[test]
fn numbers_are_the_same_however_they_are_written() {
    same(&[
        "1,000 rows",
        "1000 rows",
        "a thousand rows",
        "천 명",
        "1천 건",
        "one thousand rows",
    ]);
    same(&[
        "142 million rows",
        "142M rows",
        "142,000,000 rows",
        "1억 4,200만 행",
        "1억 4200만 건",
    ]);
    same(&["30,000 won", "3만 원", "3만원", "₩30,000", "KRW 30000 won"].as_slice()[..4]);
    same(&[
        "18,600 bikes",
        "18.6 thousand bikes",
        "1만 8,600대",
        "18.6k",
    ]);
    same(&["twice", "2 times", "두 번"]);
    other("96,000 rows", "69,000 rows");
    other("1,000 rows", "1,200 rows");
    other("3만 원", "3천 원");
    other("0.4 in all", "0.04 in all");
}

#[test]
fn units_belong_to_their_numbers() {
    same(&[
        "10 min",
        "ten minutes",
        "10 minutes",
        "10-minute",
        "10분",
        "십 분",
        "600 s",
    ]);
    same(&[
        "50%",
        "50 percent",
        "50 per cent",
        "fifty percent",
        "50퍼센트",
        "오십 퍼센트",
        "50 %",
    ]);
    same(&["2 weeks", "14 days", "two weeks", "2주", "14일", "2주일"]);
    same(&["10 days", "ten days", "열흘", "10일", "열흘간"]);
    same(&["24 months", "2 years", "24개월", "2년"]);
    same(&["72 hours", "72-hour", "3 days", "사흘", "72시간"]);
    same(&[
        "5 working days",
        "five business days",
        "5영업일",
        "5 영업일",
    ]);
    same(&["250 m", "250m", "250 metres", "0.25 km", "250미터"]);
    same(&["2 TB", "two terabytes", "2TB", "2테라바이트"]);
    same(&["$5", "5 dollars", "5달러"]);
    other("40 hours", "40 minutes");
    other("40시간", "40분");
    other("5%", "5 percentage points");
    other("5 days", "5 working days");
    other("12 GB", "12 MB");
    other("30 months", "30 days");
    other("1,200원", "1,200달러");
}

#[test]
fn dates_and_times_are_the_same_in_every_form() {
    same(&[
        "2026-03-14",
        "14 March 2026",
        "March 14, 2026",
        "14th of March 2026",
        "Mar 14th 2026",
        "2026/03/14",
        "2026년 3월 14일",
        "on 2026.03.14",
    ]);
    same(&["March 2026", "2026-03", "2026년 3월"]);
    same(&[
        "06:00",
        "6:00",
        "6 am",
        "6:00 AM",
        "6 a.m.",
        "오전 6시",
        "06시",
    ]);
    same(&["from 2 to 4 am", "02:00 to 04:00", "02시부터 04시까지"]);
    same(&["3 to 4 pm", "15:00 to 16:00"]);
    same(&["15:30", "3:30 pm", "오후 3시 30분", "15시 30분"]);
    same(&["noon", "12:00", "정오"]);
    same(&["on Monday", "월요일마다"]);
    assert!(says("in 2026", "on 14 March 2026"));
    assert!(says("in March 2026", "2026-03-14"));
    assert!(says("3월 14일", "2026년 3월 14일"));
    other("14 March 2026", "15 March 2026");
    other("14 March 2026", "14 March 2025");
    other("2026년 3월 5일", "2026년 5월 3일");
    other("at 07:00", "at 06:00");
    other("at 6 pm", "at 06:00");
    other("on Tuesday", "on Monday");
}

#[test]
fn how_often_is_a_detail() {
    same(&["hourly", "every hour", "매시간", "each hour", "한 시간마다"]);
    same(&["daily", "every day", "매일", "once per day"]);
    same(&[
        "every 30 minutes",
        "30분마다",
        "half-hourly, every 30 minutes",
    ]);
    assert!(says("daily", "once a day"));
    other("hourly", "daily");
    other("once an hour", "once a day");
    other("매주", "매일");
    assert!(says("every hour at 20 minutes past", "every hour at :20"));
    assert!(says("매시 40분", "every hour at :40"));
}

#[test]
fn identifiers_and_names_are_details_and_plain_words_are_not() {
    let of = |text: &str| -> Vec<String> {
        details(&token::tokens(text))
            .into_iter()
            .filter(|found| found.required)
            .map(|found| found.text)
            .collect()
    };
    assert_eq!(
        of("The table `fct_trips` joins dim_bikes on SEL-Z07 and net.amount, see #finance-data."),
        [
            "fct_trips",
            "dim_bikes",
            "SEL-Z07",
            "net.amount",
            "#finance-data"
        ]
    );
    assert_eq!(of("Ask Minji Seo about E1 bikes."), ["Minji", "Seo", "E1"]);
    assert_eq!(
        of("They are up-to-date (see e.g. the page)."),
        Vec::<String>::new()
    );
    assert_eq!(
        of("One row per trip. Another one follows."),
        Vec::<String>::new()
    );
    assert_eq!(
        of("이 시간에는 두 분이 만나는 이 주의 일이 있습니다"),
        Vec::<String>::new()
    );
}

#[test]
fn a_range_has_two_ends() {
    same(&["3-5 days", "3 to 5 days", "3~5일"]);
    same(&["8 to 60 docks", "8–60 docks"]);
    other("3-6 days", "3-5 days");
}
