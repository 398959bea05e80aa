//! Each rule about questions, and about models and what they cost, fired by a situation: told once, to the team,
//! and over when it is over.

use chrono::TimeDelta;
use docent_core::ledger::{CallOutcome, Record};
use docent_scripted::mail::ScriptedMail;

use super::support::{TEAM, at, call, day, look, question, still, to, world, write};

#[tokio::test]
async fn a_month_near_its_budget_is_told_and_once_more_when_it_is_used_up() {
    let mail = ScriptedMail::start().await;
    let mut world = world(&mail).await;
    world.config.insights.month_usd = "10".parse().unwrap();
    let service = still(&world).await;
    let spend = |when: &str, usd: &str| {
        write(
            &service,
            Record::ModelCall(call(at(when), "gpt", CallOutcome::Ok, usd)),
        );
    };
    // The month before is another one's.
    spend("2026-10-30T10:00:00Z", "9");
    spend("2026-11-10T10:00:00Z", "7.5");
    assert!(
        look(&service, &mail, at("2026-11-11T10:00:00Z"))
            .await
            .is_empty()
    );
    spend("2026-11-12T10:00:00Z", "1");
    let near = look(&service, &mail, at("2026-11-16T00:00:00Z")).await;
    assert_eq!(
        near,
        to(
            TEAM,
            "All models together used 85% of the budget of 2026-11"
        )
    );
    assert!(
        mail.mails()[0].body().contains("$8.50 of $10.00"),
        "{}",
        mail.mails()[0].body()
    );
    assert!(mail.mails()[0].body().contains("the month ends at $17.00"));
    spend("2026-11-20T10:00:00Z", "2");
    let over = look(&service, &mail, at("2026-11-20T11:00:00Z")).await;
    assert_eq!(
        over,
        to(TEAM, "All models together used up the budget of 2026-11")
    );
    assert!(
        mail.mails()[1]
            .body()
            .contains("Over: All models together used 85%")
    );
    let next = look(&service, &mail, at("2026-12-01T00:10:00Z")).await;
    assert_eq!(next.len(), 1, "{next:?}");
    assert!(
        next[0].1.starts_with("Over: All models together used up"),
        "{next:?}"
    );
}

#[tokio::test]
async fn a_day_that_costs_much_more_than_the_dearest_before_is_told() {
    let mail = ScriptedMail::start().await;
    let world = world(&mail).await;
    let service = still(&world).await;
    for day in 1..=20 {
        let when = at("2026-11-26T08:00:00Z") - TimeDelta::days(day);
        let usd = if day == 5 { "2.4" } else { "1.5" };
        write(
            &service,
            Record::ModelCall(call(when, "gpt", CallOutcome::Ok, usd)),
        );
    }
    write(
        &service,
        Record::ModelCall(call(
            at("2026-11-26T08:00:00Z"),
            "gpt",
            CallOutcome::Ok,
            "4",
        )),
    );
    assert!(
        look(&service, &mail, at("2026-11-26T09:00:00Z"))
            .await
            .is_empty(),
        "a dear day is no alert"
    );
    write(
        &service,
        Record::ModelCall(call(
            at("2026-11-26T09:10:00Z"),
            "gpt",
            CallOutcome::Ok,
            "3",
        )),
    );
    let fired = look(&service, &mail, at("2026-11-26T09:30:00Z")).await;
    assert_eq!(
        fired,
        to(
            TEAM,
            "Models cost $7.00 in 24 hours, 2.9 times the dearest day before"
        )
    );
    assert!(mail.mails()[0].body().contains("answer by gpt: $7.00"));
    let over = look(&service, &mail, at("2026-11-27T12:00:00Z")).await;
    assert!(over[0].1.starts_with("Over: Models cost"), "{over:?}");
}

#[tokio::test]
async fn more_questions_without_an_answer_than_before_are_told_and_a_few_are_not() {
    let mail = ScriptedMail::start().await;
    let world = world(&mail).await;
    let service = still(&world).await;
    let now = at("2026-11-26T00:00:00Z");
    for ago in 2..=30 {
        day(&service, now - TimeDelta::days(ago), 20, ago % 3);
    }
    // Five of twenty would be many, and are too few questions to tell.
    day(&service, now - TimeDelta::days(1), 20, 5);
    assert!(look(&service, &mail, now).await.is_empty());
    day(&service, now, 60, 24);
    let fired = look(&service, &mail, now + TimeDelta::days(1)).await;
    assert_eq!(
        fired,
        to(TEAM, "More questions find no answer: 40.0%, it was 5.7%")
    );
    assert!(
        mail.mails()[0]
            .body()
            .contains("24 of 60 in the last 24 hours"),
        "{}",
        mail.mails()[0].body()
    );
    // The next day is as days used to be: the week is worse still, but it does not go on.
    day(&service, now + TimeDelta::days(1), 40, 2);
    let over = look(&service, &mail, now + TimeDelta::days(2)).await;
    assert_eq!(
        over,
        to(
            TEAM,
            "Over: More questions find no answer: 40.0%, it was 5.7%"
        )
    );
}

#[tokio::test]
async fn failures_are_told_within_the_hour() {
    let mail = ScriptedMail::start().await;
    let world = world(&mail).await;
    let service = still(&world).await;
    let now = at("2026-11-26T12:00:00Z");
    for ago in 1..=28 {
        day(
            &service,
            now - TimeDelta::days(ago) - TimeDelta::hours(3),
            40,
            0,
        );
    }
    for number in 0..40 {
        let outcome = if number % 4 == 0 {
            "failed"
        } else {
            "answered"
        };
        let one = question(now - TimeDelta::minutes(number), "key:a", outcome, None);
        write(&service, Record::Interaction(Box::new(one)));
    }
    let fired = look(&service, &mail, now).await;
    assert_eq!(fired.len(), 1, "{fired:?}");
    assert!(fired[0].1.starts_with("More questions fail: "), "{fired:?}");
}

#[tokio::test]
async fn a_provider_that_fails_is_told_and_goes_on_to_be_told_of_until_a_call_succeeds() {
    let mail = ScriptedMail::start().await;
    let world = world(&mail).await;
    let service = still(&world).await;
    let now = at("2026-11-26T12:00:00Z");
    let booked = |minutes: i64, outcome: CallOutcome| {
        write(
            &service,
            Record::ModelCall(call(now + TimeDelta::minutes(minutes), "gpt", outcome, "")),
        );
    };
    booked(-60, CallOutcome::Ok);
    // A question that fails three times in a second is no outage, and who goes away says nothing of it.
    booked(0, CallOutcome::Unavailable);
    booked(0, CallOutcome::Unavailable);
    booked(0, CallOutcome::Unavailable);
    booked(7, CallOutcome::Cancelled);
    assert!(
        look(&service, &mail, now + TimeDelta::minutes(8))
            .await
            .is_empty()
    );
    booked(8, CallOutcome::Unavailable);
    let fired = look(&service, &mail, now + TimeDelta::minutes(9)).await;
    assert_eq!(fired, to(TEAM, "Model gpt fails"));
    let body = mail.mails()[0].body();
    assert!(
        body.contains("Since 2026-11-26 12:00 UTC. 4 calls failed in a row"),
        "{body}"
    );
    // Nobody asks for hours: nothing says that it is well again.
    assert!(
        look(&service, &mail, now + TimeDelta::hours(5))
            .await
            .is_empty()
    );
    booked(310, CallOutcome::Ok);
    let over = look(&service, &mail, now + TimeDelta::hours(6)).await;
    assert_eq!(over, to(TEAM, "Over: Model gpt fails"));
}
