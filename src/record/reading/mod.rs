//! One flow being read from its tape: records in, entries for the store out.

mod again;
mod gaps;
mod http1;
mod http2;
mod raw;
mod scene;
mod socket;

use std::collections::VecDeque;
use std::io;

use jiff::Timestamp;

use super::assemble::Around;
use super::draft::Draft;
use super::reader::unwound;
use super::secrets::Found;
use super::{Follow, Lexicon};
use crate::flow::{Ending, FlowId, Opened, Process, Side};
use crate::model::{App, Exchange};
use crate::observe::http1::{Closing, Decoder, Ending as MessageEnding};
use crate::observe::http2::Snapshot;
use crate::store::{Entry, FlowRow};
use crate::tape::{Kept, Reader, Record};
pub(super) use again::{Piece, Stream, entries, exchanges, pieces, split, stream};
use http2::Streams;
use raw::{Protocol, Raw};
use scene::Scene;
use socket::{Offer, Socket};

/// Set in [`Kept::place`] once a flow can only be kept raw: whoever goes on does so too.
const OPAQUE: u64 = 1 << 63;

/// Most of a tape that is held for a WebSocket, in bytes: its messages cannot be decompressed
/// from the middle, so whoever goes on after a kill begins at the handshake. Past this the
/// tape is given back, and what a kill then leaves is kept raw.
const SOCKET_HELD_MAX: u64 = 16 << 20;

/// A flow and how far it was read.
pub struct FlowReading {
    tape: Reader,
    decoders: [Decoder; 2],
    state: State,
    /// What the tape was told last.
    released: Kept,
}

/// What was read and is not stored.
struct State {
    flow: FlowId,
    opened: Option<Opened>,
    process: Option<Process>,
    /// Offset of the record being read.
    tape_at: u64,
    wire: Wire,
    drafts: VecDeque<Draft>,
    /// Secrets that exchanges before have met: they come again.
    found: Found,
    place: u32,
    /// Bytes of each side read so far; also the offset of the next one.
    seen: [u64; 2],
    /// Bytes of each side that belong to exchanges that are done, or to chunks.
    done: [u64; 2],
    /// Bytes of each side that an earlier reader has stored.
    skip: [u64; 2],
    gaps: u64,
    endings: [Option<Ending>; 2],
    /// What the last reply upgraded to.
    upgrade: Option<Upgrade>,
    /// The exchange that stands for a flow which never was one that can be read.
    raw_exchange: Option<Exchange>,
    notes: Vec<String>,
    closed_at: Option<Timestamp>,
    out: Vec<Entry>,
}

/// Who reads the bytes.
enum Wire {
    /// The decoders of HTTP/1.
    Http1,
    /// A WebSocket, from the upgrade on; the first place is that of the upgrade's request.
    Socket(Box<Socket>, Kept),
    /// HTTP/2.
    Http2(Box<Streams>),
    /// Nobody: the bytes are kept.
    Raw(Box<Raw>),
}

/// What a reply of status 101 says comes next.
struct Upgrade {
    protocol: String,
    /// The socket, if a dialect knows it, and the place of the upgrade's request.
    socket: Option<(Offer, Kept)>,
}

/// What the decoders want to tell each other after a piece.
#[derive(Default)]
struct Told {
    asked: Vec<String>,
    upgraded: bool,
}

impl FlowReading {
    /// Begins where the last reader of the tape has stopped.
    pub fn new(mut tape: Reader) -> io::Result<Self> {
        let mut kept = tape.kept()?;
        let flow = tape.flow()?;
        let (opened, process) = tape.beginning()?;
        let fresh = kept == Kept::default();
        let mut wire = Wire::Http1;
        if kept.place & OPAQUE != 0 {
            let protocol = Protocol::of(opened.as_ref(), None);
            wire = Wire::Raw(Box::new(Raw::resumed(protocol, kept.stored)));
        } else if let Some((mark, bytes)) = tape.remembered()
            && let Some(snapshot) = Snapshot::from_bytes(&bytes)
        {
            kept = mark;
            tape.seek(kept.from);
            wire = Wire::Http2(Box::new(Streams::resumed(&snapshot)));
        }
        Ok(Self {
            released: kept,
            decoders: [Decoder::requests(), Decoder::replies()],
            state: State {
                opened: opened.filter(|_| !fresh),
                process: process.filter(|_| !fresh),
                ..State::new(flow, wire, kept)
            },
            tape,
        })
    }

    /// Whether there is something to read.
    pub fn has_more(&self) -> bool {
        self.tape.has_more()
    }

    /// Whether the flow is over and was read to its end.
    pub fn is_over(&self) -> bool {
        self.tape.is_closed()
    }

    /// The flow.
    pub fn flow(&self) -> FlowId {
        self.state.flow
    }

    /// Tells of the flow again: the capture that knew of it is gone.
    pub fn tell_again(&mut self) {
        self.state.tell_flow();
    }

    /// Reads what is there, at most about half a megabyte; says whether there was any. What
    /// it came to waits for [`take`](FlowReading::take).
    pub fn read(&mut self, lexicon: &Lexicon, follow: &mut dyn Follow) -> io::Result<bool> {
        let Self { tape, decoders, state, .. } = self;
        let was_over = tape.is_closed();
        let read = tape.read(|offset, record| {
            state.tape_at = offset;
            state.take_record(record, decoders, lexicon, follow);
        })?;
        if tape.is_closed() && !was_over {
            let lost = tape.lost().unwrap_or_default();
            state.close(decoders, lost, lexicon, follow);
        }
        state.flush_raw(lexicon);
        Ok(read)
    }

    /// The writer is gone without a word: what there is, is all there will be.
    pub fn abandon(&mut self, lexicon: &Lexicon, follow: &mut dyn Follow) {
        if !self.tape.is_closed() {
            let lost = self.tape.lost().unwrap_or_default();
            self.state.close(&mut self.decoders, lost, lexicon, follow);
        }
        self.state.flush_raw(lexicon);
    }

    /// What was read since the last time, for the store.
    pub fn take(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.state.out)
    }

    /// What will be stored once everything taken so far is.
    pub fn kept(&mut self) -> Kept {
        let state = &mut self.state;
        let next =
            Kept { from: self.tape.position(), stored: state.done, place: u64::from(state.place) };
        match &mut state.wire {
            Wire::Http1 => match state.drafts.front() {
                Some(open) => Kept {
                    from: open.tape_at,
                    stored: [open.sent_before, open.answered_before.unwrap_or(state.done[1])],
                    place: u64::from(open.place),
                },
                None => next,
            },
            Wire::Socket(_, begun) if next.from < begun.from + SOCKET_HELD_MAX => *begun,
            Wire::Http2(streams) => {
                streams.checkpoint().map_or(self.released, |checkpoint| checkpoint.kept)
            }
            Wire::Socket(..) | Wire::Raw(_) => Kept { place: next.place | OPAQUE, ..next },
        }
    }

    /// Tells the tape what is stored.
    pub fn release(&mut self, kept: Kept) -> io::Result<()> {
        if kept == self.released {
            return Ok(());
        }
        if let Wire::Http2(streams) = &mut self.state.wire
            && let Some(checkpoint) = streams.checkpoint().filter(|place| place.kept == kept)
        {
            self.tape.remember(kept, &checkpoint.snapshot.to_bytes())?;
        }
        self.tape.release(kept)?;
        self.released = kept;
        Ok(())
    }

    /// Everything is stored: the tape goes away.
    pub fn remove(self) -> io::Result<()> {
        self.tape.remove()
    }
}

impl State {
    /// Nothing of the flow beyond `kept` was read.
    fn new(flow: FlowId, wire: Wire, kept: Kept) -> Self {
        Self {
            flow,
            opened: None,
            process: None,
            tape_at: 0,
            wire,
            drafts: VecDeque::new(),
            found: Found::default(),
            place: u32::try_from(kept.place & !OPAQUE).unwrap_or_default(),
            seen: kept.stored,
            done: kept.stored,
            skip: kept.stored,
            gaps: 0,
            endings: [None; 2],
            upgrade: None,
            raw_exchange: None,
            notes: Vec::new(),
            closed_at: None,
            out: Vec::new(),
        }
    }

    fn take_record(
        &mut self,
        record: Record<'_>,
        decoders: &mut [Decoder; 2],
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        match record {
            Record::Opened(opened) => {
                self.opened = Some(*opened);
                self.tell_flow();
            }
            Record::Process(process) => {
                self.process = Some(process);
                self.tell_flow();
            }
            Record::Ended { side, ending, .. } => *side.of_mut(&mut self.endings) = Some(ending),
            Record::Closed { at } => self.closed_at = Some(at),
            Record::Bytes { side, at, offset, bytes } => {
                let Some(bytes) = self.unseen(side, at, offset, bytes, lexicon, follow) else {
                    return;
                };
                self.choose_wire(side, bytes);
                match self.wire {
                    Wire::Http1 => self.feed_http1(side, at, bytes, decoders, lexicon, follow),
                    _ => self.take_bytes(side, at, bytes, lexicon, follow),
                }
            }
        }
    }

    /// A flow's first bytes are HTTP/2 if its handshake chose that.
    fn choose_wire(&mut self, side: Side, bytes: &[u8]) {
        let is_first = self.seen.iter().sum::<u64>() == bytes.len() as u64 && self.done == [0; 2];
        if is_first
            && matches!(self.wire, Wire::Http1)
            && Protocol::of(self.opened.as_ref(), None) == Protocol::Http2
            && (side == Side::Upstream || bytes.starts_with(b"P"))
        {
            self.wire = Wire::Http2(Box::new(Streams::new()));
        }
    }

    /// Takes bytes that are not HTTP/1.
    fn take_bytes(
        &mut self,
        side: Side,
        at: Timestamp,
        bytes: &[u8],
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        let tape_at = self.tape_at;
        let mut stored = self.seen;
        *side.of_mut(&mut stored) -= bytes.len() as u64;
        let place = Kept { from: tape_at, stored, place: u64::from(self.place) };
        self.with_wire(lexicon, follow, |wire, scene| match wire {
            Wire::Socket(socket, _) => socket.take(side, at, bytes, scene),
            Wire::Http2(streams) => {
                streams.pass(place);
                streams.take(side, at, tape_at, bytes, scene);
            }
            Wire::Http1 | Wire::Raw(_) => {}
        });
        match self.wire {
            Wire::Raw(_) => self.keep_raw(side, at, bytes),
            _ => *side.of_mut(&mut self.done) += bytes.len() as u64,
        }
    }

    fn with_wire(
        &mut self,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
        read: impl FnOnce(&mut Wire, &mut Scene<'_>),
    ) {
        let Self { flow, opened: Some(opened), process, place, wire, out, notes, .. } = self else {
            return;
        };
        let around = Around { opened, process: process.as_ref() };
        let mut scene = Scene { flow: *flow, place, around, lexicon, follow, out, notes };
        read(wire, &mut scene);
    }

    fn close(
        &mut self,
        decoders: &mut [Decoder; 2],
        lost: [u64; 2],
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        let at = self.closed_at.unwrap_or_else(Timestamp::now);
        for side in Side::BOTH {
            if !matches!(self.wire, Wire::Http1) {
                break;
            }
            let closing = match side.of(&self.endings) {
                Some(Ending::Closed) => Closing::Clean,
                _ => Closing::Abrupt,
            };
            let mut told = Told::default();
            let decoder = side.of_mut(decoders);
            let closed = unwound(|| {
                decoder.close(closing, &mut |event| {
                    self.take_event(side, event, at, lexicon, follow, &mut told);
                });
            });
            if closed.is_err() {
                self.notes.push("a fault of Overhear's: the HTTP decoder panicked".to_owned());
            }
        }
        self.end_drafts(MessageEnding::Cut, at, lexicon, follow);
        self.with_wire(lexicon, follow, |wire, scene| match wire {
            Wire::Socket(socket, _) => socket.close(at, scene),
            Wire::Http2(streams) => streams.close(at, scene),
            Wire::Http1 | Wire::Raw(_) => {}
        });
        let unseen = lost.iter().sum::<u64>().saturating_sub(self.gaps);
        if unseen > 0 {
            self.note_gap(Side::Upstream, at, unseen, lexicon, follow);
        }
        self.end_raw_exchange(at);
        self.closed_at.get_or_insert(at);
        self.tell_flow();
    }

    fn tell_flow(&mut self) {
        let Some(opened) = &self.opened else { return };
        let row = FlowRow {
            opened: opened.clone(),
            closed_at: self.closed_at,
            app: App {
                user_agent: opened.connect_user_agent.clone(),
                process: self.process.as_ref().map(|process| process.name.clone()),
                pid: self.process.as_ref().map(|process| process.pid),
            },
            bytes: self.seen,
            endings: self.endings,
            gap_bytes: self.gaps,
            notes: self.notes.clone(),
        };
        self.out.push(Entry::Flow(Box::new(row)));
    }
}
