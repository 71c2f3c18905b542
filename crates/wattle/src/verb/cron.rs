//! `wattle cron`: the schedules of apps that run, and a run of one now.

use wattle_spec::control::{Action, AppSchedules, Done, ScheduleRun, ScheduleStatus};

use super::table::Table;
use super::{harmless, print, print_json, stop};
use crate::cli::{Cron, CronList, CronRun};
use crate::control::{Answers, Hosts};
use crate::problem::Problem;

pub(crate) fn run(arguments: &Cron) -> Result<(), Problem> {
    match arguments {
        Cron::List(arguments) => list(arguments),
        Cron::Run(arguments) => run_now(arguments),
    }
}

fn list(arguments: &CronList) -> Result<(), Problem> {
    let schedules = stop::runtime()?.block_on(ask(arguments))?;
    match arguments.asking.json {
        true => print_json(&schedules),
        false => print(&page(&schedules)),
    }
}

async fn ask(arguments: &CronList) -> Result<Answers<AppSchedules>, Problem> {
    let app = arguments.app.as_ref();
    let target = app.map_or_else(|| "/v1/schedules".into(), |app| format!("/v1/schedules?app={app}"));
    Hosts::find(&arguments.asking.reach()).await?.ask(app, &target).await
}

fn page(schedules: &Answers<AppSchedules>) -> String {
    let mut table = Table::new(["APP", "COMPONENT", "SCHEDULE", "TIMEZONE", "NEXT", "RUNNING", "LAST"]);
    for app in schedules.apps() {
        for schedule in &app.schedules {
            let ScheduleStatus { component, schedule, timezone, next, running, last, .. } = schedule;
            let next = next.map_or_else(|| "never".into(), |next| next.to_string());
            let (schedule, timezone) = (schedule.clone(), timezone.clone());
            let last = last.as_ref().map_or_else(|| "-".into(), outcome);
            table.row([
                app.app.to_string(),
                component.to_string(),
                schedule,
                timezone,
                next,
                running.to_string(),
                last,
            ]);
        }
    }
    table.to_string()
}

fn outcome(ScheduleRun { at, took_ms, failure, .. }: &ScheduleRun) -> String {
    match failure {
        None => format!("{at}, well, in {took_ms} ms"),
        Some(reason) => format!("{at}, failed: {reason}"),
    }
}

fn run_now(arguments: &CronRun) -> Result<(), Problem> {
    let run = stop::runtime()?.block_on(act(arguments))?;
    if arguments.asking.json {
        print_json(&run)?;
    } else if run.failure.is_none() {
        print(&format!("{} ran well in {} ms (run {})\n", run.trigger, run.took_ms, run.run))?;
    }
    match run.failure {
        None => Ok(()),
        Some(reason) => Err(Problem::RunFailed { trigger: run.trigger, run: run.run, reason: harmless(&reason) }),
    }
}

async fn act(arguments: &CronRun) -> Result<ScheduleRun, Problem> {
    let host = Hosts::find(&arguments.asking.reach()).await?.only_with(&arguments.app)?;
    let action = Action::RunSchedule { app: arguments.app.clone(), schedule: arguments.schedule.clone() };
    let run = |done| match done {
        Done::ScheduleRan(run) => Some(run),
        _ => None,
    };
    host.client.act(&action, run).await.map_err(|error| host.client.problem(error))
}
