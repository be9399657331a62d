//! Server-sent events, by the rules of the WHATWG (HTML, § 9.2 "Server-sent events").
//!
//! One rule is broken on purpose: the standard drops an event that the stream's end cuts off,
//! [`Decoder::finish`] keeps it and says so. About one recorded stream in a hundred ends that
//! way, and the last event is the one that holds the usage.
//!
//! Another is broken for Google, whose servers write an error into a running stream as bare
//! JSON over several lines (google-genai's `_iter_response_stream` reads it so): a line that
//! begins with `{` where an event could begin is data, and so are the lines up to the next
//! empty one.

use std::time::Duration;

use memchr::{memchr, memchr2};

#[doc(hidden)]
pub mod fuzz;

/// One event, as the server sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field; empty if there was none.
    pub name: &'a str,
    /// The `data` lines joined with LF.
    pub data: &'a str,
}

/// An event, and how it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dispatch<'a> {
    /// What the server sent.
    pub event: Event<'a>,
    /// The last `id` of the stream up to here; empty if there was none.
    pub id: &'a str,
    /// Whether the event came to its end.
    pub ending: Ending,
    /// Bytes of this event that [`LINE_BYTES_MAX`] cut off; 0 for an event kept whole.
    pub cut: u64,
}

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an empty line, as it should.
    Whole,
    /// With the stream: its last line, or the empty line after it, never came.
    Unterminated,
}

/// Longest line kept, and longest `data` of one event, in bytes: an inline image arrives as
/// one line. The rest of a longer one is counted, not kept.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// Reads one stream of events.
///
/// Bytes that are not UTF-8 become U+FFFD. Lines end at CR, LF or CR LF and nowhere else: a
/// U+2028 inside JSON is text.
#[derive(Debug)]
pub struct Decoder {
    /// The start of a line whose end has not come, at most `limit` bytes of it.
    line: Vec<u8>,
    /// Bytes of that line beyond `limit`.
    line_cut: u64,
    place: Place,
    event: Pending,
    id: String,
    retry: Option<Duration>,
    limit: usize,
}

/// What the next byte may mean beside its own meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The first line, which may begin with a byte order mark.
    FirstLine,
    Within,
    /// A CR was the last byte: an LF now belongs to it.
    AfterCr,
}

/// The fields of the event that has not ended yet.
#[derive(Debug, Default)]
struct Pending {
    name: String,
    data: Vec<u8>,
    /// Also counts a `data` line that is still held in the input.
    data_lines: usize,
    /// Whether its lines are bare JSON.
    is_bare: bool,
    cut: u64,
}

enum Field<'a> {
    Data(&'a [u8]),
    Event(&'a [u8]),
    Id(&'a [u8]),
    Retry(Duration),
    /// JSON without a field's name.
    Bare,
    /// A comment, or a field that the standard tells to ignore.
    Ignored,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// Reads a stream from its first byte.
    pub fn new() -> Self {
        Self::limited(LINE_BYTES_MAX)
    }

    fn limited(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            line_cut: 0,
            place: Place::FirstLine,
            event: Pending::default(),
            id: String::new(),
            retry: None,
            limit,
        }
    }

    /// The server's last word on how long to wait before a reconnect.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Takes the next bytes and hands each event they complete to `dispatch`.
    ///
    /// `bytes` may be cut anywhere, inside a UTF-8 character or between CR and LF.
    pub fn feed(&mut self, bytes: &[u8], dispatch: &mut dyn FnMut(Dispatch<'_>)) {
        let mut rest = bytes;
        if self.place == Place::AfterCr && !rest.is_empty() {
            self.place = Place::Within;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        // The data of an event with one `data` line is not copied if the event's end is in
        // `bytes` too, which is the rule.
        let mut held: Option<&[u8]> = None;
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            let (line, tail) = rest.split_at(end);
            rest = match tail {
                [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
                [] => tail,
            };
            let ends_in_cr = tail == b"\r";
            if self.line.is_empty() {
                let kept = line.get(..self.limit).unwrap_or(line);
                let cut = (line.len() - kept.len()) as u64;
                self.take_line(kept, cut, &mut held, dispatch);
            } else {
                self.keep(line);
                self.take_kept_line(&mut held, dispatch);
            }
            if ends_in_cr {
                self.place = Place::AfterCr;
            }
        }
        self.keep(rest);
        self.event.hold(held);
    }

    /// Ends the stream: what would be an event, had the stream gone on to the next empty line,
    /// is dispatched as [`Ending::Unterminated`].
    pub fn finish(&mut self, dispatch: &mut dyn FnMut(Dispatch<'_>)) {
        let mut held = None;
        if !self.line.is_empty() {
            self.take_kept_line(&mut held, dispatch);
        }
        self.end_event(held, Ending::Unterminated, dispatch);
    }

    /// Keeps a piece of a line whose end has not come.
    fn keep(&mut self, piece: &[u8]) {
        let room = self.limit.saturating_sub(self.line.len());
        let kept = piece.get(..room).unwrap_or(piece);
        self.line.extend_from_slice(kept);
        self.line_cut += (piece.len() - kept.len()) as u64;
    }

    fn take_kept_line(&mut self, held: &mut Option<&[u8]>, dispatch: &mut dyn FnMut(Dispatch<'_>)) {
        self.event.hold(held.take());
        let mut line = std::mem::take(&mut self.line);
        let cut = std::mem::take(&mut self.line_cut);
        let mut held_in_line = None;
        self.take_line(&line, cut, &mut held_in_line, dispatch);
        self.event.hold(held_in_line);
        line.clear();
        self.line = line;
    }

    /// Takes a line without its end, of which `cut` bytes more were not kept.
    fn take_line<'a>(
        &mut self,
        line: &'a [u8],
        cut: u64,
        held: &mut Option<&'a [u8]>,
        dispatch: &mut dyn FnMut(Dispatch<'_>),
    ) {
        let line = match self.place {
            Place::FirstLine => line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line),
            Place::Within | Place::AfterCr => line,
        };
        self.place = Place::Within;
        if line.is_empty() {
            self.end_event(held.take(), Ending::Whole, dispatch);
            return;
        }
        let found = match field(line) {
            _ if self.event.is_bare => Field::Data(line),
            Field::Bare if self.event.data_lines == 0 => {
                self.event.is_bare = true;
                Field::Data(line)
            }
            found => found,
        };
        match found {
            Field::Data(value) => {
                if self.event.data_lines == 0 {
                    *held = Some(value);
                } else {
                    self.event.hold(held.take());
                    self.event.join(value, self.limit);
                }
                self.event.data_lines += 1;
            }
            Field::Event(value) => {
                self.event.name.clear();
                self.event.name.push_str(&String::from_utf8_lossy(value));
            }
            Field::Id(value) => {
                self.id.clear();
                self.id.push_str(&String::from_utf8_lossy(value));
            }
            Field::Retry(after) => self.retry = Some(after),
            Field::Bare | Field::Ignored => return,
        }
        self.event.cut += cut;
    }

    fn end_event(
        &mut self,
        held: Option<&[u8]>,
        ending: Ending,
        dispatch: &mut dyn FnMut(Dispatch<'_>),
    ) {
        let event = &mut self.event;
        if event.data_lines > 0 {
            let data = match held {
                Some(data) => String::from_utf8_lossy(data),
                None => String::from_utf8_lossy(&event.data),
            };
            dispatch(Dispatch {
                event: Event { name: &event.name, data: &data },
                id: &self.id,
                ending,
                cut: event.cut,
            });
        }
        event.name.clear();
        event.data.clear();
        event.data_lines = 0;
        event.is_bare = false;
        event.cut = 0;
    }
}

impl Pending {
    /// Copies the first `data` line, which lies in bytes that are about to go.
    fn hold(&mut self, held: Option<&[u8]>) {
        self.data.extend_from_slice(held.unwrap_or_default());
    }

    /// Adds a further `data` line.
    fn join(&mut self, value: &[u8], limit: usize) {
        for piece in [b"\n", value] {
            let room = limit.saturating_sub(self.data.len());
            let kept = piece.get(..room).unwrap_or(piece);
            self.data.extend_from_slice(kept);
            self.cut += (piece.len() - kept.len()) as u64;
        }
    }
}

/// Reads a line that is not empty.
fn field(line: &[u8]) -> Field<'_> {
    let (name, value) = match memchr(b':', line) {
        Some(colon) => {
            let (name, value) = line.split_at(colon);
            let value = value.strip_prefix(b":").unwrap_or(value);
            (name, value.strip_prefix(b" ").unwrap_or(value))
        }
        None => (line, &[][..]),
    };
    match name {
        b"data" => Field::Data(value),
        b"event" => Field::Event(value),
        b"id" if !value.contains(&0) => Field::Id(value),
        b"retry" => milliseconds(value).map_or(Field::Ignored, Field::Retry),
        [b'{', ..] => Field::Bare,
        _ => Field::Ignored,
    }
}

/// ASCII digits and nothing else, not even a sign.
fn milliseconds(value: &[u8]) -> Option<Duration> {
    let digits = std::str::from_utf8(value).ok()?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests;
