//! The decoder of one body.

use memchr::memchr;

use super::boundary::{Boundary, Tail, tail};
use super::head::Draft;
use super::{Event, HEAD_BYTES_MAX, Note};

/// Reads one body.
///
/// Lines may end in LF alone; in a body whose first boundary ends so, a CR before a boundary is
/// content.
#[derive(Debug)]
pub struct Decoder {
    boundary: Boundary,
    place: Place,
    /// Bytes of which it cannot be told yet what they are: a line of a head, or what may
    /// become a boundary. No more than [`LOOK_BYTES`].
    held: Vec<u8>,
    line_end: LineEnd,
    /// Whether a byte of the body has come.
    has_begun: bool,
}

#[derive(Debug)]
enum Place {
    /// Before the first boundary.
    Preamble,
    /// In a part's head.
    Head(Draft),
    /// After the empty line, where a boundary needs no line end before it.
    ContentStart,
    /// In a part's content, of which so many bytes have come.
    Content(u64),
    /// After the last boundary.
    Epilogue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    CrLf,
    Lf,
}

/// Enough bytes to tell what they are: the longest head, or a boundary with its padding.
const LOOK_BYTES: usize = HEAD_BYTES_MAX + 1024;

type Sink<'s> = &'s mut dyn FnMut(Event<'_>);

impl Decoder {
    /// Reads a body of `content_type`; `None` if that is not one of several parts or names no
    /// boundary.
    pub fn new(content_type: &str) -> Option<Self> {
        Some(Self {
            boundary: Boundary::of(content_type)?,
            place: Place::Preamble,
            // The first boundary needs no line end before it. What comes before is not handed
            // on, so that this one never shows.
            held: vec![b'\n'],
            line_end: LineEnd::CrLf,
            has_begun: false,
        })
    }

    /// Takes the next bytes, cut anywhere, and hands on what they make known.
    pub fn feed(&mut self, bytes: &[u8], sink: Sink<'_>) {
        self.has_begun |= !bytes.is_empty();
        let mut rest = bytes;
        while !self.held.is_empty() && !rest.is_empty() {
            let begun = self.held.len();
            let piece = rest.get(..LOOK_BYTES).unwrap_or(rest);
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(piece);
            let read = self.read(&held, sink);
            match read.checked_sub(begun) {
                // The rest of what was added is read where it lies.
                Some(of_piece) => rest = rest.get(of_piece..).unwrap_or_default(),
                None => {
                    held.drain(..read);
                    self.held = held;
                    rest = rest.get(piece.len()..).unwrap_or_default();
                }
            }
        }
        let read = self.read(rest, sink);
        self.held.extend_from_slice(rest.get(read..).unwrap_or_default());
    }

    /// The body is over.
    pub fn finish(&mut self, sink: Sink<'_>) {
        let held = std::mem::take(&mut self.held);
        match std::mem::replace(&mut self.place, Place::Epilogue) {
            Place::Epilogue => return,
            Place::Preamble if !self.has_begun => return,
            Place::Preamble => {
                // A boundary may have come whose line did not end.
                let has_boundary = self.boundary.find(&held).is_some();
                return sink(Event::Note(if has_boundary { Note::Cut } else { Note::NoParts }));
            }
            Place::Head(draft) => {
                if !draft.is_empty() {
                    begin(draft, sink);
                    sink(Event::PartEnd { length: 0 });
                }
            }
            Place::ContentStart => {
                let is_boundary = held.starts_with(self.boundary.dashes());
                self.end(0, if is_boundary { &[] } else { &held }, sink);
            }
            Place::Content(length) => {
                let content = match self.boundary.find(&held) {
                    Some(at) => self.before(&held, at),
                    None => &held,
                };
                self.end(length, content, sink);
            }
        }
        sink(Event::Note(Note::Cut));
    }

    /// Reads as far as can be told; gives the bytes read.
    fn read(&mut self, bytes: &[u8], sink: Sink<'_>) -> usize {
        let mut read = 0;
        while let Some(rest) = bytes.get(read..).filter(|rest| !rest.is_empty()) {
            match self.step(rest, sink) {
                Some(taken) => read += taken,
                None => break,
            }
        }
        read
    }

    /// Reads some of `bytes`, or changes the place; `None` if more are needed to tell.
    fn step(&mut self, bytes: &[u8], sink: Sink<'_>) -> Option<usize> {
        match &mut self.place {
            Place::Preamble => self.preamble(bytes),
            Place::Head(_) => self.head_line(bytes, sink),
            Place::ContentStart => {
                if let Some(after) = bytes.strip_prefix(self.boundary.dashes()) {
                    match tail(after) {
                        Tail::Unknown => return None,
                        Tail::Text => {}
                        found @ (Tail::Part(_) | Tail::Close(_)) => {
                            sink(Event::PartEnd { length: 0 });
                            return Some(bytes.len() - after.len() + self.pass(found));
                        }
                    }
                } else if self.boundary.dashes().starts_with(bytes) {
                    return None;
                }
                self.place = Place::Content(0);
                Some(0)
            }
            Place::Content(length) => {
                let length = *length;
                self.content(bytes, length, sink)
            }
            Place::Epilogue => Some(bytes.len()),
        }
    }

    fn preamble(&mut self, bytes: &[u8]) -> Option<usize> {
        let Some(at) = self.boundary.find(bytes) else {
            let read = bytes.len() - self.boundary.begun(bytes);
            return Some(read).filter(|read| *read > 0);
        };
        let end = at + self.boundary.delimiter().len();
        let after = bytes.get(end..).unwrap_or_default();
        match tail(after) {
            Tail::Unknown => Some(at).filter(|at| *at > 0),
            Tail::Text => Some(at + 1),
            found @ (Tail::Part(_) | Tail::Close(_)) => {
                let taken = self.pass(found);
                let line = after.get(..taken).unwrap_or_default();
                if line.ends_with(b"\n") && !line.ends_with(b"\r\n") {
                    self.line_end = LineEnd::Lf;
                }
                Some(end + taken)
            }
        }
    }

    fn head_line(&mut self, bytes: &[u8], sink: Sink<'_>) -> Option<usize> {
        let Place::Head(draft) = &mut self.place else { return Some(0) };
        let end = memchr(b'\n', bytes);
        let line_bytes = end.map_or(bytes.len(), |end| end + 1);
        if !draft.skipping && !draft.fits(line_bytes) {
            draft.skipping = true;
            if !draft.is_cut {
                draft.is_cut = true;
                sink(Event::Note(Note::HeadTooLong));
            }
        }
        let Some(end) = end else {
            return Some(bytes.len()).filter(|_| draft.skipping);
        };
        if std::mem::take(&mut draft.skipping) {
            return Some(line_bytes);
        }
        let line = bytes.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let boundary = line.strip_prefix(self.boundary.dashes()).map(|after| match after {
            after if after.starts_with(b"--") => Tail::Close(0),
            after if after.trim_ascii().is_empty() => Tail::Part(0),
            _ => Tail::Text,
        });
        match boundary {
            Some(found @ (Tail::Part(_) | Tail::Close(_))) => {
                // A part without content needs no empty line.
                begin(std::mem::take(draft), sink);
                sink(Event::PartEnd { length: 0 });
                self.pass(found);
            }
            _ if line.is_empty() => {
                begin(std::mem::take(draft), sink);
                self.place = Place::ContentStart;
            }
            _ => draft.add(line, line_bytes),
        }
        Some(line_bytes)
    }

    fn content(&mut self, bytes: &[u8], length: u64, sink: Sink<'_>) -> Option<usize> {
        let Some(at) = self.boundary.find(bytes) else {
            let read = bytes.len() - self.boundary.begun(bytes);
            return self.hand_on(bytes, read, length, sink);
        };
        let content = self.before(bytes, at).len();
        let end = at + self.boundary.delimiter().len();
        match tail(bytes.get(end..).unwrap_or_default()) {
            Tail::Unknown => self.hand_on(bytes, content, length, sink),
            Tail::Text => self.hand_on(bytes, at + 1, length, sink),
            found @ (Tail::Part(_) | Tail::Close(_)) => {
                self.end(length, bytes.get(..content).unwrap_or_default(), sink);
                Some(end + self.pass(found))
            }
        }
    }

    /// Hands on the first `read` bytes as content; `None` if there are none.
    fn hand_on(&mut self, bytes: &[u8], read: usize, length: u64, sink: Sink<'_>) -> Option<usize> {
        if read == 0 {
            return None;
        }
        sink(Event::PartData(bytes.get(..read).unwrap_or_default()));
        self.place = Place::Content(length + read as u64);
        Some(read)
    }

    /// The part is over with `content`.
    fn end(&mut self, length: u64, content: &[u8], sink: Sink<'_>) {
        if !content.is_empty() {
            sink(Event::PartData(content));
        }
        sink(Event::PartEnd { length: length + content.len() as u64 });
    }

    /// What of `bytes` is content, if the delimiter begins at `at`.
    fn before<'a>(&self, bytes: &'a [u8], at: usize) -> &'a [u8] {
        let content = bytes.get(..at).unwrap_or_default();
        match self.line_end {
            LineEnd::CrLf => content.strip_suffix(b"\r").unwrap_or(content),
            LineEnd::Lf => content,
        }
    }

    /// Goes on after a boundary; gives the bytes of its tail.
    fn pass(&mut self, tail: Tail) -> usize {
        let (place, taken) = match tail {
            Tail::Part(taken) => (Place::Head(Draft::default()), taken),
            Tail::Close(taken) => (Place::Epilogue, taken),
            Tail::Unknown | Tail::Text => return 0,
        };
        self.place = place;
        taken
    }
}

fn begin(draft: Draft, sink: Sink<'_>) {
    let head = draft.finish();
    let is_encoded = head.is_encoded();
    sink(Event::PartBegin(head));
    if is_encoded {
        sink(Event::Note(Note::TransferEncoded));
    }
}
