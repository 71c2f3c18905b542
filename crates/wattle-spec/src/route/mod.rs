//! HTTP routes: which requests, by host and path, reach which component.

mod host;
mod path;
mod pattern;
mod table;

pub use self::host::{HostName, HostNameError, host_of};
pub use self::path::{PathError, normalize_path};
pub use self::pattern::{PATTERN_MAX_LEN, PathPattern, PatternError};
pub use self::table::RouteTable;
use crate::name::ComponentName;

/// One route of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRoute {
    /// The host name it is for, lower case and without a port. `None`: every host.
    pub host: Option<String>,
    /// The paths it is for.
    pub path: PathPattern,
    /// What answers.
    pub component: ComponentName,
}
