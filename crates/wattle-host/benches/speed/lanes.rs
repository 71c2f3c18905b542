//! What is compared: lanes that do the same work, measured in turns, so that a noisy machine treats them alike.

use std::time::Duration;

use wattle_testkit::figures::Table;
use wattle_testkit::process::Process;

/// Many short ones: what else goes on here disturbs some of them, and the median is of the others.
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_secs(1);

/// What lanes are compared by.
pub(crate) const RATIO: &str = "ratio";

/// One way to do the work.
pub(crate) struct Lane {
    name: &'static str,
    /// Works for about so long, and says how often per second the work was done.
    work: Box<dyn Fn(Duration) -> f64>,
    rates: Vec<f64>,
    /// Who does the work, if that is a process of its own.
    process: Option<Process>,
    /// Time on processors each time, in microseconds.
    processor: Vec<f64>,
}

impl Lane {
    pub(crate) fn new(name: &'static str, work: impl Fn(Duration) -> f64 + 'static) -> Self {
        Self { name, work: Box::new(work), rates: Vec::new(), process: None, processor: Vec::new() }
    }

    /// With what it costs the `process` that does the work.
    pub(crate) fn of(self, process: Process) -> Self {
        Self { process: Some(process), ..self }
    }

    fn run(&mut self, counts: bool) {
        let before = self.process.map(Process::computed);
        let rate = (self.work)(ROUND);
        let after = self.process.map(Process::computed);
        // The first round warms up.
        if counts {
            self.rates.push(rate);
            let spent = after.zip(before).map(|(after, before)| after.saturating_sub(before));
            self.processor.extend(spent.map(|spent| spent.as_secs_f64() * 1e6 / (rate * ROUND.as_secs_f64())));
        }
    }

    /// The median of the ratios to `first` in the same round, so that what disturbs a while disturbs both.
    fn ratio(&self, first: &Lane) -> f64 {
        median(self.rates.iter().zip(&first.rates).map(|(rate, first)| rate / first))
    }

    fn figures(&self, unit: &'static str, first: &Lane) -> Vec<(&'static str, f64)> {
        let mut figures = vec![(unit, median(self.rates.iter().copied())), (RATIO, self.ratio(first))];
        if let Some(process) = self.process {
            figures.push(("processor, us", median(self.processor.iter().copied())));
            figures.push(("resident, MiB", process.resident_bytes() as f64 / f64::from(1 << 20)));
        }
        figures
    }
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures the lanes: the median rate of each, in `unit`, and its ratio to the first lane.
pub(crate) fn race(title: impl Into<String>, unit: &'static str, mut lanes: Vec<Lane>) -> Table {
    for round in 0..=ROUNDS {
        lanes.iter_mut().for_each(|lane| lane.run(round > 0));
    }
    lanes.iter().fold(Table::new(title), |table, lane| table.row(lane.name, lane.figures(unit, &lanes[0])))
}
