//! Static files: the answer to a request below a route is a file of a folder, or says why there is none.
//!
//! Nothing outside of the folder is reached, nothing but regular files is read, and no file is held as a whole.

mod conditions;
mod content_type;
mod file_body;
mod folder;
mod range;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use wattle_spec::route::normalize_path;

use super::admission::Permit;
use crate::answer::Failure;
use conditions::{Fresh, Validators};
pub(super) use file_body::FileBody;
pub(crate) use folder::Folder;
use folder::{Found, OpenFile};
use range::Part;

/// An answer. `None`: no body.
type Answer = Response<Option<FileBody>>;

/// What a folder answers to a request that has this place.
pub(super) async fn answer<B>(folder: &Folder, request: &Request<B>, permit: Permit) -> Result<Answer, Failure> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Failure::MethodNotAllowed);
    }
    let path = normalize_path(request.uri().path())?;
    match folder.find(&path).await? {
        Found::File(file) => file_answer(*file, request.method(), request.headers(), permit),
        Found::Directory => redirect(&path, request.uri()),
    }
}

/// Sends the client to the directory itself, from which the links of its index start.
fn redirect(path: &str, uri: &Uri) -> Result<Answer, Failure> {
    let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
    let location = HeaderValue::try_from(format!("{path}/{query}"))
        .map_err(|_| Failure::BadRequest("its query has characters that no header field may have"))?;
    let mut response = Response::new(None);
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

fn file_answer(file: OpenFile, method: &Method, asked: &HeaderMap, permit: Permit) -> Result<Answer, Failure> {
    let validators = Validators::of(&file.metadata);
    let mut response = Response::new(None);
    let headers = response.headers_mut();
    headers.insert(header::ETAG, validators.etag.clone());
    headers.extend(validators.last_modified_value().map(|value| (header::LAST_MODIFIED, value)));
    if validators.judge(asked)? == Fresh::Client {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let size = file.metadata.len();
    let part = match *method == Method::GET && validators.allow_range(asked) {
        true => Part::asked(asked, size)?,
        false => None,
    };
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type::of(&file.name)));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(part) = &part {
        let value = format!("bytes {}-{}/{size}", part.first, part.last);
        headers.extend(HeaderValue::try_from(value).map(|value| (header::CONTENT_RANGE, value)));
    }
    let (start, length) = part.as_ref().map_or((0, size), |part| (part.first, part.length()));
    headers.insert(header::CONTENT_LENGTH, length.into());
    if part.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    if *method == Method::GET {
        *response.body_mut() = Some(FileBody::new(file, start, length, permit));
    }
    Ok(response)
}
