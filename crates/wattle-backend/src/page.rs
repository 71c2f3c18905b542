//! Pages of lists: so many at once, and whether there are more.

use crate::error::BackendError;

/// The first `limit` things (one, if it is 0) of those that `next` gives until it gives `None`, and whether there was
/// another.
pub(crate) fn take<T>(
    limit: usize,
    mut next: impl FnMut() -> Result<Option<T>, BackendError>,
) -> Result<(Vec<T>, bool), BackendError> {
    let mut things = Vec::new();
    while let Some(thing) = next()? {
        if things.len() >= limit.max(1) {
            return Ok((things, true));
        }
        things.push(thing);
    }
    Ok((things, false))
}
