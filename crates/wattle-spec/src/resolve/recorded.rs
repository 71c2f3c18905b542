//! What a host recorded of an app: it comes before the defaults of now, and what was moved before the link that leads to
//! where it was.

use super::State;
use super::links::{Choice, Ground, Importer, Wanted};
use crate::choices::{BackendPlace, Choices, is_recorded};
use crate::fault::Fault;
use crate::host_file::backend_named;
use crate::label::LinkKey;
use crate::link::{Provider, Rule};

impl<'a> Ground<'a> {
    /// Adds to `choices`, the first of which wins, what is recorded of this import.
    pub(super) fn add_recorded(&self, wanted: &Wanted<'_, '_>, choices: &mut Vec<Choice<'a>>) {
        let Some(state) = wanted.offer.and_then(|offer| offer.state) else { return };
        let key = LinkKey { interface: wanted.interface.package_key(), label: wanted.label.cloned() };
        self.add_recorded_of(wanted.importer, &key, state, choices);
    }

    /// The same of `key`, a package or a name that is opened through one.
    pub(super) fn add_recorded_of(
        &self,
        importer: &Importer<'_>,
        key: &LinkKey,
        state: State,
        choices: &mut Vec<Choice<'a>>,
    ) {
        if !is_recorded(state) {
            return;
        }
        let Choices { chosen, moved, .. } = &self.host.recorded;
        if let Some(chosen) = chosen.get(key) {
            let place = &chosen.place;
            let reason = format!("`{}` was {} on {}", place.backend, chosen.by, chosen.since.date());
            // A default that has the label would come before what has none.
            let has_label = choices.iter().any(|choice| choice.rule == Rule::HostDefault && choice.has_label);
            let provider = self.recorded_backend(importer, key, (place, &reason));
            choices.push(Choice { rule: Rule::Recorded, provider, reason, link: None, has_label });
        }
        choices.sort_by(|one, other| one.rank().cmp(&other.rank()));
        let written = choices.first().filter(|first| matches!(first.rule, Rule::ComponentLink | Rule::AppLink));
        if let Some(moved) = moved.get(key)
            && let Some(Choice { provider: Ok(Provider::Backend(name)), .. }) = written
            && *name == moved.from
        {
            let place = &moved.place;
            let since = moved.since.date();
            let reason = format!("what was kept in `{name}` was moved to `{}` on {since}", place.backend);
            let provider = self.recorded_backend(importer, key, (place, &reason));
            choices.insert(0, Choice { rule: Rule::Moved, provider, reason, link: None, has_label: true });
        }
    }

    /// The backend of a record, if it is what it was.
    fn recorded_backend(
        &self,
        importer: &Importer<'_>,
        key: &LinkKey,
        (place, reason): (&BackendPlace, &str),
    ) -> Result<Provider, Fault> {
        let name = &place.backend;
        let own = self.manifest.backends.iter().map(|(name, entry)| (name.value.clone(), entry.resolved())).collect();
        let now = backend_named(&own, &self.host.backends, name).map(|spec| BackendPlace::of(name, &spec));
        let is_cut =
            self.host.cut.backends.contains(name.as_str()) || self.manifest.cut.backends.contains(name.as_str());
        let what = match now {
            _ if is_cut => return Ok(Provider::Backend(name.clone())),
            Some(now) if place.is(&now) => return Ok(Provider::Backend(name.clone())),
            Some(now) => format!("is {now} now, and not {place} as then"),
            None => "is not there any more".to_owned(),
        };
        let app = self.manifest.id();
        let message =
            format!("what component `{}` keeps through `{key}` is in backend `{name}`, which {what}", importer.name);
        let hint = format!(
            "{reason}; bring it back in the host's file, and move what is kept with `wattle link move {} {} {key}=BACKEND`:\n\
             {}\nor give up what is kept there: remove `choices/{}` from the data directory",
            app.name,
            importer.name,
            place.lines(),
            Choices::file_name(&app),
        );
        Err(Fault::new(message).at(importer.entry.source.span.clone()).hint(hint))
    }
}
