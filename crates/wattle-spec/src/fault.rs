//! A fault in a manifest, or in another text that people write: what is wrong, where, and what to do. All faults of a text are collected, none hides another.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

/// Something wrong with a manifest or a host file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// In which file.
    pub file: FaultyFile,
    /// Where, in bytes of the text. `None`: something is missing as a whole.
    pub span: Option<Range<usize>>,
    /// What to do about it, with the lines to write where that helps.
    pub hint: Option<String>,
    /// Other places of the text that belong to it, such as the first of two equal routes.
    pub related: Vec<Related>,
}

/// The file that a fault is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum FaultyFile {
    /// The app's `wattle.toml`.
    #[default]
    Manifest,
    /// The operator's `host.toml`.
    Host,
}

/// Another place that a fault speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What is there.
    pub label: String,
}

/// A place in a text as people count: both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Fault {
    /// A fault of the manifest, without a place or advice yet.
    pub fn new(message: impl Into<String>) -> Self {
        let file = FaultyFile::default();
        Self { message: message.into(), file, span: None, hint: None, related: Vec::new() }
    }

    /// The same fault at `span`.
    #[must_use]
    pub fn at(self, span: impl Into<Option<Range<usize>>>) -> Self {
        Self { span: span.into(), ..self }
    }

    /// The same fault in `file`.
    #[must_use]
    pub fn within(self, file: FaultyFile) -> Self {
        Self { file, ..self }
    }

    /// The same fault with advice.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same fault that speaks of another place too; of none, if that place is in no text.
    #[must_use]
    pub fn also(mut self, span: Option<Range<usize>>, label: impl Into<String>) -> Self {
        self.related.extend(span.map(|span| Related { span, label: label.into() }));
        self
    }

    /// Where it begins in the text that it was found in.
    pub fn place(&self, text: &str) -> Option<Place> {
        self.span.as_ref().map(|span| Place::of(text, span.start))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Place {
    /// The place of the byte at `offset`; of the end, if the text is shorter.
    pub fn of(text: &str, offset: usize) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let is_first_byte = |byte: &&u8| (**byte & 0b1100_0000) != 0b1000_0000;
        Self {
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: before[line_start..].iter().filter(is_first_byte).count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Faults in the order of the files and their texts, those of a whole text first, and each of them once: one line can be
/// wrong for several reasons that are the same.
pub fn in_order(mut faults: Vec<Fault>) -> Vec<Fault> {
    let place = |fault: &Fault| (fault.file, fault.span.as_ref().map(|span| span.start));
    faults.sort_by_key(place);
    let mut seen = BTreeSet::new();
    faults.retain(|fault| seen.insert((place(fault), fault.message.clone())));
    faults
}

/// The most things that one piece of advice looks at or names.
const ADVICE_MAX: usize = 20;

/// The most names in a sentence: as many as there are packages of interfaces, and more.
const LISTED_MAX: usize = 50;

/// What somebody who wrote `wanted` most likely meant, if it is near enough to be a slip of the keyboard.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = wanted.to_lowercase();
    let comparable = known.into_iter().filter(|known| known.len().abs_diff(wanted.len()) <= ADVICE_MAX);
    let slips = |known: &'a str| (strsim::damerau_levenshtein(&folded, &known.to_lowercase()), known);
    let is_near = |(slips, known): &(usize, &str)| *slips <= 1.max(known.len().min(wanted.len()) / 3);
    comparable.take(5 * ADVICE_MAX).map(slips).filter(is_near).min().map(|(_, known)| known)
}

/// Names in a sentence: `a`, `b` and `c`.
pub fn listed<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut items = items.into_iter();
    let mut shown: Vec<String> = items.by_ref().take(LISTED_MAX).map(|item| format!("`{item}`")).collect();
    match items.count() {
        0 => {}
        more => shown.push(format!("{more} more")),
    }
    match shown.split_last() {
        None => "none".into(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
