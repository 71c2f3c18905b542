//! What takes the lines of the log into the ring: those of guests at every level, those of the host from `info` on.
//!
//! A line for each request is none of them: nothing happens here for a request about which nobody says anything.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Write};
use std::sync::Arc;

use chrono::Utc;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use wattle_spec::control::{LogLine, Moment, Speaker};
use wattle_spec::name::{AppId, ComponentName};

use crate::ring::{self, Ring};

/// The most bytes of one value.
const VALUE_MAX: usize = 16 << 10;

/// The target of lines that guests write.
const GUEST: &str = "guest";

/// What a line counts for beside its text.
const LINE_BYTES: usize = 128;

/// A layer that keeps lines in `ring`.
pub(super) fn keeping_in<S>(ring: Arc<Ring<LogLine>>) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let targets = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target(GUEST, LevelFilter::TRACE)
        .with_target("access", LevelFilter::OFF)
        .with_target("async_nats", LevelFilter::ERROR);
    Keep(ring).with_filter(targets)
}

struct Keep(Arc<Ring<LogLine>>);

impl<S: Subscriber> Layer<S> for Keep {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let from = if event.metadata().target() == GUEST { Speaker::Guest } else { Speaker::Host };
        let (app, component) = said.about(from);
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        let Said { message, fields } = said;
        self.0.push(LogLine { number: 0, time: Moment(Utc::now()), level, from, app, component, message, fields });
    }
}

impl ring::Said for LogLine {
    const EVENT: &'static str = "line";

    fn number(&mut self) -> &mut u64 {
        &mut self.number
    }

    fn size(&self) -> usize {
        let fields = self.fields.iter().map(|(name, value)| name.len() + value.len() + LINE_BYTES / 2);
        LINE_BYTES + self.message.len() + fields.sum::<usize>()
    }

    fn app(&self) -> Option<&AppId> {
        self.app.as_ref()
    }

    fn component(&self) -> Option<&ComponentName> {
        self.component.as_ref()
    }
}

/// What an event says.
#[derive(Default)]
struct Said {
    message: String,
    fields: BTreeMap<String, String>,
}

impl Said {
    /// Which app and component it is about. What a guest says has both in fields of their own, which nothing that it
    /// says itself can replace.
    fn about(&mut self, from: Speaker) -> (Option<AppId>, Option<ComponentName>) {
        if let Some(app) = self.fields.remove("app") {
            let component = self.fields.remove("component").or_else(|| self.fields.get("service").cloned());
            return (app.parse().ok(), component.and_then(|component| component.parse().ok()));
        }
        if from == Speaker::Guest {
            return (None, None);
        }
        let places = ["component", "context", "tick"].map(|field| self.fields.get(field).map(String::as_str));
        places.into_iter().flatten().find_map(place).map_or((None, None), |(app, component)| (Some(app), component))
    }
}

/// The app and the component at the beginning of a text as the host writes it: `NAMESPACE/APP/COMPONENT`, and perhaps more.
fn place(text: &str) -> Option<(AppId, Option<ComponentName>)> {
    let mut pieces = text.splitn(3, '/');
    let (namespace, name, rest) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let app = AppId { namespace: namespace.parse().ok()?, name: name.parse().ok()? };
    let component = rest.split(|c: char| !matches!(c, 'a'..='z' | '0'..='9' | '-')).next();
    Some((app, component.and_then(|component| component.parse().ok())))
}

impl Said {
    fn set(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            name => drop(self.fields.insert(name.to_owned(), value)),
        }
    }
}

/// Text that ends at [`VALUE_MAX`].
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = VALUE_MAX.saturating_sub(self.0.len());
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        Ok(())
    }
}

fn bounded(arguments: fmt::Arguments<'_>) -> String {
    let mut text = Bounded(String::new());
    let _ = text.write_fmt(arguments);
    text.0
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, bounded(format_args!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, bounded(format_args!("{value}")));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut chain = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            chain += &format!(": {error}");
            cause = error.source();
        }
        self.set(field, bounded(format_args!("{chain}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_line_is() {
        let check = |text: &str, expected: &str| {
            let found = place(text).map(|(app, component)| match component {
                Some(component) => format!("{app} {component}"),
                None => app.to_string(),
            });
            assert_eq!(found.unwrap_or_default(), expected, "{text}");
        };
        check("default/shop/cart", "default/shop cart");
        check("default/shop/job at * * * * * (UTC) of 2026-11-21T00:00:00Z", "default/shop job");
        check("default/shop/", "default/shop");
        check("default/shop", "");
        check("http", "");
        check("Some/Where/else", "");
    }
}
