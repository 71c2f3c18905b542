//! What this guest answers, and how the errors of the interfaces become HTTP.

use std::io;

use serde_json::{Value, json};
use wstd::http::{Body, Error, Response};

use crate::bindings::{config, store};

pub struct Reply {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Reply {
    pub fn bytes(body: Vec<u8>) -> Reply {
        Reply { status: 200, content_type: "application/octet-stream", body }
    }

    pub fn text(body: impl ToString) -> Reply {
        Reply { status: 200, content_type: "text/plain; charset=utf-8", body: body.to_string().into_bytes() }
    }

    pub fn json(value: &Value) -> Reply {
        Reply { status: 200, content_type: "application/json", body: value.to_string().into_bytes() }
    }

    pub fn done() -> Reply {
        Reply { status: 204, ..Reply::bytes(Vec::new()) }
    }

    pub fn into_response(self) -> Result<Response<Body>, Error> {
        let builder = Response::builder().status(self.status).header("content-type", self.content_type);
        Ok(builder.body(self.body.into())?)
    }
}

pub enum Fault {
    Bad(String),
    NotFound(&'static str),
    Store(store::Error),
    Config(config::Error),
    File(io::Error),
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Reply {
        let (status, error) = match fault {
            Fault::Bad(reason) => (400, reason),
            Fault::NotFound(what) => (404, what.to_owned()),
            Fault::Store(store::Error::NoSuchStore) => (404, "no-such-store".to_owned()),
            Fault::Store(store::Error::AccessDenied) => (403, "access-denied".to_owned()),
            Fault::Store(store::Error::Other(reason)) => (500, format!("other: {reason}")),
            Fault::Config(config::Error::Upstream(reason)) => (500, format!("upstream: {reason}")),
            Fault::Config(config::Error::Io(reason)) => (500, format!("io: {reason}")),
            Fault::File(error) => (status_of(error.kind()), error.to_string()),
        };
        Reply { status, ..Reply::json(&json!({ "error": error })) }
    }
}

fn status_of(kind: io::ErrorKind) -> u16 {
    match kind {
        io::ErrorKind::NotFound => 404,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => 403,
        _ => 500,
    }
}

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Fault {
        Fault::Store(error)
    }
}

impl From<config::Error> for Fault {
    fn from(error: config::Error) -> Fault {
        Fault::Config(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::File(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Fault {
        Fault::Bad(error.to_string())
    }
}
