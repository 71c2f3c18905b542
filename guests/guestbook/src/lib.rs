//! A guestbook: an HTML page with a form, a JSON API, entries in a key-value store.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the page, newest entries first; counts a visit |
//! | `POST /` | takes the form, then 303 back to the page; 422 and the form again if it is not valid |
//! | `GET /api/entries` | the entries as a JSON array of `name`, `text`, `time` |
//! | `POST /api/entries` | takes a JSON object of `name` and `text`: 201 and the entry |
//!
//! The configuration key `title` names the book.

mod bindings;
mod book;
mod draft;
mod fault;
mod http;
mod page;

use wasip2::http::types::{IncomingRequest, Method, ResponseOutparam};

use bindings::{config, logging};
use book::Book;
use draft::Draft;
use fault::Fault;
use http::{Request, Response};

struct Guestbook;

wasip2::http::proxy::export!(Guestbook);

impl wasip2::exports::http::incoming_handler::Guest for Guestbook {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let response = Request::read(&request).and_then(|request| route(&request)).unwrap_or_else(refuse);
        response.send(outparam);
    }
}

fn route(request: &Request) -> Result<Response, Fault> {
    match (request.path.as_str(), &request.method) {
        ("/", Method::Get | Method::Head) => show(),
        ("/", Method::Post) => sign(request),
        ("/api/entries", Method::Get | Method::Head) => Ok(Response::json(200, &Book::open()?.newest()?)),
        ("/api/entries", Method::Post) => {
            let draft = Draft::from_json(request)?.check().map_err(Fault::Invalid)?;
            Ok(Response::json(201, &add(draft)?))
        }
        ("/" | "/api/entries", _) => Err(Fault::Method),
        _ => Err(Fault::NotFound),
    }
}

fn show() -> Result<Response, Fault> {
    let book = Book::open()?;
    Ok(Response::html(200, page::render(&title(), book.visit()?, &book.newest()?, None)))
}

/// Takes the form. What was typed is given back with the complaint, so that nobody types it twice.
fn sign(request: &Request) -> Result<Response, Fault> {
    let draft = Draft::from_form(request)?;
    match draft.clone().check() {
        Ok(valid) => {
            add(valid)?;
            Ok(Response::see_other("/"))
        }
        Err(complaint) => {
            let book = Book::open()?;
            let page = page::render(&title(), book.visits()?, &book.newest()?, Some((&draft, complaint)));
            Ok(Response::html(422, page))
        }
    }
}

fn add(draft: Draft) -> Result<book::Entry, Fault> {
    let entry = Book::open()?.add(draft)?;
    logging::log(logging::Level::Info, "guestbook", &format!("{:?} signed the book", entry.name));
    Ok(entry)
}

fn title() -> String {
    config::get("title").ok().flatten().unwrap_or_else(|| "Guestbook".to_owned())
}

fn refuse(fault: Fault) -> Response {
    if let Fault::Store(error) = &fault {
        logging::log(logging::Level::Error, "guestbook", &format!("the store failed: {error:?}"));
    }
    Response::from(&fault)
}
