//! What a host is asked by whoever embeds it: how its apps are, and runs of schedules that are not due.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join;
use wattle_host::Host;
use wattle_spec::control::{Action, Done, RefusalCode};
use wattle_spec::report::Report;

use crate::clock::HeldClock;
use crate::rig::resolved;

/// A host by `clock` with the app of `manifest`, for `ask`, which also gets what is reported.
fn check(manifest: &str, clock: &HeldClock, ask: impl AsyncFnOnce(&Host, &Mutex<Vec<Report>>)) {
    let (app, bytes) = resolved(manifest);
    let reports = Arc::<Mutex<Vec<Report>>>::default();
    let seen = reports.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let host = Host::builder().clock(clock.clone()).reports(move |report| seen.lock().unwrap().push(report));
        let host = host.build().unwrap();
        host.start(&app, &bytes).await.unwrap();
        ask(&host, &reports).await;
        let _ = host.drain().await;
    });
}

/// An app whose `job` does what `command` says each hour; `more` are lines of the trigger.
fn job(command: &str, more: &str) -> String {
    // What ends does so on a busy machine, too.
    let deadline = if command == "wait" { "200ms" } else { "10s" };
    format!(
        "name = \"shop\"\n[components.job]\nsource = \"command.wasm\"\nenv.COMMAND = \"{command}\"\n\
         limits.deadline = \"{deadline}\"\n[[triggers.cron]]\ncomponent = \"job\"\nschedule = \"@hourly\"\n{more}\n"
    )
}

fn run_job() -> Action {
    Action::RunSchedule { app: "shop".parse().unwrap(), schedule: "job".into() }
}

/// Waits until `there` is something, as the host goes on.
async fn until<T>(mut there: impl FnMut() -> Option<T>) -> T {
    tokio::time::timeout(wattle_testkit::PATIENCE, async {
        loop {
            match there() {
                Some(value) => return value,
                None => tokio::task::yield_now().await,
            }
        }
    })
    .await
    .unwrap()
}

/// Numbers that nobody asked for are not told, rather than told as 0.
#[test]
fn a_host_that_does_not_count() {
    check(&job("", ""), &HeldClock::at("2026-11-21T10:30:00Z"), async |host, _| {
        let status = host.status().await;
        let shop = &status.apps[0];
        assert_eq!((shop.ready, shop.requests, shop.components[0].requests), (true, None, None));
        assert!(status.listens.is_empty() && status.pid == std::process::id());
        assert!(host.stop(&shop.app).await);
        assert!(host.status().await.apps.is_empty());
        assert_eq!(host.schedules(Some(&shop.app)).unwrap_err().code, RefusalCode::NoSuchApp);
        assert_eq!(host.act(run_job()).await.unwrap_err().code, RefusalCode::NoSuchApp);
    });
}

/// A run that somebody asks for obeys `overlap`, and the limit on how many may wait.
#[test]
fn overlap() {
    for (more, admitted) in [
        ("", 1),
        ("overlap = \"allow\"", 2),
        ("overlap = \"queue\"", 2),
        ("overlap = \"queue\"\n[limits]\ncron-backlog = 1", 1),
    ] {
        check(&job("wait", more), &HeldClock::at("2026-11-21T10:30:00Z"), async |host, reports| {
            let (first, second) = join(host.act(run_job()), host.act(run_job())).await;
            let Ok(Done::ScheduleRan(run)) = first else { panic!("{first:?}") };
            assert_eq!(run.failure.as_deref(), Some("it had not ended at its deadline"));
            match second {
                Ok(_) => assert_eq!(admitted, 2, "{more}"),
                Err(refusal) => assert_eq!((admitted, refusal.code), (1, RefusalCode::Overlap), "{more}"),
            }
            assert_eq!(reports.lock().unwrap().len(), admitted);
            let schedule = host.schedules(None).unwrap()[0].schedules[0].clone();
            assert_eq!((schedule.running, schedule.failures), (0, admitted as u64));
        });
    }
}

/// Such a run claims no tick: the next one runs as if nothing had been. It goes on when nobody waits for it.
#[test]
fn a_run_is_no_tick() {
    let clock = HeldClock::at("2026-11-21T11:00:00Z");
    check(&job("", ""), &clock, async |host, reports| {
        until(|| (clock.naps() > 0).then_some(())).await;
        // It has begun, and nobody waits for it any more.
        tokio::select! {
            biased;
            () = until(|| (host.schedules(None).ok()?[0].schedules[0].running > 0).then_some(())) => {}
            ran = host.act(run_job()) => assert!(ran.is_ok()),
        }
        until(|| (reports.lock().unwrap().len() == 1).then_some(())).await;
        clock.set("2026-11-21T11:59:59Z");
        assert!(host.act(run_job()).await.is_ok());
        clock.pass(Duration::from_secs(1));
        until(|| (reports.lock().unwrap().len() == 3).then_some(())).await;
        let ran = |report: &Report| match report {
            Report::CronRan { tick, .. } => tick.at.format("%T").to_string(),
            other => format!("{other:?}"),
        };
        let ran: Vec<_> = reports.lock().unwrap().iter().map(ran).collect();
        assert_eq!(ran, ["11:00:00", "11:59:59", "12:00:00"]);
        let schedule = host.schedules(None).unwrap()[0].schedules[0].clone();
        let last = schedule.last.unwrap();
        assert_eq!((last.at.to_string(), last.failure), ("2026-11-21T12:00:00Z".into(), None));
        assert_eq!(schedule.next.unwrap().to_string(), "2026-11-21T13:00:00Z");
    });
}
