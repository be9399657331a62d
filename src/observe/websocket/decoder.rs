//! The decoder of one direction.

use super::extensions::{Compression, Extensions, Takeover};
use super::frame::{self, Beginning, Control, Head, Mask, Opcode};
use super::message::{Coding, Message, Messages};
use super::{CONTROL_BYTES_MAX, Ending, Event, FRAME_BYTES_MAX, Kind, Note};

/// Reads what one side says after the handshake.
#[derive(Debug)]
pub struct Decoder {
    side: Side,
    compression: Compression,
    /// The extension that reserved bits may belong to.
    unknown: Option<String>,
    state: State,
    messages: Messages,
    /// The payload of a control frame.
    control: Vec<u8>,
    told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

#[derive(Debug)]
enum State {
    /// Within a frame's head, or before it.
    Head(Beginning),
    Payload(Frame),
    Opaque,
}

/// A frame whose payload is being read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    purpose: Purpose,
    mask: Option<Mask>,
    /// Bytes that are to come.
    left: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// A fragment of the open message; others follow.
    Fragment,
    LastFragment,
    Control(Control),
    Skipped,
}

/// The notes that are not told again.
#[derive(Debug, Default)]
struct Told(Vec<Note>);

/// Hands out the input's events, each after the bytes that complete it.
struct Output<'a, 'd> {
    /// The input that was not read yet.
    rest: &'a [u8],
    /// The input that was read, but not handed out as `Wire` yet, and `rest`.
    unsent: &'a [u8],
    sink: &'d mut dyn FnMut(Event<'_>),
}

impl Decoder {
    /// Reads what the app says, after the request of the handshake.
    pub fn client(extensions: &Extensions) -> Self {
        Self::new(Side::Client, extensions.of_client(), extensions)
    }

    /// Reads what the origin says, after the reply of the handshake.
    pub fn server(extensions: &Extensions) -> Self {
        Self::new(Side::Server, extensions.of_server(), extensions)
    }

    fn new(side: Side, compression: Compression, extensions: &Extensions) -> Self {
        let takeover = match compression {
            Compression::Deflate(takeover) => takeover,
            Compression::Unknown | Compression::None => Takeover::Kept,
        };
        Self {
            side,
            compression,
            unknown: extensions.unknown().map(str::to_owned),
            state: State::Head(Beginning::default()),
            messages: Messages::new(takeover),
            control: Vec::new(),
            told: Told::default(),
        }
    }

    /// The same with other limits: of a message, and of what is never called a bomb, in bytes.
    pub(super) fn limited(mut self, message_bytes: usize, bomb_bytes: u64) -> Self {
        self.messages.limit(message_bytes, bomb_bytes);
        self
    }

    /// Takes the next bytes and hands each event they complete to `sink`.
    ///
    /// `bytes` may be cut anywhere.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Event<'_>)) {
        let mut out = Output { rest: bytes, unsent: bytes, sink };
        while !out.rest.is_empty() {
            self.step(&mut out);
        }
        out.send_wire();
    }

    /// Ends this side: no byte follows. A message that is not complete ends here.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let mut out = Output { rest: &[], unsent: &[], sink };
        let is_within_frame = match std::mem::replace(&mut self.state, State::Opaque) {
            State::Head(beginning) => !beginning.is_empty(),
            State::Payload(_) => true,
            State::Opaque => false,
        };
        if is_within_frame || self.messages.is_open() {
            self.told.tell(Note::Cut, &mut out);
        }
        self.end_message(Ending::Cut, &mut out);
    }

    /// Reads at least one byte, or changes to a state that does.
    fn step(&mut self, out: &mut Output<'_, '_>) {
        // What a step does not set again is lost: there is no way back to the frames.
        match std::mem::replace(&mut self.state, State::Opaque) {
            State::Head(mut beginning) => {
                let (taken, head) = beginning.take(out.rest);
                out.read(taken);
                match head {
                    None => self.state = State::Head(beginning),
                    Some(head) => self.begin_frame(head, out),
                }
            }
            State::Payload(frame) => self.payload(frame, out),
            State::Opaque => out.opaque(),
        }
    }

    fn begin_frame(&mut self, head: Head, out: &mut Output<'_, '_>) {
        let faults = self.faults(head);
        // One fault is a peer's, and may be a habit of it; two new ones at once are no frame.
        let new = faults.iter().filter(|fault| !self.told.has(fault)).count();
        if new > 1 || head.length > FRAME_BYTES_MAX {
            self.end_message(Ending::Cut, out);
            self.told.tell(Note::NotWebSocket, out);
            return;
        }
        if let (Some(name), true) = (&self.unknown, self.has_reserved_bits(head)) {
            self.told.tell(Note::Extension { name: name.clone() }, out);
        }
        for fault in faults {
            self.told.tell(fault, out);
        }
        let purpose = self.purpose(head, out);
        let frame = Frame { purpose, mask: head.mask, left: head.length };
        if frame.left == 0 {
            self.end_frame(frame, out);
        } else {
            self.state = State::Payload(frame);
        }
    }

    /// What is wrong with a frame.
    fn faults(&self, head: Head) -> Vec<Note> {
        let mut faults = Vec::new();
        if head.mask.is_some() != (self.side == Side::Client) {
            faults.push(Note::Mask);
        }
        if self.unknown.is_none() && self.has_reserved_bits(head) {
            faults.push(Note::ReservedBits);
        }
        let is_open = self.messages.is_open();
        match head.opcode {
            Opcode::Data(_) if is_open => faults.push(Note::MessageWithoutEnd),
            Opcode::Continuation if !is_open => faults.push(Note::NothingToContinue),
            Opcode::Control(_) if !head.is_last || head.length > CONTROL_BYTES_MAX as u64 => {
                faults.push(Note::ControlGarbled);
            }
            Opcode::Reserved => faults.push(Note::ReservedOpcode),
            Opcode::Data(_) | Opcode::Continuation | Opcode::Control(_) => {}
        }
        if head.is_compressed && self.begins(head) && self.compression == Compression::None {
            faults.push(Note::CompressionNotAgreed);
        }
        faults
    }

    /// Whether bits are set that are not `permessage-deflate`'s.
    fn has_reserved_bits(&self, head: Head) -> bool {
        let is_ours = self.begins(head) && self.compression != Compression::Unknown;
        head.is_reserved || head.is_compressed && !is_ours
    }

    /// Whether a frame is a message's first.
    fn begins(&self, head: Head) -> bool {
        match head.opcode {
            Opcode::Data(_) => true,
            Opcode::Continuation => !self.messages.is_open(),
            Opcode::Control(_) | Opcode::Reserved => false,
        }
    }

    /// How a message has been coded that begins with this frame.
    fn coding(&self, head: Head) -> Coding {
        match self.compression {
            _ if !head.is_compressed => Coding::Plain,
            Compression::Unknown => Coding::Unknown,
            Compression::Deflate(_) | Compression::None => Coding::Deflate,
        }
    }

    /// What a frame is for; begins a message if it does.
    fn purpose(&mut self, head: Head, out: &mut Output<'_, '_>) -> Purpose {
        let kind = match head.opcode {
            Opcode::Control(control) => return Purpose::Control(control),
            Opcode::Reserved => return Purpose::Skipped,
            Opcode::Data(kind) => kind,
            Opcode::Continuation => Kind::Binary,
        };
        if self.begins(head) {
            self.end_message(Ending::Cut, out);
            self.messages.begin(kind, self.coding(head));
        }
        if head.is_last { Purpose::LastFragment } else { Purpose::Fragment }
    }

    fn payload(&mut self, mut frame: Frame, out: &mut Output<'_, '_>) {
        let piece = out.take(frame.left);
        frame.left -= piece.len() as u64;
        match frame.purpose {
            Purpose::LastFragment if frame.left == 0 && frame.mask.is_none() => {
                if let Some(message) = self.messages.end_at_once(piece) {
                    self.state = State::Head(Beginning::default());
                    self.told.tell_message(message, out);
                    return;
                }
                self.messages.add(piece, &mut frame.mask);
            }
            Purpose::Fragment | Purpose::LastFragment => {
                self.messages.add(piece, &mut frame.mask);
            }
            Purpose::Control(_) => {
                let begin = self.control.len();
                let room = CONTROL_BYTES_MAX.saturating_sub(begin);
                self.control.extend_from_slice(piece.get(..room).unwrap_or(piece));
                frame::undo(&mut frame.mask, self.control.get_mut(begin..).unwrap_or_default());
            }
            Purpose::Skipped => {}
        }
        if frame.left == 0 {
            self.end_frame(frame, out);
        } else {
            self.state = State::Payload(frame);
        }
    }

    /// The frame is complete.
    fn end_frame(&mut self, frame: Frame, out: &mut Output<'_, '_>) {
        self.state = State::Head(Beginning::default());
        match frame.purpose {
            Purpose::LastFragment => self.end_message(Ending::Whole, out),
            Purpose::Fragment | Purpose::Skipped => {}
            Purpose::Control(control) => {
                match control {
                    Control::Ping => out.send(Event::Ping(&self.control)),
                    Control::Pong => out.send(Event::Pong(&self.control)),
                    Control::Close => self.close(out),
                }
                self.control.clear();
            }
        }
    }

    fn close(&mut self, out: &mut Output<'_, '_>) {
        let (code, reason) = match self.control.split_first_chunk() {
            Some((code, reason)) => (Some(u16::from_be_bytes(*code)), reason),
            None => (None, &[][..]),
        };
        if code.is_none() && !self.control.is_empty() {
            self.told.tell(Note::CloseGarbled, out);
        }
        out.send(Event::Close { code, reason: &String::from_utf8_lossy(reason) });
    }

    fn end_message(&mut self, ending: Ending, out: &mut Output<'_, '_>) {
        if let Some(message) = self.messages.end(ending) {
            self.told.tell_message(message, out);
        }
        self.messages.clear();
    }
}

impl Told {
    fn has(&self, note: &Note) -> bool {
        self.0.contains(note)
    }

    fn tell(&mut self, note: Note, out: &mut Output<'_, '_>) {
        if !self.has(&note) {
            out.send(Event::Note(note.clone()));
            self.0.push(note);
        }
    }

    fn tell_message(&mut self, message: Message<'_>, out: &mut Output<'_, '_>) {
        if let Some(note) = message.note {
            self.tell(note, out);
        }
        out.send(message.event);
    }
}

impl<'a> Output<'a, '_> {
    /// Counts bytes as read.
    fn read(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Reads at most `most` bytes.
    fn take(&mut self, most: u64) -> &'a [u8] {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let piece = self.rest.get(..most).unwrap_or(self.rest);
        self.read(piece.len());
        piece
    }

    /// Hands out an event, after the bytes that were read up to it.
    fn send(&mut self, event: Event<'_>) {
        self.send_wire();
        (self.sink)(event);
    }

    fn send_wire(&mut self) {
        let read = self.unsent.len() - self.rest.len();
        let wire = self.unsent.get(..read).unwrap_or_default();
        if !wire.is_empty() {
            (self.sink)(Event::Wire(wire));
        }
        self.unsent = self.rest;
    }

    /// All that is left is no frame.
    fn opaque(&mut self) {
        self.send_wire();
        (self.sink)(Event::Opaque(self.rest));
        self.rest = &[];
        self.unsent = &[];
    }
}
