//! The control protocol: what can be asked of a host while it runs, and what it answers.
//!
//! These are the values that cross, as plain data. Who carries them is not known here. What is asked is read strictly, so
//! that nothing is asked in vain; an answer may have more than its reader knows, so that hosts can be newer.

mod action;
mod deployed;
mod event;
mod explained;
mod links;
mod listeners;
mod log_line;
mod moment;
mod progress;
mod query;
mod refusal;
mod schedules;
mod status;
mod told;

pub use self::action::{Action, Done};
pub use self::deployed::{AppState, Applied, Change, DeployedApp, Generation};
pub use self::event::Event;
pub use self::explained::{ExplainedApp, ExplainedComponent, ExplainedImport};
pub use self::links::{AppLinks, ComponentLinks, LinkStatus, MoveReport};
pub use self::listeners::{Cut, ListenerAdded, ListenerOrigin, ListenerRemoved, ListenerStatus};
pub use self::log_line::{LogLine, Lost, Speaker};
pub use self::moment::Moment;
pub use self::progress::{ActionProgress, ComponentProgress, Progress, PulledArtifact, Pulling};
pub use self::query::Query;
pub use self::refusal::{Refusal, RefusalCode, Refused};
pub use self::schedules::{AppSchedules, ScheduleRun, ScheduleStatus};
pub use self::status::{
    AppStatus, ComponentStatus, HostStatus, Instances, MoveProgress, Rates, Requests, ServiceState, Waiting,
};
pub use self::told::{Told, ToldError, ToldReader};
