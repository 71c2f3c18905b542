//! What this guest answers, and how the errors of the interfaces become HTTP.

use serde_json::{Value, json};
use wstd::http::{Body, Error, Response};

use crate::bindings::store;

pub const NO_KEY: Fault = Fault::NotFound("no such key");

pub struct Reply {
    status: u16,
    body: Vec<u8>,
}

impl Reply {
    pub fn bytes(body: Vec<u8>) -> Reply {
        Reply { status: 200, body }
    }

    pub fn text(body: impl ToString) -> Reply {
        Reply::bytes(body.to_string().into_bytes())
    }

    pub fn json(value: &Value) -> Reply {
        Reply::text(value)
    }

    pub fn done() -> Reply {
        Reply { status: 204, body: Vec::new() }
    }

    pub fn into_response(self) -> Result<Response<Body>, Error> {
        Ok(Response::builder().status(self.status).body(self.body.into())?)
    }
}

pub enum Fault {
    Bad(&'static str),
    NotFound(&'static str),
    Json(serde_json::Error),
    Store(store::Error),
    Labelled(String),
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Reply {
        let (status, error) = match fault {
            Fault::Bad(reason) => (400, reason.to_owned()),
            Fault::NotFound(what) => (404, what.to_owned()),
            Fault::Json(error) => (400, error.to_string()),
            Fault::Store(store::Error::NoSuchStore) => (404, "no-such-store".to_owned()),
            Fault::Store(store::Error::AccessDenied) => (403, "access-denied".to_owned()),
            Fault::Store(store::Error::Other(reason)) => (500, format!("other: {reason}")),
            Fault::Labelled(error) => (500, error),
        };
        Reply { status, ..Reply::json(&json!({ "error": error })) }
    }
}

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Fault {
        Fault::Store(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Fault {
        Fault::Json(error)
    }
}
