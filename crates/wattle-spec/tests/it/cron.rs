//! Schedules: what they say, when they are due, and what is decided when the clock misbehaves.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use wattle_spec::cron::{CronTrigger, Missed, Overlap, STEP_MAX, Schedule, Timetable, Verdict};

use crate::manifest::check_lines;

fn check_cron(lines: &str) -> String {
    check_lines(&format!("[[triggers.cron]]\ncomponent = 'cart'\n{lines}"))
}

fn check_schedule(schedule: &str) -> String {
    check_cron(&format!("schedule = '{schedule}'"))
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn trigger(schedule: &str, zone: &str) -> CronTrigger {
    CronTrigger {
        component: "cart".parse().unwrap(),
        schedule: schedule.parse().unwrap(),
        zone: zone.parse().unwrap(),
        overlap: Overlap::default(),
        missed: Missed::default(),
        jitter: std::time::Duration::ZERO,
    }
}

/// The next `count` times, as the clock of the zone shows them.
fn next(schedule: &str, zone: &str, after: &str, count: usize) -> String {
    let trigger = trigger(schedule, zone);
    let times = std::iter::successors(Some(time(after)), |time| trigger.next_after(*time));
    let shown: Vec<String> =
        times.skip(1).take(count).map(|time| time.with_timezone(&trigger.zone.0).to_rfc3339()).collect();
    shown.join("\n")
}

#[test]
fn fields() {
    for schedule in ["*/5 * * * *", "0 */5 * * * *", "@daily", "@Midnight", " 0 4  1,15 jan-mar MON-fri ", "0 0 L * 5L"]
    {
        assert_eq!(check_schedule(schedule), "ok", "{schedule}");
    }
    insta::assert_snapshot!(check_schedule("* * *"), @"
    5:12 a schedule has five fields, or six with seconds in front, this one has 3
      hint: they are minute, hour, day of the month, month, day of the week: `30 4 * * *` is half past four each day
    ");
    insta::assert_snapshot!(check_schedule("0 25 * * *"), @r#"
    5:12 the hour of the schedule cannot be "25"
      hint: it is 0 to 23, a list `1,2`, a range `1-5`, a step `*/5`, or `*` for every one
    "#);
    insta::assert_snapshot!(check_schedule("61 0 0 * * *"), @r#"
    5:12 the second of the schedule cannot be "61"
      hint: it is 0 to 59, a list `1,2`, a range `1-5`, a step `*/5`, or `*` for every one
    "#);
    insta::assert_snapshot!(check_schedule("0 0 * MON *"), @r#"
    5:12 the month of the schedule cannot be "MON"
      hint: it is 1 to 12, or JAN to DEC, a list `1,2`, a range `1-5`, a step `*/5`, or `*` for every one
    "#);
    insta::assert_snapshot!(check_schedule("JAN 0 * * *"), @r#"
    5:12 the minute of the schedule cannot be "JAN"
      hint: it is 0 to 59, a list `1,2`, a range `1-5`, a step `*/5`, or `*` for every one
    "#);
    insta::assert_snapshot!(check_schedule("0 0 * * MO"), @r#"
    5:12 the day of the week of the schedule cannot be "MO"
      hint: it is 0 to 7 (0 and 7 are Sunday), or SUN to SAT, a list `1,2`, a range `1-5`, a step `*/5`, or `*` for every one
    "#);
    insta::assert_snapshot!(check_schedule("0 0 30 2 *"), @r#"
    5:12 "0 0 30 2 *" never comes
      hint: no year has such a day; `L` is the last day of a month
    "#);
    insta::assert_snapshot!(check_schedule("@dayly"), @r#"
    5:12 there is no schedule called "@dayly"
      hint: did you mean `@daily`?
    "#);
    insta::assert_snapshot!(check_schedule(""), @"
    5:12 a schedule has five fields, or six with seconds in front, this one has 0
      hint: they are minute, hour, day of the month, month, day of the week: `30 4 * * *` is half past four each day
    ");
}

/// What the library takes, though nobody can mean it.
#[test]
fn malformed_parts() {
    for minute in [
        "1,,2", "5,,", ",5", "5,", ",", "1-", "-5", "1--5", "1-5-9", "5-1", "/5", "*/", "5/2", "*/0", "1-5/0", "*/5/5",
        "*/-1", "*/61", "*/100", "1-5/6", "1,2-3/9", "**", "*5", "+5", "?", "5L", "1#2",
    ] {
        let said = check_schedule(&format!("{minute} * * * *"));
        assert!(
            said.starts_with(&format!("5:12 the minute of the schedule cannot be {minute:?}\n")),
            "{minute}: {said}"
        );
    }
    for fields in [
        "0 */25 * * *",
        "0 0 */32 * *",
        "0 0 15W3 * *",
        "0 0 15WL * *",
        "0 0 LWW * *",
        "0 0 L, * *",
        "0 0 1 */13 *",
        "0 0 1 JAN1 *",
        "0 0 1 1JAN *",
        "0 0 1 JAN, *",
        "0 0 * * */8",
        "0 0 * * MON-FRI/6",
        "0 0 * * 5LL",
        "0 0 * * 5#3L",
        "0 0 * * 5#",
        "0 0 * * #2",
        "0 0 * * +",
        "0 0 * * +,1",
        "*/2,, * * * * *",
    ] {
        let said = check_schedule(fields);
        assert!(said.contains("of the schedule cannot be"), "{fields}: {said}");
    }
    for sound in [
        "*/60 * * * *",
        "*/59 * * * *",
        "0 */24 * * *",
        "0-10/5,30 * * * *",
        "0 0 */31 * *",
        "0 0 1 */12 *",
        "0 0 * * */7",
        "0 0 15W * *",
        "0 0 LW * *",
        "0 0 1,L * *",
        "0 0 1 jan,Mar-dec/2 *",
        "0 0 * * MON-FRI/5",
        "0 0 * * FRI-SUN",
        "0 0 * * 5#2,MON#L",
        "0 0 * * FRIL",
        "0 0 ? * 1-5",
        "0 0 13 * +FRI",
        "0,30 */5 1-3 * * *",
        "05 4 * * *",
    ] {
        assert_eq!(check_schedule(sound), "ok", "{sound}");
    }
    insta::assert_snapshot!(check_schedule("1,,2 * * * *"), @r#"
    5:12 the minute of the schedule cannot be "1,,2"
      hint: it is 0 to 59, a list `1,2`, a range `1-5`, a step `*/5`, or `*` for every one
    "#);
    insta::assert_snapshot!(check_schedule("*/100 * * * *"), @r#"
    5:12 the minute of the schedule cannot be "*/100"
      hint: its step is longer than the 60 that it goes through; it is 0 to 59, a list `1,2`, a range `1-5`, a step `*/5`, or `*` for every one
    "#);
}

#[test]
fn triggers() {
    insta::assert_snapshot!(check_cron("schedule = '@daily'\ntimezone = 'Berlin'\noverlap = 'alow'\nmissed = 'all'\njitter = '5'"), @r#"
    6:12 there is no time zone "Berlin"
      hint: did you mean `Europe/Berlin`?
    7:11 "alow" is none of `skip`, `allow` and `queue`
      hint: did you mean `allow`?
    8:10 "all" is none of `skip` and `once`
    9:10 expected a whole number and one of the units ms, s, m, h, as in "10s"
      hint: as in `"10s"`
    "#);
    insta::assert_snapshot!(check_cron("schedule = '@daily'\ntimezone = 'Amerika/New_York'"), @r#"
    6:12 there is no time zone "Amerika/New_York"
      hint: did you mean `America/New_York`?
    "#);
    insta::assert_snapshot!(check_lines("[[triggers.cron]]\nschedule = '@daily'\ncomponent = 'crat'"), @"
    5:13 there is no component `crat`
      hint: did you mean `cart`?
    ");
    let twice = "schedule = '@daily'\n[[triggers.cron]]\ncomponent = 'cart'\nschedule = '@daily'";
    insta::assert_snapshot!(check_cron(twice), @"
    8:12 cart at @daily (UTC) is there twice
      5:12 the first is here
      hint: remove one of the two
    ");
    assert_eq!(check_cron(&format!("{twice}\ntimezone = 'Asia/Tokyo'")), "ok");
}

/// The clock of Berlin goes from 2:00 to 3:00 on 2026-03-29, that of Sydney on 2026-10-04.
#[test]
fn the_clock_skips_an_hour() {
    insta::assert_snapshot!(next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2), @"
    2026-03-29T03:00:00+02:00
    2026-03-30T02:30:00+02:00
    ");
    insta::assert_snapshot!(next("30 2 * * *", "Australia/Sydney", "2026-10-03T00:00:00Z", 2), @"
    2026-10-04T03:00:00+11:00
    2026-10-05T02:30:00+11:00
    ");
    insta::assert_snapshot!(next("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3), @"
    2026-03-29T01:30:00+01:00
    2026-03-29T03:30:00+02:00
    2026-03-29T04:30:00+02:00
    ");
}

/// The clock of Berlin goes from 3:00 to 2:00 on 2026-10-25, that of Sydney on 2026-04-05.
#[test]
fn the_clock_shows_an_hour_twice() {
    insta::assert_snapshot!(next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2), @"
    2026-10-25T02:30:00+02:00
    2026-10-26T02:30:00+01:00
    ");
    insta::assert_snapshot!(next("30 2 * * *", "Australia/Sydney", "2026-04-04T00:00:00Z", 2), @"
    2026-04-05T02:30:00+11:00
    2026-04-06T02:30:00+10:00
    ");
    insta::assert_snapshot!(next("30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", 3), @"
    2026-10-25T02:30:00+02:00
    2026-10-25T02:30:00+01:00
    2026-10-25T03:30:00+01:00
    ");
}

#[test]
fn days_that_are_rare() {
    insta::assert_snapshot!(next("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 2), @"
    2028-02-29T00:00:00+00:00
    2032-02-29T00:00:00+00:00
    ");
    insta::assert_snapshot!(next("0 0 31 * *", "UTC", "2026-04-01T00:00:00Z", 2), @"
    2026-05-31T00:00:00+00:00
    2026-07-31T00:00:00+00:00
    ");
    insta::assert_snapshot!(next("0 12 L 2 *", "UTC", "2027-01-01T00:00:00Z", 2), @"
    2027-02-28T12:00:00+00:00
    2028-02-29T12:00:00+00:00
    ");
}

/// What a table of this trigger decides when it is asked at these times, the first of which it is made at.
fn decisions(trigger: CronTrigger, times: &[&str]) -> String {
    let mut table = Timetable::default();
    table.add(trigger, time(times[0]));
    let mut lines = Vec::new();
    for now in times.iter().map(|text| time(text)) {
        let due: Vec<String> =
            table.due(now).iter().map(|due| format!("{:?} {}", due.verdict, due.tick.format("%d %T"))).collect();
        lines.push(format!("{}: {}", now.format("%d %T"), due.join(", ")));
    }
    lines.join("\n").replace(": \n", ": -\n")
}

fn once(trigger: CronTrigger) -> CronTrigger {
    CronTrigger { missed: Missed::Once, ..trigger }
}

/// A suspend, or a clock that is set forward: what was missed does not run, what is late by less than half a minute does.
#[test]
fn the_clock_goes_forward() {
    let hours = ["2026-11-21T10:15:00Z", "2026-11-21T11:00:00Z", "2026-11-21T14:00:05Z", "2026-11-21T16:10:00Z"];
    insta::assert_snapshot!(decisions(trigger("0 * * * *", "UTC"), &hours), @"
    21 10:15:00: -
    21 11:00:00: Run 21 11:00:00
    21 14:00:05: Miss 21 12:00:00, Run 21 14:00:00
    21 16:10:00: Miss 21 15:00:00
    ");
    insta::assert_snapshot!(decisions(once(trigger("0 * * * *", "UTC")), &hours), @"
    21 10:15:00: -
    21 11:00:00: Run 21 11:00:00
    21 14:00:05: Run 21 14:00:00
    21 16:10:00: Run 21 16:00:00
    ");
    let seconds = ["2026-11-20T00:00:00Z", "2026-11-21T10:15:00.5Z"];
    insta::assert_snapshot!(decisions(once(trigger("* * * * * *", "UTC")), &seconds), @"
    20 00:00:00: -
    21 10:15:00: Run 21 10:15:00
    ");
}

#[test]
fn the_clock_goes_back() {
    let an_hour = [
        "2026-11-21T10:15:00Z",
        "2026-11-21T11:00:00Z",
        "2026-11-21T10:00:01Z",
        "2026-11-21T11:00:01Z",
        "2026-11-21T12:00:00Z",
    ];
    insta::assert_snapshot!(decisions(trigger("0 * * * *", "UTC"), &an_hour), @"
    21 10:15:00: -
    21 11:00:00: Run 21 11:00:00
    21 10:00:01: -
    21 11:00:01: -
    21 12:00:00: Run 21 12:00:00
    ");
    // A clock that was years ahead was wrong.
    let years = ["2036-11-21T10:15:00Z", "2036-11-21T11:00:00Z", "2026-11-21T10:30:00Z", "2026-11-21T11:00:00Z"];
    insta::assert_snapshot!(decisions(trigger("0 * * * *", "UTC"), &years), @"
    21 10:15:00: -
    21 11:00:00: Run 21 11:00:00
    21 10:30:00: -
    21 11:00:00: Run 21 11:00:00
    ");
}

/// The jitter is the same each time and spreads the ticks.
#[test]
fn jitter() {
    let trigger = CronTrigger { jitter: std::time::Duration::from_secs(60), ..trigger("* * * * *", "UTC") };
    let start = time("2026-11-21T00:00:00Z");
    let delays: Vec<_> = (0..1_000).map(|minute| trigger.delay(start + TimeDelta::minutes(minute))).collect();
    assert_eq!(delays[7], trigger.delay(start + TimeDelta::minutes(7)));
    assert!(delays.iter().all(|delay| *delay <= trigger.jitter));
    for quarter in 0..4 {
        let (from, to) = (quarter * 15, (quarter + 1) * 15);
        let inside = delays.iter().filter(|delay| (from..to).contains(&delay.as_secs())).count();
        assert!((200..300).contains(&inside), "{inside} of 1000 from {from} s to {to} s");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "[ *@,/#?+LW0-9a-zA-Z-]{0,30}") {
        if let Ok(schedule) = text.parse::<Schedule>() {
            prop_assert!(schedule.next_after("UTC".parse().unwrap(), time("2026-11-21T00:00:00Z")).is_some(), "{}", text);
        }
    }

    /// However the clock jumps, no tick runs twice and none before its time.
    #[test]
    fn at_most_once(jumps in prop::collection::vec(-7_200_i64..7_200, 1..60)) {
        let mut now = time("2026-03-28T20:00:00Z");
        let mut table = Timetable::default();
        for schedule in ["*/7 * * * *", "30 2 * * *", "0 * * * *"] {
            table.add(trigger(schedule, "Europe/Berlin"), now);
        }
        let mut run = std::collections::BTreeSet::new();
        let mut latest = now;
        for jump in jumps {
            now = (now + TimeDelta::seconds(jump)).max(latest - STEP_MAX);
            latest = latest.max(now);
            for due in table.due(now).into_iter().filter(|due| due.verdict == Verdict::Run) {
                prop_assert!(due.tick <= now);
                prop_assert!(run.insert((due.trigger, due.tick)), "{:?} ran twice", due);
            }
        }
    }

    #[test]
    fn the_next_tick_is_later(seconds in 0_i64..40_000_000, zone in prop::sample::select(vec!["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"])) {
        let start = time("2026-01-01T00:00:00Z") + TimeDelta::milliseconds(seconds * 1_000 + 500);
        for schedule in ["*/10 * * * *", "15 2 * * *", "0 0 1 * *"] {
            let trigger = trigger(schedule, zone);
            let next = trigger.next_after(start).unwrap();
            prop_assert!(next > start);
            prop_assert!(trigger.next_after(next - TimeDelta::milliseconds(1)) == Some(next), "{} {} {}", schedule, start, next);
        }
    }
}
