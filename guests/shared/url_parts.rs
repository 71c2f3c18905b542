//! A target taken apart without looking at what the parts are.

/// The parts of a target.
pub struct Target<'t> {
    /// What is before `://`.
    pub scheme: &'t str,
    /// What is between that and the path.
    pub authority: &'t str,
    /// The rest.
    pub path: &'t str,
}

impl<'t> Target<'t> {
    /// Takes `text` apart.
    pub fn parse(text: &'t str) -> Self {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self { scheme, authority, path: if path.is_empty() { "/" } else { path } }
    }
}
