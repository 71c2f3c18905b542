//! What a request looks like from inside, as JSON.

use serde_json::{Value, json};
use wasip2::http::types::{IncomingRequest, Method, Scheme};

/// Describes everything but the body; headers are pairs in their order, because a name can come twice.
pub fn of(request: &IncomingRequest) -> String {
    let headers: Vec<[String; 2]> = request
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| [name, String::from_utf8_lossy(&value).into_owned()])
        .collect();
    let description = json!({
        "method": method(request.method()),
        "scheme": request.scheme().map_or(Value::Null, scheme),
        "authority": request.authority(),
        "path_with_query": request.path_with_query(),
        "headers": headers,
    });
    format!("{description}\n")
}

fn method(method: Method) -> String {
    let name = match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => return name,
    };
    name.to_owned()
}

fn scheme(scheme: Scheme) -> Value {
    match scheme {
        Scheme::Http => "http".into(),
        Scheme::Https => "https".into(),
        Scheme::Other(name) => name.into(),
    }
}
