//! What there is of an answer's body before its head goes out.
//!
//! Most answers are short and whole at once. Their length is known then, and head and body are one write: without it
//! each piece would cost both sides a system call of its own.

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::answer_body::Cut;

/// What comes next of a body, if it goes on.
pub(super) type Next = Option<Result<Frame<Bytes>, Cut>>;

/// How often who waits for an answer goes to the end of its core's queue before the head goes out as it is: each time the
/// instance gets a turn.
pub(super) const TURNS: u8 = 2;

/// The first pieces of a body, not counted yet.
#[derive(Default)]
pub(super) struct Ahead {
    first: Option<Next>,
    second: Option<Next>,
    /// The size of the body before anything of it was read.
    size: SizeHint,
    /// Nothing comes after what is here.
    whole: bool,
}

impl Ahead {
    /// Of a body of this `size`, of which nothing was read.
    pub(super) fn of(size: SizeHint) -> Self {
        Self { size, ..Self::default() }
    }

    /// Whether there is no room for more, or no more to come.
    pub(super) fn is_enough(&self) -> bool {
        let is_last = |next: &Next| next.as_ref().is_none_or(|piece| !piece.as_ref().is_ok_and(Frame::is_data));
        self.second.is_some() || self.first.as_ref().is_some_and(is_last)
    }

    pub(super) fn push(&mut self, next: Next) {
        let place = if self.first.is_none() { &mut self.first } else { &mut self.second };
        *place = Some(next);
    }

    pub(super) fn take(&mut self) -> Option<Next> {
        let next = self.first.take().or_else(|| self.second.take());
        next.or_else(|| self.whole.then_some(None))
    }

    /// Where it has turned out that at most one piece and its end are all of a body whose size nobody knew: its length.
    pub(super) fn close(&mut self) -> Option<u64> {
        let len = match (&self.first, &self.second) {
            (Some(None), None) => 0,
            (Some(Some(Ok(frame))), Some(None)) => frame.data_ref()?.len() as u64,
            _ => return None,
        };
        self.size.exact().is_none().then(|| {
            // The end is known from now on, and no piece.
            self.first.take_if(|next| next.is_none());
            self.second = None;
            self.whole = true;
            len
        })
    }

    /// Whether the next piece comes from the body itself.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.second.is_none() && !self.whole
    }

    /// Whether all of the body has been taken.
    pub(super) fn is_end(&self) -> bool {
        self.whole && self.first.is_none()
    }

    /// The size of the body from what is here on.
    pub(super) fn size(&self) -> SizeHint {
        let here = || self.first.as_ref()?.as_ref()?.as_ref().ok()?.data_ref();
        match self.whole {
            true => SizeHint::with_exact(here().map_or(0, Bytes::len) as u64),
            false => self.size,
        }
    }
}
