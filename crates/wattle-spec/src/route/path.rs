//! The normal form of a request's path, in which routes are looked up.
//!
//! It follows section 6.2.2 of RFC 3986, and refuses what two readers could understand differently instead of guessing:
//! a route must not be passed by another spelling of its path. The guest sees the path as it was sent.

use std::borrow::Cow;

/// Why a path is answered 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with `/`.
    #[error("the path does not begin with `/`")]
    Relative,
    /// A space, a control character, a backslash or a NUL, as it is or encoded.
    #[error("the path has a character at byte {0} that no path may have")]
    Character(usize),
    /// `%` without two hex digits.
    #[error("the path has a `%` at byte {0} without two hex digits")]
    Escape(usize),
    /// `%2f` or `%5c`: a slash that is none.
    #[error("the path has an encoded slash or backslash at byte {0}")]
    EncodedSlash(usize),
    /// `.` or `..`, as it is or encoded.
    #[error("the path has a `.` or `..` segment")]
    DotSegment,
}

/// The normal form of a path without its query.
///
/// Escapes of unreserved characters are decoded, other escapes get upper-case digits, and bytes beyond ASCII are
/// escaped. Empty segments (`//`) stay. Nothing is allocated for a path that is in this form.
///
/// # Errors
///
/// If the path is not one, or could be understood in two ways; see [`PathError`].
pub fn normalize_path(path: &str) -> Result<Cow<'_, str>, PathError> {
    if !path.starts_with('/') {
        return Err(PathError::Relative);
    }
    let normal = match path.bytes().all(is_kept) {
        true => Cow::Borrowed(path),
        false => respelled(path)?,
    };
    match normal.split('/').any(|segment| matches!(segment, "." | "..")) {
        true => Err(PathError::DotSegment),
        false => Ok(normal),
    }
}

/// Whether a byte of a path stands for itself and needs no second look.
fn is_kept(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\')
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn respelled(path: &str) -> Result<Cow<'_, str>, PathError> {
    let bytes = path.as_bytes();
    let mut normal = String::with_capacity(path.len() + 8);
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'%' => {
                respell_escape(&mut normal, escaped(bytes, at).ok_or(PathError::Escape(at))?, at)?;
                at += 2;
            }
            0x80.. => escape(&mut normal, byte),
            _ if is_kept(byte) => normal.push(byte.into()),
            _ => return Err(PathError::Character(at)),
        }
        at += 1;
    }
    Ok(if normal == path { Cow::Borrowed(path) } else { Cow::Owned(normal) })
}

fn respell_escape(normal: &mut String, byte: u8, at: usize) -> Result<(), PathError> {
    match byte {
        b'/' | b'\\' => return Err(PathError::EncodedSlash(at)),
        _ if byte.is_ascii_control() => return Err(PathError::Character(at)),
        _ if is_unreserved(byte) => normal.push(byte.into()),
        _ => escape(normal, byte),
    }
    Ok(())
}

/// The byte that the escape at `at` stands for.
fn escaped(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    u8::try_from(digit(at + 1)? << 4 | digit(at + 2)?).ok()
}

fn escape(normal: &mut String, byte: u8) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let digit = |number: u8| char::from(DIGITS[usize::from(number)]);
    normal.extend(['%', digit(byte >> 4), digit(byte & 15)]);
}
