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
use std::path::PathBuf;

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
