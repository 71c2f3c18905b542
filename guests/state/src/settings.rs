//! `wasi:config`, `wasi:logging`, and the environment.

use std::collections::BTreeMap;
use std::env;

use serde_json::json;

use crate::bindings::config;
use crate::bindings::logging::{self, Level};
use crate::reply::{Fault, Reply};

pub fn all() -> Result<Reply, Fault> {
    let pairs: BTreeMap<String, String> = config::get_all()?.into_iter().collect();
    Ok(Reply::json(&json!(pairs)))
}

pub fn one(key: &str) -> Result<Reply, Fault> {
    config::get(key)?.map(Reply::text).ok_or(Fault::NotFound("no such key"))
}

pub fn log(level: &str, context: &str, message: &[u8]) -> Result<Reply, Fault> {
    let level = match level {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "" | "info" => Level::Info,
        "warn" => Level::Warn,
        "error" => Level::Error,
        "critical" => Level::Critical,
        other => return Err(Fault::Bad(format!("{other} is not a level"))),
    };
    logging::log(level, context, &String::from_utf8_lossy(message));
    Ok(Reply::done())
}

pub fn environment() -> Reply {
    let variables: BTreeMap<String, String> = env::vars().collect();
    Reply::json(&json!({ "arguments": env::args().collect::<Vec<_>>(), "environment": variables }))
}
