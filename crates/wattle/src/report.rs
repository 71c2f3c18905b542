//! What people are told: problems on stderr, in colour where there is a terminal.

use std::io::Write;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use wattle_host::CommandError;
use wattle_spec::fault::Fault;

use crate::problem::Problem;

/// Tells of a problem: what failed, on what, why, and what to do.
pub(crate) fn problem(problem: &Problem) {
    let mut err = anstream::stderr().lock();
    let _ = match problem {
        Problem::Faults { file, text, faults } => {
            writeln!(err, "{}", rendered(file, text, faults, &Renderer::styled()))
        }
        Problem::Command(CommandError::Call { call, fault }) => {
            let faults = std::slice::from_ref(fault);
            writeln!(err, "{}", rendered(Path::new("--invoke"), call, faults, &Renderer::styled()))
        }
        _ => write_chain(&mut err, problem),
    };
}

/// Faults with the lines they are in, as a compiler shows them.
pub(crate) fn rendered(file: &Path, text: &str, faults: &[Fault], renderer: &Renderer) -> String {
    let path = file.display().to_string();
    let shown: Vec<String> = faults.iter().map(|fault| renderer.render(&[group(&path, text, fault)])).collect();
    shown.join("\n\n")
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
