//! `wattle run`: a command to its end, or one call of an export, on the streams of this process.

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::process::ExitCode;

use wattle_host::{Command, Ended, Host, Start};
use wattle_spec::app::App;
use wattle_spec::limits::{HostLimits, LimitSet};
use wattle_spec::manifest::{GuestPath, HostPath, LinkEntry, Manifest, MountEntry, Text, Triggers, Variable};

use super::print;
use super::stop::{self, Stop};
use crate::app_file::{AppFile, file_in};
use crate::artifacts::Asking;
use crate::child_compiler::ChildCompiler;
use crate::cli::{Allow, LogFormat, Run};
use crate::problem::{Exit, Problem};
use crate::{kept, log};

/// What is logged: trouble of ours, and what the command itself logs.
const LOGGED: &str = "warn,guest=info";

/// Room in the pools of the engine: one component has many parts.
const INSTANCES: u32 = 64;

pub(crate) fn run(arguments: &Run) -> Result<ExitCode, Problem> {
    let path = file_in(&arguments.file).map_err(|problem| in_registry(arguments).unwrap_or(problem))?;
    let mut file = AppFile::read_changed(path, arguments.config.as_deref(), Asking::Nobody, |manifest| {
        change(manifest, arguments)
    })?;
    kept::recall(&mut file, arguments.data_dir.as_deref())?;
    // Whoever runs a command is there and grants it what it may do, by flags or by naming its manifest.
    let app = file.resolve_unapproved()?;
    let command = command(arguments, &app)?;
    let runtime = stop::runtime()?;
    let _log = log::start(LogFormat::Text, LOGGED, None);
    let ended = runtime.block_on(async {
        let mut stop = Stop::install()?;
        let host = host(arguments, &file, &app)?;
        tokio::select! {
            ended = host.run(&app, &file.bytes, command) => Ok(Ok(ended?)),
            exit = stop.asked() => Ok::<_, Problem>(Err(exit)),
        }
    })?;
    match ended {
        Ok(ended) => exit_code(ended, arguments),
        Err(exit) => Ok(exit.into()),
    }
}

/// What to do with what lies in a registry: nothing of it comes here by running it.
fn in_registry(arguments: &Run) -> Option<Problem> {
    let reference = crate::app_file::reference(&arguments.file)?;
    Some(Problem::NotThere {
        what: format!("file {reference}"),
        hint: format!(
            "a component in a registry is pulled first: wattle pull {reference} -o FILE, then wattle run FILE"
        ),
    })
}

/// What the command line says of the component, as if its manifest said so.
fn change(manifest: &mut Manifest, arguments: &Run) -> Result<(), Problem> {
    // Nothing but a person calls it.
    manifest.triggers = Triggers::default();
    let components = manifest.entries().count();
    let Some((_, entry)) = manifest.entries_mut().next().filter(|_| components == 1) else {
        return Err(Problem::ManyComponents { path: arguments.file.clone(), components });
    };
    let variables = arguments.env.iter().map(|(name, value)| (Variable(name.clone()), Text(value.clone())));
    entry.env.extend(variables);
    for mount in &arguments.mounts {
        entry.mounts.push(MountEntry {
            host: HostPath(absolute(&mount.host)?).into(),
            guest: GuestPath(mount.guest.clone()).into(),
            access: mount.access,
        });
    }
    for (key, backend) in &arguments.links {
        entry.links.insert(key.clone().into(), LinkEntry::to(backend.clone()));
    }
    for allow in &arguments.allow {
        match allow.clone() {
            Allow::Http(origin) => entry.allow.http.push(origin),
            Allow::Network(range) => entry.allow.networks.push(range),
            Allow::Tcp(endpoint) => entry.allow.tcp.push(endpoint),
            Allow::Udp(endpoint) => entry.allow.udp.push(endpoint.into()),
        }
    }
    for limit in &arguments.limits {
        entry.limits.0.set(&limit.name, &limit.value).expect("invariant: the command line was checked");
    }
    Ok(())
}

/// Paths on the command line start from where we are, those in a manifest from the manifest.
fn absolute(path: &str) -> Result<String, Problem> {
    let absolute = std::path::absolute(path).map_err(|source| Problem::NoPlace { path: path.into(), source })?;
    text(absolute.as_os_str(), || format!("the path {}", absolute.display()))
}

fn text(text: &OsStr, what: impl FnOnce() -> String) -> Result<String, Problem> {
    text.to_str().map(Into::into).ok_or_else(|| Problem::NotText { what: what() })
}

fn command(arguments: &Run, app: &App) -> Result<Command, Problem> {
    let (component, spec) = app.components.iter().next().expect("invariant: the app has one component");
    let mut all = vec![program(arguments)];
    for (place, argument) in arguments.arguments.iter().enumerate() {
        all.push(text(argument, || format!("argument {}", place + 1))?);
    }
    let has_deadline = arguments.limits.iter().any(|limit| limit.name == "deadline");
    Ok(Command {
        component: component.clone(),
        arguments: all,
        start: arguments.invoke.clone().map_or(Start::Main, Start::Export),
        deadline: has_deadline.then_some(spec.limits.deadline),
    })
}

/// What the command is called: the name of its file.
fn program(arguments: &Run) -> String {
    arguments.file.file_name().unwrap_or(arguments.file.as_os_str()).to_string_lossy().into_owned()
}

fn host(arguments: &Run, file: &AppFile, app: &App) -> Result<Host, Problem> {
    let limits = HostLimits { concurrent_requests: INSTANCES, concurrent_calls: INSTANCES, ..file.host.limits };
    let host = Host::builder()
        .cores(NonZeroUsize::MIN)
        .limits(limits)
        .compiler(ChildCompiler)
        .backends(file.host.backends.clone())
        .name_servers(file.host.name_servers.clone());
    Ok(kept::add_to_command(host, file, app, arguments.data_dir.as_deref())?.build()?)
}

fn exit_code(ended: Ended, arguments: &Run) -> Result<ExitCode, Problem> {
    match ended {
        Ended::Exit(code) => Ok(code.into()),
        Ended::Value(None) => Ok(ExitCode::SUCCESS),
        Ended::Value(Some(value)) => print(&format!("{value}\n")).map(|()| ExitCode::SUCCESS),
        Ended::ReaderGone => Ok(Exit::ReaderGone.into()),
        Ended::Deadline => Err(Problem::Deadline { program: program(arguments) }),
        Ended::Trap(trap) => Err(Problem::Trap { program: program(arguments), trap }),
    }
}
