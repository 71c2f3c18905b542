//! What a host tells as it goes on, as [server-sent events]: pieces of bytes come in, values come out.
//!
//! It reads what hosts write: fields as `name: value`, one line of `data`, lines that end with a line feed. An event of a kind
//! that it does not know is passed over, because a newer host tells more.
//!
//! [server-sent events]: https://html.spec.whatwg.org/multipage/server-sent-events.html

use super::{ActionProgress, Done, Event, LogLine, Lost, Refused};

/// What an event ends with: an empty line.
const END: &[u8] = b"\n\n";

/// What a host tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A line of its log.
    Line(LogLine),
    /// A report.
    Report(Event),
    /// The reader was too slow.
    Lost(Lost),
    /// How far an action is.
    Progress(ActionProgress),
    /// What came of it.
    Done(Done),
    /// That it was not done.
    Refused(Refused),
}

/// Why something that is told cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ToldError {
    /// An event is longer than is taken. What comes after it is not looked for.
    #[error("an event has more than {0} bytes")]
    TooLarge(usize),
    /// An event of a known kind has something else in it. The next one may be sound.
    #[error("an event cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

/// Takes bytes as they come, and gives what is whole. How the bytes were cut makes no difference.
#[derive(Debug)]
pub struct ToldReader {
    max: usize,
    came: Vec<u8>,
    /// Where what was not read yet begins.
    start: usize,
    /// As far as no event ends that was not read yet.
    seen: usize,
}

impl ToldReader {
    /// One that takes events of at most `max` bytes.
    pub fn new(max: usize) -> Self {
        Self { max, came: Vec::new(), start: 0, seen: 0 }
    }

    /// Takes what came.
    pub fn add(&mut self, piece: &[u8]) {
        self.came.drain(..self.start);
        self.seen -= self.start;
        self.start = 0;
        self.came.extend_from_slice(piece);
    }

    /// The next one. `None`: more has to come.
    ///
    /// # Errors
    ///
    /// If it is too large, or not what its kind is.
    pub fn read(&mut self) -> Result<Option<Told>, ToldError> {
        while let Some(end) = self.end()? {
            let event = String::from_utf8_lossy(&self.came[self.start..end]).into_owned();
            self.start = end + END.len();
            self.seen = self.start;
            if let Some(told) = told(&event) {
                return told.map(Some).map_err(ToldError::Unreadable);
            }
        }
        Ok(None)
    }

    /// Where the next event ends, if it is whole.
    fn end(&mut self) -> Result<Option<usize>, ToldError> {
        let found = self.came[self.seen..].windows(END.len()).position(|window| window == END);
        // The first byte of an end may have come already.
        let known = self.came.len() - usize::from(self.came[self.start..].ends_with(&END[..1]));
        let end = found.map(|position| self.seen + position);
        self.seen = end.unwrap_or(known);
        match self.seen - self.start > self.max {
            true => Err(ToldError::TooLarge(self.max)),
            false => Ok(end),
        }
    }
}

/// What the text of an event says. `None`: nothing that is known here.
fn told(event: &str) -> Option<serde_json::Result<Told>> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = field("data").unwrap_or_default();
    match field("event")? {
        "line" => Some(serde_json::from_str(data).map(Told::Line)),
        "report" => Some(serde_json::from_str(data).map(Told::Report)),
        "lost" => Some(serde_json::from_str(data).map(Told::Lost)),
        "progress" => Some(serde_json::from_str(data).map(Told::Progress)),
        "done" => Some(serde_json::from_str(data).map(Told::Done)),
        "refused" => Some(serde_json::from_str(data).map(Told::Refused)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of `pieces`, in short.
    #[track_caller]
    fn check(pieces: &[&str], expected: &str) {
        let (mut reader, mut read) = (ToldReader::new(40), Vec::new());
        'all: for piece in pieces {
            reader.add(piece.as_bytes());
            loop {
                read.push(match reader.read() {
                    Ok(None) => break,
                    Ok(Some(Told::Lost(lost))) => lost.lost.to_string(),
                    Ok(Some(told)) => format!("{told:?}"),
                    Err(ToldError::Unreadable(_)) => "unreadable".into(),
                    Err(ToldError::TooLarge(_)) => {
                        read.push("too large".into());
                        break 'all;
                    }
                });
            }
        }
        assert_eq!(read.join(" "), expected, "{pieces:?}");
    }

    #[test]
    fn events() {
        check(&["event: lost\ndata: {\"lost\":1}\n\nevent: lost\ndata: {\"lost\":2}\n\n"], "1 2");
        check(&["event: lo", "st\ndata: {\"lost\":1}\n", "", "\nevent: lost\ndata: {\"lo", "st\":2}\n\n"], "1 2");
        check(&["event: new\ndata: {\"lost\":1}\n\ndata: {\"lost\":1}\n\n\n\n"], "");
        // What came before one that cannot be read is not lost with it.
        let bad = "event: lost\ndata: {}\n\n";
        check(
            &[&format!("event: lost\ndata: {{\"lost\":1}}\n\n{bad}event: lost\ndata: {{\"lost\":2}}\n\n")],
            "1 unreadable 2",
        );
        check(&["event: lost\n\n"], "unreadable");
    }

    /// However it comes.
    #[test]
    fn events_that_are_too_large() {
        let event = |len: usize| format!("{:len$}", "event: lost\ndata: {\"lost\":1}");
        check(&[&(event(40) + "\n\n")], "1");
        check(&[&event(40), "\n", "\n"], "1");
        check(&[&event(40), "\n", "data: {}\n\n"], "too large");
        check(&[&(event(41) + "\n\n")], "too large");
        check(&[&event(40), " "], "too large");
    }
}
