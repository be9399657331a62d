//! One flow being read from its tape: records in, entries for the store out.

mod gaps;
mod raw;

use std::collections::VecDeque;
use std::io;

use jiff::Timestamp;

use super::assemble::{Around, assemble};
use super::draft::{Draft, Place, unwound};
use super::secrets::Found;
use super::{Follow, Lexicon, exchange_id};
use crate::flow::{Ending, FlowId, Opened, Process, Side};
use crate::model::{App, Exchange};
use crate::observe::http1::{self, Closing, Decoder, Event, Start};
use crate::store::{Entry, FlowRow};
use crate::tape::{Kept, Reader, Record};
use raw::{Protocol, Raw};

/// Set in [`Kept::place`] once a flow is no longer HTTP/1: whoever goes on keeps it raw.
const OPAQUE: u64 = 1 << 63;

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
    /// Set once the flow is no longer HTTP/1.
    raw: Option<Raw>,
    /// What the last reply upgraded to.
    upgrade: Option<String>,
    /// The exchange that stands for a flow which never was HTTP/1.
    raw_exchange: Option<Exchange>,
    notes: Vec<String>,
    closed_at: Option<Timestamp>,
    out: Vec<Entry>,
}

/// What the decoders want to tell each other after a piece.
#[derive(Default)]
struct Told {
    asked: Vec<String>,
    upgraded: bool,
}

impl FlowReading {
    /// Begins where the last reader of the tape has stopped.
    pub fn new(tape: Reader) -> io::Result<Self> {
        let kept = tape.kept()?;
        let flow = tape.flow()?;
        let (opened, process) = tape.beginning()?;
        let fresh = kept == Kept::default();
        let raw = (kept.place & OPAQUE != 0)
            .then(|| Raw::resumed(Protocol::of(opened.as_ref(), None), kept.stored));
        Ok(Self {
            released: kept,
            decoders: [Decoder::requests(), Decoder::replies()],
            state: State {
                flow,
                opened: opened.filter(|_| !fresh),
                process: process.filter(|_| !fresh),
                tape_at: 0,
                drafts: VecDeque::new(),
                found: Found::default(),
                place: u32::try_from(kept.place & !OPAQUE).unwrap_or_default(),
                seen: kept.stored,
                done: kept.stored,
                skip: kept.stored,
                gaps: 0,
                endings: [None; 2],
                raw,
                upgrade: None,
                raw_exchange: None,
                notes: Vec::new(),
                closed_at: None,
                out: Vec::new(),
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
    pub fn kept(&self) -> Kept {
        let state = &self.state;
        let open = state.drafts.front();
        let opaque = if state.raw.is_some() { OPAQUE } else { 0 };
        Kept {
            from: open.map_or(self.tape.position(), |draft| draft.tape_at),
            stored: [
                open.map_or(state.done[0], |draft| draft.sent_before),
                open.and_then(|draft| draft.answered_before).unwrap_or(state.done[1]),
            ],
            place: u64::from(open.map_or(state.place, |draft| draft.place)) | opaque,
        }
    }

    /// Tells the tape what is stored.
    pub fn release(&mut self, kept: Kept) -> io::Result<()> {
        if kept != self.released {
            self.tape.release(kept)?;
            self.released = kept;
        }
        Ok(())
    }

    /// Everything is stored: the tape goes away.
    pub fn remove(self) -> io::Result<()> {
        self.tape.remove()
    }
}

impl State {
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
                let Some(bytes) = self.unseen(side, at, offset, bytes, lexicon) else { return };
                if self.raw.is_some() {
                    return self.keep_raw(side, at, bytes);
                }
                let mut told = Told::default();
                let fed = unwound(|| {
                    side.of_mut(decoders).feed(bytes, &mut |event| {
                        self.take_event(side, event, at, lexicon, follow, &mut told);
                    });
                });
                if fed.is_err() {
                    self.notes.push("a fault of Overhear's: the HTTP decoder panicked".to_owned());
                    self.become_opaque(lexicon, follow);
                }
                self.exchange_words(told, decoders);
            }
        }
    }

    fn exchange_words(&mut self, told: Told, [requests, replies]: &mut [Decoder; 2]) {
        for method in told.asked {
            replies.asked(&method);
        }
        if told.upgraded {
            requests.upgraded();
        }
    }

    fn take_event(
        &mut self,
        side: Side,
        event: Event<'_>,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
        told: &mut Told,
    ) {
        match (side, event) {
            (_, Event::Opaque(bytes)) => {
                self.become_opaque(lexicon, follow);
                self.keep_raw(side, at, bytes);
            }
            (_, Event::Note(note)) => self.note(side, note),
            (Side::Downstream, event) => self.request_event(event, at, lexicon, follow, told),
            (Side::Upstream, event) => self.reply_event(event, at, lexicon, follow, told),
        }
    }

    fn note(&mut self, side: Side, note: http1::Note) {
        let draft = match side {
            Side::Downstream => self.drafts.back_mut(),
            Side::Upstream => self.reply_draft(),
        };
        match draft {
            Some(draft) => draft.notes.push(note.to_string()),
            None => self.notes.push(note.to_string()),
        }
    }

    fn request_event(
        &mut self,
        event: Event<'_>,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
        told: &mut Told,
    ) {
        if let Event::Wire(bytes) = event {
            return self.request_wire(at, bytes);
        }
        let Self { drafts, opened: Some(opened), .. } = self else { return };
        let Some(draft) = drafts.back_mut() else { return };
        match event {
            Event::Head(head) => {
                if let Start::Request { method, .. } = &head.start {
                    told.asked.push(method.clone());
                }
                draft.take_request_head(head, lexicon);
            }
            Event::Body(piece) => draft.request.body(piece, |_| {}),
            Event::End { how } => {
                draft.end_request(how, &opened.origin, lexicon, follow);
                self.finish_answered(lexicon, follow);
            }
            _ => {}
        }
    }

    /// Stores exchanges at the front whose reply was over before their request.
    fn finish_answered(&mut self, lexicon: &Lexicon, follow: &mut dyn Follow) {
        while let Some((how, at)) = self
            .drafts
            .front()
            .filter(|draft| draft.request.ended.is_some())
            .and_then(|draft| draft.answered)
        {
            self.finish_front(how, at, lexicon, follow);
        }
    }

    /// Takes exact bytes of the request that is under way, or of a new one.
    fn request_wire(&mut self, at: Timestamp, bytes: &[u8]) {
        let sent_before = self.done[0];
        self.done[0] += bytes.len() as u64;
        if self.drafts.back().is_none_or(|last| last.request.ended.is_some()) {
            let draft = self.new_draft(at, sent_before);
            self.drafts.push_back(draft);
        }
        if let Some(draft) = self.drafts.back_mut() {
            let since = draft.since_start(at);
            draft.request.wire(bytes, since);
            draft.last_at = at;
        }
    }

    fn new_draft(&mut self, at: Timestamp, sent_before: u64) -> Draft {
        let place = Place { place: self.place, tape_at: self.tape_at, sent_before };
        self.place += 1;
        let id = exchange_id(self.flow, place.place, at);
        Draft::new(id, at, place, std::mem::take(&mut self.found))
    }

    fn reply_event(
        &mut self,
        event: Event<'_>,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
        told: &mut Told,
    ) {
        if let Event::Wire(bytes) = event {
            let before = self.done[1];
            self.done[1] += bytes.len() as u64;
            if self.drafts.iter().all(|draft| draft.answered.is_some()) {
                // A reply to nothing: a time-out of the origin's, or a request before our time.
                let draft = self.new_draft(at, self.done[0]);
                self.drafts.push_back(draft);
            }
            if let Some(draft) = self.reply_draft() {
                draft.first_byte_at.get_or_insert(at);
                draft.answered_before.get_or_insert(before);
                draft.last_at = at;
                let since = draft.since_start(at);
                draft.reply.wire(bytes, since);
            }
            return;
        }
        if let Event::Head(head) = &event
            && matches!(head.start, Start::Reply { status: 101, .. })
        {
            told.upgraded = true;
            self.upgrade = head.values("upgrade").next().map(str::to_owned);
        }
        let Some(draft) = self.reply_draft() else { return };
        match event {
            Event::Head(head) => {
                draft.take_reply_head(head, lexicon);
            }
            Event::Body(piece) => draft.reply_body(piece, at, lexicon, follow),
            Event::End { how } => {
                draft.answered = Some((how, at));
                self.finish_answered(lexicon, follow);
            }
            _ => {}
        }
    }

    /// The draft to which the reply's next bytes belong: the first that is not answered.
    fn reply_draft(&mut self) -> Option<&mut Draft> {
        self.drafts.iter_mut().find(|draft| draft.answered.is_none())
    }

    fn finish_front(
        &mut self,
        how: http1::Ending,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        let Some(mut draft) = self.drafts.pop_front() else { return };
        draft.end_reply(how, at, lexicon, follow);
        self.store_draft(draft, lexicon);
    }

    fn store_draft(&mut self, draft: Draft, lexicon: &Lexicon) {
        let Some(opened) = &self.opened else { return };
        let around = Around { opened, process: self.process.as_ref() };
        let (stored, mut found) = assemble(draft, &around, lexicon);
        found.next_exchange();
        self.found = found;
        self.out.push(Entry::Exchange(Box::new(stored)));
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
        self.end_drafts(http1::Ending::Cut, at, lexicon, follow);
        let unseen = lost.iter().sum::<u64>().saturating_sub(self.gaps);
        if unseen > 0 {
            self.note_gap(Side::Upstream, at, unseen, lexicon);
        }
        self.end_raw_exchange(at);
        self.closed_at.get_or_insert(at);
        self.tell_flow();
    }

    /// Ends what is still open: requests without reply, replies without end.
    fn end_drafts(
        &mut self,
        how: http1::Ending,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        while let Some(mut draft) = self.drafts.pop_front() {
            if let (None, Some(opened)) = (draft.request.ended, &self.opened) {
                draft.end_request(how, &opened.origin, lexicon, follow);
            }
            if draft.reply.has_begun() {
                let (how, at) = draft.answered.unwrap_or((how, at));
                draft.end_reply(how, at, lexicon, follow);
            }
            self.store_draft(draft, lexicon);
        }
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
