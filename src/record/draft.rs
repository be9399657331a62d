//! One exchange while it is being read.

use jiff::Timestamp;
use uuid::Uuid;

use super::half::{Half, nanos_since};
use super::reader::{FALLEN, Fell, Reader};
use super::secrets::{Found, Redactor};
use super::{Follow, Lexicon, Live};
use crate::dialect::{Asked, Frame};
use crate::flow::Origin;
use crate::model::{Headers, Request};
use crate::observe::http1::{self, Ending, Framing, Head, Start};
use crate::observe::stream::{self, Cut, Kind, Piece};

/// A request, its reply as far as it has come, and who reads them.
pub(super) struct Draft {
    pub(super) id: Uuid,
    /// Its place in the flow.
    pub(super) place: u32,
    /// Offset on the tape of the record that holds its first byte.
    pub(super) tape_at: u64,
    /// The app's bytes before its first one.
    pub(super) sent_before: u64,
    /// The origin's bytes before the reply's first one, once that has come.
    pub(super) answered_before: Option<u64>,
    pub(super) started_at: Timestamp,
    pub(super) first_byte_at: Option<Timestamp>,
    /// When its last byte so far came.
    pub(super) last_at: Timestamp,
    pub(super) request: Half,
    pub(super) reply: Half,
    pub(super) found: Found,
    /// Header lines of the request, secrets replaced.
    pub(super) request_headers: Headers,
    pub(super) reply_headers: Headers,
    /// Path and query, secrets replaced.
    pub(super) path: String,
    pub(super) reader: Reader,
    /// The reply was over before the request: how and when. Until the request is over too its
    /// bytes belong here.
    pub(super) answered: Option<(Ending, Timestamp)>,
    pieces: Pieces,
    /// Pieces of the reply that came before the request was whole.
    early: Vec<(Timestamp, Vec<u8>)>,
    pub(super) notes: Vec<String>,
}

/// Where an exchange stands in its flow.
pub(super) struct Place {
    /// Its number there.
    pub(super) place: u32,
    /// Offset on the tape of the record that holds its first byte.
    pub(super) tape_at: u64,
    /// The app's bytes before its first one.
    pub(super) sent_before: u64,
}

/// How the reply's body comes.
enum Pieces {
    /// Not known yet: these are its first bytes.
    Undecided(Vec<u8>),
    /// In pieces, which are read as they come.
    Cut(stream::Decoder),
    /// Whole: it is read when it is over.
    Whole,
}

impl Draft {
    pub(super) fn new(id: Uuid, at: Timestamp, place: Place, found: Found) -> Self {
        let Place { place, tape_at, sent_before } = place;
        Self {
            id,
            place,
            tape_at,
            sent_before,
            answered_before: None,
            started_at: at,
            first_byte_at: None,
            last_at: at,
            request: Half::default(),
            reply: Half::default(),
            found,
            request_headers: Headers::new(),
            reply_headers: Headers::new(),
            path: String::new(),
            reader: Reader::Undecided,
            answered: None,
            pieces: Pieces::Undecided(Vec::new()),
            early: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Nanoseconds from the request's first byte.
    pub(super) fn since_start(&self, at: Timestamp) -> i64 {
        nanos_since(self.started_at, at)
    }

    pub(super) fn take_request_head(&mut self, head: Head, lexicon: &Lexicon) {
        self.request_headers = head.headers.clone();
        lexicon.redactor.headers(&mut self.request_headers, &mut self.found);
        if let Start::Request { target, .. } = &head.start {
            self.path = lexicon.redactor.target(&path_of(target), &mut self.found);
        }
        self.request.take_head(head);
    }

    /// The request is whole: now its dialect can be found.
    pub(super) fn end_request(
        &mut self,
        how: Ending,
        origin: &Origin,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        self.request.end(how);
        self.request.redact_body(Redactor::prompt, &lexicon.redactor, &mut self.found);
        let found = self.asked(origin.host.as_str(), |asked| Reader::find(asked, lexicon));
        self.reader = self.stand(found).unwrap_or(Reader::Nobody);
        self.tell_asked(origin, follow);
        if self.reply.head.is_some() {
            self.read_head(follow);
        }
        for (at, piece) in std::mem::take(&mut self.early) {
            self.read_piece(&piece, at, lexicon, follow);
        }
    }

    /// The request as a dialect sees it.
    pub(super) fn asked<T>(&self, host: &str, ask: impl FnOnce(&Asked<'_>) -> T) -> T {
        let (method, _) = self.asked_for();
        ask(&Asked {
            method: &method,
            host,
            path: &self.path,
            headers: &self.request_headers,
            body: self.request.body_bytes(),
        })
    }

    fn tell_asked(&mut self, origin: &Origin, follow: &mut dyn Follow) {
        let origin = origin.to_string();
        let mut reader = std::mem::replace(&mut self.reader, Reader::Nobody);
        let dialect = reader.dialect().map(|(name, _)| name);
        let told = reader.prompt(|prompt| follow.asked(&self.live(&origin, dialect, prompt)));
        self.reader = reader;
        self.stand(told);
    }

    fn live<'a>(
        &'a self,
        origin: &'a str,
        dialect: Option<&'static str>,
        prompt: Option<&'a Request>,
    ) -> Live<'a> {
        let method = match self.request.head.as_ref().map(|head| &head.start) {
            Some(Start::Request { method, .. }) => method,
            _ => "",
        };
        Live {
            id: self.id,
            started_at: self.started_at,
            origin,
            method,
            path: &self.path,
            user_agent: user_agent(&self.request_headers),
            dialect,
            prompt,
        }
    }

    /// The dialect's name and the operation.
    pub(super) fn dialect(&self) -> Option<(&'static str, &'static str)> {
        self.reader.dialect()
    }

    /// Method and version.
    pub(super) fn asked_for(&self) -> (String, String) {
        match &self.request.head {
            Some(Head { start: Start::Request { method, .. }, version, .. }) => {
                (method.clone(), version.clone())
            }
            _ => (String::new(), String::new()),
        }
    }

    /// Whether the reply comes in pieces: else its dialect reads it whole.
    pub(super) fn is_streamed(&self) -> bool {
        matches!(self.pieces, Pieces::Cut(_))
    }

    pub(super) fn status(&self) -> Option<u16> {
        match self.reply.head.as_ref()?.start {
            Start::Reply { status, .. } => Some(status),
            Start::Request { .. } => None,
        }
    }

    pub(super) fn take_reply_head(
        &mut self,
        head: Head,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        self.reply_headers = head.headers.clone();
        lexicon.redactor.headers(&mut self.reply_headers, &mut self.found);
        if matches!(head.framing, Framing::Empty | Framing::Opaque) {
            self.pieces = Pieces::Whole;
        }
        self.reply.take_head(head);
        if !matches!(self.reader, Reader::Undecided) {
            self.read_head(follow);
        }
    }

    fn read_head(&mut self, follow: &mut dyn Follow) {
        let frame =
            Frame::Head { status: self.status().unwrap_or_default(), headers: &self.reply_headers };
        let at = self.first_byte_at.unwrap_or(self.last_at);
        let read = self.reader.take(frame, at, self.id, follow);
        self.stand(read);
    }

    /// Header lines after the reply's body.
    pub(super) fn take_trailers(
        &mut self,
        mut trailers: http1::Headers,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        lexicon.redactor.headers(&mut trailers, &mut self.found);
        self.finish_pieces(at, lexicon, follow);
        let read = self.reader.take(Frame::Trailers(&trailers), at, self.id, follow);
        self.stand(read);
        self.reply_headers.append(&mut trailers);
    }

    /// Takes a piece of the reply's body.
    pub(super) fn reply_body(
        &mut self,
        piece: &[u8],
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        let mut decoded = Vec::new();
        self.reply.body(piece, |out| decoded.extend_from_slice(out));
        match self.reader {
            Reader::Undecided => self.early.push((at, decoded)),
            _ => self.read_piece(&decoded, at, lexicon, follow),
        }
    }

    fn read_piece(
        &mut self,
        piece: &[u8],
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        match &mut self.pieces {
            Pieces::Whole => {}
            Pieces::Cut(_) => self.cut_piece(piece, at, lexicon, follow),
            Pieces::Undecided(beginning) => {
                beginning.extend_from_slice(piece);
                let beginning = std::mem::take(beginning);
                let expected = self.reader.cut();
                let expected = self.stand(expected).flatten();
                let content_type = header(&self.reply_headers, "content-type");
                match Kind::of(content_type, expected, &beginning) {
                    Cut::Undecided => self.pieces = Pieces::Undecided(beginning),
                    Cut::Whole => self.pieces = Pieces::Whole,
                    Cut::Pieces(kind) => {
                        self.begin_pieces(kind);
                        self.cut_piece(&beginning, at, lexicon, follow);
                    }
                }
            }
        }
    }

    fn begin_pieces(&mut self, kind: Kind) {
        let encoding = ["grpc-encoding", "connect-content-encoding"]
            .into_iter()
            .find_map(|name| header(&self.reply_headers, name));
        self.pieces = Pieces::Cut(stream::Decoder::new(kind, encoding));
        if self.dialect().is_some() {
            self.reply.read_in_pieces();
        }
    }

    fn cut_piece(
        &mut self,
        piece: &[u8],
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        let Pieces::Cut(mut decoder) = std::mem::replace(&mut self.pieces, Pieces::Whole) else {
            return;
        };
        if matches!(self.reader, Reader::Dialect { .. }) {
            decoder.feed(piece, &mut |piece| self.take_piece(piece, at, lexicon, follow));
        }
        self.pieces = Pieces::Cut(decoder);
    }

    fn finish_pieces(&mut self, at: Timestamp, lexicon: &Lexicon, follow: &mut dyn Follow) {
        let Pieces::Cut(mut decoder) = std::mem::replace(&mut self.pieces, Pieces::Whole) else {
            return;
        };
        decoder.finish(&mut |piece| self.take_piece(piece, at, lexicon, follow));
        self.pieces = Pieces::Cut(decoder);
    }

    /// Hands a piece to the dialect, its secrets replaced.
    fn take_piece(
        &mut self,
        piece: Piece<'_>,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        let (redactor, found) = (&lexicon.redactor, &mut self.found);
        let (mut text, mut bytes) = (String::new(), Vec::new());
        let mut replaced = 0;
        let mut redacted_text = |piece: &str| {
            text.push_str(piece);
            replaced += redactor.text(&mut text, found);
        };
        let frame = match piece {
            Piece::Event(event) => {
                redacted_text(event.data);
                Frame::Event(crate::observe::sse::Event { data: &text, ..event })
            }
            Piece::Document(document) => {
                redacted_text(document);
                Frame::Document(&text)
            }
            Piece::Message(message) => {
                bytes.extend_from_slice(message.payload);
                replaced += redactor.body(&mut bytes, found);
                Frame::Message(crate::observe::eventstream::Message { payload: &bytes, ..message })
            }
            Piece::Envelope(message) => {
                bytes.extend_from_slice(message.bytes);
                replaced += redactor.body(&mut bytes, found);
                Frame::Envelope(crate::observe::envelope::Message { bytes: &bytes, ..message })
            }
            Piece::Note(note) => {
                if !self.notes.iter().any(|had| had == note) {
                    self.notes.push(note.to_owned());
                }
                return;
            }
        };
        self.reply.replaced_in_pieces += replaced;
        let read = self.reader.take(frame, at, self.id, follow);
        self.stand(read);
    }

    /// The reply is over, or as much of it as will come is there.
    pub(super) fn end_reply(
        &mut self,
        how: Ending,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        self.reply.end(how);
        self.finish_pieces(at, lexicon, follow);
        self.reply.redact_body(Redactor::body, &lexicon.redactor, &mut self.found);
        if self.is_streamed() {
            return;
        }
        // Without a head there is no reply.
        let Some(status) = self.status() else { return };
        let frame = Frame::Body { body: self.reply.body_bytes(), status };
        let read = self.reader.take(frame, at, self.id, follow);
        self.stand(read);
    }

    /// Notes that the dialect panicked, if it did.
    pub(super) fn stand<T>(&mut self, read: Result<T, Fell>) -> Option<T> {
        if read.is_err() {
            self.notes.push(FALLEN.to_owned());
        }
        read.ok()
    }
}

/// What the app calls itself.
pub(super) fn user_agent(headers: &Headers) -> Option<&str> {
    header(headers, "user-agent")
}

/// The value of the first header `name`.
pub(super) fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(had, _)| had.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Path and query of a request target, which may be an absolute URL.
fn path_of(target: &str) -> String {
    let Some((_, rest)) = target.split_once("://").filter(|_| !target.starts_with('/')) else {
        return target.to_owned();
    };
    match rest.find(['/', '?']) {
        Some(at) => rest.get(at..).unwrap_or_default().to_owned(),
        None => "/".to_owned(),
    }
}
