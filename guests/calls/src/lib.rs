//! Exports functions with all kinds of types, at its top and in interfaces, for callers that bring text.

wit_bindgen::generate!({ path: "wit" });

use exports::example::shop::{prices, till};

struct Calls;

export!(Calls);

impl Guest for Calls {
    fn add(a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    fn greet(name: String) -> String {
        format!("Hello, {name}")
    }

    fn wait() {}
}

impl prices::Guest for Calls {
    fn total(items: Vec<prices::Item>) -> u32 {
        items.iter().map(|item| item.cents).sum()
    }

    fn change(payment: prices::Payment, cents: u32) -> Result<Vec<prices::Coin>, String> {
        let given = match payment {
            prices::Payment::Cash(given) => given,
            prices::Payment::Card(_) => return Ok(Vec::new()),
            prices::Payment::Nothing => 0,
        };
        let change = given.checked_sub(cents).ok_or("that is \"not enough\"")?;
        let dimes = std::iter::repeat_n(prices::Coin::Dime, change as usize / 10);
        Ok(dimes.chain(std::iter::repeat_n(prices::Coin::Penny, change as usize % 10)).collect())
    }

    fn describe(item: prices::Item, extras: prices::Extras, note: Option<String>) -> (String, bool) {
        let note = note.unwrap_or_else(|| "no note".into());
        (format!("{} for {}: {note}", item.name, item.cents), extras.contains(prices::Extras::GIFT))
    }
}

impl till::Guest for Calls {
    type Drawer = Drawer;

    fn total() -> u64 {
        1 << 40
    }
}

/// What has no text form.
struct Drawer;

impl till::GuestDrawer for Drawer {
    fn new() -> Self {
        Self
    }

    fn open(&self) {}
}
