//! A command that counts orders and receipts, prints what it counted, and keeps it for whoever asks.

wit_bindgen::generate!({
    inline: "
        package wattle:orders-report;
        world imports {
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:blobstore/blobstore@0.2.0-draft;
            import wasi:blobstore/container@0.2.0-draft;
        }
    ",
    path: ["../wit/wasi-io", "../wit/wasi-keyvalue", "../wit/wasi-blobstore"],
    with: {
        "wasi:io/error@0.2.1": wasip2::io::error,
        "wasi:io/poll@0.2.1": wasip2::io::poll,
        "wasi:io/streams@0.2.1": wasip2::io::streams,
    },
    generate_all,
});

use std::error::Error;

use serde_json::{Value, json};
use wasi::blobstore::blobstore;
use wasi::keyvalue::store;

/// Names of objects that are asked for at a time.
const PAGE: u64 = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let shop = store::open("shop")?;
    let (mut orders, mut done, mut cursor) = (0, 0, None);
    loop {
        let page = shop.list_keys(cursor)?;
        for key in page.keys.iter().filter(|key| key.starts_with("order/")) {
            let Some(order) = shop.get(key)? else { continue };
            orders += 1;
            done += u64::from(serde_json::from_slice::<Value>(&order)?["status"] == "done");
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let report = json!({ "orders": orders, "done": done, "receipts": receipts()? });
    shop.set("report", report.to_string().as_bytes())?;
    println!("{report}");
    Ok(())
}

fn receipts() -> Result<u64, String> {
    if !blobstore::container_exists("receipts")? {
        return Ok(0);
    }
    let names = blobstore::get_container("receipts")?.list_objects()?;
    let mut count = 0;
    loop {
        let (page, is_last) = names.read_stream_object_names(PAGE)?;
        count += page.len() as u64;
        if is_last {
            return Ok(count);
        }
    }
}
