//! Answers every request with one line, written with the crate `wstd`.

use wstd::http::{Body, Error, Request, Response};

#[wstd::http_server]
async fn main(_request: Request<Body>) -> Result<Response<Body>, Error> {
    Ok(Response::builder().header("content-type", "text/plain").body("Hello from Wattle\n".into())?)
}
