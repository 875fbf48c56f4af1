//! The body of a request: sent at once, or held back until the server asks for it (RFC 9110, 10.1.1).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

/// How long a body waits for a word of the server; it may never come (RFC 9110, 10.1.1), and curl waits as long.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a server said before the body was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContinueState {
    /// Nothing so far.
    #[default]
    Silent,
    /// 100 Continue.
    Continue,
    /// Its answer: the body is not wanted.
    Answered,
}

/// The server's word on a body that waits for it.
#[derive(Clone, Debug, Default)]
pub struct ContinueSignal(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    go: Mutex<ContinueState>,
    waker: AtomicWaker,
}

impl ContinueSignal {
    /// What the server said first.
    #[must_use]
    pub fn said(&self) -> ContinueState {
        *self.0.go.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its first word counts.
    pub(super) fn say(&self, word: ContinueState) {
        let mut go = self.0.go.lock().unwrap_or_else(PoisonError::into_inner);
        if *go == ContinueState::Silent {
            *go = word;
        }
        drop(go);
        self.0.waker.wake();
    }
}

/// See the module.
#[derive(Debug)]
pub struct Outgoing {
    left: Bytes,
    waits: Option<ContinueWait>,
}

#[derive(Debug)]
struct ContinueWait {
    signal: ContinueSignal,
    /// Set when the head is sent and the body is asked for first.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    /// A body that is sent with its head.
    #[must_use]
    pub fn now(bytes: Bytes) -> Self {
        Self { left: bytes, waits: None }
    }

    /// A body that waits for the server's word.
    #[must_use]
    pub fn awaiting(bytes: Bytes, signal: ContinueSignal) -> Self {
        Self { left: bytes, waits: Some(ContinueWait { signal, patience: None }) }
    }

    /// The whole body.
    pub(super) fn into_bytes(self) -> Bytes {
        self.left
    }

    /// The signal of a body that waits.
    pub(super) fn signal(&self) -> Option<ContinueSignal> {
        self.waits.as_ref().map(|waiting| waiting.signal.clone())
    }
}

impl ContinueWait {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.signal.0.waker.register(cx.waker());
        match self.signal.said() {
            ContinueState::Continue => return Poll::Ready(()),
            // Nobody reads it any more; the connection ends with the answer.
            ContinueState::Answered => return Poll::Pending,
            ContinueState::Silent => {}
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
        patience.as_mut().poll(cx)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(waiting) = &mut self.waits {
            std::task::ready!(waiting.poll(cx));
        }
        self.waits = None;
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.left)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
