//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): where a span stands in its trace, read from and written to
//! the fields of requests and of messages. What is malformed is as good as absent.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

/// The field with the identity of the caller's span.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The field in which tracing systems pass on what is their own.
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The most bytes of `tracestate` that are passed on, and the most of its members.
const STATE_MAX: usize = 512;
const STATE_MEMBERS_MAX: usize = 32;

/// The bytes of a `traceparent` of version 0.
const TRACEPARENT_LEN: usize = 55;

/// The flag that the caller tells of its spans.
const SAMPLED: u8 = 1;

/// Where a span stands: its trace, its own identity, and whether it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanContext {
    /// Not 0.
    pub(crate) trace: u128,
    /// Not 0.
    pub(crate) span: u64,
    pub(crate) sampled: bool,
}

/// The fields of a message, in their order.
type Fields = Vec<(String, String)>;

/// What a caller, or who published a message, said of its own span.
pub(super) struct Caller {
    pub(super) context: SpanContext,
    pub(super) state: Option<Box<str>>,
}

impl Caller {
    /// What the header of a request says, if it is exactly one valid thing.
    pub(super) fn of_request(headers: &HeaderMap) -> Option<Self> {
        Self::read(|name| headers.get_all(name).iter().map(|value| value.to_str().ok()))
    }

    /// What the fields of a message say, if it is exactly one valid thing.
    pub(super) fn of_message(fields: &[(String, String)]) -> Option<Self> {
        Self::read(|name| fields.iter().filter(move |field| is_called(field, &name)).map(|(_, value)| Some(&**value)))
    }

    /// `values` are those of all fields of a name; `None`: one that is no text.
    fn read<'a, V: Iterator<Item = Option<&'a str>>>(values: impl Fn(HeaderName) -> V) -> Option<Self> {
        let mut parents = values(TRACEPARENT);
        let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
        Some(Self { context: read_parent(parent?)?, state: read_state(values(TRACESTATE)) })
    }
}

/// Whether a field of a message has this name. Who publishes may write it otherwise: NATS keeps what it gets.
fn is_called((name, _): &(String, String), wanted: &HeaderName) -> bool {
    name.eq_ignore_ascii_case(wanted.as_str())
}

/// Whether the fields of a message say what trace it belongs to.
pub(super) fn has_parent(fields: &[(String, String)]) -> bool {
    fields.iter().any(|field| is_called(field, &TRACEPARENT))
}

/// Writes a place in a trace to the fields of a message, in place of what they say.
pub(super) fn write_fields(fields: &mut Fields, context: SpanContext, state: Option<&str>) {
    fields.retain(|field| !is_called(field, &TRACEPARENT) && !is_called(field, &TRACESTATE));
    fields.push((TRACEPARENT.as_str().to_owned(), context.to_string()));
    fields.extend(state.map(|state| (TRACESTATE.as_str().to_owned(), state.to_owned())));
}

fn read_parent(text: &str) -> Option<SpanContext> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u128::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    };
    let hyphens = [2, 35, 52].iter().all(|place| text.as_bytes().get(*place) == Some(&b'-'));
    let known_length = match number(0, 2)? {
        0xff => false,
        0 => text.len() == TRACEPARENT_LEN,
        // A later version may say more, behind another hyphen.
        _ => matches!(text.as_bytes().get(TRACEPARENT_LEN), None | Some(b'-')),
    };
    let (trace, span, flags) = (number(3, 35)?, number(36, 52)? as u64, number(53, 55)? as u8);
    let sampled = flags & SAMPLED != 0;
    (hyphens && known_length && trace != 0 && span != 0).then_some(SpanContext { trace, span, sampled })
}

/// The list of `tracestate`, from however many fields, if all of it can be passed on.
fn read_state<'a>(fields: impl Iterator<Item = Option<&'a str>>) -> Option<Box<str>> {
    let fields: Vec<&str> = fields.collect::<Option<_>>()?;
    let members = fields.iter().flat_map(|field| field.split(',')).map(str::trim).filter(|member| !member.is_empty());
    let members: Vec<&str> = members.collect();
    let state = members.join(",");
    let fits = !members.is_empty() && members.len() <= STATE_MEMBERS_MAX && state.len() <= STATE_MAX;
    (fits && members.iter().all(|member| is_member(member))).then(|| state.into())
}

fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let in_key = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-' | '*' | '/' | '@');
    let starts = key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    starts
        && key.chars().all(in_key)
        && !value.is_empty()
        && value.chars().all(|c| (' '..='~').contains(&c) && c != '=')
}

impl SpanContext {
    /// The field that makes whoever gets it a child of this span.
    pub(super) fn to_field(self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).expect("invariant: hex digits and hyphens are a header value")
    }
}

impl fmt::Display for SpanContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn parents() {
        let context = read_parent(PARENT).expect("a context");
        assert_eq!((context.to_string().as_str(), context.sampled), (PARENT, true));
        assert!(read_parent(&PARENT.replace("-01", "-00")).is_some_and(|context| !context.sampled));
        assert!(read_parent(&PARENT.replace("00-0", "01-0")).is_some());
        assert!(read_parent(&format!("{}-more", PARENT.replace("00-0", "cc-0"))).is_some());
        for malformed in [
            "",
            "00",
            &PARENT[..54],
            &format!("{PARENT}-more"),
            &format!("{PARENT}x").replace("00-0", "01-0"),
            &PARENT.replace("00-0", "ff-0"),
            &PARENT.to_uppercase(),
            &PARENT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &PARENT.replace("b7ad6b7169203331", &"0".repeat(16)),
            &PARENT.replace("b7ad", "+7ad"),
            &PARENT.replace('-', "_"),
            &PARENT.replace("0af7", "é0a"),
        ] {
            assert_eq!(read_parent(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn states() {
        let read = |fields: &[&str]| read_state(fields.iter().copied().map(Some)).map(String::from);
        assert_eq!(read(&["a=1, b@c=2,", "d=3"]).as_deref(), Some("a=1,b@c=2,d=3"));
        let long = format!("a={}", "x".repeat(STATE_MAX));
        let many = vec!["a=1"; STATE_MEMBERS_MAX + 1].join(",");
        for unusable in ["", "a", "A=1", "a=", "a=b=c", "=1", "a=\tb", &long, &many] {
            assert_eq!(read(&[unusable]), None, "{unusable}");
        }
    }

    #[test]
    fn one_or_none() {
        let mut headers = HeaderMap::new();
        headers.append(TRACEPARENT, HeaderValue::from_static(PARENT));
        assert!(Caller::of_request(&headers).is_some());
        headers.append(TRACEPARENT, HeaderValue::from_static(PARENT));
        assert!(Caller::of_request(&headers).is_none());
    }

    #[test]
    fn of_messages() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut fields = vec![field("Traceparent", PARENT), field("k", "v"), field("TRACESTATE", "a=1")];
        let caller = Caller::of_message(&fields).expect("a caller");
        assert_eq!((caller.context.to_string().as_str(), caller.state.as_deref()), (PARENT, Some("a=1")));
        assert!(Caller::of_message(&[fields.clone(), fields.clone()].concat()).is_none(), "two parents");
        assert!(Caller::of_message(&fields[1..]).is_none(), "a state alone");
        let context = SpanContext { span: 1, ..caller.context };
        write_fields(&mut fields, context, None);
        assert_eq!(fields, [field("k", "v"), field("traceparent", &context.to_string())]);
    }
}
