//! JSON documents that come one after another: a line each (NDJSON, RFC 7464's sequences), or
//! as the elements of one array.
//!
//! A document is handed on with its last byte, not with the line end or the comma after it: an
//! answer is followed while it is written. Only brackets and strings are looked at; whether the
//! text is JSON is for its reader to say.
//!
//! Servers deviate, so lines are no more than a hint: an object may go over several of them (a
//! gateway that prints prettily) and several objects may stand on one. Where no JSON could go
//! on, a document that was broken off ends and the next one begins:
//!
//! - at a line end within a string;
//! - at a line that begins with `{` where none can stand;
//! - at the mark before the next document of a sequence.

#[doc(hidden)]
pub mod fuzz;
mod scan;
#[cfg(test)]
mod tests;

use memchr::memchr2;

use scan::{End, Scan};

/// One document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// Its text; what was not UTF-8 is replaced. What is no object, array or string is taken up
    /// to the end of its line, within an array to the end of the word.
    pub text: &'a str,
    /// Whether the document came to its end.
    pub ending: Ending,
    /// Bytes of this document that [`DOCUMENT_BYTES_MAX`] cut off; 0 for one kept whole.
    pub cut: u64,
}

/// How a document ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Whole,
    /// The stream ended within it, or the next document began.
    Unterminated,
}

/// Longest document kept, in bytes: as long as the longest line of events
/// ([`LINE_BYTES_MAX`](super::sse::LINE_BYTES_MAX)). The rest of a longer one is counted, not
/// kept.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 20;

/// Reads documents.
#[derive(Debug)]
pub struct Decoder {
    shape: Shape,
    place: Place,
    /// The start of a document whose end has not come, at most `limit` bytes of it.
    held: Vec<u8>,
    /// Bytes of that document beyond `limit`.
    cut: u64,
    limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Lines,
    /// Outside of an array, before it or after it.
    Array,
    /// Within the array, at its own level.
    Elements,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// The stream's first bytes, as many as this of [`BYTE_ORDER_MARK`] and no other.
    Start(usize),
    Between,
    /// In an object, an array or a string.
    Value(Scan),
    /// In what is none of them.
    Word,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Stands before each document of a sequence, RFC 7464.
const RECORD_SEPARATOR: u8 = 0x1e;

/// Room that is kept from one document to the next, in bytes: more than nearly all need.
const ROOM_BYTES_MAX: usize = 1 << 20;

impl Decoder {
    /// Reads one document a line.
    pub fn lines() -> Self {
        Self::new(Shape::Lines)
    }

    /// Reads the elements of one array. What stands in place of the array, or after it, is read
    /// as lines are: an error may come as an object.
    pub fn array() -> Self {
        Self::new(Shape::Array)
    }

    fn new(shape: Shape) -> Self {
        let (place, limit) = (Place::Start(0), DOCUMENT_BYTES_MAX);
        Self { shape, place, held: Vec::new(), cut: 0, limit }
    }

    fn limited(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Takes the next bytes, cut anywhere, and hands on each document that they complete.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Document<'_>)) {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            rest = match self.place {
                Place::Start(matched) => self.start(matched, *first, rest),
                Place::Between => self.between(rest),
                Place::Value(scan) => self.value(scan, rest, sink),
                Place::Word => self.word(rest, sink),
            };
        }
    }

    /// The stream is over: hands on what was cut off.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Document<'_>)) {
        if let Place::Start(matched @ 1..) = self.place {
            self.keep(BYTE_ORDER_MARK.get(..matched).unwrap_or_default());
        }
        self.place = Place::Between;
        self.end(&[], Ending::Unterminated, sink);
    }

    /// Skips a byte order mark, byte by byte.
    fn start<'a>(&mut self, matched: usize, first: u8, bytes: &'a [u8]) -> &'a [u8] {
        if BYTE_ORDER_MARK.get(matched) == Some(&first) {
            self.place = Place::Start(matched + 1);
            return bytes.get(1..).unwrap_or_default();
        }
        self.place = Place::Between;
        if (1..BYTE_ORDER_MARK.len()).contains(&matched) {
            self.keep(BYTE_ORDER_MARK.get(..matched).unwrap_or_default());
            self.place = Place::Word;
        }
        bytes
    }

    /// Goes to the next document.
    fn between<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(at) = bytes.iter().position(|byte| !is_between(*byte)) else { return &[] };
        let (_, rest) = bytes.split_at_checked(at).unwrap_or_default();
        let after = rest.get(1..).unwrap_or_default();
        match (self.shape, rest.first()) {
            (Shape::Array, Some(b'[')) => {
                self.shape = Shape::Elements;
                return after;
            }
            (Shape::Elements, Some(b']')) => {
                self.shape = Shape::Array;
                return after;
            }
            (_, Some(b'{' | b'[' | b'"')) => self.place = Place::Value(Scan::default()),
            _ => self.place = Place::Word,
        }
        rest
    }

    fn value<'a>(
        &mut self,
        mut scan: Scan,
        bytes: &'a [u8],
        sink: &mut dyn FnMut(Document<'_>),
    ) -> &'a [u8] {
        let (at, ending) = match scan.end(bytes) {
            Some(End::Whole(at)) => (at, Ending::Whole),
            Some(End::Broken(at)) => (at, Ending::Unterminated),
            None => {
                self.place = Place::Value(scan);
                self.keep(bytes);
                return &[];
            }
        };
        let (piece, rest) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
        self.end(piece, ending, sink);
        rest
    }

    fn word<'a>(&mut self, bytes: &'a [u8], sink: &mut dyn FnMut(Document<'_>)) -> &'a [u8] {
        let end = match self.shape {
            Shape::Lines | Shape::Array => memchr2(b'\n', RECORD_SEPARATOR, bytes),
            Shape::Elements => {
                // Not its first byte, which may be any: a bracket that closes nothing.
                let first = usize::from(self.held.is_empty() && self.cut == 0);
                let rest = bytes.get(first..).unwrap_or_default();
                let end = rest.iter().position(|byte| is_between(*byte) || *byte == b']');
                end.map(|end| first + end)
            }
        };
        let Some((piece, rest)) = end.and_then(|end| bytes.split_at_checked(end)) else {
            self.keep(bytes);
            return &[];
        };
        self.end(piece, Ending::Whole, sink);
        rest
    }

    /// Keeps a piece of a document whose end has not come.
    fn keep(&mut self, piece: &[u8]) {
        let room = self.limit.saturating_sub(self.held.len());
        let kept = piece.get(..room).unwrap_or(piece);
        self.held.extend_from_slice(kept);
        self.cut += (piece.len() - kept.len()) as u64;
    }

    /// Ends the document with its last piece; it is not copied if it is all.
    fn end(&mut self, piece: &[u8], ending: Ending, sink: &mut dyn FnMut(Document<'_>)) {
        self.place = Place::Between;
        let is_all = self.held.is_empty() && self.cut == 0 && piece.len() <= self.limit;
        if !is_all {
            self.keep(piece);
        }
        let bytes = if is_all { piece } else { &self.held };
        let text = String::from_utf8_lossy(bytes.trim_ascii_end());
        if !text.is_empty() {
            sink(Document { text: &text, ending, cut: self.cut });
        }
        self.held.clear();
        self.held.shrink_to(ROOM_BYTES_MAX);
        self.cut = 0;
    }
}

/// Whether a byte may stand between documents. Commas are not to, but do where an array's
/// elements are sent as lines.
fn is_between(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | RECORD_SEPARATOR)
}
