//! The decoder of one direction.

use std::collections::VecDeque;

use super::framing::{Asked, Framing};
use super::head::{self, Draft, Headers, Start};
use super::lines::{Line, Lines};
use super::{Ending, Event, HEAD_BYTES_MAX, Note, chunk};

/// Reads one direction of a connection.
///
/// A decoder of replies must be told with [`asked`](Decoder::asked) what the app asked for, a
/// decoder of requests with [`upgraded`](Decoder::upgraded) when a reply ended HTTP/1.
#[derive(Debug)]
pub struct Decoder {
    side: Side,
    state: State,
    lines: Lines,
    /// What the replies to come answer, oldest first: a byte for a request of some twenty.
    asked: VecDeque<Asked>,
    upgraded: Upgraded,
}

/// How a side of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// In order: a FIN, under TLS after a `close_notify`.
    Clean,
    /// By a reset, a FIN without `close_notify`, or our own end.
    Abrupt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Requests,
    Replies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upgraded {
    No,
    /// HTTP/1 ends with the message that is being read.
    AtEnd,
}

#[derive(Debug)]
enum State {
    /// A connection's first bytes, as many as this of [`PREFACE`] and no other.
    Preface(usize),
    /// Before a start line, or within it.
    Start,
    /// After the start line.
    Head(Draft),
    /// So many bytes of the body are to come.
    Length(u64),
    /// Before a chunk's size, or within its line.
    ChunkSize,
    /// So many bytes of the chunk are to come.
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    /// After the last chunk; the bytes of the trailers so far.
    Trailers(Headers, usize),
    UntilClose,
    Opaque,
}

/// The first line of HTTP/2: what follows is for another decoder, which needs this line too.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Hands out the input's events, each after the bytes that complete it.
struct Output<'a, 'd> {
    /// The input that was not read yet.
    rest: &'a [u8],
    /// The input that was read, but not handed out as `Wire` yet, and `rest`.
    unsent: &'a [u8],
    dispatch: &'d mut dyn FnMut(Event<'_>),
}

impl Decoder {
    /// Reads what the app sends.
    pub fn requests() -> Self {
        Self::new(Side::Requests, State::Preface(0))
    }

    /// Reads what the origin sends.
    pub fn replies() -> Self {
        Self::new(Side::Replies, State::Start)
    }

    fn new(side: Side, state: State) -> Self {
        Self {
            side,
            state,
            lines: Lines::default(),
            asked: VecDeque::new(),
            upgraded: Upgraded::No,
        }
    }

    /// Tells a decoder of replies of the next request's method: the reply to `HEAD` has no
    /// body, one of 2xx to `CONNECT` ends HTTP/1. A reply that answers nothing is read as one
    /// to `GET`.
    pub fn asked(&mut self, method: &str) {
        self.asked.push_back(Asked::by(method));
    }

    /// Tells a decoder of requests that a reply ended HTTP/1 (101, or 2xx to `CONNECT`): what
    /// comes after the message that is being read is opaque.
    pub fn upgraded(&mut self) {
        self.upgraded = Upgraded::AtEnd;
    }

    /// Takes the next bytes and hands each event they complete to `dispatch`.
    ///
    /// `bytes` may be cut anywhere.
    pub fn feed(&mut self, bytes: &[u8], dispatch: &mut dyn FnMut(Event<'_>)) {
        let Some(bytes) = self.past_preface(bytes, dispatch) else {
            return;
        };
        let mut out = Output { rest: bytes, unsent: bytes, dispatch };
        while !out.rest.is_empty() {
            self.step(&mut out);
        }
        out.send_wire();
    }

    /// Ends this side: no byte follows. A message that is not complete ends here.
    pub fn close(&mut self, closing: Closing, dispatch: &mut dyn FnMut(Event<'_>)) {
        match std::mem::replace(&mut self.state, State::Opaque) {
            State::Preface(0) | State::Opaque => {}
            State::Preface(matched) => {
                dispatch(Event::Wire(PREFACE.get(..matched).unwrap_or_default()));
                dispatch(Event::Note(Note::HeadCut));
            }
            State::Start if !self.lines.is_within() => {}
            State::Start | State::Head(_) => dispatch(Event::Note(Note::HeadCut)),
            State::UntilClose if closing == Closing::Clean => {
                dispatch(Event::End { how: Ending::CloseDelimited });
            }
            State::Length(_)
            | State::ChunkSize
            | State::Chunk(_)
            | State::ChunkEnd
            | State::Trailers(..)
            | State::UntilClose => dispatch(Event::End { how: Ending::Cut }),
        }
    }

    /// Holds bytes back while they may be HTTP/2's preface; `None` if all of `bytes` may.
    fn past_preface<'a>(
        &mut self,
        bytes: &'a [u8],
        dispatch: &mut dyn FnMut(Event<'_>),
    ) -> Option<&'a [u8]> {
        let State::Preface(matched) = self.state else {
            return Some(bytes);
        };
        let (before, expected) = PREFACE.split_at_checked(matched).unwrap_or_default();
        if bytes.len() < expected.len() && expected.starts_with(bytes) {
            self.state = State::Preface(matched + bytes.len());
            return None;
        }
        if bytes.starts_with(expected) {
            self.state = State::Opaque;
            if !before.is_empty() {
                dispatch(Event::Opaque(before));
            }
        } else {
            self.state = State::Start;
            self.lines.begin(before);
            if !before.is_empty() {
                dispatch(Event::Wire(before));
            }
        }
        Some(bytes)
    }

    /// Reads at least one byte, or changes to a state that does.
    fn step(&mut self, out: &mut Output<'_, '_>) {
        // What a step does not set again is lost: there is no way back into HTTP/1.
        match std::mem::replace(&mut self.state, State::Opaque) {
            State::Preface(_) | State::Start => self.start_line(out),
            State::Head(draft) => self.header_line(draft, out),
            State::Length(left) => {
                let left = out.body(left);
                if left == 0 {
                    self.end(out);
                } else {
                    self.state = State::Length(left);
                }
            }
            State::ChunkSize => self.chunk_size(out),
            State::Chunk(left) => {
                let left = out.body(left);
                self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
            }
            State::ChunkEnd => self.chunk_end(out),
            State::Trailers(trailers, bytes) => self.trailer_line(trailers, bytes, out),
            State::UntilClose => {
                out.body(u64::MAX);
                self.state = State::UntilClose;
            }
            State::Opaque => out.opaque(),
        }
    }

    fn start_line(&mut self, out: &mut Output<'_, '_>) {
        if !self.lines.is_within() {
            if self.upgraded == Upgraded::AtEnd {
                return;
            }
            // The first byte decides already, so that a protocol without lines is not kept
            // until the limit of a head.
            let may_begin = match (out.rest.first(), self.side) {
                (Some(b'\r' | b'\n') | None, _) => true,
                (Some(byte), Side::Requests) => head::is_method_byte(*byte),
                (Some(byte), Side::Replies) => byte.eq_ignore_ascii_case(&b'H'),
            };
            if !may_begin {
                out.send(Event::Note(Note::NotHttp));
                return;
            }
        }
        let begun = self.lines.len();
        let (line, taken) = self.lines.next(out.rest, HEAD_BYTES_MAX);
        out.read(taken);
        let line = match line {
            Line::Whole([]) | Line::Begun => {
                self.state = State::Start;
                return;
            }
            Line::TooLong => {
                out.send(Event::Note(Note::HeadTooLong));
                return;
            }
            Line::Whole(line) => line,
        };
        let start = match self.side {
            Side::Requests => head::request_line(line),
            Side::Replies => head::status_line(line),
        };
        match start {
            Some((start, version)) => {
                self.state = State::Head(Draft::begin(start, version, begun + taken));
            }
            None => out.send(Event::Note(Note::NotHttp)),
        }
    }

    fn header_line(&mut self, mut draft: Draft, out: &mut Output<'_, '_>) {
        let limit = HEAD_BYTES_MAX.saturating_sub(draft.bytes);
        let begun = self.lines.len();
        let (line, taken) = self.lines.next(out.rest, limit);
        out.read(taken);
        match line {
            Line::Begun => self.state = State::Head(draft),
            Line::TooLong => out.send(Event::Note(Note::HeadTooLong)),
            Line::Whole([]) => self.head(draft, out),
            Line::Whole(line) => {
                head::add_line(&mut draft.headers, line);
                draft.bytes += begun + taken;
                self.state = State::Head(draft);
            }
        }
    }

    /// The head is complete.
    fn head(&mut self, draft: Draft, out: &mut Output<'_, '_>) {
        let is_interim = matches!(draft.start, Start::Reply { status: 100 | 102..=199, .. });
        let asked = if is_interim { self.asked.front().copied() } else { self.asked.pop_front() };
        let (head, note) = draft.finish(asked.unwrap_or(Asked::Other));
        let framing = head.framing;
        if is_interim {
            out.send(Event::Interim(head));
            self.state = State::Start;
            return;
        }
        out.send(Event::Head(head));
        if let Some(note) = note {
            out.send(Event::Note(note));
        }
        match framing {
            Framing::Empty => self.end(out),
            Framing::Length(length) => self.state = State::Length(length),
            Framing::Chunked => self.state = State::ChunkSize,
            Framing::UntilClose => self.state = State::UntilClose,
            Framing::Opaque => out.send(Event::End { how: Ending::Framed }),
        }
    }

    fn chunk_size(&mut self, out: &mut Output<'_, '_>) {
        let (line, taken) = self.lines.next(out.rest, HEAD_BYTES_MAX);
        out.read(taken);
        let size = match line {
            Line::Begun => {
                self.state = State::ChunkSize;
                return;
            }
            Line::TooLong => None,
            Line::Whole(line) => chunk::size(line),
        };
        match size {
            Some(0) => self.state = State::Trailers(Headers::new(), 0),
            Some(size) => self.state = State::Chunk(size),
            None => out.lose_chunks(),
        }
    }

    fn chunk_end(&mut self, out: &mut Output<'_, '_>) {
        let (line, taken) = self.lines.next(out.rest, b"\r\n".len());
        out.read(taken);
        match line {
            Line::Begun => self.state = State::ChunkEnd,
            Line::Whole([]) => self.state = State::ChunkSize,
            Line::Whole(_) | Line::TooLong => out.lose_chunks(),
        }
    }

    fn trailer_line(&mut self, mut trailers: Headers, bytes: usize, out: &mut Output<'_, '_>) {
        let limit = HEAD_BYTES_MAX.saturating_sub(bytes);
        let begun = self.lines.len();
        let (line, taken) = self.lines.next(out.rest, limit);
        out.read(taken);
        match line {
            Line::Begun => self.state = State::Trailers(trailers, bytes),
            Line::TooLong => {
                out.send(Event::Note(Note::HeadTooLong));
                out.send(Event::End { how: Ending::Cut });
            }
            Line::Whole([]) => {
                if !trailers.is_empty() {
                    out.send(Event::Trailers(trailers));
                }
                self.end(out);
            }
            Line::Whole(line) => {
                head::add_line(&mut trailers, line);
                self.state = State::Trailers(trailers, bytes + begun + taken);
            }
        }
    }

    /// The message is complete.
    fn end(&mut self, out: &mut Output<'_, '_>) {
        out.send(Event::End { how: Ending::Framed });
        self.state = State::Start;
    }
}

impl Output<'_, '_> {
    /// Counts bytes as read.
    fn read(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Hands out an event, after the bytes that were read up to it.
    fn send(&mut self, event: Event<'_>) {
        self.send_wire();
        (self.dispatch)(event);
    }

    fn send_wire(&mut self) {
        let read = self.unsent.len() - self.rest.len();
        let wire = self.unsent.get(..read).unwrap_or_default();
        if !wire.is_empty() {
            (self.dispatch)(Event::Wire(wire));
        }
        self.unsent = self.rest;
    }

    /// Reads body, at most `left` bytes; says how many are left after it.
    fn body(&mut self, left: u64) -> u64 {
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let body = self.rest.get(..most).unwrap_or(self.rest);
        self.read(body.len());
        self.send(Event::Body(body));
        left - body.len() as u64
    }

    /// All that is left is not HTTP/1.
    fn opaque(&mut self) {
        self.send_wire();
        (self.dispatch)(Event::Opaque(self.rest));
        self.rest = &[];
        self.unsent = &[];
    }

    /// The chunked coding is out of step.
    fn lose_chunks(&mut self) {
        self.send(Event::Note(Note::ChunkGarbled));
        self.send(Event::End { how: Ending::Cut });
    }
}
