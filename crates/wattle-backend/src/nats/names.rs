//! What owners, buckets and keys are called in NATS: legal there, readable where they can be, and never two by one name.
//!
//! ```text
//! an owner:  SPACE_shared  SPACE_host  SPACE_NAMESPACE_APP    names have no underscore
//!            SPACE_NAMESPACE_APP_BACKEND  SPACE_shared__BACKEND    of a backend with a name of its own
//! a key:     $KV.OWNER.BUCKET.KEY                             a dot of KEY stays where it separates two tokens
//! an object: $O.OWNER__CONTAINER.M.NAME                       NAME in base64, as in every object store of NATS
//! ```
//!
//! Letters, digits, `-`, `_`, `/` and all letters beyond ASCII stand for themselves; other bytes become `=` with two
//! hexadecimal digits. Where most of a text would become digits, it is `==` with the whole of it in base64. The empty
//! text is `=`. Containers are names of streams, which take less: there other bytes become `_` with two digits, what gets
//! too long is `_h` with a digest, and the empty text is `_z`.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::layout::NatsLayout;
use crate::bucket::{Bucket, Owner};
use crate::error::{BackendError, Part};
use crate::limits;

/// The most bytes that a bucket takes in a subject. Subject and reply must fit in the 4 KiB of a line of the protocol.
const BUCKET_MAX_BYTES: usize = 1400;
/// The most bytes that a key takes in a subject.
const KEY_MAX_BYTES: usize = 2000;

/// The most bytes that the name of an object takes in a subject.
const OBJECT_MAX_BYTES: usize = 2800;
/// The most bytes that an owner takes in the name of a stream: three names of 63.
const OWNER_MAX_BYTES: usize = 191;
/// The most bytes that a text takes in the name of a stream, which has at most 255 with its owner before it.
const STREAM_PART_MAX_BYTES: usize = 48;

const SPECIAL: &str = "=";
const BASE64: &str = "==";

/// What the owner's part of everything is called.
pub(super) fn owner(layout: &NatsLayout, owner: &Owner) -> String {
    match owner {
        Owner::Shared => format!("{}_shared", layout.space),
        Owner::Host => format!("{}_host", layout.space),
        Owner::App(app) => format!("{}_{}_{}", layout.space, app.namespace, app.name),
        Owner::Named { backend, app: None } => format!("{}_shared__{backend}", layout.space),
        Owner::Named { backend, app: Some(app) } => {
            let full = format!("{}_{}_{}_{backend}", layout.space, app.namespace, app.name);
            match full.len() > OWNER_MAX_BYTES {
                true => format!("{}__h{}", layout.space, URL_SAFE_NO_PAD.encode(Sha256::digest(full))),
                false => full,
            }
        }
    }
}

/// The token of a bucket's name.
pub(super) fn bucket(bucket: &Bucket) -> Result<String, BackendError> {
    limits::checked(Part::Bucket, bucket.name.len())?;
    short_enough(Part::Bucket, encoded(&bucket.name, |_, _| false), BUCKET_MAX_BYTES)
}

/// The bucket that has this token; `None`: none of ours has.
pub(super) fn bucket_of(token: &str) -> Option<String> {
    let name = decoded(token)?;
    (encoded(&name, |_, _| false) == token).then_some(name)
}

/// What the object store of a container is called.
pub(super) fn container(layout: &NatsLayout, container: &Bucket) -> Result<String, BackendError> {
    limits::checked(Part::Container, container.name.len())?;
    Ok(format!("{}__{}", owner(layout, &container.owner), stream_part(&container.name)))
}

/// The token of an object's name.
pub(super) fn object(name: &str) -> Result<String, BackendError> {
    limits::checked(Part::Object, name.len())?;
    let encoded = if name.is_empty() { SPECIAL.to_owned() } else { URL_SAFE.encode(name) };
    short_enough(Part::Object, encoded, OBJECT_MAX_BYTES)
}

/// The object that has this token.
pub(super) fn object_of(token: &str) -> Option<String> {
    match token {
        SPECIAL => Some(String::new()),
        token => String::from_utf8(URL_SAFE.decode(token).ok()?).ok(),
    }
}

/// A text as part of the name of a stream.
fn stream_part(text: &str) -> String {
    if text.is_empty() {
        return "_z".to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => escaped.push(byte.into()),
            byte => escaped += &format!("_{byte:02X}"),
        }
    }
    match escaped.len() > STREAM_PART_MAX_BYTES {
        true => format!("_h{}", URL_SAFE_NO_PAD.encode(Sha256::digest(text))),
        false => escaped,
    }
}

/// The container whose part of the name of a stream this is; `None`: the name is too long to be told, or nothing of ours.
pub(super) fn container_of(part: &str) -> Option<String> {
    let mut pieces = if part == "_z" { "" } else { part }.split('_');
    let mut name = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        name.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        name.extend_from_slice(piece.get(2..)?.as_bytes());
    }
    String::from_utf8(name).ok().filter(|name| stream_part(name) == part)
}

/// The tokens of a key.
pub(super) fn key(key: &str) -> Result<String, BackendError> {
    limits::checked(Part::Key, key.len())?;
    short_enough(Part::Key, encoded(key, separates), KEY_MAX_BYTES)
}

/// The key that has these tokens; `None`: no key of ours has.
pub(super) fn key_of(tokens: &str) -> Option<String> {
    let key = decoded(tokens)?;
    // Another program may have written what we would have written otherwise.
    (encoded(&key, separates) == tokens).then_some(key)
}

fn short_enough(part: Part, encoded: String, limit: usize) -> Result<String, BackendError> {
    match encoded.len() > limit {
        true => Err(BackendError::TooLarge { part, size: encoded.len(), limit }),
        false => Ok(encoded),
    }
}

/// Whether the byte at `at`, a dot, has something else than a dot on both sides.
fn separates(text: &[u8], at: usize) -> bool {
    let is_other = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|byte| *byte != b'.');
    is_other(at.checked_sub(1)) && is_other(Some(at + 1))
}

fn encoded(text: &str, keeps_dot: fn(&[u8], usize) -> bool) -> String {
    if text.is_empty() {
        return SPECIAL.to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '/' => escaped.push(c),
            '.' if keeps_dot(text.as_bytes(), at) => escaped.push(c),
            c if !c.is_ascii() && !c.is_whitespace() && !c.is_control() => escaped.push(c),
            c => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    escaped += &format!("={byte:02X}");
                }
            }
        }
    }
    match escaped.len() > text.len().div_ceil(3) * 4 + BASE64.len() {
        true => BASE64.to_owned() + &URL_SAFE_NO_PAD.encode(text),
        false => escaped,
    }
}

fn decoded(encoded: &str) -> Option<String> {
    if encoded == SPECIAL {
        return Some(String::new());
    }
    if let Some(encoded) = encoded.strip_prefix(BASE64) {
        return String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok();
    }
    let mut pieces = encoded.split('=');
    let mut text = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        text.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        text.extend_from_slice(piece.get(2..)?.as_bytes());
    }
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wattle_spec::name::AppId;
    use wattle_spec::subject::Subject;

    #[test]
    fn ordinary_keys_stay_readable() {
        for (text, expected) in [
            ("user/42", "user/42"),
            ("carts.user-1", "carts.user-1"),
            ("größe", "größe"),
            ("", "="),
            ("names..here", "names=2E=2Ehere"),
            (".a..b.", "==LmEuLmIu"),
            ("two words", "two=20words"),
            ("a=b", "a=3Db"),
            ("a*", "a=2A"),
            ("***", "==Kioq"),
        ] {
            assert_eq!(key(text).expect("short enough"), expected);
        }
        let name = Bucket { owner: Owner::Shared, name: "a.b".to_owned() };
        assert_eq!(bucket(&name).expect("short enough"), "a=2Eb", "a bucket is one token");
    }

    #[test]
    fn long_names_are_refused_with_the_limit() {
        assert!(matches!(key(&" ".repeat(2000)), Err(BackendError::TooLarge { part: Part::Key, limit: 2000, .. })));
        assert!(key(&" ".repeat(1024)).is_ok(), "what a guest may use fits");
    }

    #[test]
    fn containers_are_names_of_streams() {
        let layout = NatsLayout::default();
        let named = |name: &str| Bucket { owner: Owner::Shared, name: name.to_owned() };
        let name = |bucket: &Bucket| container(&layout, bucket).expect("short enough");
        assert_eq!(name(&named("photos-1")), "wattle_shared__photos-1");
        assert_eq!(name(&named("a.b_c")), "wattle_shared__a_2Eb_5Fc");
        assert_eq!(name(&named("")), "wattle_shared___z");
        let long = "l".repeat(63);
        let app = AppId { namespace: long.parse().expect("a name"), name: long.parse().expect("a name") };
        let long = NatsLayout { space: long.parse().expect("a name"), ..NatsLayout::default() };
        let longest = container(&long, &Bucket { owner: Owner::App(app), name: "x".repeat(1000) });
        assert!(longest.expect("short enough").len() + "OBJ_".len() <= 255);
        assert_ne!(name(&named(&"x".repeat(1000))), name(&named(&"x".repeat(1001))));
    }

    #[test]
    fn backends_with_names_of_their_own_are_owners_of_their_own() {
        let layout = NatsLayout::default();
        let app = |name: &str| AppId::in_default_namespace(name.parse().expect("a name"));
        let named =
            |backend: &str, app| owner(&layout, &Owner::Named { backend: backend.parse().expect("a name"), app });
        assert_eq!(named("main", Some(app("shop"))), "wattle_default_shop_main");
        let shared = AppId { namespace: "shared".parse().expect("a name"), ..app("main") };
        assert_ne!(named("main", None), owner(&layout, &Owner::App(shared)));
        let long = |end: &str| {
            let name = "n".repeat(63);
            let app = AppId { namespace: name.parse().expect("a name"), name: name.parse().expect("a name") };
            named(&format!("{}{end}", "b".repeat(62)), Some(app))
        };
        assert!(long("x").len() <= OWNER_MAX_BYTES && long("x") != long("y"));
    }

    proptest! {
        #[test]
        fn containers_are_apart(one in "([a-c_.]|\\PC){0,20}", other in "([a-c_.]|\\PC){0,20}") {
            prop_assert_eq!(stream_part(&one) == stream_part(&other), one == other);
            let told = container_of(&stream_part(&one));
            prop_assert!(told == Some(one.clone()) || told.is_none() && stream_part(&one).starts_with("_h"));
        }

        #[test]
        fn keys_come_back_and_are_subjects(text in "([a-c.=*> \0]|\\PC){0,12}") {
            let tokens = key(&text).expect("short enough");
            prop_assert_eq!(key_of(&tokens), Some(text));
            prop_assert!(tokens.parse::<Subject>().is_ok(), "{}", tokens);
        }

        #[test]
        fn only_our_own_tokens_are_keys(tokens in "[ab.=0-9A-F]{1,8}") {
            if let Some(text) = key_of(&tokens) {
                prop_assert_eq!(key(&text).expect("short enough"), tokens);
            }
        }
    }
}
