//! `wattle explain`: what provides each import of each component and which rule chose it, and what else it is granted;
//! or of one import the whole story.

mod json;
mod narrow;
mod page;
mod running;
mod story;

use self::json::{Heard, Scheduled, Served};
use super::{print, print_json};
use crate::app_file::AppFile;
use crate::artifacts::Asking;
use crate::cli::Explain;
use crate::kept;
use crate::problem::Problem;

pub(crate) fn run(arguments: &Explain) -> Result<(), Problem> {
    if arguments.running {
        return running::run(arguments);
    }
    let mut file = AppFile::read(&arguments.what, Asking::Nobody)?;
    kept::recall(&mut file, arguments.data_dir.as_deref())?;
    let behind = file.behind();
    let mut explained = file.explain()?;
    let mut whole = Whole::of(&file);
    if let Some(component) = &arguments.component {
        narrow::to_component(&mut explained, component)?;
        whole.narrow(component);
    }
    if let (Some(import), [component]) = (&arguments.import, explained.as_mut_slice()) {
        narrow::to_import(component, import)?;
    }
    if arguments.json {
        print_json(&json::App::new(file.name(), &explained, &behind, whole))?;
    } else if arguments.import.is_some() {
        print(&story::of(&explained, &behind))?;
    } else {
        print(&page::of(&explained, &whole))?;
    }
    // An app that is refused is explained too, and then refused.
    file.resolve().map(drop)
}

/// What an app has beside its components.
struct Whole {
    files: Vec<Served>,
    schedules: Vec<Scheduled>,
    messages: Vec<Heard>,
}

impl Whole {
    fn of(file: &AppFile) -> Self {
        let now = chrono::Utc::now();
        Self {
            files: file.served_folders().into_iter().map(Served::new).collect(),
            schedules: file.schedules().iter().map(|trigger| Scheduled::new(trigger, now)).collect(),
            messages: file.messages().into_iter().map(|(trigger, group)| Heard::new(&trigger, group)).collect(),
        }
    }

    /// Leaves what belongs to one component.
    fn narrow(&mut self, component: &str) {
        self.files.clear();
        self.schedules.retain(|schedule| schedule.component == component);
        self.messages.retain(|heard| heard.component == component);
    }
}
