//! A flow of HTTP/2: each stream is an exchange of its own, or a WebSocket.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::http1::offer;
use super::scene::Scene;
use super::socket::{Frames, Socket};
use crate::flow::Side;
use crate::observe::http1::{self, Framing, Head, Start};
use crate::observe::http2::{self, Connection, Event, Fields, Peer, Snapshot};
use crate::record::assemble::assemble;
use crate::record::draft::{Draft, Place};
use crate::record::reader::unwound;
use crate::record::secrets::Found;
use crate::store::{Entry, Gap};
use crate::tape::Kept;

/// How far apart on the tape the places are from which reading could go on, in bytes: after a
/// kill so much is read again at most, and each place holds a copy of the header tables.
const CHECKPOINT_EVERY_BYTES: u64 = 1 << 20;

/// Most streams that are open at once; the oldest are ended as cut. Servers allow 100 to 250.
const STREAMS_MAX: usize = 4096;

/// An HTTP/2 connection and how far it was read.
pub(super) struct Streams {
    connection: Connection,
    open: BTreeMap<u32, Stream>,
    checkpoints: VecDeque<Checkpoint>,
    /// Bytes of each side that could not be read, and when the last of them came. They are not
    /// kept: packed header lists hold credentials that nothing can find in there.
    unread: [(u64, Option<Timestamp>); 2],
}

/// A stream that is not over.
enum Stream {
    Exchange(Box<Draft>),
    Socket(Box<Socket>),
}

/// A place on the tape from which another reader could go on.
pub(super) struct Checkpoint {
    pub(super) kept: Kept,
    pub(super) snapshot: Snapshot,
}

impl Streams {
    pub(super) fn new() -> Self {
        Self::of(Connection::new())
    }

    /// Goes on where another reader has stopped.
    pub(super) fn resumed(snapshot: &Snapshot) -> Self {
        Self::of(Connection::resumed(snapshot))
    }

    fn of(connection: Connection) -> Self {
        Self {
            connection,
            open: BTreeMap::new(),
            checkpoints: VecDeque::new(),
            unread: [(0, None); 2],
        }
    }

    /// Notes that a record begins at `kept`, where another reader could begin.
    pub(super) fn pass(&mut self, kept: Kept) {
        let last = self.checkpoints.back().map_or(0, |last| last.kept.from);
        if kept.from >= last + CHECKPOINT_EVERY_BYTES {
            self.checkpoints
                .extend(self.connection.snapshot().map(|snapshot| Checkpoint { kept, snapshot }));
        }
    }

    /// The last place below which nothing is needed any more. Forgets those before it.
    pub(super) fn checkpoint(&mut self) -> Option<&Checkpoint> {
        let open = self.open.values().map(|stream| match stream {
            Stream::Exchange(draft) => draft.tape_at,
            // Its decompression cannot begin in the middle.
            Stream::Socket(_) => 0,
        });
        let needed = open.min().unwrap_or(u64::MAX);
        while self.checkpoints.get(1).is_some_and(|next| next.kept.from <= needed) {
            self.checkpoints.pop_front();
        }
        self.checkpoints.front().filter(|first| first.kept.from <= needed)
    }

    /// Takes the next bytes of a side, which stand in the record at `tape_at`.
    pub(super) fn take(
        &mut self,
        side: Side,
        at: Timestamp,
        tape_at: u64,
        bytes: &[u8],
        scene: &mut Scene<'_>,
    ) {
        let Self { connection, open, unread, .. } = self;
        let fed = unwound(|| {
            connection.feed(peer(side), bytes, &mut |event| match event {
                Event::Opaque { from, bytes } => lose(unread, from, bytes.len(), at),
                event => Now { open, at, tape_at }.event(event, scene),
            });
        });
        if fed.is_err() {
            scene.note("a fault of Overhear's: the HTTP/2 decoder panicked");
            lose(unread, peer(side), bytes.len(), at);
        }
    }

    /// The connection is over.
    pub(super) fn close(&mut self, at: Timestamp, scene: &mut Scene<'_>) {
        let Self { connection, open, unread, .. } = self;
        for side in Side::BOTH {
            let closed = unwound(|| {
                connection.close(peer(side), &mut |event| match event {
                    Event::Opaque { from, bytes } => lose(unread, from, bytes.len(), at),
                    event => Now { open, at, tape_at: 0 }.event(event, scene),
                });
            });
            if closed.is_err() {
                scene.note("a fault of Overhear's: the HTTP/2 decoder panicked");
            }
        }
        self.end_all(at, scene);
        for side in Side::BOTH {
            if let (bytes, Some(at)) = *side.of(&self.unread) {
                let (flow, reason) = (scene.flow, UNREAD.to_owned());
                scene.out.push(Entry::Gap(Gap { flow, side, at, bytes, reason }));
            }
        }
    }

    /// Ends what is still open as cut.
    pub(super) fn end_all(&mut self, at: Timestamp, scene: &mut Scene<'_>) {
        for (_, stream) in std::mem::take(&mut self.open) {
            end(stream, at, scene);
        }
    }
}

/// Why bytes of HTTP/2 are missing.
const UNREAD: &str = "the connection is no HTTP/2 that can be read from there on";

fn lose(unread: &mut [(u64, Option<Timestamp>); 2], from: Peer, bytes: usize, at: Timestamp) {
    let (lost, last) = side(from).of_mut(unread);
    *lost += bytes as u64;
    *last = Some(at);
}

/// The streams, and when the bytes came that are read now.
struct Now<'a> {
    open: &'a mut BTreeMap<u32, Stream>,
    at: Timestamp,
    tape_at: u64,
}

impl Now<'_> {
    fn event(&mut self, event: Event<'_>, scene: &mut Scene<'_>) {
        let at = self.at;
        match event {
            Event::Head { from: Peer::Client, stream, fields } => {
                self.begin(stream, &fields, scene);
            }
            Event::Push { promised, fields, .. } => {
                self.begin(promised, &fields, scene);
                self.end_request(promised, http1::Ending::Framed, scene);
            }
            Event::Head { from: Peer::Server, stream, fields } => {
                self.reply_head(stream, &fields, scene);
            }
            Event::Data { from, stream, bytes } => self.data(from, stream, bytes, scene),
            Event::Trailers { from: Peer::Server, stream, fields } => {
                if let Some(Stream::Exchange(draft)) = self.open.get_mut(&stream) {
                    draft.take_trailers(regular(&fields), at, scene.lexicon, scene.follow);
                }
            }
            Event::End { from: Peer::Client, stream, how } => {
                self.end_request(stream, ending(how), scene);
            }
            Event::End { from: Peer::Server, stream, how } => {
                if let Some(Stream::Exchange(draft)) = self.open.get_mut(&stream) {
                    draft.answered.get_or_insert((ending(how), at));
                }
                self.finish(stream, scene);
            }
            Event::Reset { from, stream, code } => {
                let who = if from == Peer::Client { "the app" } else { "the provider" };
                if let Some(Stream::Exchange(draft)) = self.open.get_mut(&stream) {
                    draft.notes.push(format!("{who} reset the stream: {code}"));
                }
            }
            Event::Note { stream, note, .. } => {
                match stream.and_then(|stream| self.open.get_mut(&stream)) {
                    Some(Stream::Exchange(draft)) => draft.notes.push(note.to_string()),
                    _ => scene.note(&note.to_string()),
                }
            }
            Event::Desynchronised { note, .. } => scene.note(&note.to_string()),
            Event::Interim { .. }
            | Event::Trailers { .. }
            | Event::GoAway { .. }
            | Event::Opaque { .. } => {}
        }
    }

    fn begin(&mut self, stream: u32, fields: &Fields, scene: &mut Scene<'_>) {
        let (id, place) = scene.next_exchange(self.at);
        let place = Place { place, tape_at: self.tape_at, sent_before: 0 };
        let mut draft = Draft::new(id, self.at, place, Found::default());
        let (rendered, head) = request_head(fields);
        draft.request.wire(rendered.as_bytes(), 0);
        draft.take_request_head(head, scene.lexicon);
        if let Some(before) = self.open.insert(stream, Stream::Exchange(Box::new(draft))) {
            end(before, self.at, scene);
        }
        if self.open.len() > STREAMS_MAX
            && let Some((_, oldest)) = self.open.pop_first()
        {
            end(oldest, self.at, scene);
        }
    }

    fn reply_head(&mut self, stream: u32, fields: &Fields, scene: &mut Scene<'_>) {
        let at = self.at;
        if !self.open.contains_key(&stream) {
            // A reply to a request that was before our time.
            self.begin(stream, &Fields::default(), scene);
            self.end_request(stream, http1::Ending::Cut, scene);
        }
        let Some(Stream::Exchange(draft)) = self.open.get_mut(&stream) else { return };
        let (rendered, head) = reply_head(fields);
        draft.first_byte_at.get_or_insert(at);
        draft.last_at = at;
        let since = draft.since_start(at);
        draft.reply.wire(rendered.as_bytes(), since);
        let accepts = matches!(head.start, Start::Reply { status: 200..300, .. });
        let opens = draft.asked_for().0 == "CONNECT" && accepts;
        // The request of an extended CONNECT never ends: what follows is the socket.
        if opens {
            let origin = &scene.around.opened.origin;
            draft.end_request(http1::Ending::Framed, origin, scene.lexicon, scene.follow);
        }
        let offer = opens.then(|| offer(draft, &head, scene)).flatten();
        draft.take_reply_head(head, scene.lexicon, scene.follow);
        let Some(offer) = offer else { return };
        draft.answered = Some((http1::Ending::Framed, at));
        self.finish(stream, scene);
        let socket = Socket::new(offer, Frames::Nowhere);
        self.open.insert(stream, Stream::Socket(Box::new(socket)));
    }

    fn data(&mut self, from: Peer, stream: u32, bytes: &[u8], scene: &mut Scene<'_>) {
        let at = self.at;
        match self.open.get_mut(&stream) {
            Some(Stream::Exchange(draft)) => {
                let since = draft.since_start(at);
                draft.last_at = at;
                match from {
                    Peer::Client => {
                        draft.request.wire(bytes, since);
                        draft.request.body(bytes, |_| {});
                    }
                    Peer::Server => {
                        draft.reply.wire(bytes, since);
                        draft.reply_body(bytes, at, scene.lexicon, scene.follow);
                    }
                }
            }
            Some(Stream::Socket(socket)) => socket.take(side(from), at, bytes, scene),
            None => {}
        }
    }

    fn end_request(&mut self, stream: u32, how: http1::Ending, scene: &mut Scene<'_>) {
        if let Some(Stream::Exchange(draft)) = self.open.get_mut(&stream)
            && draft.request.ended.is_none()
        {
            let origin = &scene.around.opened.origin;
            draft.end_request(how, origin, scene.lexicon, scene.follow);
        }
        self.finish(stream, scene);
    }

    /// Stores the exchange if both its halves are over.
    fn finish(&mut self, stream: u32, scene: &mut Scene<'_>) {
        match self.open.get(&stream) {
            Some(Stream::Exchange(draft))
                if draft.answered.is_some() && draft.request.ended.is_some() => {}
            Some(Stream::Socket(_)) | Some(Stream::Exchange(_)) | None => return,
        }
        if let Some(stream) = self.open.remove(&stream) {
            end(stream, self.at, scene);
        }
    }
}

/// Ends a stream, as cut where it is not over.
fn end(stream: Stream, at: Timestamp, scene: &mut Scene<'_>) {
    let mut draft = match stream {
        Stream::Exchange(draft) => *draft,
        Stream::Socket(mut socket) => return socket.close(at, scene),
    };
    if draft.request.ended.is_none() {
        let origin = &scene.around.opened.origin;
        draft.end_request(http1::Ending::Cut, origin, scene.lexicon, scene.follow);
    }
    if draft.reply.has_begun() {
        let (how, at) = draft.answered.unwrap_or((http1::Ending::Cut, at));
        draft.end_reply(how, at, scene.lexicon, scene.follow);
    }
    let (stored, _) = assemble(draft, &scene.around, scene.lexicon);
    scene.out.push(Entry::Exchange(Box::new(stored)));
}

fn peer(side: Side) -> Peer {
    match side {
        Side::Downstream => Peer::Client,
        Side::Upstream => Peer::Server,
    }
}

fn side(peer: Peer) -> Side {
    match peer {
        Peer::Client => Side::Downstream,
        Peer::Server => Side::Upstream,
    }
}

fn ending(how: http2::Ending) -> http1::Ending {
    match how {
        http2::Ending::Framed => http1::Ending::Framed,
        http2::Ending::Cut => http1::Ending::Cut,
    }
}

/// A request's head as text and as HTTP/1 has it.
fn request_head(fields: &Fields) -> (String, Head) {
    let start = Start::Request {
        method: fields.method().unwrap_or_default().to_owned(),
        target: fields.path().or(fields.authority()).unwrap_or_default().to_owned(),
    };
    (fields.to_text(), head(start, fields))
}

fn reply_head(fields: &Fields) -> (String, Head) {
    let status = fields.status().unwrap_or_default();
    (fields.to_text(), head(Start::Reply { status, reason: String::new() }, fields))
}

fn head(start: Start, fields: &Fields) -> Head {
    Head {
        start,
        version: "HTTP/2".to_owned(),
        headers: regular(fields),
        // The stream's own frames say where the body ends.
        framing: Framing::UntilClose,
    }
}

/// The header lines as HTTP/1 has them, `host` first.
fn regular(fields: &Fields) -> http1::Headers {
    fields.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
