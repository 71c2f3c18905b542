//! An answer's body on its way to the client: bounded in size, and never complete in appearance when it is not.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiBody;

use super::account::Account;
use super::admission::Permit;
use super::ahead::{Ahead, Next, TURNS};
use super::calls::OpenCall;
use super::dispatch::Reply;
use super::exchange::Exchange;
use super::files::FileBody;
use crate::answer::Failure;

/// The body of an answer. When it is dropped, its connection rests.
pub(crate) struct AnswerBody {
    source: Source,
    exchange: Exchange,
    /// What is told of its request, if somebody asked.
    account: Option<Box<Account>>,
}

enum Source {
    Ours(Full<Bytes>),
    Guest(Box<GuestBody>),
    File(FileBody),
}

/// What an instance may have written before it was lost: as many pieces as wait for a slow client, and the trailers.
pub(super) const LAST_FRAMES: u8 = 4;

/// A body that an instance writes.
pub(super) struct GuestBody {
    pub(super) body: WasiBody,
    pub(super) ahead: Ahead,
    /// How many bytes the component may still answer.
    pub(super) left: u64,
    /// How many bytes its head announced and are still missing.
    pub(super) announced: Option<u64>,
    /// Tells the instance that the client has everything; dropped, that the client is gone.
    pub(super) delivery: Option<oneshot::Sender<()>>,
    /// How many more frames may go out when its instance is lost.
    pub(super) last_frames: u8,
    /// Why it was cut, before the client is told.
    pub(super) cut: Option<Cut>,
    /// Tells whether the instance ended before it had written everything.
    pub(super) reply: Reply,
    /// The call, when the instance serves others too.
    pub(super) call: Option<OpenCall>,
    pub(super) _permit: Option<Permit>,
}

/// Why a body was cut.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the component wrote more than its limit response-body")]
    TooLarge,
    #[error("the instance that wrote this answer was lost")]
    InstanceLost,
    #[error("the component broke its answer off: {0}")]
    Broken(wasmtime_wasi_http::Error),
    #[error("the file could not be read to its end")]
    File(#[source] io::Error),
}

impl AnswerBody {
    pub(super) fn ours(body: Full<Bytes>, exchange: Exchange) -> Self {
        Self { source: Source::Ours(body), exchange, account: None }
    }

    /// `None`: an answer that has no body, whatever the guest writes.
    pub(super) fn guest(body: Option<GuestBody>, exchange: Exchange) -> Self {
        let source = body.map_or_else(|| Source::Ours(Full::default()), |body| Source::Guest(Box::new(body)));
        Self { source, exchange, account: None }
    }

    /// `None`: an answer that has no body.
    pub(super) fn file(body: Option<FileBody>, exchange: Exchange) -> Self {
        let source = body.map_or_else(|| Source::Ours(Full::default()), Source::File);
        Self { source, exchange, account: None }
    }

    /// The same body, when it is here as a whole, or its instance has had its [`TURNS`].
    pub(super) async fn begun(mut self) -> Self {
        if let Source::Guest(body) = &mut self.source {
            body.begin().await;
        }
        self
    }

    /// The same body, with whose end the account of its request ends.
    pub(super) fn told(mut self, account: Option<Box<Account>>) -> Self {
        self.account = account;
        self
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.exchange.answered();
    }
}

impl GuestBody {
    /// The next frame. What was written before a cut goes out first: hyper drops it together with an error.
    fn poll_frame_or_cut(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Some(cut) = self.cut.take() {
            return Poll::Ready(Some(Err(cut)));
        }
        match ready!(self.poll_frame(cx)) {
            Some(Err(cut)) => {
                // Of the others whoever ended the instance has told.
                if matches!(cut, Cut::TooLarge) {
                    self.reply.log(&Failure::AnswerTooLarge);
                }
                self.cut = Some(cut);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            frame => Poll::Ready(frame),
        }
    }

    /// Reads what is written at once.
    async fn begin(&mut self) {
        if self.is_end_stream() {
            return;
        }
        self.ahead = Ahead::of(self.body.size_hint());
        let mut turns = TURNS;
        poll_fn(|cx| {
            while !self.ahead.is_enough() {
                match self.read(cx) {
                    Poll::Ready(next) => self.ahead.push(next),
                    Poll::Pending if turns == 0 => break,
                    Poll::Pending => {
                        turns -= 1;
                        // To the end of the queue: whoever is to write it comes first.
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
            }
            Poll::Ready(())
        })
        .await;
        // A head that announces something else must not be mended: such an answer is cut.
        if self.announced.is_none()
            && let Some(len) = self.ahead.close()
        {
            self.announced = Some(len);
            if len == 0 {
                self.complete();
            }
        }
    }

    /// Whether nothing more comes, in good order.
    fn is_end_stream(&self) -> bool {
        match self.ahead.is_empty() {
            true => self.body.is_end_stream() && !self.reply.is_lost(),
            false => self.ahead.is_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.ahead.is_empty() {
            true => self.body.size_hint(),
            false => self.ahead.size(),
        }
    }

    /// Takes the body to its end, for nobody.
    pub(super) async fn discard(mut self) {
        while let Some(Ok(_)) = poll_fn(|cx| self.poll_frame(cx)).await {}
        self.complete();
    }

    /// The client has everything.
    pub(super) fn complete(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            let _ = delivery.send(());
        }
        if let Some(call) = &mut self.call {
            call.complete();
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let next = match self.ahead.take() {
            Some(next) => next,
            None => ready!(self.read(cx)),
        };
        Poll::Ready(self.counted(next))
    }

    /// What the instance wrote next.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let is_lost = self.reply.is_lost();
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) if !is_lost || self.last_frames > 0 => frame,
            // Its instance is gone. What comes from elsewhere is not waited for, and not taken without end.
            _ if is_lost => return Poll::Ready(Some(Err(Cut::InstanceLost))),
            _ => return Poll::Pending,
        };
        self.last_frames -= u8::from(is_lost);
        Poll::Ready(match frame {
            Some(frame) => Some(frame.map_err(Cut::Broken)),
            None if is_lost => Some(Err(Cut::InstanceLost)),
            None => None,
        })
    }

    /// The same, taken into account as it is handed over.
    fn counted(&mut self, next: Next) -> Next {
        let Some(frame) = next else {
            self.complete();
            return None;
        };
        Some(frame.and_then(|frame| {
            let len = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.left = self.left.checked_sub(len).ok_or(Cut::TooLarge)?;
            self.announced = self.announced.map(|announced| announced.saturating_sub(len));
            // With the last announced byte out, nobody asks for more.
            if self.announced == Some(0) || frame.is_trailers() {
                self.complete();
            }
            Ok(frame)
        }))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.exchange.asked();
        let frame = match &mut self.source {
            Source::Ours(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Source::Guest(body) => body.poll_frame_or_cut(cx),
            Source::File(body) => body.poll_piece(cx).map_ok(Frame::data).map_err(Cut::File),
        };
        match (&frame, &mut self.account) {
            (Poll::Ready(Some(Ok(frame))), Some(account)) => {
                account.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
            }
            (Poll::Ready(Some(Err(_))), Some(account)) => account.cut(),
            _ => {}
        }
        if let Poll::Ready(Some(Ok(_))) = &frame {
            self.exchange.handed_over();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Ours(body) => body.is_end_stream(),
            Source::Guest(body) => body.is_end_stream(),
            Source::File(body) => body.left() == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Ours(body) => body.size_hint(),
            Source::Guest(body) => body.size_hint(),
            Source::File(body) => SizeHint::with_exact(body.left()),
        }
    }
}
