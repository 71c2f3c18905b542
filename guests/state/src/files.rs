//! Files through the standard library, from the root.

use std::fs;
use std::path::Path;

use serde_json::json;
use wstd::http::Method;

use crate::reply::{Fault, Reply};

pub fn one(method: &Method, path: &str, content: &[u8]) -> Result<Reply, Fault> {
    let path = Path::new("/").join(path);
    match *method {
        Method::GET => Ok(Reply::bytes(fs::read(path)?)),
        Method::PUT => Ok(fs::write(path, content).map(|()| Reply::done())?),
        Method::DELETE => Ok(fs::remove_file(path).map(|()| Reply::done())?),
        _ => Err(Fault::Bad(format!("{method} is not an operation on a file"))),
    }
}

pub fn list(path: &str) -> Result<Reply, Fault> {
    let mut names = Vec::new();
    for entry in fs::read_dir(Path::new("/").join(path))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(Reply::json(&json!(names)))
}
