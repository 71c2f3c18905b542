//! The streams of the component model that carry contents and lists between a guest and a backend.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::channel::mpsc::{Sender, channel};
use futures::stream::{self, BoxStream, StreamExt};
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, Source, StreamConsumer, StreamProducer, StreamResult, VecBuffer, WriteBuffer};
use wattle_backend::blobs::Content;

use super::container::Names;
use super::failure::Outcome;
use super::{NAMES_MAX, PIECE_MAX};
use crate::capability::patience::Patience;
use crate::telemetry::Watched;

/// Parts of a stream that come in time, or why there are no more.
pub(super) type Parts<B> = BoxStream<'static, Outcome<B>>;

/// A list, page by page, which is one call until its end.
pub(super) fn lists(names: Names, patience: Patience, watched: Watched) -> Parts<VecBuffer<String>> {
    let next = |state: Option<(Names, Patience, Watched)>| async move {
        let (mut names, patience, mut watched) = state?;
        while !names.ended {
            let page = patience.within(names.page(NAMES_MAX)).await;
            let page = page.unwrap_or_else(|timed_out| Err(timed_out.into()));
            if page.is_err() || names.ended {
                watched.ended(&page);
            }
            return Some(match page {
                // A page of nothing is not a part of a stream.
                Ok(page) if page.is_empty() => continue,
                Ok(page) => (Ok(page.into()), Some((names, patience, watched))),
                Err(refusal) => (Err(refusal), None),
            });
        }
        None
    };
    stream::unfold(Some((names, patience, watched)), next).boxed()
}

/// The host's end of a stream to a guest.
struct Outflow<I, B> {
    parts: Parts<B>,
    item: PhantomData<fn() -> I>,
}

/// Gives a guest what comes in `parts`.
pub(super) fn outflow<I, B, D>(parts: Parts<B>) -> impl StreamProducer<D, Item = I>
where
    I: Send + Sync + 'static,
    B: WriteBuffer<I> + Default,
{
    Outflow { parts, item: PhantomData }
}

impl<I, B, D> StreamProducer<D> for Outflow<I, B>
where
    I: Send + Sync + 'static,
    B: WriteBuffer<I> + Default,
{
    type Item = I;
    type Buffer = B;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, I, B>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        // Whoever asks without room for anything learns with its next question whether there is something.
        if destination.remaining(&mut store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        Poll::Ready(match self.get_mut().parts.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(part))) => {
                destination.set_buffer(part);
                Ok(StreamResult::Completed)
            }
            Poll::Ready(Some(Err(refusal))) => {
                Err(wasmtime::Error::from(refusal).context("a stream of the blobstore cannot go on"))
            }
            Poll::Ready(None) => Ok(StreamResult::Dropped),
            Poll::Pending if finish => Ok(StreamResult::Cancelled),
            Poll::Pending => return Poll::Pending,
        })
    }
}

/// The host's end of a stream from a guest.
pub(super) struct Upload(Sender<Bytes>);

/// A way to take a content from a guest, and what comes of it. That the guest drops its end is the end of the content;
/// when its instance is lost, whoever writes the content is dropped before this is.
pub(super) fn upload() -> (Upload, Content) {
    let (sender, pieces) = channel(0);
    (Upload(sender), pieces.map(Ok).boxed())
}

impl<D> StreamConsumer<D> for Upload {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        source: Source<'_, u8>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        match self.0.poll_ready(cx) {
            Poll::Ready(Ok(())) => {}
            // Nobody writes it any more.
            Poll::Ready(Err(_)) => return Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => return Poll::Pending,
        }
        let mut source = source.as_direct(store);
        let rest = source.remaining();
        let piece = Bytes::copy_from_slice(&rest[..rest.len().min(PIECE_MAX)]);
        let length = piece.len();
        if length > 0 && self.0.start_send(piece).is_ok() {
            source.mark_read(length);
        }
        Poll::Ready(Ok(StreamResult::Completed))
    }
}
