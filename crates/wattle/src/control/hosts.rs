//! The hosts that a verb asks: the one that somebody named, or all of this user that live on this machine.

use std::io;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wattle_spec::control::{HostStatus, Refusal};
use wattle_spec::name::AppId;

use super::client::{AskError, Client, Way};
use super::place;
use super::reach::{HostAddress, Reach};
use crate::problem::Problem;
use crate::verb::tell;

/// Hosts that answered.
pub(crate) struct Hosts(Vec<Asked>);

/// A host, and what it said of itself.
pub(crate) struct Asked {
    pub(crate) client: Client,
    pub(crate) status: HostStatus,
}

/// What hosts answered of their apps.
#[derive(Serialize)]
pub(crate) struct Answers<T> {
    hosts: Vec<HostAnswer<T>>,
}

#[derive(Serialize)]
struct HostAnswer<T> {
    /// Where it is asked.
    control: String,
    apps: Vec<T>,
}

#[derive(Deserialize)]
struct Apps<T> {
    apps: Vec<T>,
}

impl<T> Answers<T> {
    /// What all of them answered.
    pub(crate) fn apps(&self) -> impl Iterator<Item = &T> {
        self.hosts.iter().flat_map(|host| &host.apps)
    }
}

impl<T> Answers<T> {
    /// The same, to be changed.
    pub(crate) fn apps_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.hosts.iter_mut().flat_map(|host| &mut host.apps)
    }
}

impl Hosts {
    /// Asks the host that somebody named, or else all that live. One of several that does not answer is told and left out.
    ///
    /// # Errors
    ///
    /// If none answers.
    pub(crate) async fn find(reach: &Reach) -> Result<Self, Problem> {
        if let Some(client) = reach.client().map_err(Problem::Reach)? {
            let status = client.get("/v1/status").await.map_err(|error| client.problem(error))?;
            return Ok(Self(vec![Asked { client, status }]));
        }
        let sockets = place::living().await.map_err(Problem::ControlSocket)?;
        let clients: Vec<_> = sockets.into_iter().map(Client::at_socket).collect();
        let answers = futures::future::join_all(clients.iter().map(|client| client.get("/v1/status"))).await;
        let mut hosts = Vec::new();
        for (client, answer) in clients.into_iter().zip(answers) {
            match answer {
                Ok(status) => hosts.push(Asked { client, status }),
                // It ended meanwhile.
                Err(AskError::Connect(_)) => {}
                Err(error) => tell(&format!("warning: {} is left out: {error}\n", client.address)),
            }
        }
        match hosts.is_empty() {
            true => Err(Problem::NoHost),
            false => Ok(Self(hosts)),
        }
    }

    pub(crate) fn all(&self) -> &[Asked] {
        &self.0
    }

    /// The one there is.
    ///
    /// # Errors
    ///
    /// If there are several.
    pub(crate) fn only(self) -> Result<Asked, Problem> {
        let mut found = self.0;
        match found.pop() {
            Some(host) if found.is_empty() => Ok(host),
            last => {
                let hosts = found.into_iter().chain(last).map(|host| host.client.address).collect();
                Err(Problem::SeveralHosts { hosts })
            }
        }
    }

    /// Those that run `app`, or all if nobody named one.
    ///
    /// # Errors
    ///
    /// If none does.
    pub(crate) fn with(self, app: Option<&AppId>) -> Result<Vec<Asked>, Problem> {
        let Some(app) = app else { return Ok(self.0) };
        let known: Vec<AppId> =
            self.0.iter().flat_map(|host| host.status.apps.iter().map(|app| app.app.clone())).collect();
        let runs_it = |host: &Asked| host.status.apps.iter().any(|status| status.app == *app);
        let found: Vec<_> = self.0.into_iter().filter(runs_it).collect();
        match found.is_empty() {
            true => Err(Problem::Refused(Refusal::unknown_app(app, known))),
            false => Ok(found),
        }
    }

    /// What those answer at `target` that run `app`, or all if nobody named one.
    ///
    /// # Errors
    ///
    /// If none runs it, or one does not answer.
    pub(crate) async fn ask<T: DeserializeOwned>(
        self,
        app: Option<&AppId>,
        target: &str,
    ) -> Result<Answers<T>, Problem> {
        let mut hosts = Vec::new();
        for Asked { client, .. } in self.with(app)? {
            let Apps { apps } = client.get(target).await.map_err(|error| client.problem(error))?;
            hosts.push(HostAnswer { control: client.address.to_string(), apps });
        }
        Ok(Answers { hosts })
    }

    /// Those that are told what to run.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub(crate) fn that_take_apps(self) -> Result<Self, Problem> {
        let found: Vec<_> = self.0.into_iter().filter(|host| host.status.takes_apps).collect();
        if found.is_empty() { Err(Problem::Refused(Refusal::one_app())) } else { Ok(Self(found)) }
    }

    /// The one that is told what to run.
    ///
    /// # Errors
    ///
    /// If there is none, or several.
    pub(crate) fn that_takes_apps(self) -> Result<Asked, Problem> {
        let mut found = self.that_take_apps()?.0;
        match found.pop() {
            Some(host) if found.is_empty() => Ok(host),
            last => {
                let hosts = found.into_iter().chain(last).map(|host| host.client.address).collect();
                Err(Problem::WhichHost { hosts })
            }
        }
    }

    /// The one that runs `app`.
    ///
    /// # Errors
    ///
    /// If none does, or several.
    pub(crate) fn only_with(self, app: &AppId) -> Result<Asked, Problem> {
        let mut found = self.with(Some(app))?;
        match found.pop() {
            Some(host) if found.is_empty() => Ok(host),
            last => {
                let hosts = found.into_iter().chain(last).map(|host| host.client.address).collect();
                Err(Problem::ManyHosts { app: app.clone(), hosts })
            }
        }
    }
}

impl Client {
    pub(super) fn at_socket(path: PathBuf) -> Self {
        Self { address: HostAddress::Socket(path.clone()), way: Way::Socket(path) }
    }

    /// The user whose socket it is, if that is why `error` came.
    fn another_owner(&self, error: &AskError) -> Option<u32> {
        let is_turned_away = match error {
            AskError::Connect(error) => error.kind() == io::ErrorKind::PermissionDenied,
            AskError::Broken(_) => true,
            _ => false,
        };
        match &self.way {
            Way::Socket(path) if is_turned_away => place::another_owner(path),
            _ => None,
        }
    }

    /// Why it does not answer, for people.
    pub(crate) fn problem(&self, error: AskError) -> Problem {
        match error {
            AskError::Refused(refusal) => Problem::Refused(refusal),
            error => {
                let source = self.another_owner(&error).map_or(error, AskError::NotOurs);
                Problem::Ask { host: self.address.clone(), source }
            }
        }
    }
}
