//! Stores that are imported under names of this guest's own.

use wstd::http::Method;

use crate::bindings::{archive, sessions};
use crate::reply::{Fault, NO_KEY, Reply};

pub fn sessions(method: &Method, bucket: &str, key: &str, content: &[u8]) -> Result<Reply, Fault> {
    let bucket = sessions::open(bucket).map_err(|error| Fault::Labelled(format!("{error:?}")))?;
    let answered = match *method {
        Method::PUT => bucket.set(key, content).map(|()| Some(Reply::done())),
        _ => bucket.get(key).map(|value| value.map(Reply::bytes)),
    };
    answered.map_err(|error| Fault::Labelled(format!("{error:?}")))?.ok_or(NO_KEY)
}

pub fn archive(method: &Method, bucket: &str, key: &str, content: &[u8]) -> Result<Reply, Fault> {
    let bucket = archive::open(bucket).map_err(|error| Fault::Labelled(format!("{error:?}")))?;
    let answered = match *method {
        Method::PUT => bucket.set(key, content).map(|()| Some(Reply::done())),
        _ => bucket.get(key).map(|value| value.map(Reply::bytes)),
    };
    answered.map_err(|error| Fault::Labelled(format!("{error:?}")))?.ok_or(NO_KEY)
}
