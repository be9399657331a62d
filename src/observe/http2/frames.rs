//! One direction cut into frames, each into what is of use as it comes.

use super::frame::{Frame, HEAD_BYTES, Kind};
use super::{Note, Peer};

/// What a client sends before its first frame.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Longest payload until a peer allows more.
const FRAME_BYTES_DEFAULT: u32 = 1 << 14;

/// Cuts one direction into frames.
///
/// A frame that obliges its receiver to end the connection is the end of the reading, too:
/// these bytes are not HTTP/2, or the place among them was lost, or nobody reads what follows.
#[derive(Debug)]
pub(super) struct Frames {
    from: Peer,
    state: State,
    /// What was gathered of the preface, or of a frame's head and fixed fields.
    kept: Kept,
    /// The stream of a field block whose end has not come.
    block: Option<u32>,
    /// The longest payload that the receiver ever allowed. When a setting begins to hold is
    /// not known for sure here, so none is taken back.
    length_max: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the client's preface, or within it.
    Preface,
    /// Before the first frame, which must be SETTINGS, or within its head.
    First,
    /// Before a frame, or within its head.
    Head,
    /// After a frame's head.
    Fixed(Frame),
    /// So many bytes of the payload are to come, and so many of padding.
    Payload(Frame, u32, u32),
    /// So many bytes of padding are to come.
    Padding(Frame, u32),
    Opaque,
}

/// Where a direction is, as a snapshot keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the preface.
    Preface,
    /// Before the first frame.
    First,
    /// Before any other frame.
    Head,
    /// Within a DATA frame, of which so much is to come.
    Data { stream: u32, flags: u8, left: u32, padding: u32 },
    /// Nothing more is read.
    Opaque,
}

/// What bytes turned out to be.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// A frame began; its fixed fields, without the padding's length.
    Begun(Frame, [u8; 8]),
    /// The next bytes of its payload, without fixed fields and padding.
    Payload(Frame, &'a [u8]),
    /// It is over.
    Over(Frame),
    /// No more frames come; the bytes that were taken for one.
    Lost(Note, Kept),
    /// Bytes after that.
    Opaque(&'a [u8]),
}

impl Frames {
    pub(super) fn new(from: Peer) -> Self {
        let place = match from {
            Peer::Client => Place::Preface,
            Peer::Server => Place::First,
        };
        Self::resumed(from, place, FRAME_BYTES_DEFAULT)
    }

    pub(super) fn resumed(from: Peer, place: Place, length_max: u32) -> Self {
        let state = match place {
            Place::Preface => State::Preface,
            Place::First => State::First,
            Place::Head => State::Head,
            Place::Data { stream, flags, left, padding } => {
                let frame = Frame::data(stream, flags, left.saturating_add(padding));
                State::Payload(frame, left, padding)
            }
            Place::Opaque => State::Opaque,
        };
        Self { from, state, kept: Kept::default(), block: None, length_max }
    }

    /// Where this direction is; `None` where more than this would have to be known: within a
    /// field block, a frame's head, or a frame other than DATA.
    pub(super) fn place(&self) -> Option<Place> {
        let place = match self.state {
            State::Preface => Place::Preface,
            State::First => Place::First,
            State::Head => Place::Head,
            State::Payload(Frame { kind: Kind::Data, stream, flags, .. }, left, padding) => {
                Place::Data { stream, flags, left, padding }
            }
            State::Padding(Frame { kind: Kind::Data, stream, flags, .. }, padding) => {
                Place::Data { stream, flags, left: 0, padding }
            }
            State::Opaque => return Some(Place::Opaque),
            State::Fixed(_) | State::Payload(..) | State::Padding(..) => return None,
        };
        (self.kept.bytes().is_empty() && self.block.is_none()).then_some(place)
    }

    /// Whether a frame, a field block or the preface has begun and not ended.
    pub(super) fn is_within(&self) -> bool {
        matches!(self.place(), None | Some(Place::Data { .. }))
    }

    pub(super) fn is_opaque(&self) -> bool {
        self.state == State::Opaque
    }

    /// Reads no more.
    pub(super) fn end(&mut self) {
        self.state = State::Opaque;
    }

    pub(super) fn length_max(&self) -> u32 {
        self.length_max
    }

    /// The receiver allows payloads of this length.
    pub(super) fn allow(&mut self, length: u32) {
        self.length_max = self.length_max.max(length);
    }

    /// The next piece of `input`; `None` if it is used up.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Piece<'a>> {
        loop {
            match self.state {
                State::Preface => {
                    let (is_whole, bytes) = self.kept.fill(PREFACE.len(), input);
                    if !PREFACE.starts_with(bytes) {
                        return Some(self.lose(Note::NotHttp2));
                    }
                    if !is_whole {
                        return None;
                    }
                    self.kept = Kept::default();
                    self.state = State::First;
                }
                State::First | State::Head => {
                    let (_, bytes) = self.kept.fill(HEAD_BYTES, input);
                    let head = bytes.try_into().ok()?;
                    let frame = Frame::parse(head);
                    if let Some(note) = self.fault(&frame) {
                        return Some(self.lose(note));
                    }
                    self.state = State::Fixed(frame);
                }
                State::Fixed(frame) => return self.fixed(frame, input),
                State::Payload(frame, left, padding) => {
                    let (bytes, left) = split(input, left);
                    self.state = State::Payload(frame, left, padding);
                    if !bytes.is_empty() {
                        return Some(Piece::Payload(frame, bytes));
                    }
                    if left > 0 {
                        return None;
                    }
                    self.state = State::Padding(frame, padding);
                }
                State::Padding(frame, left) => {
                    let (_, left) = split(input, left);
                    self.state = State::Padding(frame, left);
                    if left > 0 {
                        return None;
                    }
                    self.state = State::Head;
                    return Some(Piece::Over(frame));
                }
                State::Opaque => {
                    let bytes = std::mem::take(input);
                    return (!bytes.is_empty()).then_some(Piece::Opaque(bytes));
                }
            }
        }
    }

    fn fixed<'a>(&mut self, frame: Frame, input: &mut &'a [u8]) -> Option<Piece<'a>> {
        let padded = usize::from(frame.is_padded());
        let fixed = padded + frame.fixed_bytes();
        let (is_whole, bytes) = self.kept.fill(HEAD_BYTES + fixed, input);
        if !is_whole {
            return None;
        }
        let mut fields = bytes.iter().skip(HEAD_BYTES).copied();
        let padding = if padded == 0 { 0 } else { u32::from(fields.next().unwrap_or_default()) };
        let fields = std::array::from_fn(|_| fields.next().unwrap_or_default());
        let Some(payload) = frame.length.checked_sub(fixed as u32 + padding) else {
            return Some(self.lose(Note::FrameGarbled));
        };
        self.kept = Kept::default();
        self.state = State::Payload(frame, payload, padding);
        if frame.is_of_block() {
            self.block = (!frame.ends_block()).then_some(frame.stream);
        }
        Some(Piece::Begun(frame, fields))
    }

    /// Why the connection cannot go on after this frame.
    fn fault(&self, frame: &Frame) -> Option<Note> {
        let is_continued = frame.kind == Kind::Continuation && self.block == Some(frame.stream);
        let is_settings = frame.kind == Kind::Settings && !frame.is_acknowledgement();
        if self.state == State::First && !(is_settings && frame.is_sound()) {
            return Some(Note::NotHttp2);
        }
        if self.block.is_some() && !is_continued {
            return Some(Note::BlockInterrupted);
        }
        let is_out_of_place = match frame.kind {
            Kind::Continuation => !is_continued,
            Kind::PushPromise => self.from == Peer::Client,
            // Its length is all that can tell it from bytes that are no frame.
            Kind::Other => frame.length > self.length_max,
            _ => false,
        };
        (is_out_of_place || !frame.is_sound()).then_some(Note::FrameGarbled)
    }

    fn lose(&mut self, note: Note) -> Piece<'static> {
        self.state = State::Opaque;
        Piece::Lost(note, std::mem::take(&mut self.kept))
    }
}

/// Takes up to `left` bytes; says how many are left after them.
fn split<'a>(input: &mut &'a [u8], left: u32) -> (&'a [u8], u32) {
    let taken = input.len().min(left as usize);
    let (bytes, rest) = input.split_at(taken);
    *input = rest;
    (bytes, left - taken as u32)
}

/// A few bytes, gathered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    bytes: [u8; PREFACE.len()],
    len: usize,
}

impl Kept {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Gathers up to `wanted` bytes, those gathered before among them; whether that is done.
    pub(super) fn fill(&mut self, wanted: usize, input: &mut &[u8]) -> (bool, &[u8]) {
        let missing = wanted.saturating_sub(self.len).min(input.len());
        let (more, rest) = input.split_at(missing);
        *input = rest;
        for byte in more {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = *byte;
                self.len += 1;
            }
        }
        (self.len >= wanted, self.bytes())
    }
}
