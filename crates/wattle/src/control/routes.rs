//! What can be asked by the control protocol: one table, which the server tells, too.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use http::{Method, Response};
use serde::Serialize;
use serde_json::json;
use tokio::sync::Semaphore;
use wattle_spec::control::{
    Action, AppLinks, AppSchedules, DeployedApp, Done, Event, ExplainedApp, HostStatus, ListenerStatus, LogLine, Query,
    Refusal, RefusalCode,
};

use super::actions::ActionPlace;
use super::answer::{Body, json as answer_json};
use super::follow;
use super::openapi::{self, Answer};
use super::server::Served;
use super::under_way::UnderWay;
use crate::ring::{End, Reader, Ring, Said, Wanted};

/// Lines that are told if nobody says how many.
const TAIL: usize = 100;

/// Who may follow the log at a time.
const FOLLOWERS_MAX: usize = 16;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Index,
    Document,
    Status,
    Apps,
    Links,
    Explained,
    Schedules,
    Listeners,
    Logs,
    Events,
    Actions,
}

impl Endpoint {
    /// Whether an app that sleeps has to be started to answer.
    fn is_of_what_runs(self) -> bool {
        matches!(self, Self::Links | Self::Explained | Self::Schedules)
    }
}

/// One path.
#[derive(Serialize)]
pub(super) struct Route {
    #[serde(skip)]
    endpoint: Endpoint,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) parameters: &'static [&'static str],
    pub(super) about: &'static str,
    #[serde(skip)]
    pub(super) answer: Answer,
}

impl Route {
    /// What an operation is called: the last part of its path.
    pub(super) fn name(&self) -> &'static str {
        match self.endpoint {
            Endpoint::Index => "index",
            Endpoint::Document => "openapi",
            _ => self.path.rsplit('/').next().unwrap_or(self.path),
        }
    }
}

/// All there are.
pub(super) const ROUTES: &[Route] = &[
    Route {
        endpoint: Endpoint::Index,
        method: "GET",
        path: "/v1",
        parameters: &[],
        about: "This list, and the codes of errors.",
        answer: Answer::Value(openapi::object),
    },
    Route {
        endpoint: Endpoint::Document,
        method: "GET",
        path: "/v1/openapi.json",
        parameters: &[],
        about: "This protocol as an OpenAPI document.",
        answer: Answer::Value(openapi::object),
    },
    Route {
        endpoint: Endpoint::Status,
        method: "GET",
        path: "/v1/status",
        parameters: &[],
        about: "The host and its apps: what is ready and what is not, components, services, requests.",
        answer: Answer::Value(openapi::value::<HostStatus>),
    },
    Route {
        endpoint: Endpoint::Apps,
        method: "GET",
        path: "/v1/apps",
        parameters: &["app"],
        about: "The apps that the host remembers: how far each is, and the generations that are kept.",
        answer: Answer::Value(openapi::apps::<DeployedApp>),
    },
    Route {
        endpoint: Endpoint::Links,
        method: "GET",
        path: "/v1/links",
        parameters: &["app", "component"],
        about: "What provides each import of what runs, and which rule chose it.",
        answer: Answer::Value(openapi::apps::<AppLinks>),
    },
    Route {
        endpoint: Endpoint::Explained,
        method: "GET",
        path: "/v1/explain",
        parameters: &["app", "component"],
        about: "The same with what is in force behind it, and what the other rules would have given.",
        answer: Answer::Value(openapi::apps::<ExplainedApp>),
    },
    Route {
        endpoint: Endpoint::Schedules,
        method: "GET",
        path: "/v1/schedules",
        parameters: &["app"],
        about: "The schedules: the next tick, what runs now, how the last run ended.",
        answer: Answer::Value(openapi::apps::<AppSchedules>),
    },
    Route {
        endpoint: Endpoint::Listeners,
        method: "GET",
        path: "/v1/listeners",
        parameters: &[],
        about: "Where the host serves, who asked for it, how many connections are open there.",
        answer: Answer::Value(openapi::listeners::<ListenerStatus>),
    },
    Route {
        endpoint: Endpoint::Logs,
        method: "GET",
        path: "/v1/logs",
        parameters: &["app", "component", "tail", "follow"],
        about: "The last lines of the log (`tail`, 100), and with `follow=true` those that come, as server-sent events.",
        answer: Answer::Events("line", openapi::value::<LogLine>),
    },
    Route {
        endpoint: Endpoint::Events,
        method: "GET",
        path: "/v1/events",
        parameters: &["app", "tail", "follow"],
        about: "What the host reported last (`tail`, 100), and with `follow=true` what comes, as server-sent events.",
        answer: Answer::Events("report", openapi::value::<Event>),
    },
    Route {
        endpoint: Endpoint::Actions,
        method: "POST",
        path: "/v1/actions",
        parameters: &["progress"],
        about: "Does what the body says, and answers when it is done; with `progress=true` it says how far it is, if that takes long, as server-sent events.",
        answer: Answer::Outcome(openapi::value::<Done>, openapi::outcomes),
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
            return Err((nothing_at(uri.path()), None));
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

    /// Asks the host, or the log. An action with a `key` is done once.
    pub(super) async fn answer(
        self,
        served: &Served,
        key: Option<String>,
        body: Bytes,
    ) -> Result<Response<Body>, Refusal> {
        let Self { endpoint, query } = self;
        let (app, component) = (query.app.as_ref(), query.component.as_ref());
        if let (Some(daemon), Some(app), true) = (&served.daemon, app, endpoint.is_of_what_runs()) {
            daemon.has_to_run(app).await?;
        }
        Ok(match endpoint {
            Endpoint::Index => answer_json(&json!({ "routes": ROUTES, "codes": codes() })),
            Endpoint::Document => answer_json(&openapi::document()),
            Endpoint::Status => answer_json(&served.status().await),
            Endpoint::Apps => {
                let daemon = served.daemon.as_ref().ok_or_else(Refusal::one_app)?;
                answer_json(&json!({ "apps": daemon.deployed_apps(app)? }))
            }
            Endpoint::Links => answer_json(&json!({ "apps": served.host.links(app, component)? })),
            Endpoint::Explained => answer_json(&json!({ "apps": served.host.explain(app, component)? })),
            Endpoint::Schedules => answer_json(&json!({ "apps": served.host.schedules(app)? })),
            Endpoint::Listeners => answer_json(&json!({ "listeners": served.listeners.list() })),
            Endpoint::Logs => {
                let known = query.app.as_ref().map_or(Ok(()), |app| served.knows(app, query.component.as_ref()));
                known.and_then(|()| said(served, &served.ring, query))?
            }
            // Of an app that is forgotten, too.
            Endpoint::Events => said(served, &served.events, query)?,
            Endpoint::Actions => {
                let action = action(&body)?;
                let place = served.actions.place(&action)?;
                let under_way = match key {
                    Some(key) => served.repeats.of(key, &action, || begin(served, action.clone(), place.clone()))?,
                    None => begin(served, action, place.clone()),
                };
                match query.progress {
                    Some(true) => under_way.answer().await?,
                    _ => answer_json(&under_way.done().await?),
                }
            }
        })
    }
}

/// The action that a body says.
fn action(body: &[u8]) -> Result<Action, Refusal> {
    if body.is_empty() {
        let refusal = Refusal::bad("there is no action: the body is empty");
        return Err(refusal.hint(r#"send it as JSON, as in {"action":"start","app":"default/shop"}"#));
    }
    serde_json::from_slice(body).map_err(|error| Refusal::bad(format!("the action cannot be read: {error}")))
}

/// Begins an action, which goes on, and keeps its `place`, if nobody waits for what comes of it.
fn begin(served: &Served, action: Action, place: ActionPlace) -> UnderWay {
    let ended = |_| Err(Refusal::new(RefusalCode::Stopping, "the host ends"));
    let daemon = served.daemon.as_ref();
    let course = daemon.and_then(|daemon| Some((daemon.clone(), daemon.course(&action)?)));
    let done = match course.clone() {
        Some((daemon, course)) => async move { daemon.act_on(action, &course).await }.boxed(),
        None => served.act(action).boxed(),
    };
    let done = tokio::spawn(done.inspect(move |_| drop(place)));
    UnderWay::new(done.map(move |done| done.unwrap_or_else(ended)).boxed(), course)
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

/// That there is nothing to ask at `path`.
fn nothing_at(path: &str) -> Refusal {
    let version = path.split('/').nth(1).filter(|first| is_version(first) && *first != "v1");
    let message = match version {
        Some(version) => format!("this host speaks version v1 of the protocol alone, and not {version}"),
        None => "there is nothing to ask at this path".into(),
    };
    Refusal::new(RefusalCode::NoSuchPath, message).hint("GET /v1 lists what there is")
}

fn is_version(text: &str) -> bool {
    let number = text.strip_prefix('v').unwrap_or_default();
    !number.is_empty() && number.len() < 4 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Places for those who follow.
pub(super) fn followers() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(FOLLOWERS_MAX))
}

fn codes() -> Vec<serde_json::Value> {
    let row = |code: &RefusalCode| json!({ "code": code, "status": code.status(), "meaning": code.meaning() });
    RefusalCode::ALL.iter().map(row).collect()
}
