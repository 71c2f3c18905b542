//! HTTP routes: which requests, by host and path, reach which component or folder.

mod host;
mod path;
mod pattern;
mod request_path;
mod table;

pub use self::host::{HostName, HostNameError, host_of};
pub use self::path::{PathError, normalize_path};
pub use self::pattern::{PATTERN_MAX_LEN, PathPattern, PatternError};
pub use self::request_path::{RequestPath, RequestPathError};
pub use self::table::RouteTable;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::name::ComponentName;

/// One route of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRoute {
    /// The host name it is for, lower case and without a port. `None`: every host.
    pub host: Option<String>,
    /// The paths it is for.
    pub path: PathPattern,
    /// What answers.
    pub target: RouteTarget,
}

/// What answers the requests of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteTarget {
    /// A component of the app.
    Component(ComponentName),
    /// The files of a folder, which is absolute. What follows the prefix of the route is the name of a file.
    Files(PathBuf),
}

/// Which requests a route is for. On a host, no two routes have the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteKey {
    /// The host name, lower case and without a port. `None`: every host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The paths.
    pub path: PathPattern,
}

impl HttpRoute {
    /// Which requests it is for.
    pub fn key(&self) -> RouteKey {
        RouteKey { host: self.host.clone(), path: self.path.clone() }
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.host.as_deref().unwrap_or(""), self.path)
    }
}
