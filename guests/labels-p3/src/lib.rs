//! Interfaces with asynchronous functions that are imported under names of this guest's own, over HTTP: for tests of labels.
//!
//! | request | answer |
//! |---|---|
//! | `GET /secret/NAME` | a secret; 404 if there is none |
//! | `GET /db-password` | the secret that is imported by its name |
//! | `PUT`, `GET /archive/CONTAINER/OBJECT` | an object through the import `archive`; a container is made when it is needed |
//!
//! What an interface refuses is answered 502, with what it said.

mod bindings;

use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::wit_bindgen::spawn_local;
use wasip3::{wit_future, wit_stream};

use bindings::{Error, SecretValue, SecretsError, archive, db_password, reveal, store};

struct Labels;

wasip3::http::service::export!(Labels);

impl wasip3::exports::http::handler::Guest for Labels {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (status, content) = match segments.as_slice() {
            ["db-password"] => (200, value(reveal(&db_password::get().await).await)),
            ["secret", name] => secret(name).await,
            ["archive", container, name] => match object(request, container, name).await {
                Ok(content) => (200, content),
                Err(error) => (502, format!("{error:?}").into_bytes()),
            },
            _ => (404, b"no such path".to_vec()),
        };
        Ok(answer(status, content))
    }
}

async fn secret(name: &str) -> (u16, Vec<u8>) {
    match store::get(name.to_owned()).await {
        Ok(secret) => (200, value(reveal(&secret).await)),
        Err(SecretsError::NotFound) => (404, b"not-found".to_vec()),
        Err(SecretsError::Upstream(why) | SecretsError::Io(why)) => (502, why.into_bytes()),
    }
}

fn value(value: SecretValue) -> Vec<u8> {
    match value {
        SecretValue::String(text) => text.into_bytes(),
        SecretValue::Bytes(bytes) => bytes,
    }
}

async fn object(request: Request, container: &str, name: &str) -> Result<Vec<u8>, Error> {
    let open = match archive::get_container(container.to_owned()).await {
        Err(Error::NoSuchContainer) => archive::create_container(container.to_owned()).await?,
        found => found?,
    };
    if !matches!(request.get_method(), Method::Put) {
        return Ok(open.get_data(name.to_owned(), 0, u64::MAX).await?.collect().await);
    }
    let (_taken, taken_reader) = wit_future::new(|| Ok(()));
    let body = Request::consume_body(request, taken_reader).0;
    open.write_data(name.to_owned(), body).await.map(|()| Vec::new())
}

fn answer(status: u16, content: Vec<u8>) -> Response {
    let (mut body, body_reader) = wit_stream::new();
    let (_trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(body_reader), trailers_reader);
    _ = response.set_status_code(status);
    spawn_local(async move {
        body.write_all(content).await;
    });
    response
}
