//! What there is of an answer's body before its head goes out.
//!
//! Most answers are short and whole at once. Their length is known then, and head and body are one write: without it
//! each piece would cost both sides a system call of its own.

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::answer_body::Cut;

/// What comes next of a body, if it goes on.
pub(super) type Next = Option<Result<Frame<Bytes>, Cut>>;

/// How often an instance gets its turn before the head of its answer goes out as it is.
pub(super) const TURNS: u8 = 2;

/// The first pieces of a body, or the first and its end.
#[derive(Default)]
pub(super) struct Ahead {
    first: Option<Next>,
    second: Option<Next>,
}

impl Ahead {
    /// Whether there is no room for more, or no more to come.
    pub(super) fn is_enough(&self) -> bool {
        self.second.is_some() || matches!(self.first, Some(None | Some(Err(_))))
    }

    pub(super) fn push(&mut self, next: Next) {
        let place = if self.first.is_none() { &mut self.first } else { &mut self.second };
        *place = Some(next);
    }

    pub(super) fn take(&mut self) -> Option<Next> {
        self.first.take().or_else(|| self.second.take())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.second.is_none()
    }

    /// Whether nothing is left of a body that has ended.
    pub(super) fn is_end(&self) -> bool {
        matches!((&self.first, &self.second), (Some(None), None) | (None, Some(None)))
    }

    /// The size of the whole body, where the size of what is not here yet is `rest`.
    pub(super) fn size_with(&self, rest: &SizeHint) -> SizeHint {
        let pieces = [&self.first, &self.second];
        let here = pieces.iter().filter_map(|piece| piece.as_ref()?.as_ref()?.as_ref().ok()?.data_ref());
        let here = here.map(Bytes::len).sum::<usize>() as u64;
        if pieces.iter().any(|piece| matches!(piece, Some(None))) {
            return SizeHint::with_exact(here);
        }
        let mut whole = SizeHint::new();
        if let Some(upper) = rest.upper() {
            whole.set_upper(upper + here);
        }
        whole.set_lower(rest.lower() + here);
        whole
    }
}
