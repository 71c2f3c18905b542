//! What a file of credentials says of one registry.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::Credential;

/// Tools write it with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The keys that hold a secret, or a part of what one is for.
const SECRETS: [&str; 5] = ["auth", "username", "password", "identitytoken", "registrytoken"];

/// Reads an entry. `None`: there is nothing to log in with in it. The error says what is wrong.
pub(super) fn read(entry: &Value) -> Result<Option<Credential>, &'static str> {
    let entry = match entry {
        Value::Null => return Ok(None),
        Value::Object(entry) => entry,
        _ => return Err("should be an object"),
    };
    if let Some(token) = text(entry, "identitytoken")? {
        return Ok(Some(Credential::IdentityToken(Zeroizing::new(token.into()))));
    }
    if let Some(auth) = text(entry, "auth")? {
        return decode(auth).map(Some);
    }
    match (text(entry, "username")?, text(entry, "password")?) {
        (Some(user), Some(password)) => {
            Ok(Some(Credential::Password { user: user.into(), password: Zeroizing::new(password.into()) }))
        }
        _ => Ok(None),
    }
}

/// Puts a name and a password into an entry, and keeps what else is in it.
pub(super) fn write(entry: &mut Map<String, Value>, user: &str, password: &str) {
    clear(entry);
    let plain = Zeroizing::new(format!("{user}:{password}"));
    entry.insert("auth".into(), BASE64.encode(plain.as_bytes()).into());
}

/// Takes what one logs in with out of an entry.
pub(super) fn clear(entry: &mut Map<String, Value>) {
    entry.retain(|key, _| !SECRETS.contains(&&**key));
}

fn text<'a>(entry: &'a Map<String, Value>, key: &'static str) -> Result<Option<&'a str>, &'static str> {
    match entry.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(&**text).filter(|text| !text.is_empty())),
        Some(_) => Err("should only have texts to log in with"),
    }
}

fn decode(auth: &str) -> Result<Credential, &'static str> {
    const EXPECTED: &str = "should have `user:password` in base64 as its `auth`";
    let bytes = Zeroizing::new(BASE64.decode(auth).map_err(|_| EXPECTED)?);
    let plain = std::str::from_utf8(&bytes).map_err(|_| EXPECTED)?;
    let (user, password) = plain.split_once(':').ok_or(EXPECTED)?;
    // Docker leaves out zeros at the end, too: some tools pad with them.
    let password = password.trim_end_matches('\0');
    Ok(Credential::Password { user: user.into(), password: Zeroizing::new(password.into()) })
}
