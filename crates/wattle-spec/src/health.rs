//! Health: how a host finds out whether an app is well before it takes requests.

use std::time::Duration;

use crate::route::RequestPath;

/// How long an app may take until it is well, if its manifest says nothing.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// What an app is asked for before it takes requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What `GET` asks for, of the app's own routes. Any answer from 200 to 299 says that it is well.
    pub path: RequestPath,
    /// How long it is asked again.
    pub timeout: Duration,
}
