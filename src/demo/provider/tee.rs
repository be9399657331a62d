//! A stream that remembers what was read from it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bytes that were read from a connection and belong to no request yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Unclaimed(Arc<Mutex<Vec<u8>>>);

impl Unclaimed {
    /// Passes what there is to `claim`, which says how many bytes from the start it took.
    pub(super) fn claim<T>(&self, claim: impl FnOnce(&[u8]) -> (T, usize)) -> T {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (claimed, taken) = claim(&bytes);
        let taken = taken.min(bytes.len());
        bytes.drain(..taken);
        claimed
    }

    fn push(&self, read: &[u8]) {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend_from_slice(read);
    }
}

/// A stream whose incoming bytes fall into an [`Unclaimed`] as well: hyper hands out parsed
/// header names, and the tests ask for what was on the wire.
pub(super) struct Tee<S> {
    stream: S,
    unclaimed: Unclaimed,
}

impl<S> Tee<S> {
    pub(super) fn new(stream: S, unclaimed: Unclaimed) -> Self {
        Self { stream, unclaimed }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tee<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some(read) = buf.filled().get(before..) {
            self.unclaimed.push(read);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tee<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
