//! The six fields of a schedule: what may stand in each, in words.

use croner::Cron;
use croner::parser::CronParser;

/// One field of a schedule.
pub(super) struct Field {
    pub(super) name: &'static str,
    values: &'static str,
    /// The names that stand for numbers. The library takes those of one field in every other.
    names: &'static [&'static str],
    /// What may follow a number or a name, or stand alone.
    endings: &'static [&'static str],
}

const NONE: &[&str] = &[];

/// Its place among the fields.
const DAY_OF_THE_WEEK: usize = 5;

pub(super) const FIELDS: [Field; 6] = [
    Field { name: "second", values: "0 to 59", names: NONE, endings: NONE },
    Field { name: "minute", values: "0 to 59", names: NONE, endings: NONE },
    Field { name: "hour", values: "0 to 23", names: NONE, endings: NONE },
    Field { name: "day of the month", values: "1 to 31, or `L` for the last", names: NONE, endings: &["L", "W", "LW"] },
    Field {
        name: "month",
        values: "1 to 12, or JAN to DEC",
        names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        endings: NONE,
    },
    Field {
        name: "day of the week",
        values: "0 to 7 (0 and 7 are Sunday), or SUN to SAT",
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        endings: &["L"],
    },
];

impl Field {
    /// Whether `text` can stand in this field, the one at `place`.
    ///
    /// # Errors
    ///
    /// What may stand here instead.
    pub(super) fn check(&self, place: usize, text: &str) -> Result<(), String> {
        let upper = text.to_ascii_uppercase();
        // In front of a day of the week: the day of the month has to be right as well.
        let list = if place == DAY_OF_THE_WEEK { upper.strip_prefix('+').unwrap_or(&upper) } else { &upper };
        if !list.split(',').all(|part| self.is_whole(part)) || parsed(place, text).is_none() {
            return Err(self.hint());
        }
        match list.split(',').find_map(|part| step_too_long(place, part)) {
            Some(count) => Err(format!("its step is longer than the {count} that it goes through; {}", self.hint())),
            None => Ok(()),
        }
    }

    /// Whether each piece of one part of a list is something. The library leaves out empty parts, ignores what follows a
    /// letter, and reads a name with a digit beside it as a longer number.
    fn is_whole(&self, part: &str) -> bool {
        let is_piece = |piece: &str| {
            let name = self.names.iter().find_map(|name| piece.strip_prefix(name));
            let ending = name.unwrap_or_else(|| piece.trim_start_matches(|c: char| c.is_ascii_digit()));
            !piece.is_empty() && (matches!(piece, "*" | "?") || ending.is_empty() || self.endings.contains(&ending))
        };
        let is_nth = |nth: &str| nth == "L" || !nth.contains('L');
        part.split(['-', '/', '#']).all(is_piece) && part.split_once('#').is_none_or(|(_, nth)| is_nth(nth))
    }

    /// What may stand here.
    fn hint(&self) -> String {
        format!("it is {}, a list `1,2`, a range `1-5`, a step `*/5`, or `*` for every one", self.values)
    }
}

/// What the library reads in `text` at `place`.
fn parsed(place: usize, text: &str) -> Option<Cron> {
    let mut fields = ["*"; FIELDS.len()];
    fields[place] = text;
    CronParser::new().parse(&fields.join(" ")).ok()
}

/// How many values the step of this part goes through, if it is longer than that and so only takes the first.
fn step_too_long(place: usize, part: &str) -> Option<usize> {
    let (range, step) = part.split_once('/')?;
    let step = step.split_once('#').map_or(step, |(step, _)| step);
    let read = parsed(place, range)?.pattern;
    let fields = [read.seconds, read.minutes, read.hours, read.days, read.months, read.days_of_week];
    let count = fields[place].values().len();
    step.parse().is_ok_and(|step: usize| step > count).then_some(count)
}
