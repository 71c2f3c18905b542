//! Why a request is refused, and how the client is told.

use std::fmt;

use crate::bindings::store;

#[derive(Debug)]
pub enum Fault {
    NotFound,
    Method,
    TooLarge,
    MediaType,
    Cut,
    Invalid(&'static str),
    Store(store::Error),
}

impl Fault {
    pub fn status(&self) -> u16 {
        match self {
            Fault::NotFound => 404,
            Fault::Method => 405,
            Fault::TooLarge => 413,
            Fault::MediaType => 415,
            Fault::Cut => 400,
            Fault::Invalid(_) => 422,
            Fault::Store(_) => 503,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::NotFound => "nothing is here",
            Fault::Method => "only GET, HEAD and POST are served here",
            Fault::TooLarge => "the request is too large",
            Fault::MediaType => "the content type is not the one expected here",
            Fault::Cut => "the request ended too early",
            Fault::Invalid(complaint) => complaint,
            Fault::Store(_) => "the book is not at hand, please try again",
        })
    }
}

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Fault {
        Fault::Store(error)
    }
}
