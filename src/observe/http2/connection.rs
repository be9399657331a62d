//! The reader of a connection.

use super::frame::{Frame, Kind, stream_id};
use super::frames::{Frames, Piece};
use super::side::{Block, GO_AWAY_FIXED_BYTES, Side};
use super::snapshot::{self, Snapshot};
use super::streams::{Begun, Message, Streams};
use super::{Code, Ending, Event, Fields, Note, Pair, Peer};

/// Reads both directions of a connection.
#[derive(Debug)]
pub struct Connection {
    sides: Pair<Side>,
    streams: Streams,
}

impl Default for Connection {
    fn default() -> Self {
        Self::new()
    }
}

impl Connection {
    /// Reads a connection from the client's preface on: HTTP/2 by ALPN, or by prior knowledge.
    pub fn new() -> Self {
        let sides = Pair { client: Side::new(Peer::Client), server: Side::new(Peer::Server) };
        Self { sides, streams: Streams::default() }
    }

    /// Reads a connection from a `101` to `Upgrade: h2c` on (RFC 7540 §3.2). The request that
    /// asked for it is stream 1 and was told by HTTP/1; its reply comes here.
    pub fn upgraded() -> Self {
        let mut connection = Self::new();
        connection.streams.begin(1, Message::Over);
        connection
    }

    /// Reads on from a snapshot. Of streams that were begun before it nothing is told.
    pub fn resumed(snapshot: &Snapshot) -> Self {
        let side = |from| {
            let kept: &snapshot::Side = snapshot.sides.get(from);
            let frames = Frames::resumed(from, kept.place, kept.length_max);
            Side::resumed(frames, kept.heads.as_ref().map(snapshot::Heads::table))
        };
        let sides = Pair { client: side(Peer::Client), server: side(Peer::Server) };
        let highest =
            Pair { client: snapshot.sides.client.highest, server: snapshot.sides.server.highest };
        Self { sides, streams: Streams::resumed(highest) }
    }

    /// Whether a snapshot can be taken: either direction is between two frames or within DATA,
    /// and not within a field block. Nearly always it is so where a peer's write ends, and
    /// whenever the connection rests.
    pub fn is_at_boundary(&self) -> bool {
        self.sides.client.frames.place().is_some() && self.sides.server.frames.place().is_some()
    }

    /// What is needed to read on from here; `None` if this is no boundary.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let highest = self.streams.highest();
        let side = |from| {
            let side: &Side = self.sides.get(from);
            Some(snapshot::Side {
                place: side.frames.place()?,
                length_max: side.frames.length_max(),
                highest: *highest.get(from),
                heads: side.table.as_ref().map(snapshot::Heads::of),
            })
        };
        Some(Snapshot { sides: Pair { client: side(Peer::Client)?, server: side(Peer::Server)? } })
    }

    /// Takes the next bytes that `from` sent and hands each event they complete to `sink`.
    ///
    /// `bytes` may be cut anywhere. The two directions must come in an order in which a peer
    /// has received what it answers.
    pub fn feed(&mut self, from: Peer, bytes: &[u8], sink: &mut dyn FnMut(Event<'_>)) {
        let mut input = bytes;
        while let Some(piece) = self.sides.get_mut(from).frames.next(&mut input) {
            match piece {
                Piece::Begun(frame, fixed) => self.begin_frame(from, frame, fixed, sink),
                Piece::Payload(frame, bytes) => self.payload(from, frame, bytes, sink),
                Piece::Over(frame) => self.end_frame(from, frame, sink),
                Piece::Lost(note, kept) => {
                    sink(Event::Desynchronised { from, note });
                    self.end_messages(from, sink);
                    if !kept.bytes().is_empty() {
                        sink(Event::Opaque { from, bytes: kept.bytes() });
                    }
                }
                Piece::Opaque(bytes) => sink(Event::Opaque { from, bytes }),
            }
        }
    }

    /// `from` sends no more, or there is a gap in what is known of it: its messages that are
    /// not complete end here. Bytes that are fed after this are opaque. The other direction
    /// goes on.
    pub fn close(&mut self, from: Peer, sink: &mut dyn FnMut(Event<'_>)) {
        if self.sides.get(from).frames.is_within() {
            sink(Event::Note { from, stream: None, note: Note::FrameCut });
        }
        self.end_messages(from, sink);
    }

    #[cfg(test)]
    pub(super) fn open_streams(&self) -> usize {
        self.streams.open().len()
    }

    #[cfg(test)]
    pub(super) fn highest_streams(&self) -> Pair<u32> {
        self.streams.highest()
    }

    fn begin_frame(
        &mut self,
        from: Peer,
        frame: Frame,
        fixed: [u8; 8],
        sink: &mut dyn FnMut(Event<'_>),
    ) {
        let side = self.sides.get_mut(from);
        if frame.length > side.frames.length_max() && !side.told.is_frame_too_long {
            side.told.is_frame_too_long = true;
            let stream = (frame.stream > 0).then_some(frame.stream);
            sink(Event::Note { from, stream, note: Note::FrameTooLong });
        }
        let [f0, f1, f2, f3, ..] = fixed;
        let first = [f0, f1, f2, f3];
        match frame.kind {
            Kind::Data => {
                let note = match self.streams.message(frame.stream, from) {
                    Some(Message::Open) => return,
                    Some(Message::Awaited) => Note::Early,
                    Some(Message::Over) => Note::Late,
                    None if self.streams.is_new(frame.stream) => Note::Early,
                    None => Note::Late,
                };
                self.leave_out(from, frame.stream, note, sink);
            }
            Kind::Headers => side.block = Some(Block::begin(frame, 0)),
            Kind::PushPromise => side.block = Some(Block::begin(frame, stream_id(first))),
            Kind::Reset => self.reset(from, frame.stream, Code(u32::from_be_bytes(first)), sink),
            // Both fields are told when the words after them have come.
            Kind::GoAway => side.go_away = fixed.to_vec(),
            Kind::Priority
            | Kind::Settings
            | Kind::Ping
            | Kind::WindowUpdate
            | Kind::Continuation
            | Kind::Other => {}
        }
    }

    fn payload(&mut self, from: Peer, frame: Frame, bytes: &[u8], sink: &mut dyn FnMut(Event<'_>)) {
        let side = self.sides.get_mut(from);
        match frame.kind {
            Kind::Data if self.streams.message(frame.stream, from) == Some(Message::Open) => {
                sink(Event::Data { from, stream: frame.stream, bytes });
            }
            Kind::Headers | Kind::PushPromise | Kind::Continuation => {
                if let Some(block) = &mut side.block {
                    block.add(bytes);
                }
            }
            Kind::GoAway => side.keep_words(bytes),
            Kind::Settings => {
                if let Some(size) = side.settings.max_frame_size(bytes) {
                    self.sides.get_mut(from.other()).frames.allow(size);
                }
            }
            _ => {}
        }
    }

    fn end_frame(&mut self, from: Peer, frame: Frame, sink: &mut dyn FnMut(Event<'_>)) {
        let side = self.sides.get_mut(from);
        match frame.kind {
            // An end before the head would be one of a message that nobody can read.
            Kind::Data
                if frame.ends_stream()
                    && self.streams.message(frame.stream, from) == Some(Message::Open) =>
            {
                self.end(from, frame.stream, Ending::Framed, sink);
            }
            Kind::GoAway => self.go_away(from, sink),
            _ if frame.is_of_block() && frame.ends_block() => {
                let Some(block) = side.block.take() else {
                    return;
                };
                let (frame, promised) = (block.frame, block.promised);
                let (fields, note) = side.decode(block);
                if let Some(note) = note {
                    sink(Event::Note { from, stream: Some(frame.stream), note });
                }
                match frame.kind {
                    Kind::PushPromise => self.promise(frame.stream, promised, fields, sink),
                    _ => self.fields(from, frame, fields, sink),
                }
            }
            _ => {}
        }
    }

    /// A head, or what looks like one, is complete.
    fn fields(
        &mut self,
        from: Peer,
        frame: Frame,
        fields: Fields,
        sink: &mut dyn FnMut(Event<'_>),
    ) {
        let (stream, ends) = (frame.stream, frame.ends_stream());
        if self.streams.is_new(stream) && !self.begin(from, stream, sink) {
            return;
        }
        match self.streams.message(stream, from) {
            None | Some(Message::Over) => {
                self.leave_out(from, stream, Note::Late, sink);
                return;
            }
            Some(Message::Awaited) if from == Peer::Server && fields.is_interim() && !ends => {
                sink(Event::Interim { stream, fields });
            }
            Some(Message::Awaited) => {
                self.streams.set(stream, from, Message::Open);
                sink(Event::Head { from, stream, fields });
            }
            Some(Message::Open) => {
                sink(Event::Trailers { from, stream, fields });
                if !ends {
                    let note = Note::TrailersWithoutEnd;
                    sink(Event::Note { from, stream: Some(stream), note });
                }
            }
        }
        if ends {
            self.end(from, stream, Ending::Framed, sink);
        }
        if self.sides.get(from.other()).frames.is_opaque() {
            self.end(from.other(), stream, Ending::Cut, sink);
        }
    }

    /// Begins a stream; whether it is one to be read.
    fn begin(&mut self, from: Peer, stream: u32, sink: &mut dyn FnMut(Event<'_>)) -> bool {
        let note = match (from, Peer::of(stream)) {
            (Peer::Client, Peer::Client) => None,
            (Peer::Client, Peer::Server) => {
                self.leave_out(from, stream, Note::NotItsStream, sink);
                return false;
            }
            (Peer::Server, _) => Some(Note::Unasked),
        };
        // A request that nobody saw sent, on a stream of the server's own, will not come.
        let request = match Peer::of(stream) {
            Peer::Client => Message::Awaited,
            Peer::Server => Message::Over,
        };
        let begun = self.streams.begin(stream, request);
        let note = if begun == Begun::TooMany { Some(Note::TooManyStreams) } else { note };
        if let Some(note) = note {
            sink(Event::Note { from, stream: Some(stream), note });
        }
        begun == Begun::Yes
    }

    fn promise(
        &mut self,
        stream: u32,
        promised: u32,
        fields: Fields,
        sink: &mut dyn FnMut(Event<'_>),
    ) {
        let from = Peer::Server;
        if Peer::of(promised) != from || !self.streams.is_new(promised) {
            sink(Event::Note { from, stream: Some(promised), note: Note::NotItsStream });
            return;
        }
        match self.streams.begin(promised, Message::Over) {
            Begun::Yes => sink(Event::Push { stream, promised, fields }),
            Begun::TooMany => {
                sink(Event::Note { from, stream: Some(promised), note: Note::TooManyStreams });
            }
        }
    }

    fn reset(&mut self, from: Peer, stream: u32, code: Code, sink: &mut dyn FnMut(Event<'_>)) {
        if self.streams.message(stream, from).is_some() {
            sink(Event::Reset { from, stream, code });
            self.end(Peer::Client, stream, Ending::Cut, sink);
            self.end(Peer::Server, stream, Ending::Cut, sink);
        }
    }

    fn go_away(&mut self, from: Peer, sink: &mut dyn FnMut(Event<'_>)) {
        let payload = std::mem::take(&mut self.sides.get_mut(from).go_away);
        let fixed = payload.split_first_chunk::<GO_AWAY_FIXED_BYTES>();
        let Some(([l0, l1, l2, l3, c0, c1, c2, c3], debug)) = fixed else {
            return;
        };
        let last_stream = stream_id([*l0, *l1, *l2, *l3]);
        let code = Code(u32::from_be_bytes([*c0, *c1, *c2, *c3]));
        sink(Event::GoAway { from, last_stream, code, debug });
        for stream in self.streams.above(last_stream, from.other()) {
            self.end(Peer::Client, stream, Ending::Cut, sink);
            self.end(Peer::Server, stream, Ending::Cut, sink);
        }
    }

    /// Ends a message that is not over.
    fn end(&mut self, from: Peer, stream: u32, how: Ending, sink: &mut dyn FnMut(Event<'_>)) {
        if let Some(Message::Awaited | Message::Open) = self.streams.message(stream, from) {
            self.streams.set(stream, from, Message::Over);
            sink(Event::End { from, stream, how });
        }
    }

    /// Reads no more of `from`, and ends what it has not said to the end.
    fn end_messages(&mut self, from: Peer, sink: &mut dyn FnMut(Event<'_>)) {
        self.sides.get_mut(from).end();
        for stream in self.streams.open() {
            self.end(from, stream, Ending::Cut, sink);
        }
    }

    /// Tells that frames of a stream are left out, once for those that follow each other.
    fn leave_out(&mut self, from: Peer, stream: u32, note: Note, sink: &mut dyn FnMut(Event<'_>)) {
        let told = &mut self.sides.get_mut(from).told;
        if told.left_out != stream && !self.streams.is_ignored(stream) {
            told.left_out = stream;
            sink(Event::Note { from, stream: Some(stream), note });
        }
    }
}
