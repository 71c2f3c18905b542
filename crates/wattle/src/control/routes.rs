//! What can be asked on the control socket: one table, which the server tells, too.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response};
use serde::Serialize;
use serde_json::json;
use tokio::sync::Semaphore;
use wattle_spec::control::{Refusal, RefusalCode};

use super::answer::{Body, json as answer_json};
use super::follow;
use super::query::{Query, bad};
use super::server::Served;
use crate::ring::{End, Reader, Ring, Said, Wanted};

/// Lines that are told if nobody says how many.
const TAIL: usize = 100;

/// Who may follow the log at a time.
const FOLLOWERS_MAX: usize = 16;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Index,
    Status,
    Apps,
    Links,
    Explained,
    Schedules,
    Logs,
    Events,
    Actions,
}

/// One path.
#[derive(Serialize)]
pub(super) struct Route {
    #[serde(skip)]
    endpoint: Endpoint,
    pub(super) method: &'static str,
    path: &'static str,
    parameters: &'static [&'static str],
    about: &'static str,
}

const ROUTES: &[Route] = &[
    Route {
        endpoint: Endpoint::Index,
        method: "GET",
        path: "/v1",
        parameters: &[],
        about: "This list, and the codes of errors.",
    },
    Route {
        endpoint: Endpoint::Status,
        method: "GET",
        path: "/v1/status",
        parameters: &[],
        about: "The host and its apps: what is ready and what is not, components, services, requests.",
    },
    Route {
        endpoint: Endpoint::Apps,
        method: "GET",
        path: "/v1/apps",
        parameters: &["app"],
        about: "The apps that the host remembers: how far each is, and the generations that are kept.",
    },
    Route {
        endpoint: Endpoint::Links,
        method: "GET",
        path: "/v1/links",
        parameters: &["app", "component"],
        about: "What provides each import of what runs, and which rule chose it.",
    },
    Route {
        endpoint: Endpoint::Explained,
        method: "GET",
        path: "/v1/explain",
        parameters: &["app", "component"],
        about: "The same with what is in force behind it, and what the other rules would have given.",
    },
    Route {
        endpoint: Endpoint::Schedules,
        method: "GET",
        path: "/v1/schedules",
        parameters: &["app"],
        about: "The schedules: the next tick, what runs now, how the last run ended.",
    },
    Route {
        endpoint: Endpoint::Logs,
        method: "GET",
        path: "/v1/logs",
        parameters: &["app", "component", "tail", "follow"],
        about: "The last lines of the log (`tail`, 100), and with `follow=true` those that come, as server-sent events.",
    },
    Route {
        endpoint: Endpoint::Events,
        method: "GET",
        path: "/v1/events",
        parameters: &["app", "tail", "follow"],
        about: "What the host reported last (`tail`, 100), and with `follow=true` what comes, as server-sent events.",
    },
    Route {
        endpoint: Endpoint::Actions,
        method: "POST",
        path: "/v1/actions",
        parameters: &[],
        about: "Does what the body says, and answers when it is done.",
    },
];

/// What was asked, before its body is read.
pub(super) struct Question {
    pub(super) endpoint: Endpoint,
    query: Query,
}

impl Question {
    /// Finds what is asked, or says why nothing is, with the method that would be right.
    pub(super) fn read(method: &Method, uri: &http::Uri) -> Result<Self, (Refusal, Option<&'static str>)> {
        let Some(route) = ROUTES.iter().find(|route| route.path == uri.path()) else {
            let refusal = Refusal::new(RefusalCode::NoSuchPath, "there is nothing to ask at this path");
            return Err((refusal.hint("GET /v1 lists what there is"), None));
        };
        if method != route.method {
            let message = format!("{} is asked with {}", route.path, route.method);
            return Err((Refusal::new(RefusalCode::MethodNotAllowed, message), Some(route.method)));
        }
        let query =
            Query::read(uri.query().unwrap_or_default(), route.parameters).map_err(|refusal| (refusal, None))?;
        Ok(Self { endpoint: route.endpoint, query })
    }

    /// Whether nobody can say how long its answer takes.
    pub(super) fn takes_long(&self) -> bool {
        self.endpoint == Endpoint::Actions || self.query.follow == Some(true)
    }

    /// Asks the host, or the log.
    pub(super) async fn answer(self, served: &Served, body: Bytes) -> Result<Response<Body>, Refusal> {
        let Self { endpoint, query } = self;
        let (app, component) = (query.app.as_ref(), query.component.as_ref());
        Ok(match endpoint {
            Endpoint::Index => answer_json(&json!({ "routes": ROUTES, "codes": codes() })),
            Endpoint::Status => answer_json(&served.status().await),
            Endpoint::Apps => {
                let daemon = served.daemon.as_ref().ok_or_else(Refusal::one_app)?;
                answer_json(&json!({ "apps": daemon.deployed_apps(app)? }))
            }
            Endpoint::Links => answer_json(&json!({ "apps": served.host.links(app, component)? })),
            Endpoint::Explained => answer_json(&json!({ "apps": served.host.explain(app, component)? })),
            Endpoint::Schedules => answer_json(&json!({ "apps": served.host.schedules(app)? })),
            Endpoint::Logs => {
                let known = query.app.as_ref().map_or(Ok(()), |app| served.knows(app, query.component.as_ref()));
                known.and_then(|()| said(served, &served.ring, query))?
            }
            // Of an app that is forgotten, too.
            Endpoint::Events => said(served, &served.events, query)?,
            Endpoint::Actions => {
                let action = serde_json::from_slice(&body)
                    .map_err(|error| bad(format!("the action cannot be read: {error}")))?;
                // What has begun goes on if nobody waits for the answer.
                let (host, daemon) = (served.host.clone(), served.daemon.clone());
                let done = tokio::spawn(async move {
                    match daemon {
                        Some(daemon) => daemon.act(action).await,
                        None => host.act(action).await,
                    }
                });
                let ended = |_| Refusal::new(RefusalCode::Stopping, "the host ends");
                answer_json(&done.await.map_err(ended)??)
            }
        })
    }
}

fn said<T: Said>(served: &Served, ring: &Arc<Ring<T>>, query: Query) -> Result<Response<Body>, Refusal> {
    let follows = query.follow == Some(true);
    let place = match follows {
        true => Some(served.followers.clone().try_acquire_owned().map_err(|_| {
            let message = format!("{FOLLOWERS_MAX} follow the log already");
            Refusal::new(RefusalCode::TooManyFollowers, message)
        })?),
        false => None,
    };
    let wanted = Wanted { app: query.app, component: query.component };
    let end = if follows { End::Never } else { End::Now };
    let reader: Reader<T> = ring.read(wanted, query.tail.unwrap_or(TAIL), end);
    Ok(follow::answer(reader, place))
}

/// Places for those who follow.
pub(super) fn followers() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(FOLLOWERS_MAX))
}

fn codes() -> Vec<serde_json::Value> {
    let row = |code: &RefusalCode| json!({ "code": code, "status": code.status(), "meaning": code.meaning() });
    RefusalCode::ALL.iter().map(row).collect()
}
