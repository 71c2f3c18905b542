//! Shows its secrets over HTTP, for tests: a real component would use them and never show them.
//!
//! | request | answer |
//! |---|---|
//! | `GET /secret/NAME` | the value; 404 if there is none, 502 with the reason if it cannot be read |
//! | `GET /config/KEY` | the value that `wasi:config/runtime` gives |
//! | `POST /log/MESSAGE` | logs the message through the `wasi:logging` without a version |

wit_bindgen::generate!({
    inline: "
        package wattle:vault;
        world imports {
            import wasi:config/runtime@0.2.0-draft;
            import wasi:logging/logging;
            import wasmcloud:secrets/store@2.1.0;
            import wasmcloud:secrets/reveal@2.1.0;
        }
    ",
    path: ["../wit/wasi-config-draft", "../wit/wasi-logging-unversioned", "../wit/wasmcloud-secrets"],
    generate_all,
});

use wasi::config::runtime;
use wasi::logging::logging::{self, Level};
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};
use wasmcloud::secrets::reveal::{SecretValue, reveal};
use wasmcloud::secrets::store::{self, SecretsError};

struct Vault;

wasip3::http::service::export!(Vault);

impl wasip3::exports::http::handler::Guest for Vault {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let (status, content) = match path.trim_start_matches('/').split_once('/') {
            Some(("secret", name)) => secret(name).await,
            Some(("config", key)) => config(key),
            Some(("log", message)) => {
                logging::log(Level::Warn, "vault", message);
                (200, Vec::new())
            }
            _ => (404, b"no such path".to_vec()),
        };
        Ok(answer(status, content))
    }
}

async fn secret(name: &str) -> (u16, Vec<u8>) {
    let secret = match store::get(name.to_owned()).await {
        Ok(secret) => secret,
        Err(SecretsError::NotFound) => return (404, b"not-found".to_vec()),
        Err(SecretsError::Upstream(why) | SecretsError::Io(why)) => return (502, why.into_bytes()),
    };
    match reveal(&secret).await {
        SecretValue::String(text) => (200, text.into_bytes()),
        SecretValue::Bytes(bytes) => (200, bytes),
    }
}

fn config(key: &str) -> (u16, Vec<u8>) {
    match runtime::get(key) {
        Ok(Some(value)) => (200, value.into_bytes()),
        Ok(None) => (404, b"no such key".to_vec()),
        Err(runtime::ConfigError::Upstream(why) | runtime::ConfigError::Io(why)) => (502, why.into_bytes()),
    }
}

fn answer(status: u16, content: Vec<u8>) -> Response {
    let (mut body, body_reader) = wit_stream::new();
    let (_trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(body_reader), trailers_reader);
    _ = response.set_status_code(status);
    wasip3::wit_bindgen::spawn_local(async move {
        body.write_all(content).await;
    });
    response
}
