//! An order and its receipt, as JSON: the work that benchmarks do for each message.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) customer: String,
    pub(crate) items: Vec<Item>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) quantity: u32,
    /// In cents, of one.
    pub(crate) price: u64,
}

#[derive(Serialize)]
struct Receipt<'a> {
    customer: &'a str,
    lines: Vec<Line<'a>>,
    total: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    sum: u64,
}

/// The receipt of an order: what each of its items costs, the dearest first, and all of them together.
pub(crate) fn receipt(order: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let order: Order = serde_json::from_slice(order)?;
    let sum = |item: &Item| item.price.saturating_mul(item.quantity.into());
    let mut lines: Vec<_> = order.items.iter().map(|item| Line { name: &item.name, sum: sum(item) }).collect();
    lines.sort_by(|one, other| other.sum.cmp(&one.sum).then_with(|| one.name.cmp(other.name)));
    let total = lines.iter().fold(0, |total: u64, line| total.saturating_add(line.sum));
    serde_json::to_vec(&Receipt { customer: &order.customer, lines, total })
}
