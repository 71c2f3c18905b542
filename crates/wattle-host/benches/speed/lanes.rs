//! What is compared: lanes that do the same work, measured in turns, so that a noisy machine treats them alike.

use std::time::Duration;

use serde::Serialize;

/// Many short ones: what else goes on here disturbs some of them, and the median is of the others.
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_secs(1);

/// What was measured of several ways to do the same work.
#[derive(Serialize)]
pub(crate) struct Table {
    title: String,
    /// What is done so often per second.
    unit: &'static str,
    lanes: Vec<Measured>,
    /// What the second lane must reach of the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    promised: Option<f64>,
}

#[derive(Serialize)]
struct Measured {
    name: &'static str,
    /// The median of all rounds.
    per_second: f64,
    /// To the first lane.
    ratio: f64,
}

/// One way to do the work.
pub(crate) struct Lane {
    name: &'static str,
    /// Works for about so long, and says how often per second the work was done.
    work: Box<dyn Fn(Duration) -> f64>,
    rates: Vec<f64>,
}

impl Lane {
    pub(crate) fn new(name: &'static str, work: impl Fn(Duration) -> f64 + 'static) -> Self {
        Self { name, work: Box::new(work), rates: Vec::new() }
    }

    /// The median of the ratios to `first` in the same round, so that what disturbs a while disturbs both.
    fn ratio(&self, first: &Lane) -> f64 {
        median(self.rates.iter().zip(&first.rates).map(|(rate, first)| rate / first))
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Table {
    /// Measures the lanes and prints, below `title`, the median rate of each, in `unit` per second, with its ratio to the
    /// first lane.
    pub(crate) fn race(title: impl Into<String>, unit: &'static str, mut lanes: Vec<Lane>) -> Self {
        for round in 0..=ROUNDS {
            for lane in &mut lanes {
                let rate = (lane.work)(ROUND);
                // The first round warms up.
                if round > 0 {
                    lane.rates.push(rate);
                }
            }
        }
        let measured = |lane: &Lane| {
            let per_second = median(lane.rates.iter().copied());
            Measured { name: lane.name, per_second, ratio: lane.ratio(&lanes[0]) }
        };
        let table = Self { title: title.into(), unit, lanes: lanes.iter().map(measured).collect(), promised: None };
        println!("\n{:30}  {:>12}  {:>6}", table.title, format!("{unit}/s"), "ratio");
        for Measured { name, per_second, ratio } in &table.lanes {
            println!("{name:30}  {per_second:>12.0}  {ratio:>6.2}");
        }
        table
    }

    /// The same, of which something is promised.
    pub(crate) fn promising(self, ratio: f64) -> Self {
        Self { promised: Some(ratio), ..self }
    }

    /// What is below what is promised, or below `floor` where one is given.
    pub(crate) fn shortfall(&self, floor: Option<f64>) -> Option<String> {
        let promised = self.promised?;
        let floor = floor.unwrap_or(promised);
        let Measured { name, ratio, .. } = &self.lanes[1];
        (*ratio < floor).then(|| format!("{}: {name}: {ratio:.2}, the floor is {floor:.2}", self.title))
    }
}
