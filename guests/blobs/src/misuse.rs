//! What a guest should not do with a blobstore, or may do in an unusual way.

use crate::Told;
use crate::bindings::{Container, IncomingValue, OutgoingValue};
use crate::http::{Answer, told};
use crate::objects::write;

const MIB: usize = 1 << 20;

/// Does it, with an object `kept` of that content in `container`; the answer says what came of it.
pub fn of(what: &str, container: &Container) -> Told<Answer> {
    write(container, "kept", b"kept")?;
    let value = OutgoingValue::new_outgoing_value();
    match what {
        "give-up" => {
            container.write_data("kept", &value)?;
            fill(&value, 2 * MIB)?;
            drop(value);
        }
        "trap" => {
            container.write_data("kept", &value)?;
            fill(&value, 2 * MIB)?;
            panic!("this guest was asked to panic while it writes");
        }
        "two-streams" => {
            let _first = value.outgoing_value_write_body();
            return match value.outgoing_value_write_body() {
                Ok(_) => Err("there was a second stream".into()),
                Err(()) => Ok(Answer::done()),
            };
        }
        "two-places" => {
            container.write_data("kept", &value)?;
            container.write_data("other", &value)?;
        }
        "no-place" => OutgoingValue::finish(value)?,
        "write-after-finish" => {
            let stream = value.outgoing_value_write_body().map_err(|()| "no stream")?;
            container.write_data("kept", &value)?;
            OutgoingValue::finish(value)?;
            stream.blocking_write_and_flush(b"more").map_err(told)?;
        }
        // More than may wait, in two values.
        "ahead" => {
            let other = OutgoingValue::new_outgoing_value();
            fill(&other, 7 * MIB)?;
            let outcome = fill(&value, 2 * MIB);
            container.write_data("kept", &value).expect_err("it lacks something");
            return outcome.map(|()| Answer::done());
        }
        "removed-while-read" => {
            let content = vec![b'y'; 3 * MIB];
            write(container, "kept", &content)?;
            let value = container.get_data("kept", 0, u64::MAX)?;
            container.delete_object("kept")?;
            let all = IncomingValue::incoming_value_consume_sync(value)?;
            assert!(all == content, "the content changed while it was read");
        }
        "removed-while-written" => {
            container.write_data("kept", &value)?;
            fill(&value, MIB)?;
            crate::bindings::blobstore::delete_container(&container.name()?)?;
            OutgoingValue::finish(value)?;
        }
        _ => return Ok(Answer::nothing("no such misuse")),
    }
    Ok(Answer::done())
}

/// Writes `size` bytes.
fn fill(value: &OutgoingValue, size: usize) -> Told<()> {
    let stream = value.outgoing_value_write_body().map_err(|()| "no stream")?;
    let piece = [b'x'; 4096];
    (0..size / piece.len()).try_for_each(|_| stream.blocking_write_and_flush(&piece)).map_err(told)
}
