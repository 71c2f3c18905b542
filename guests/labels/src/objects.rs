//! One object of a container.

use wstd::http::Method;

use crate::bindings::{Container, IncomingValue, OutgoingValue};

pub fn one(method: &Method, container: &Container, name: &str, content: &[u8]) -> Result<Vec<u8>, String> {
    if *method != Method::PUT {
        return IncomingValue::incoming_value_consume_sync(container.get_data(name, 0, u64::MAX)?);
    }
    let value = OutgoingValue::new_outgoing_value();
    container.write_data(name, &value)?;
    {
        let stream = value.outgoing_value_write_body().expect("the stream is taken once");
        stream.blocking_write_and_flush(content).map_err(|error| format!("{error:?}"))?;
    }
    OutgoingValue::finish(value)?;
    Ok(Vec::new())
}
