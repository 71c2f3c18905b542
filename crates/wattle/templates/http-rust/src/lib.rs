//! Answers HTTP requests.

use wstd::http::{Body, Error, Request, Response};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let text = greeting(request.uri().path());
    Ok(Response::builder().header("content-type", "text/plain; charset=utf-8").body(text.into())?)
}

fn greeting(path: &str) -> String {
    format!("Hello from {path}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_names_the_path() {
        assert_eq!(greeting("/there"), "Hello from /there\n");
    }
}
