//! Knows what items cost: its configuration has a price in cents for each, and another component their tax.

wit_bindgen::generate!({
    inline: "
        package wattle:shop-pricing;
        world pricing {
            import wasi:config/store@0.2.0-rc.1;
            import shop:pricing/taxes@1.0.0;
            export shop:pricing/prices@1.0.0;
        }
    ",
    path: ["../wit/wasi-config", "../wit/shop"],
    generate_all,
});

use exports::shop::pricing::prices::{Guest, Price};
use shop::pricing::taxes;
use wasi::config::store;

struct Pricing;

impl Guest for Pricing {
    fn quote(item: String, quantity: u32) -> Result<Price, String> {
        let price = store::get(&item).map_err(|error| format!("{error:?}"))?;
        let price = price.ok_or_else(|| format!("{item} is not sold here"))?;
        let cents: u64 = price.parse().map_err(|_| format!("the price of {item} is no number"))?;
        let net = cents.checked_mul(quantity.into()).ok_or("nobody can pay that")?;
        let tax = net.checked_mul(taxes::rate(&item)?.into()).ok_or("nobody can pay that")?;
        // Half a cent and more is one.
        let tax = tax / 1000 + u64::from(tax % 1000 >= 500);
        Ok(Price { net, tax })
    }
}

export!(Pricing);
