//! Why a host does not do or answer what it was asked.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{listed, nearest};
use crate::name::{AppId, ComponentName};

macro_rules! codes {
    ($($name:ident = $status:literal, $text:literal, $meaning:literal;)*) => {
        /// What kind of refusal it is. The texts are stable: programs may compare them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub enum RefusalCode {
            $(#[doc = $meaning] #[serde(rename = $text)] $name,)*
            /// One that a newer host has and this reader does not know.
            #[serde(other)]
            Unknown,
        }

        impl RefusalCode {
            /// All that a host of this version gives, in the order of their statuses.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The status of HTTP that goes with it.
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                    Self::Unknown => 500,
                }
            }

            /// The code as it is in JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Unknown => "unknown",
                }
            }

            /// When it is given: a sentence of the documentation.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                    Self::Unknown => "The reader is older than the host.",
                }
            }
        }
    };
}

codes! {
    BadRequest = 400, "bad-request", "The request cannot be read: its parameters, or the JSON of its body.";
    Unauthorized = 401, "unauthorized", "Whoever asks from another machine has to show the token of the host (`Authorization: Bearer`).";
    ForeignHost = 403, "foreign-host", "The host is called by a name (`Host`) that its certificate for the control protocol is not for.";
    ForeignOrigin = 403, "foreign-origin", "A page in a browser asks (`Origin`): none may.";
    NoSuchPath = 404, "no-such-path", "There is nothing to ask at this path.";
    NoSuchApp = 404, "no-such-app", "The host runs no app of this name.";
    NoSuchComponent = 404, "no-such-component", "The app has no component of this name.";
    NoSuchSchedule = 404, "no-such-schedule", "The app has no such schedule.";
    NoSuchLink = 404, "no-such-link", "The component has no such link, or none that can be set.";
    NoSuchListener = 404, "no-such-listener", "The host does not serve on this address.";
    NoSuchBackend = 404, "no-such-backend", "Neither the app nor the host has a backend of this name, and the app no component.";
    MethodNotAllowed = 405, "method-not-allowed", "The path is asked with another method.";
    BodyTimeout = 408, "body-timeout", "The body of the request did not come within 10 s.";
    AmbiguousSchedule = 409, "ambiguous-schedule", "The component has several schedules.";
    Overlap = 409, "overlap", "Earlier runs of the schedule have not ended, and its `overlap` does not let more of them be there.";
    BackendUnfit = 409, "backend-unfit", "The backend that a link is to lead to is not one for it: of another type, or without what is needed. Trying again does not help.";
    LinkRefused = 409, "link-refused", "The link cannot lead there.";
    OneApp = 409, "one-app", "The host was started for one app (`wattle up`) and takes no others.";
    StaleGeneration = 409, "stale-generation", "The app is at this generation already or at a newer one, or not at the one that is expected.";
    NoSuchGeneration = 409, "no-such-generation", "The app has no such generation, or it is not kept any more.";
    RouteTaken = 409, "route-taken", "Another app has a route of what is to run. What ran before still runs.";
    AppStopped = 409, "app-stopped", "The app was stopped.";
    ListenerExists = 409, "listener-exists", "The host serves on this address already.";
    TooManyListeners = 409, "too-many-listeners", "64 listeners were added already.";
    NoCertificate = 409, "no-certificate", "TLS is to be spoken on the address, and the host has no certificate.";
    NotEmpty = 409, "not-empty", "The app keeps something already where something is to be moved to.";
    BodyTooLarge = 413, "body-too-large", "The body of the request is larger than 64 KiB.";
    KeyReused = 422, "key-reused", "The `Idempotency-Key` belongs to another action already.";
    AppRefused = 422, "app-refused", "What is to run cannot be run here: faults in a manifest, a component, a policy. Trying again does not help.";
    AppFailed = 500, "app-failed", "What is to run fails when it is started. What ran before still runs.";
    AppBlocked = 503, "app-blocked", "Something outside is in the way of what is to run: a registry, a disk, a backend. What ran before still runs.";
    TooManyFollowers = 503, "too-many-followers", "16 follow the log already.";
    TooManyActions = 503, "too-many-actions", "256 apps are being started or updated already, or as many other actions are under way.";
    AddressUnusable = 503, "address-unusable", "The host cannot listen on the address: it is in use, not one of the machine, or not for this user.";
    NotWritten = 503, "not-written", "What is to be remembered cannot be written down; nothing has changed.";
    BackendUnusable = 503, "backend-unusable", "The backend that a link is to lead to cannot be used now; the link stays as it is.";
    MoveFailed = 503, "move-failed", "What a link keeps could not be moved; it is where it was, and nothing is lost.";
    NotRunning = 503, "not-running", "The app does not run: it starts, ends, or could not be started.";
    Stopping = 503, "stopping", "The host or the app is ending.";
}

/// Why a host does not do or answer what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// What kind it is.
    pub code: RefusalCode,
    /// What is refused and why, for people.
    pub message: String,
    /// What to do about it, if something is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The app that was to be started or updated, as far as the host came to know its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
}

/// A refusal as it crosses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// The refusal.
    pub error: Refusal,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// A refusal without a hint.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, app: None }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same of what was to become of `app`, if that is known.
    #[must_use]
    pub fn about(mut self, app: Option<AppId>) -> Self {
        self.app = app;
        self
    }

    /// That the request cannot be read.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(RefusalCode::BadRequest, message)
    }

    /// That there is no app `wanted` among those that run.
    pub fn no_app(wanted: &AppId, running: impl IntoIterator<Item = AppId>) -> Self {
        Self::new(RefusalCode::NoSuchApp, format!("no app `{wanted}` runs"))
            .hint(instead_of(wanted, running, "running"))
    }

    /// That there is no app `wanted` among those that are `known`, whether they run, sleep or were stopped.
    pub fn unknown_app(wanted: &AppId, known: impl IntoIterator<Item = AppId>) -> Self {
        let refusal = Self::new(RefusalCode::NoSuchApp, format!("no app `{wanted}` is known here"));
        refusal.hint(instead_of(wanted, known, "known"))
    }

    /// That the host does not take apps.
    pub fn one_app() -> Self {
        let refusal = Self::new(RefusalCode::OneApp, "this host was started for one app and takes no others");
        refusal.hint("start one that does with `wattle host`")
    }

    /// That this is nothing a host does by itself.
    pub fn not_here() -> Self {
        Self::new(RefusalCode::BadRequest, "this is asked of the program that has the host, and not of the host")
    }

    /// That `app` is there, and nothing of it runs yet or any more.
    pub fn not_running(app: &AppId) -> Self {
        let refusal = Self::new(RefusalCode::NotRunning, format!("the app `{app}` does not run: it starts, or ends"));
        refusal.hint("try again when `wattle ps` shows it as ready")
    }

    /// That `app` has no component `wanted` among `known`.
    pub fn no_component(app: &AppId, wanted: &ComponentName, known: impl IntoIterator<Item = ComponentName>) -> Self {
        let known: Vec<String> = known.into_iter().map(|component| component.to_string()).collect();
        let message = format!("the app `{app}` has no component `{wanted}`");
        Self::new(RefusalCode::NoSuchComponent, message).hint(advice(wanted.as_str(), &known, "its components"))
    }

    /// That `app` has no schedule `wanted` among `known`.
    pub fn no_schedule(app: &AppId, wanted: &str, known: &[String]) -> Self {
        let message = format!("the app `{app}` has no schedule `{wanted}`");
        Self::new(RefusalCode::NoSuchSchedule, message).hint(advice(wanted, known, "its schedules"))
    }
}

/// The nearest of `apps`, and all of them, which are as `what` says.
fn instead_of(wanted: &AppId, apps: impl IntoIterator<Item = AppId>, what: &str) -> String {
    let apps: Vec<String> = apps.into_iter().map(|app| app.to_string()).collect();
    match apps.is_empty() {
        true => format!("no app is {what}"),
        false => advice(&wanted.to_string(), &apps, what),
    }
}

/// The nearest name, and all there are.
fn advice(wanted: &str, known: &[String], what: &str) -> String {
    match nearest(wanted, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? {what}: {}", listed(known)),
        None => format!("{what}: {}", listed(known)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_named() {
        let app = |text: &str| text.parse::<AppId>().expect("an app");
        let refusal = Refusal::no_app(&app("shpo"), [app("blog"), app("shop")]);
        assert_eq!(refusal.message, "no app `default/shpo` runs");
        let hint = "did you mean `default/shop`? running: `default/blog` and `default/shop`";
        assert_eq!(refusal.hint.as_deref(), Some(hint));
        // Not all that are known run.
        let refusal = Refusal::unknown_app(&app("shpo"), [app("shop")]);
        assert_eq!(refusal.message, "no app `default/shpo` is known here");
        assert_eq!(refusal.hint.as_deref(), Some("did you mean `default/shop`? known: `default/shop`"));
    }

    /// What a newer host says is still a refusal.
    #[test]
    fn codes_that_are_not_known() {
        let text = r#"{"code":"too-late","message":"no","since":1}"#;
        let refusal: Refusal = serde_json::from_str(text).expect("a refusal");
        assert_eq!((refusal.code, refusal.message.as_str()), (RefusalCode::Unknown, "no"));
        for code in RefusalCode::ALL {
            assert_eq!(serde_json::to_string(code).expect("a text"), format!("\"{}\"", code.as_str()));
        }
    }
}
