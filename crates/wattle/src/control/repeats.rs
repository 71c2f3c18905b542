//! Actions that are asked for again: who lost the answer asks once more with the same key, and is told what came of the first
//! time. The key is that of the header field `Idempotency-Key`
//! ([source](https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/)).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use wattle_spec::control::{Action, Refusal, RefusalCode};

use super::under_way::UnderWay;

/// The header field.
const FIELD: &str = "idempotency-key";
/// The most bytes of a key.
const KEY_MAX: usize = 128;
/// How many actions are remembered, the last ones.
const KEPT_MAX: usize = 1024;

/// The last actions that had keys.
#[derive(Default)]
pub(super) struct Repeats(Mutex<VecDeque<Known>>);

struct Known {
    key: String,
    action: Action,
    under_way: UnderWay,
}

/// The key of a request, if it has one.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(FIELD) else { return Ok(None) };
    let refused = || Refusal::bad(format!("an Idempotency-Key has 1 to {KEY_MAX} letters, digits and marks"));
    let text = value.to_str().map_err(|_| refused())?;
    // A string in quotes, says the draft; many leave them out.
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    match (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(Some(text.to_owned())),
        false => Err(refused()),
    }
}

impl Repeats {
    /// What was begun as `action`, which `begin` begins unless that was done under this key.
    ///
    /// # Errors
    ///
    /// If the key belongs to another action.
    pub(super) fn of(
        &self,
        key: String,
        action: &Action,
        begin: impl FnOnce() -> UnderWay,
    ) -> Result<UnderWay, Refusal> {
        // Whole at every point where a panic could come.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.iter().find(|known| known.key == key) {
            Some(known) if known.action == *action => return Ok(known.under_way.clone()),
            Some(_) => {
                let refusal = Refusal::new(RefusalCode::KeyReused, "this key belongs to another action already");
                return Err(refusal.hint("choose a new one for each action, as a random number"));
            }
            None => {}
        }
        if known.len() == KEPT_MAX {
            known.pop_front();
        }
        let under_way = begin();
        known.push_back(Known { key, action: action.clone(), under_way: under_way.clone() });
        Ok(under_way)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use http::HeaderValue;
    use wattle_spec::control::Done;

    use super::*;

    fn stop(app: &str) -> Action {
        Action::Stop { app: app.parse().expect("an app"), expected: None }
    }

    fn stopped(app: &'static str) -> UnderWay {
        UnderWay::new(async move { Ok(Done::Stopped { app: app.parse().expect("an app") }) }.boxed(), None)
    }

    #[test]
    fn once() {
        let repeats = Repeats::default();
        let ask = |key: &str, app: &'static str, says: &'static str| {
            repeats.of(key.into(), &stop(app), || stopped(says)).map(|under_way| under_way.done().now_or_never())
        };
        let said = |app: &str| Some(Ok(Done::Stopped { app: app.parse().expect("an app") }));
        assert_eq!(ask("one", "shop", "shop"), Ok(said("shop")));
        assert_eq!(ask("one", "shop", "never"), Ok(said("shop")), "what came of the first");
        assert_eq!(ask("one", "blog", "never").map_err(|refusal| refusal.code), Err(RefusalCode::KeyReused));
        for number in 0..KEPT_MAX {
            ask(&format!("k{number}"), "blog", "blog").expect("another one");
        }
        assert_eq!(ask("one", "shop", "blog"), Ok(said("blog")), "it was long ago");
        assert_eq!(repeats.0.lock().expect("nobody panicked").len(), KEPT_MAX);
    }

    #[test]
    fn keys() {
        let read = |value: &[u8]| {
            let value = HeaderValue::from_bytes(value).expect("a value");
            key(&HeaderMap::from_iter([(FIELD.parse().expect("a name"), value)])).ok().flatten()
        };
        assert_eq!(read(b"\"8e03978e-40d5\"").as_deref(), Some("8e03978e-40d5"));
        assert_eq!(read(b"8e03978e-40d5").as_deref(), Some("8e03978e-40d5"));
        for bad in [b"".as_slice(), b"\"\"", b"a b", b"\xff", &[b'x'; KEY_MAX + 1]] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert_eq!(key(&HeaderMap::new()), Ok(None));
    }
}
