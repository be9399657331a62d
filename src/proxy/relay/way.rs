//! One direction of a flow, from the end that sends to the end that gets.

use std::task::{Context, Poll};

use jiff::Timestamp;

use super::Passing;
use super::end::{End, Opened};
use crate::flow::{Ending, Side};

/// A direction and how far it has come.
pub(super) struct Way {
    /// Whose bytes go here.
    side: Side,
    state: State,
    bytes: u64,
    /// When what is being handed over was read; of flows that are recorded.
    read_at: Option<Timestamp>,
    /// The sender said `close_notify`: its FIN, when it comes, is an orderly end.
    close_notify: bool,
}

enum State {
    /// Bytes may come.
    Open,
    /// No more will: what was read is sent, then this ending is passed on.
    Ending(Ending),
    /// The ending was passed on.
    Done(Ending),
    /// The receiving end takes no more.
    Refused,
}

impl Way {
    pub(super) fn new(side: Side) -> Self {
        Self { side, state: State::Open, bytes: 0, read_at: None, close_notify: false }
    }

    /// Passes on what came together with the handshake, or was read before the relay began.
    pub(super) fn take_early(
        &mut self,
        from: &mut End,
        to: &mut End,
        early: &[u8],
        passing: &mut Passing,
    ) {
        self.pass(from, to, early, passing);
    }

    /// Copies as much as both ends let.
    pub(super) fn poll(
        &mut self,
        from: &mut End,
        to: &mut End,
        scratch: &mut [u8],
        passing: &mut Passing,
        cx: &mut Context<'_>,
    ) {
        loop {
            if self.is_done() {
                return;
            }
            // First send, then read: backpressure is that simple, and no more than one read
            // ever waits in our memory.
            let flushed = to.poll_flush(cx);
            if let Some(at) = self.read_at.take() {
                passing.handed_over(at);
            }
            match flushed {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.state = State::Refused;
                    return;
                }
                Poll::Pending => return,
            }
            if let State::Ending(ending) = self.state {
                if ending != Ending::Reset {
                    to.fin();
                }
                self.state = State::Done(ending);
                return;
            }
            if self.side == Side::Downstream && passing.holds_back() {
                return;
            }
            match from.poll_read(cx, scratch) {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => {
                    let cut = from.is_tls() && !self.close_notify;
                    let ending = match cut {
                        _ if from.is_gone() => Ending::Reset,
                        true => Ending::Truncated,
                        false => Ending::Closed,
                    };
                    self.state = State::Ending(ending);
                }
                Poll::Ready(Ok(read)) => {
                    self.read_at = passing.now();
                    let read = scratch.get(..read).unwrap_or_default();
                    self.pass(from, to, read, passing);
                    // What the TLS itself has to answer, such as a key update.
                    let _ = from.poll_flush(cx);
                }
                Poll::Ready(Err(_)) => self.state = State::Ending(Ending::Reset),
            }
        }
    }

    fn pass(&mut self, from: &mut End, to: &mut End, read: &[u8], passing: &mut Passing) {
        let (side, at, bytes) = (self.side, self.read_at, &mut self.bytes);
        let opened = from.open(read, |piece| {
            passing.pass(side, piece, at, |out| to.put(out));
            *bytes += piece.len() as u64;
        });
        match opened {
            Opened::Goes => {}
            Opened::CloseNotify if !self.close_notify => {
                self.close_notify = true;
                to.close_notify();
            }
            Opened::CloseNotify => {}
            // The peer broke TLS, or sent a fatal alert: it will get no answer that counts.
            Opened::Broken => self.state = State::Ending(Ending::Reset),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_) | State::Refused)
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self.state, State::Refused)
    }

    pub(super) fn was_reset(&self) -> bool {
        matches!(self.state, State::Done(Ending::Reset))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How the sending side ended; `None` if the flow was over before it did.
    pub(super) fn ending(&self) -> Option<Ending> {
        match self.state {
            State::Done(ending) | State::Ending(ending) => Some(ending),
            State::Open | State::Refused => None,
        }
    }
}
