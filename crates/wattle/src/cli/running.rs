//! The verbs for apps that run, as clap reads them.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use wattle_spec::label::LinkKey;
use wattle_spec::name::{AppId, BackendName, ComponentName, NameError, ProviderName};

use crate::control::{HostAddress, Reach};

/// Whom to ask, and how to show what they say
#[derive(Debug, Clone, Args)]
pub(crate) struct Whom {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reaching: ReachArgs,
}

impl Whom {
    pub(crate) fn reach(&self) -> Reach {
        self.reaching.reach()
    }
}

/// Which host to ask, and how to get there
#[derive(Debug, Clone, Args)]
pub(crate) struct ReachArgs {
    /// Ask the host at this socket, or on another machine at https://HOST:PORT
    /// [default: all of yours that run here] [env: WATTLE_CONTROL]
    #[arg(long, value_name = "PATH|URL")]
    control: Option<HostAddress>,
    /// Show a host on another machine the token in this file
    /// [env: WATTLE_CONTROL_TOKEN_FILE]
    #[arg(long, value_name = "FILE")]
    control_token: Option<PathBuf>,
    /// Trust the authorities in this PEM file, and no others, to vouch for it
    /// [default: those of the system] [env: WATTLE_CONTROL_CA]
    #[arg(long, value_name = "FILE")]
    control_ca: Option<PathBuf>,
}

impl ReachArgs {
    pub(crate) fn reach(&self) -> Reach {
        let Self { control, control_token, control_ca } = self.clone();
        Reach { address: control, token: control_token, ca: control_ca }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Ps {
    /// Show totals, instances, code and where they listen, too
    #[arg(long)]
    pub(crate) wide: bool,
    #[command(flatten)]
    pub(crate) asking: Whom,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Of this app, or of one of its components, alone
    #[arg(value_name = "APP[/COMPONENT]")]
    pub(crate) of: Option<LogsOf>,
    #[command(flatten)]
    pub(crate) following: Following,
    #[command(flatten)]
    pub(crate) asking: Whom,
}

/// How much of what is said
#[derive(Debug, Args)]
pub(crate) struct Following {
    /// Go on with what comes
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Begin with this many of the last
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = super::number::<usize>)]
    pub(crate) tail: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Of this app alone
    pub(crate) app: Option<AppId>,
    #[command(flatten)]
    pub(crate) following: Following,
    #[command(flatten)]
    pub(crate) asking: Whom,
}

/// Whose lines somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogsOf {
    pub(crate) app: AppId,
    pub(crate) component: Option<ComponentName>,
}

/// `APP`, `APP/COMPONENT`, or `NAMESPACE/APP/COMPONENT`.
impl FromStr for LogsOf {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.rsplit_once('/') {
            None => Ok(Self { app: text.parse()?, component: None }),
            Some((app, component)) => Ok(Self { app: app.parse()?, component: Some(component.parse()?) }),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Link {
    /// Show what provides each import, and which rule chose it
    List(LinkList),
    /// Lead a link to another backend or component while its app runs
    Set(LinkSet),
    /// Move what a link keeps to another backend, and lead the link there
    Move(LinkMove),
    /// Lead a link back to where it led when its app was started
    Rm(LinkRm),
}

/// Which component of which app
#[derive(Debug, Args)]
pub(crate) struct LinkOf {
    /// Which app
    pub(crate) app: AppId,
    /// Which of its components
    pub(crate) component: ComponentName,
    #[command(flatten)]
    pub(crate) asking: Whom,
}

#[derive(Debug, Args)]
pub(crate) struct LinkSet {
    #[command(flatten)]
    pub(crate) of: LinkOf,
    /// What of its imports, and the backend or component, as in wasi:keyvalue=memory
    #[arg(value_name = "INTERFACE=PROVIDER", value_parser = link::<ProviderName>)]
    pub(crate) link: (LinkKey, ProviderName),
}

#[derive(Debug, Args)]
pub(crate) struct LinkMove {
    #[command(flatten)]
    pub(crate) of: LinkOf,
    /// What of its imports, and the backend, as in wasi:keyvalue=nats
    #[arg(value_name = "INTERFACE=BACKEND", value_parser = link::<BackendName>)]
    pub(crate) link: (LinkKey, BackendName),
    /// First remove what the app keeps in that backend already
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LinkRm {
    #[command(flatten)]
    pub(crate) of: LinkOf,
    /// What of its imports, as in wasi:keyvalue
    #[arg(value_name = "INTERFACE")]
    pub(crate) interface: LinkKey,
}

#[derive(Debug, Args)]
pub(crate) struct LinkList {
    /// Of this app alone
    pub(crate) app: Option<AppId>,
    /// Of this component alone
    pub(crate) component: Option<ComponentName>,
    /// Show those of the WASI core, too; JSON always has them
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) asking: Whom,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cron {
    /// Show schedules: when they are due next, and how they ran last
    List(CronList),
    /// Run a schedule now, and wait for its end
    Run(CronRun),
}

#[derive(Debug, Args)]
pub(crate) struct CronList {
    /// Of this app alone
    pub(crate) app: Option<AppId>,
    #[command(flatten)]
    pub(crate) asking: Whom,
}

#[derive(Debug, Args)]
pub(crate) struct CronRun {
    /// Which app
    pub(crate) app: AppId,
    /// A component with one schedule, or a schedule as in 'job at @daily (UTC)'
    #[arg(value_name = "COMPONENT|TRIGGER")]
    pub(crate) schedule: String,
    #[command(flatten)]
    pub(crate) asking: Whom,
}

pub(super) fn link<Name: FromStr<Err = NameError>>(text: &str) -> Result<(LinkKey, Name), String> {
    let Some((interface, name)) = text.rsplit_once('=') else {
        return Err("expected an interface and where it leads, as in wasi:keyvalue=memory".into());
    };
    let key = interface.parse().map_err(|error: wattle_spec::label::LinkKeyError| error.to_string())?;
    Ok((key, name.parse().map_err(|error: NameError| error.to_string())?))
}
