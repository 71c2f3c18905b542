//! Knows how items are taxed: its configuration has the standard rate, the reduced one, and which items that is for.

wit_bindgen::generate!({
    inline: "
        package wattle:shop-taxes;
        world taxes {
            import wasi:config/store@0.2.0-rc.1;
            export shop:pricing/taxes@1.0.0;
        }
    ",
    path: ["../wit/wasi-config", "../wit/shop"],
    generate_all,
});

use exports::shop::pricing::taxes::Guest;
use wasi::config::store;

struct Taxes;

impl Guest for Taxes {
    fn rate(item: String) -> Result<u32, String> {
        let setting = |name: &str| store::get(name).map_err(|error| format!("{error:?}"));
        let is_reduced = setting("reduced-items")?.is_some_and(|items| items.split(' ').any(|other| other == item));
        let name = if is_reduced { "reduced" } else { "standard" };
        let rate = setting(name)?.ok_or_else(|| format!("there is no {name} rate"))?;
        rate.parse().map_err(|_| format!("the {name} rate is no number"))
    }
}

export!(Taxes);
