//! What is measured: tables of figures, of which some are promised. `cargo xtask bench`, which keeps them, has this file, too.

use std::fmt::{self, Write as _};
use std::fs::OpenOptions;
use std::io::Write as _;

use serde::{Deserialize, Serialize};

/// Names the file that tables are added to, each as a line of JSON.
const RESULTS: &str = "WATTLE_BENCH_RESULTS";

/// Figures of things that are alike.
#[derive(Debug, Serialize, Deserialize)]
pub struct Table {
    title: String,
    rows: Vec<Row>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    promises: Vec<Promise>,
}

/// One of those things.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    name: String,
    figures: Vec<Figure>,
}

/// A figure, and what it is of, with its unit.
#[derive(Debug, Serialize, Deserialize)]
struct Figure {
    what: String,
    value: f64,
}

/// What a figure must not pass.
#[derive(Debug, Serialize, Deserialize)]
struct Promise {
    row: String,
    what: String,
    #[serde(flatten)]
    bound: Bound,
}

/// The end of a figure's range that is good.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// More is better.
    AtLeast(f64),
    /// Less is better.
    AtMost(f64),
}

impl Table {
    /// One without rows.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new(), promises: Vec::new() }
    }

    /// With one row more. Rows have figures of the same things, as far as they have them.
    pub fn row(mut self, name: impl Into<String>, figures: impl IntoIterator<Item = (&'static str, f64)>) -> Self {
        let figures = figures.into_iter().map(|(what, value)| Figure { what: what.to_owned(), value }).collect();
        self.rows.push(Row { name: name.into(), figures });
        self
    }

    /// With a promise of what the row `row` has of `what`.
    pub fn promise(mut self, row: &str, what: &str, bound: Bound) -> Self {
        self.promises.push(Promise { row: row.to_owned(), what: what.to_owned(), bound });
        self
    }

    /// The figure of that row.
    fn figure(&self, row: &str, what: &str) -> Option<f64> {
        let row = self.rows.iter().find(|candidate| candidate.name == row)?;
        Some(row.figures.iter().find(|figure| figure.what == what)?.value)
    }

    /// Prints it on standard error, and adds it to the file of the results if there is one.
    ///
    /// # Panics
    ///
    /// If that file cannot be written.
    #[expect(clippy::print_stderr, reason = "whoever measures is told")]
    pub fn tell(&self) {
        eprintln!("\n{self}\n");
        let Some(file) = std::env::var_os(RESULTS) else { return };
        let line = serde_json::to_string(self).expect("a table is JSON") + "\n";
        let file = OpenOptions::new().create(true).append(true).open(file);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the file of the results can be written");
    }

    /// The same as Markdown.
    pub fn markdown(&self) -> String {
        let columns = self.columns();
        let mut page =
            format!("## {}\n\n| | {} |\n|{}", self.title, columns.join(" | "), "---|".repeat(columns.len() + 1));
        for row in &self.rows {
            let figures = columns.iter().map(|what| self.figure(&row.name, what).map(shown).unwrap_or_default());
            let _ = write!(page, "\n| {} | {} |", row.name, figures.collect::<Vec<_>>().join(" | "));
        }
        for Promise { row, what, bound } in &self.promises {
            let _ = write!(page, "\n\nPromised of {row}: {what} {bound}.");
        }
        page
    }

    /// Each promise that is not kept, as a line.
    pub fn broken(&self) -> Vec<String> {
        self.promises.iter().filter_map(|promise| promise.broken(self)).collect()
    }
}

impl Promise {
    fn broken(&self, table: &Table) -> Option<String> {
        let Self { row, what, bound } = self;
        let told = format!("{}: {row}: {what}", table.title);
        let Some(value) = table.figure(row, what) else { return Some(format!("{told} was not measured")) };
        let is_kept = match *bound {
            Bound::AtLeast(least) => value >= least,
            Bound::AtMost(most) => value <= most,
        };
        (!is_kept).then(|| format!("{told} {}, promised {bound}", shown(value)))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Bound::AtLeast(least) => write!(f, "at least {}", shown(least)),
            Bound::AtMost(most) => write!(f, "at most {}", shown(most)),
        }
    }
}

impl fmt::Display for Table {
    /// The name of each row, and its figures below what they are of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns();
        let width = self.rows.iter().map(|row| row.name.chars().count()).chain([self.title.chars().count()]).max();
        let width = width.unwrap_or_default();
        write!(f, "{:width$}", self.title)?;
        columns.iter().try_for_each(|what| write!(f, "  {what:>12}"))?;
        for row in &self.rows {
            write!(f, "\n{:width$}", row.name)?;
            for what in &columns {
                let value = self.figure(&row.name, what).map(shown).unwrap_or_default();
                write!(f, "  {value:>width$}", width = what.chars().count().max(12))?;
            }
        }
        Ok(())
    }
}

impl Table {
    /// What there are figures of, in the order in which it comes up.
    fn columns(&self) -> Vec<&str> {
        let mut columns = Vec::new();
        for what in self.rows.iter().flat_map(|row| &row.figures).map(|figure| figure.what.as_str()) {
            if !columns.contains(&what) {
                columns.push(what);
            }
        }
        columns
    }
}

/// A figure with three digits that count.
fn shown(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
