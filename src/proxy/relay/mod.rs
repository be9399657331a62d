//! The relay: copies bytes between the two connections of a flow, and onto its tape first.
//!
//! Forwarding is a copy (invariant 1): no byte is changed, added, dropped, merged or held
//! back, and how a side ends becomes how the other side is ended. One task serves both
//! directions; an event costs a wake-up, a read and a write.

mod end;
mod way;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

pub use end::End;
use way::Way;

use super::in_flight::InFlight;
use super::rewrite::splice::Splicer;
use crate::flow::{Ending, Process, Side};
use crate::metrics::Metrics;
use crate::tape::Writer;

/// Bytes read from a connection at once: four TLS records, so that a large body costs few
/// system calls.
const READ_BYTES: usize = 64 << 10;

/// How long the system may take to tell the process of a flow that is over.
const PROCESS_WITHIN: Duration = Duration::from_millis(200);

thread_local! {
    /// One buffer a thread: nothing stays in it between two polls, so idle flows hold none.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Where the relay leaves copies.
pub enum Copies {
    /// On a tape.
    Tape {
        /// The flow's tape.
        tape: Writer,
        /// Gives the process behind the flow, once the system has told.
        process: Option<oneshot::Receiver<Process>>,
    },
    /// Nowhere: the flow is passed on unread.
    Nowhere,
}

/// What came of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Bytes of each side, in the order of [`Side::BOTH`].
    pub bytes: [u64; 2],
    /// How each side ended, in the order of [`Side::BOTH`].
    pub endings: [Option<Ending>; 2],
}

/// Relays until both sides have ended. `early` is what was already read from the app's
/// connection to know what it carries.
pub async fn relay(
    downstream: End,
    upstream: End,
    early: &[u8],
    copies: Copies,
    metrics: &Metrics,
) -> Outcome {
    let passing = Passing { copies, splicer: None, metrics: metrics.clone() };
    let mut relay = Relay::new(downstream, upstream, passing);
    relay.begin(early);
    poll_fn(|cx| relay.poll(cx)).await;
    relay.finish()
}

/// Relays requests of the base-URL mode, whose heads `splicer` edits, until both sides have
/// ended, or until a request for another origin comes: then the app's connection is given
/// back, with what was read from it from that request on.
pub async fn relay_rewriting(
    downstream: End,
    upstream: End,
    early: &[u8],
    copies: Copies,
    splicer: Splicer,
    metrics: &Metrics,
) -> Option<(TcpStream, Vec<u8>)> {
    let passing = Passing { copies, splicer: Some(Box::new(splicer)), metrics: metrics.clone() };
    let mut relay = Relay::new(downstream, upstream, passing);
    relay.begin(early);
    poll_fn(|cx| relay.poll(cx)).await;
    let handover = relay.handover.take();
    let [app, _] = relay.finish_ends();
    handover.map(|read| (app.into_tcp(), read))
}

struct Relay {
    /// In the order of [`Side::BOTH`].
    ends: [End; 2],
    /// Each from the end of the same place to the other.
    ways: [Way; 2],
    passing: Passing,
    /// What was read for another origin, once this one has nothing left to say.
    handover: Option<Vec<u8>>,
    _open: InFlight,
}

/// What happens to bytes between the two ends.
struct Passing {
    copies: Copies,
    /// In base-URL mode only: edits heads.
    splicer: Option<Box<Splicer>>,
    metrics: Metrics,
}

impl Passing {
    /// A copy falls on the tape before the byte is passed on (invariant 3). `at` is when the
    /// bytes were read, where that is known.
    fn pass(
        &mut self,
        side: Side,
        bytes: &[u8],
        at: Option<Timestamp>,
        mut put: impl FnMut(&[u8]),
    ) {
        let copies = &mut self.copies;
        let mut copy_and_put = |piece: &[u8]| {
            copies.append(side, piece, at);
            put(piece);
        };
        match (&mut self.splicer, side) {
            (Some(splicer), Side::Downstream) => splicer.request(bytes, &mut copy_and_put),
            (Some(splicer), Side::Upstream) => {
                splicer.reply(bytes);
                copy_and_put(bytes);
            }
            (None, _) => copy_and_put(bytes),
        }
    }

    /// The time, where the flow is recorded: the tape wants it too, so that the clock is read
    /// once for both.
    fn now(&self) -> Option<Timestamp> {
        matches!(self.copies, Copies::Tape { .. }).then(Timestamp::now)
    }

    /// What was read at `at` was handed over just now, or as much of it as the other end takes:
    /// that it waits for more is not ours.
    fn handed_over(&self, at: Timestamp) {
        // A clock that was set back meanwhile says nothing.
        if let Ok(added) = Duration::try_from(Timestamp::now().duration_since(at)) {
            self.metrics.added_latency(added);
        }
    }

    /// Whether nothing more may be read from the app for now.
    fn holds_back(&self) -> bool {
        self.splicer.as_ref().is_some_and(|splicer| splicer.must_hand_over())
    }
}

impl Relay {
    fn new(downstream: End, upstream: End, passing: Passing) -> Self {
        let open = InFlight::new(&passing.metrics);
        Self {
            ends: [downstream, upstream],
            ways: Side::BOTH.map(Way::new),
            passing,
            handover: None,
            _open: open,
        }
    }

    /// What the handshakes already brought is passed on first.
    fn begin(&mut self, early: &[u8]) {
        let ([down, up], [from_app, from_origin]) = (&mut self.ends, &mut self.ways);
        from_app.take_early(down, up, early, &mut self.passing);
        from_origin.take_early(up, down, &[], &mut self.passing);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.passing.copies.poll_process(cx);
        SCRATCH.with_borrow_mut(|scratch| {
            let ([down, up], [from_app, from_origin]) = (&mut self.ends, &mut self.ways);
            from_app.poll(down, up, scratch, &mut self.passing, cx);
            from_origin.poll(up, down, scratch, &mut self.passing, cx);
        });
        if self.hand_over(cx) {
            return Poll::Ready(());
        }
        self.settle()
    }

    /// Whether the app's next request is for another origin and every reply was passed on.
    fn hand_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(splicer) = &mut self.passing.splicer else { return false };
        let [app, upstream] = &mut self.ends;
        if !splicer.must_hand_over() || app.poll_flush(cx).is_pending() {
            return false;
        }
        self.handover = splicer.take_handover();
        if self.handover.is_some() {
            upstream.end_orderly(cx);
        }
        self.handover.is_some()
    }

    /// A reset, and a side that can no longer be written to, end the flow for both: whatever
    /// the other side still had to say was passed on before.
    fn settle(&mut self) -> Poll<()> {
        for side in Side::BOTH {
            let (way, back) = (side.of(&self.ways), side.other().of(&self.ways));
            if way.was_reset() {
                side.other().of_mut(&mut self.ends).reset();
                return Poll::Ready(());
            }
            if way.is_refused() && back.is_done() {
                side.of_mut(&mut self.ends).reset();
                return Poll::Ready(());
            }
        }
        match self.ways.iter().all(Way::is_done) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn finish(self) -> Outcome {
        let bytes = [self.ways[0].bytes(), self.ways[1].bytes()];
        let endings = self.endings();
        drop(self.finish_ends());
        Outcome { bytes, endings }
    }

    fn finish_ends(mut self) -> [End; 2] {
        self.tell_endings();
        self.passing.copies.close();
        self.ends
    }

    fn endings(&self) -> [Option<Ending>; 2] {
        [self.ways[0].ending(), self.ways[1].ending()]
    }

    fn tell_endings(&mut self) {
        let endings = self.endings();
        if let Copies::Tape { tape, .. } = &mut self.passing.copies {
            for side in Side::BOTH {
                tape.ended(side, side.of(&endings).unwrap_or(Ending::Abandoned));
            }
        }
    }
}

impl Copies {
    fn append(&mut self, side: Side, bytes: &[u8], at: Option<Timestamp>) {
        if let Self::Tape { tape, .. } = self {
            tape.append_at(side, bytes, at.unwrap_or_else(Timestamp::now));
        }
    }

    /// Closes the tape; a short flow may be over before the system has told its process.
    fn close(self) {
        let Self::Tape { mut tape, process: Some(process) } = self else { return };
        tokio::spawn(async move {
            if let Ok(Ok(told)) = tokio::time::timeout(PROCESS_WITHIN, process).await {
                tape.process(told);
            }
        });
    }

    fn poll_process(&mut self, cx: &mut Context<'_>) {
        let Self::Tape { tape, process } = self else { return };
        let Some(receiver) = process else { return };
        if let Poll::Ready(told) = std::pin::Pin::new(receiver).poll(cx) {
            if let Ok(told) = told {
                tape.process(told);
            }
            *process = None;
        }
    }
}

#[cfg(test)]
mod tests;
