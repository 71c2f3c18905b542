//! Tables for people: columns as wide as they must be, and nothing in them that a terminal obeys.

use std::fmt;

use super::harmless;

/// A table of `N` columns, with lines between its rows that have none.
pub(super) struct Table<const N: usize> {
    head: [&'static str; N],
    rows: Vec<Row<N>>,
}

enum Row<const N: usize> {
    Cells([String; N]),
    Line(String),
}

impl<const N: usize> Table<N> {
    pub(super) fn new(head: [&'static str; N]) -> Self {
        Self { head, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(Row::Cells(cells.map(|cell| harmless(&cell))));
    }

    pub(super) fn line(&mut self, line: &str) {
        self.rows.push(Row::Line(harmless(line)));
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = |row: &'_ Row<N>, column: usize| match row {
            Row::Cells(cells) => cells[column].chars().count(),
            Row::Line(_) => 0,
        };
        let width = |column: usize| {
            self.rows.iter().map(|row| cells(row, column)).max().unwrap_or(0).max(self.head[column].len())
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let line = |cells: [&str; N]| {
            let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        writeln!(f, "{}", line(self.head))?;
        self.rows.iter().try_for_each(|row| match row {
            Row::Cells(cells) => writeln!(f, "{}", line(cells.each_ref().map(String::as_str))),
            Row::Line(text) => writeln!(f, "{text}"),
        })
    }
}
