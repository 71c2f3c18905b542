//! What people are told: problems on stderr, in colour where there is a terminal.

use std::io::Write;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use wattle_host::CommandError;
use wattle_spec::fault::Fault;

use crate::problem::{FaultyText, Problem};

/// Tells of a problem: what failed, on what, why, and what to do.
pub(crate) fn problem(problem: &Problem) {
    let mut err = anstream::stderr().lock();
    let _ = match problem {
        Problem::Faults(texts) => writeln!(err, "{}", rendered(texts, &Renderer::styled())),
        Problem::Command(CommandError::Call { call, fault }) => {
            let group = group("--invoke", call, fault);
            writeln!(err, "{}", Renderer::styled().render(&[group]))
        }
        _ => write_chain(&mut err, problem),
    };
}

/// What failed, on what, and why, for whoever tells it elsewhere.
pub(crate) fn plain(problem: &Problem) -> String {
    let mut text = problem.to_string();
    if let Problem::Faults(texts) = problem {
        return text + "\n" + &rendered(texts, &Renderer::plain());
    }
    let causes = std::iter::successors(std::error::Error::source(problem), |cause| (*cause).source());
    causes.for_each(|cause| text.push_str(&format!("\n  caused by: {cause}")));
    text
}

/// Faults of one text that are shown; the others are counted.
const SHOWN_MAX: usize = 50;

/// Faults with the lines they are in, as a compiler shows them.
fn rendered(texts: &[FaultyText], renderer: &Renderer) -> String {
    let mut shown = Vec::new();
    for FaultyText { file, text, faults } in texts {
        let path = file.display().to_string();
        let text = without_passwords(text);
        shown.extend(faults.iter().take(SHOWN_MAX).map(|fault| renderer.render(&[group(&path, &text, fault)])));
        if let Some(more @ 1..) = faults.len().checked_sub(SHOWN_MAX) {
            shown.push(format!("{path} has {more} more faults"));
        }
    }
    shown.join("\n\n")
}

/// The same text, as long, with what may be a password in a URL replaced by asterisks.
fn without_passwords(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at + "://".len());
        let url = &behind[..behind.find(['"', '\'', '\n', ' ']).unwrap_or(behind.len())];
        let user = &url[..url.rfind('@').unwrap_or(0)];
        clean.push_str(before);
        clean.extend(std::iter::repeat_n('*', user.len()));
        rest = &behind[user.len()..];
    }
    clean + rest
}

/// An error with its causes in one sentence.
pub(crate) fn sentence(problem: &dyn std::error::Error) -> String {
    let mut sentence = problem.to_string();
    let mut cause = problem.source();
    while let Some(error) = cause {
        sentence.push_str(&format!(": {error}"));
        cause = error.source();
    }
    sentence
}

fn group<'a>(path: &'a str, text: &'a str, fault: &'a Fault) -> Group<'a> {
    let title = Level::ERROR.primary_title(&fault.message);
    let within = |at: usize| at.min(text.len());
    let mut group = match &fault.span {
        Some(span) => {
            let primary = AnnotationKind::Primary.span(within(span.start)..within(span.end));
            let related = fault.related.iter().map(|place| {
                AnnotationKind::Context.span(within(place.span.start)..within(place.span.end)).label(&place.label)
            });
            title.element(Snippet::source(text).path(path).annotation(primary).annotations(related))
        }
        None => title.element(annotate_snippets::Origin::path(path)),
    };
    if let Some(hint) = &fault.hint {
        group = group.element(Level::HELP.with_name("hint").message(hint));
    }
    group
}

fn write_chain(err: &mut impl Write, problem: &Problem) -> std::io::Result<()> {
    let style = anstyle::Style::new().bold();
    let error = style.fg_color(Some(anstyle::AnsiColor::Red.into()));
    writeln!(err, "{error}error{error:#}{style}:{style:#} {problem}")?;
    let mut cause = std::error::Error::source(problem);
    while let Some(error) = cause {
        writeln!(err, "  caused by: {error}")?;
        cause = error.source();
    }
    if let Problem::Trap { trap, .. } = problem {
        trap.backtrace.iter().try_for_each(|call| writeln!(err, "  at {call}"))?;
    }
    if let Some(hint) = problem.hint() {
        writeln!(err, "{style}hint:{style:#} {hint}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let check = |text: &str, expected: &str| assert_eq!(without_passwords(text), expected);
        check("servers = [\"nats://u:p/@a\", \"nats://b\"]", "servers = [\"nats://****@a\", \"nats://b\"]");
        check("endpoint = \"http://ü:p@a/b\" # a@b", "endpoint = \"http://****@a/b\" # a@b");
        check("title = \"a@b\"", "title = \"a@b\"");
    }
}
