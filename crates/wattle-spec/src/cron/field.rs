//! The six fields of a schedule: what may stand in each, in words.

use croner::parser::CronParser;

/// One field of a schedule.
pub(super) struct Field {
    pub(super) name: &'static str,
    values: &'static str,
    /// The names that stand for numbers. The library takes those of one field in every other.
    names: &'static [&'static str],
    /// The letters that have a meaning of their own.
    letters: &'static str,
}

const NO_NAMES: &[&str] = &[];

pub(super) const FIELDS: [Field; 6] = [
    Field { name: "second", values: "0 to 59", names: NO_NAMES, letters: "" },
    Field { name: "minute", values: "0 to 59", names: NO_NAMES, letters: "" },
    Field { name: "hour", values: "0 to 23", names: NO_NAMES, letters: "" },
    Field { name: "day of the month", values: "1 to 31, or `L` for the last", names: NO_NAMES, letters: "LW" },
    Field {
        name: "month",
        values: "1 to 12, or JAN to DEC",
        names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        letters: "",
    },
    Field {
        name: "day of the week",
        values: "0 to 7 (0 and 7 are Sunday), or SUN to SAT",
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        letters: "L",
    },
];

impl Field {
    /// Whether `text` can stand in this field, the one at `place`.
    pub(super) fn takes(&self, place: usize, text: &str) -> bool {
        let mut fields = ["*"; FIELDS.len()];
        fields[place] = text;
        self.words_are_known(text) && CronParser::new().parse(&fields.join(" ")).is_ok()
    }

    fn words_are_known(&self, text: &str) -> bool {
        let upper = text.to_ascii_uppercase();
        let mut words = upper.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
        words.all(|word| {
            let rest = self.names.iter().find_map(|name| word.strip_prefix(name)).unwrap_or(word);
            rest.chars().all(|letter| self.letters.contains(letter))
        })
    }

    /// What may stand here.
    pub(super) fn hint(&self) -> String {
        format!("it is {}, a list `1,2`, a range `1-5`, a step `*/5`, or `*` for every one", self.values)
    }
}
