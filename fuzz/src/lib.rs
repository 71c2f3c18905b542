//! What must hold of every decoder of the control protocol, whatever bytes come: each target is one function here.
//!
//! A fuzzer calls them (`fuzz_targets`), and the tests of `wattle-spec` (`it::fuzzed`), which have this file as a module, do it
//! with the seeds in `corpus` and with what chance makes of those. A function panics where something does not hold, and says
//! whether there was anything to look at.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use wattle_spec::control::{
    Action, AppLinks, AppSchedules, DeployedApp, Done, Event, ExplainedApp, HostStatus, ListenerStatus, LogLine, Lost,
    Query, Refusal, RefusalCode, Refused, Told, ToldError, ToldReader,
};
use wattle_spec::report::Report;

/// A name that no value of the protocol has.
const STRANGE: &str = "zz-strange";
/// The most bytes of an event here: few, so that some are too large.
const EVENT_MAX: usize = 4096;
/// The most bytes of what is said about a question that cannot be read.
const MESSAGE_MAX: usize = 1024;
/// What can be asked beside a path.
const PARAMETERS: [&str; 4] = ["app", "component", "tail", "follow"];

/// What a host is asked to do. It is read strictly: nothing is asked in vain.
pub fn action(bytes: &[u8]) -> bool {
    let Some(action) = comes_back::<Action>(bytes) else { return false };
    let mut fields = object(&action);
    fields.insert(STRANGE.into(), json!(1));
    assert!(read::<Action>(&fields).is_none(), "a field that nobody knows is taken: {fields:?}");
    fields.remove(STRANGE);
    fields.insert("action".into(), json!(STRANGE));
    assert!(read::<Action>(&fields).is_none(), "an action that nobody knows is taken: {fields:?}");
    true
}

/// What a host answers, in each of the ways in which a client reads it. It may have more in it than its reader knows.
pub fn answer(bytes: &[u8]) -> bool {
    let read = [
        tolerant::<Done>(bytes).is_some(),
        tolerant::<HostStatus>(bytes).is_some(),
        tolerant::<LogLine>(bytes).is_some(),
        tolerant::<AppLinks>(bytes).is_some(),
        tolerant::<AppSchedules>(bytes).is_some(),
        tolerant::<DeployedApp>(bytes).is_some(),
        tolerant::<ExplainedApp>(bytes).is_some(),
        tolerant::<ListenerStatus>(bytes).is_some(),
        tolerant::<Event>(bytes).inspect(of_a_newer_host).is_some(),
        tolerant::<Refused>(bytes).inspect(by_a_newer_host).is_some(),
    ];
    read.contains(&true)
}

/// A report of a kind that a newer host has is still an event.
fn of_a_newer_host(event: &Event) {
    let mut fields = object(event);
    fields.insert("report".into(), json!(STRANGE));
    let newer = read::<Event>(&fields).expect("an event");
    assert_eq!((newer.number, &newer.boot, newer.report), (event.number, &event.boot, Report::Unknown));
}

/// A refusal with a code that a newer host has is still a refusal.
fn by_a_newer_host(Refused { error }: &Refused) {
    let mut fields = object(error);
    fields.insert("code".into(), json!(STRANGE));
    let newer = read::<Refusal>(&fields).expect("a refusal");
    assert_eq!(newer, Refusal { code: RefusalCode::Unknown, ..error.clone() });
}

/// What a host tells as server-sent events: the same, however the bytes are cut into pieces.
pub fn events(bytes: &[u8]) -> bool {
    let Some((&step, bytes)) = bytes.split_first() else { return false };
    let whole = told(bytes.chunks(bytes.len().max(1)));
    assert_eq!(told(bytes.chunks(1)), whole, "byte by byte");
    assert_eq!(told(bytes.chunks(usize::from(step) + 1)), whole, "in pieces of {} bytes", usize::from(step) + 1);
    for one in whole.iter().filter_map(|one| one.as_ref().ok()) {
        let text = written(one);
        let strange = format!("event: {STRANGE}\ndata: 1\n\n");
        if text.len() <= EVENT_MAX {
            let pieces = [strange.as_bytes(), text.as_bytes(), strange.as_bytes()];
            assert_eq!(told(pieces.into_iter()), [Ok(one.clone())], "it does not come back: {text}");
        }
    }
    whole.iter().any(Result::is_ok)
}

/// What is asked beside a path: read strictly, and refused in few words.
pub fn query(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else { return false };
    let asked = match Query::read(text, &PARAMETERS) {
        Ok(asked) => asked,
        Err(refusal) => {
            assert_eq!(refusal.code, RefusalCode::BadRequest);
            assert!(refusal.message.len() <= MESSAGE_MAX, "{} bytes are said of {text:?}", refusal.message.len());
            return false;
        }
    };
    let Query { app, component, tail, follow, progress } = &asked;
    let mut again = Vec::new();
    again.extend(app.iter().map(|app| format!("app={app}")));
    again.extend(component.iter().map(|component| format!("component={component}")));
    again.extend(tail.iter().map(|tail| format!("tail={tail}")));
    again.extend(follow.iter().map(|follow| format!("follow={follow}")));
    again.extend(progress.iter().map(|progress| format!("progress={progress}")));
    let again = again.join("&");
    assert_eq!(Query::read(&again, &PARAMETERS).as_ref(), Ok(&asked), "{text} is {again}");
    assert!(Query::read(&format!("{again}&{STRANGE}=1"), &PARAMETERS).is_err(), "{text}");
    for parameter in again.split('&').filter(|parameter| !parameter.is_empty()) {
        assert!(Query::read(&format!("{again}&{parameter}"), &PARAMETERS).is_err(), "{parameter} counts twice");
    }
    true
}

/// What is read of `pieces`, until something is too large.
fn told<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Told, &'static str>> {
    let (mut reader, mut all) = (ToldReader::new(EVENT_MAX), Vec::new());
    for piece in pieces {
        reader.add(piece);
        loop {
            match reader.read() {
                Ok(None) => break,
                Ok(Some(one)) => all.push(Ok(one)),
                Err(ToldError::Unreadable(_)) => all.push(Err("unreadable")),
                Err(ToldError::TooLarge(_)) => {
                    all.push(Err("too large"));
                    return all;
                }
            }
        }
    }
    all
}

/// An event as a host writes it.
fn written(told: &Told) -> String {
    let (name, data) = match told {
        Told::Line(line) => ("line", json(line)),
        Told::Report(event) => ("report", json(event)),
        Told::Lost(lost) => ("lost", json::<Lost>(lost)),
        Told::Progress(progress) => ("progress", json(progress)),
        Told::Done(done) => ("done", json(done)),
        Told::Refused(refused) => ("refused", json(refused)),
    };
    format!("event: {name}\ndata: {data}\n\n")
}

/// The value in `bytes`, if there is one, which then has to be the same when it is written and read again.
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let value: T = read_bytes(bytes)?;
    let text = json(&value);
    assert_eq!(read_bytes::<T>(text.as_bytes()).as_ref(), Some(&value), "it does not come back: {text}");
    Some(value)
}

/// The same, with a reader that minds no field that it does not know.
fn tolerant<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let value: T = comes_back(bytes)?;
    let mut fields = object(&value);
    fields.insert(STRANGE.into(), json!({ "more": [1] }));
    assert_eq!(read(&fields).as_ref(), Some(&value), "a field that a newer host has");
    Some(value)
}

fn read_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

fn read<T: DeserializeOwned>(fields: &Map<String, Value>) -> Option<T> {
    read_bytes(json(fields).as_bytes())
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("what was read can be written")
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::from_str(&json(value)) {
        Ok(Value::Object(fields)) => fields,
        other => panic!("no object: {other:?}"),
    }
}
