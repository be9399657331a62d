//! How the body of a reply is cut into pieces: by its content type, else by how it begins.

use serde::de::IgnoredAny;

use super::{documents, envelope, eventstream, sse};

#[doc(hidden)]
pub mod fuzz;

/// A way of cutting a body into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `text/event-stream`.
    Events,
    /// One JSON document a line.
    Lines,
    /// One JSON array, whose elements come one by one.
    Array,
    /// `application/vnd.amazon.eventstream`.
    EventStream,
    /// Messages of gRPC, gRPC-Web or of a Connect stream.
    Envelopes,
    /// The same in base64: `application/grpc-web-text`.
    TextEnvelopes,
}

/// What is known of a body from its type and its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It comes in pieces of this kind.
    Pieces(Kind),
    /// It is one document.
    Whole,
    /// Its first bytes do not tell yet.
    Undecided,
}

/// Most bytes of a body that are looked at, so that one of blanks alone is decided too: some
/// gateways send an empty line every few seconds until the answer comes.
const BEGINNING_BYTES: usize = 64;

impl Kind {
    /// How a body of `content_type` that begins with `beginning` is cut. What the request asked
    /// for is `expected`: it counts where the type says no more than JSON, or nothing.
    ///
    /// Types are missing or wrong in about one recorded stream of a hundred, so the bytes have
    /// the last word where they can: JSON is no event stream, whatever its type says. What is
    /// decided stays so however the body goes on; a body that ends undecided is a whole one.
    pub fn of(content_type: Option<&str>, expected: Option<Kind>, beginning: &[u8]) -> Cut {
        let declared = declared(content_type.unwrap_or_default());
        let bytes = beginning.get(..BEGINNING_BYTES).unwrap_or(beginning);
        let text = first_text(bytes.strip_prefix(BOM).unwrap_or(bytes));
        let body = Beginning { bytes, text, expected };
        match declared {
            Declared::Other => Cut::Whole,
            _ if !bytes.is_empty() && bytes.len() < BOM.len() && BOM.starts_with(bytes) => {
                Cut::Undecided
            }
            Declared::Pieces(kind) => body.of_kind(kind),
            Declared::Unclear => body.by_bytes(),
        }
    }
}

/// What a content type says.
enum Declared {
    Pieces(Kind),
    /// JSON, text, nothing, or what nobody knows: it may come in pieces.
    Unclear,
    /// What never comes in pieces, such as sound, or a message of Connect without a stream; its
    /// first bytes may look like anything.
    Other,
}

fn declared(content_type: &str) -> Declared {
    // A comma joins several header lines.
    let kind = content_type.split([';', ',']).next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/event-stream" | "application/event-stream" | "application/x-event-stream" => {
            Declared::Pieces(Kind::Events)
        }
        "application/vnd.amazon.eventstream" => Declared::Pieces(Kind::EventStream),
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonl"
        | "application/jsonlines"
        | "application/x-jsonlines"
        | "application/json-lines"
        | "application/x-json-lines"
        | "application/json-seq"
        | "application/stream+json"
        | "application/x-json-stream"
        | "text/x-ndjson"
        | "text/ndjson"
        | "text/jsonl" => Declared::Pieces(Kind::Lines),
        _ if kind.starts_with("application/grpc-web-text") => Declared::Pieces(Kind::TextEnvelopes),
        _ if kind.starts_with("application/grpc") => Declared::Pieces(Kind::Envelopes),
        _ if kind.starts_with("application/connect+") => Declared::Pieces(Kind::Envelopes),
        "application/proto"
        | "application/protobuf"
        | "application/x-protobuf"
        | "application/vnd.google.protobuf"
        | "application/pdf"
        | "application/zip" => Declared::Other,
        _ => match kind.split('/').next() {
            Some("audio" | "font" | "image" | "model" | "multipart" | "video") => Declared::Other,
            _ => Declared::Unclear,
        },
    }
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The body without blanks at its start; `application/json-seq` has a mark before each document.
fn first_text(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0x1e);
    bytes.get(blanks.count()..).unwrap_or_default()
}

/// The first bytes of a body.
struct Beginning<'a> {
    bytes: &'a [u8],
    /// The same from the first byte on that is no blank.
    text: &'a [u8],
    expected: Option<Kind>,
}

impl Beginning<'_> {
    /// Of a body whose type says `kind`: it is, unless it is plainly something else.
    fn of_kind(&self, kind: Kind) -> Cut {
        match (self.text.first(), kind) {
            (None, _) => self.undecided(Cut::Pieces(kind)),
            (Some(b'['), Kind::Lines) if self.expected == Some(Kind::Array) => self.json(),
            (Some(b'{' | b'['), Kind::Lines) => Cut::Pieces(kind),
            (Some(b'{' | b'['), _) => self.json(),
            // Cursor streams messages under that name over HTTP/1.1.
            (Some(0..=3), Kind::Events) => Cut::Pieces(Kind::Envelopes),
            (Some(b'<'), _) => Cut::Whole,
            (Some(_), Kind::Lines) => match events(self.text) {
                Likeness::Is => Cut::Pieces(Kind::Events),
                Likeness::MayBe => self.undecided(Cut::Pieces(kind)),
                Likeness::IsNot => Cut::Pieces(kind),
            },
            (Some(_), _) => Cut::Pieces(kind),
        }
    }

    /// Of a body whose type does not tell.
    fn by_bytes(&self) -> Cut {
        if let Some(b'{' | b'[') = self.text.first() {
            return self.json();
        }
        let is_events = events(self.text);
        if is_events == Likeness::Is {
            return Cut::Pieces(Kind::Events);
        }
        if eventstream::begins(self.bytes) {
            return Cut::Pieces(Kind::EventStream);
        }
        match is_events == Likeness::MayBe || eventstream::may_begin(self.bytes) {
            true => self.undecided(Cut::Whole),
            false => Cut::Whole,
        }
    }

    /// Of a body that begins with a brace or a bracket.
    fn json(&self) -> Cut {
        match (self.expected, self.text) {
            (Some(Kind::Array), [b'[', ..]) => Cut::Pieces(Kind::Array),
            (Some(Kind::Lines), [b'{', rest @ ..]) => {
                // A document over several lines is no line of a stream: most errors come so.
                match rest.iter().find(|byte| !matches!(byte, b' ' | b'\t')) {
                    None => self.undecided(Cut::Pieces(Kind::Lines)),
                    Some(b'\r' | b'\n') => Cut::Whole,
                    Some(_) => Cut::Pieces(Kind::Lines),
                }
            }
            _ => Cut::Whole,
        }
    }

    /// `at_last` if there is no use in waiting.
    fn undecided(&self, at_last: Cut) -> Cut {
        if self.bytes.len() < BEGINNING_BYTES { Cut::Undecided } else { at_last }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Is,
    MayBe,
    IsNot,
}

/// Whether text is a stream of events.
fn events(text: &[u8]) -> Likeness {
    const MARKS: [&[u8]; 7] = [b"data:", b"event:", b"id:", b"retry:", b": ", b":\n", b":\r"];
    if MARKS.iter().any(|mark| text.starts_with(mark)) {
        return Likeness::Is;
    }
    match MARKS.iter().any(|mark| mark.starts_with(text)) {
        true => Likeness::MayBe,
        false => Likeness::IsNot,
    }
}

/// One piece of a body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece<'a> {
    /// An event.
    Event(sse::Event<'a>),
    /// A JSON document.
    Document(&'a str),
    /// A message of an Amazon event stream.
    Message(eventstream::Message<'a>),
    /// A message of gRPC or Connect.
    Envelope(envelope::Message<'a>),
    /// What the reader of the exchange should know.
    Note(&'a str),
}

/// Cuts a body of any kind.
#[derive(Debug)]
pub struct Decoder(Inner);

#[derive(Debug)]
enum Inner {
    Events(sse::Decoder),
    Documents(documents::Decoder),
    EventStream(eventstream::Decoder),
    Envelopes(envelope::Decoder),
}

impl Decoder {
    /// Cuts a body of `kind`. `message_encoding` is the coding of each message of gRPC or
    /// Connect: the header `grpc-encoding` or `connect-content-encoding`.
    pub fn new(kind: Kind, message_encoding: Option<&str>) -> Self {
        Self(match kind {
            Kind::Events => Inner::Events(sse::Decoder::new()),
            Kind::Lines => Inner::Documents(documents::Decoder::lines()),
            Kind::Array => Inner::Documents(documents::Decoder::array()),
            Kind::EventStream => Inner::EventStream(eventstream::Decoder::new()),
            Kind::Envelopes => Inner::Envelopes(envelope::Decoder::new(message_encoding)),
            Kind::TextEnvelopes => Inner::Envelopes(envelope::Decoder::base64(message_encoding)),
        })
    }

    /// Takes the next bytes, cut anywhere, and hands on each piece that they complete.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Piece<'_>)) {
        match &mut self.0 {
            Inner::Events(events) => events.feed(bytes, &mut |sent| event(sent, sink)),
            Inner::Documents(documents) => {
                documents.feed(bytes, &mut |found| document(found, sink));
            }
            Inner::EventStream(messages) => messages.feed(bytes, &mut |found| match found {
                Ok(message) => sink(Piece::Message(message)),
                Err(fault) => sink(Piece::Note(&fault.to_string())),
            }),
            Inner::Envelopes(messages) => messages.feed(bytes, &mut |found| match found {
                Ok(message) => sink(Piece::Envelope(message)),
                Err(fault) => sink(Piece::Note(&fault.to_string())),
            }),
        }
    }

    /// The body is over: hands on what was cut off.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        match &mut self.0 {
            Inner::Events(events) => events.finish(&mut |sent| match is_half(sent.event.data) {
                true => sink(Piece::Note(&half("event", sent.event.data))),
                false => event(sent, sink),
            }),
            Inner::Documents(documents) => {
                documents.finish(&mut |found| match is_half(found.text) {
                    true => sink(Piece::Note(&half("document", found.text))),
                    false => document(found, sink),
                })
            }
            Inner::EventStream(messages) => {
                if let Err(fault) = messages.finish() {
                    sink(Piece::Note(&fault.to_string()));
                }
            }
            Inner::Envelopes(messages) => {
                if let Err(fault) = messages.finish() {
                    sink(Piece::Note(&fault.to_string()));
                }
            }
        }
    }
}

fn event(sent: sse::Dispatch<'_>, sink: &mut dyn FnMut(Piece<'_>)) {
    if sent.cut > 0 {
        let bytes = sent.cut;
        sink(Piece::Note(&format!("{bytes} bytes of an event were cut off: it is too long")));
    }
    sink(Piece::Event(sent.event));
}

fn document(found: documents::Document<'_>, sink: &mut dyn FnMut(Piece<'_>)) {
    if found.cut > 0 {
        let (most, cut) = (documents::DOCUMENT_BYTES_MAX, found.cut);
        sink(Piece::Note(&format!("a document of more than {most} bytes: {cut} were not read")));
    }
    sink(Piece::Document(found.text));
}

/// Whether `text` is JSON that ends before its end. What such a piece says cannot be told from
/// what it would have said (half an id, a count of which digits are missing), and every SDK
/// drops it; the raw bytes have it.
fn is_half(text: &str) -> bool {
    let is_json = matches!(text.trim_start().bytes().next(), Some(b'{' | b'['));
    is_json && serde_json::from_str::<IgnoredAny>(text).is_err_and(|error| error.is_eof())
}

fn half(what: &str, text: &str) -> String {
    format!("the last {what} was cut off: its {} bytes are not read", text.len())
}

#[cfg(test)]
mod tests;
