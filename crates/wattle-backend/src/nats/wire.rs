//! Messages as NATS carries them.
//!
//! A client of NATS neither keeps the order of headers nor those that differ in case only, and JetStream needs the reply
//! of a message for itself. So messages of an app have one header with all of its own, as JSON, and one with its reply;
//! what is shared with others has plain headers. The trace context is a plain header of all, for whoever else reads or
//! writes them.

use async_nats::{HeaderMap, Message as NatsMessage, header::HeaderName, header::HeaderValue};
use wattle_spec::subject::Subject;

use super::address::Address;
use crate::bus::Message;
use crate::error::BackendError;

/// All headers of an app's message, as JSON.
const HEADERS: &str = "Wattle-Headers";
/// Where an answer to an app's message is expected, though nobody waits for it.
const REPLY_TO: &str = "Wattle-Reply-To";

/// The headers of `message` for NATS, if it has any.
pub(super) fn headers(address: &Address, message: &Message) -> Result<Option<HeaderMap>, BackendError> {
    let mut headers = HeaderMap::new();
    match address {
        Address::Own(_) => {
            if !message.headers.is_empty() {
                let pairs = serde_json::to_string(&message.headers).map_err(|error| refused(&error.to_string()))?;
                headers.insert(HEADERS, pairs);
            }
            for (name, value) in message.headers.iter().filter(|header| is_trace(header)) {
                headers.append(name.to_ascii_lowercase().as_str(), plain_value(value)?);
            }
            if let Some(reply_to) = &message.reply_to {
                headers.insert(REPLY_TO, reply_to.as_str());
            }
        }
        Address::Shared { .. } => {
            for (name, value) in &message.headers {
                let name: HeaderName =
                    name.parse().map_err(|_| refused(&format!("{name:?} is no name of a header")))?;
                headers.append(name, plain_value(value)?);
            }
        }
    }
    Ok((!headers.is_empty()).then_some(headers))
}

/// The message that came; `None`: it is not one for the owner.
pub(super) fn message(address: &Address, came: &NatsMessage) -> Option<Message> {
    let subject = address.own(&came.subject)?;
    let header = |name: &str| came.headers.as_ref().and_then(|headers| headers.get(name)).map(HeaderValue::as_str);
    let (reply_to, headers) = match address {
        Address::Own(_) => {
            let asked = came.reply.as_ref().and_then(|reply| address.reply_to(reply));
            let told = || header(REPLY_TO).and_then(|reply_to| reply_to.parse::<Subject>().ok());
            (asked.or_else(told), own(header(HEADERS), came))
        }
        Address::Shared { .. } => (came.reply.as_ref().and_then(|reply| address.reply_to(reply)), plain(came)),
    };
    Some(Message { subject, body: came.payload.clone(), reply_to, headers })
}

/// The answer that came to a request of the owner.
pub(super) fn answer(address: &Address, came: &NatsMessage) -> Option<Message> {
    match address {
        Address::Own(_) => message(address, came),
        Address::Shared { .. } => {
            let reply_to = came.reply.as_ref().and_then(|reply| address.reply_to(reply));
            let (subject, body) = (came.subject.parse().ok()?, came.payload.clone());
            Some(Message { subject, body, reply_to, headers: plain(came) })
        }
    }
}

/// Whether it is a part of the trace context (<https://www.w3.org/TR/trace-context/>).
fn is_trace((name, _): &(String, String)) -> bool {
    ["traceparent", "tracestate"].iter().any(|part| name.eq_ignore_ascii_case(part))
}

/// The headers of an app's message, of which `pairs` is the JSON. Its trace may be that of somebody who knows of no JSON.
fn own(pairs: Option<&str>, came: &NatsMessage) -> Vec<(String, String)> {
    let pairs = pairs.and_then(|pairs| serde_json::from_str(pairs).ok());
    let mut headers: Vec<(String, String)> = pairs.unwrap_or_default();
    let is_traced = headers.iter().any(is_trace);
    if !is_traced {
        headers.extend(plain(came).into_iter().filter(is_trace));
    }
    headers
}

/// The headers of somebody else's message, in the order of their names.
fn plain(came: &NatsMessage) -> Vec<(String, String)> {
    let headers = came.headers.iter().flat_map(|headers| headers.iter());
    let pairs =
        headers.flat_map(|(name, values)| values.iter().map(move |value| (name.to_string(), value.to_string())));
    let mut pairs: Vec<(String, String)> = pairs.collect();
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    pairs
}

fn plain_value(value: &str) -> Result<HeaderValue, BackendError> {
    value.parse().map_err(|_| refused("a header has a line break in it"))
}

fn refused(reason: &str) -> BackendError {
    BackendError::Refused { reason: reason.to_owned() }
}
