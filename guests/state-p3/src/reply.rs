//! What this guest answers, and how the errors of the interface become HTTP.

use serde_json::{Value, json};
use wasip3::http::types::{Fields, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

use crate::bindings::types;

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

    pub fn into_response(self) -> Response {
        let (mut body, body_reader) = wit_stream::new();
        let (_trailers, trailers_reader) = wit_future::new(|| Ok(None));
        let content = (self.status != 204).then_some(body_reader);
        let (response, _sent) = Response::new(Fields::new(), content, trailers_reader);
        _ = response.set_status_code(self.status);
        wit_bindgen::spawn_local(async move {
            body.write_all(self.body).await;
        });
        response
    }
}

pub enum Fault {
    Bad(&'static str),
    NotFound(&'static str),
    Json(serde_json::Error),
    Store(types::Error),
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Reply {
        let (status, error) = match fault {
            Fault::Bad(reason) => (400, reason.to_owned()),
            Fault::NotFound(what) => (404, what.to_owned()),
            Fault::Json(error) => (400, error.to_string()),
            Fault::Store(types::Error::NoSuchStore) => (404, "no-such-store".to_owned()),
            Fault::Store(types::Error::PreconditionFailed) => (409, "precondition-failed".to_owned()),
            Fault::Store(types::Error::Other(reason)) => (500, format!("other: {reason}")),
            Fault::Store(other) => (500, format!("{other:?}")),
        };
        Reply { status, ..Reply::json(&json!({ "error": error })) }
    }
}

impl From<types::Error> for Fault {
    fn from(error: types::Error) -> Fault {
        Fault::Store(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Fault {
        Fault::Json(error)
    }
}
