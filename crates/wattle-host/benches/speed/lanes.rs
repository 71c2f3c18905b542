//! What is compared: lanes that do the same work, measured in turns, so that a noisy machine treats them alike.

use std::time::Duration;

/// Many short ones: what else goes on here disturbs some of them, and the median is of the others.
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_secs(1);

/// What was reached of the work without Wattle.
pub(crate) struct Result {
    pub(crate) what: String,
    pub(crate) ratio: f64,
    /// What it must not be below.
    pub(crate) promised: f64,
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

/// Measures the lanes and prints, below `title`, the median rate of each, in `unit` per second, with its ratio to the
/// first lane. The ratio of the second.
pub(crate) fn race(title: &str, unit: &str, mut lanes: Vec<Lane>) -> f64 {
    for round in 0..=ROUNDS {
        for lane in &mut lanes {
            let rate = (lane.work)(ROUND);
            // The first round warms up.
            if round > 0 {
                lane.rates.push(rate);
            }
        }
    }
    println!("\n{title:30}  {:>12}  {:>6}", format!("{unit}/s"), "ratio");
    for lane in &lanes {
        println!("{:30}  {:>12.0}  {:>6.2}", lane.name, median(lane.rates.iter().copied()), lane.ratio(&lanes[0]));
    }
    lanes[1].ratio(&lanes[0])
}
