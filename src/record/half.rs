//! One half of an exchange, request or reply, as it comes: its exact bytes, its head, and its
//! body with the content coding undone.

use jiff::Timestamp;

use super::chunks::Chunks;
use super::secrets::{Found, Redactor};
use crate::observe::coding;
use crate::observe::http1::{Decoder, Ending, Event, Framing, Head};
use crate::store::RawMessage;

/// Most bytes of one message kept, head and body. No API takes a larger prompt; without it
/// one endless download would fill the memory.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// How secrets are replaced: as in a prompt, or as in another body.
pub(super) type Redact = fn(&Redactor, &mut [u8], &mut Found) -> usize;

/// Request or reply.
#[derive(Default)]
pub(super) struct Half {
    /// As on the wire, at most [`MESSAGE_BYTES_MAX`].
    raw: Vec<u8>,
    marks: Vec<(u64, i64)>,
    /// Bytes beyond the limit.
    cut: u64,
    /// Bytes that the tape had no room for.
    pub(super) gap: u64,
    pub(super) head: Option<Head>,
    /// Where the head ends in `raw`.
    head_end: usize,
    coding: Option<coding::Decoder>,
    /// The body where it does not stand in `raw` as it is.
    decoded: Option<Vec<u8>>,
    /// The body is read piece by piece and not needed whole.
    in_pieces: bool,
    pub(super) ended: Option<Ending>,
    pub(super) notes: Vec<String>,
    /// Secrets replaced in pieces of a coded body that were handed on as they came.
    pub(super) replaced_in_pieces: usize,
}

impl Half {
    /// Whether anything of it has come.
    pub(super) fn has_begun(&self) -> bool {
        !self.raw.is_empty() || self.gap > 0
    }

    /// Takes exact bytes, which came `at` nanoseconds after the request's first.
    pub(super) fn wire(&mut self, bytes: &[u8], at: i64) {
        let room = MESSAGE_BYTES_MAX.saturating_sub(self.raw.len());
        let (kept, beyond) = bytes.split_at(bytes.len().min(room));
        if self.marks.last().is_none_or(|(_, last)| *last != at) && !kept.is_empty() {
            self.marks.push((self.raw.len() as u64, at));
        }
        self.raw.extend_from_slice(kept);
        self.cut += beyond.len() as u64;
    }

    /// Takes the head; what stands in `raw` up to here is its bytes.
    pub(super) fn take_head(&mut self, head: Head) {
        self.head_end = self.raw.len();
        let codings: Vec<&str> = head.values("content-encoding").collect();
        match coding::Decoder::new(&codings.join(", ")) {
            Ok(decoder) if is_coded(&codings) => self.coding = Some(decoder),
            Ok(_) => {}
            Err(e) => self.notes.push(e.to_string()),
        }
        let stands_in_raw = self.coding.is_none() && !matches!(head.framing, Framing::Chunked);
        if !stands_in_raw {
            self.decoded = Some(Vec::new());
        }
        self.head = Some(head);
    }

    /// Takes a piece of the body, transfer coding undone, and hands on what it decodes to.
    pub(super) fn body(&mut self, piece: &[u8], mut pass: impl FnMut(&[u8])) {
        let Some(decoder) = &mut self.coding else {
            if let Some(decoded) = self.decoded.as_mut().filter(|_| !self.in_pieces) {
                keep(decoded, piece);
            }
            return pass(piece);
        };
        let mut decoded = self.decoded.as_mut().filter(|_| !self.in_pieces);
        let fed = decoder.feed(piece, &mut |out| {
            if let Some(decoded) = &mut decoded {
                keep(decoded, out);
            }
            pass(out);
        });
        if let Err(e) = fed {
            let words = e.to_string();
            if !self.notes.contains(&words) {
                self.notes.push(words);
            }
        }
    }

    /// The body is not needed whole: its pieces are read as they come.
    pub(super) fn read_in_pieces(&mut self) {
        self.in_pieces = true;
    }

    /// The message is over.
    pub(super) fn end(&mut self, how: Ending) {
        self.ended = Some(how);
        if let Some(Err(e)) = self.coding.as_ref().map(coding::Decoder::finish) {
            let words = e.to_string();
            if how != Ending::Cut && !self.notes.contains(&words) {
                self.notes.push(words);
            }
        }
    }

    /// The body, content coding undone; as much of it as came.
    pub(super) fn body_bytes(&self) -> &[u8] {
        match &self.decoded {
            Some(decoded) => decoded,
            None => self.raw.get(self.head_end..).unwrap_or_default(),
        }
    }

    /// Replaces secrets in the body, in place, before a dialect reads it.
    pub(super) fn redact_body(&mut self, redact: Redact, redactor: &Redactor, found: &mut Found) {
        if self.coding.is_some() {
            let replaced = self.decoded.as_mut().map_or(0, |body| redact(redactor, body, found));
            if replaced + self.replaced_in_pieces > 0 {
                self.uncode(redactor, found);
            }
            return;
        }
        let Some(decoded) = &mut self.decoded else {
            let body = self.raw.get_mut(self.head_end..).unwrap_or_default();
            redact(redactor, body, found);
            return;
        };
        let body = self.raw.get_mut(self.head_end..).unwrap_or_default();
        let chunks = Chunks::of(body);
        if self.in_pieces {
            *decoded = chunks.join(body);
        }
        if redact(redactor, decoded, found) > 0 {
            chunks.write(body, decoded);
        }
        if self.in_pieces {
            decoded.clear();
        }
        let trailers = self.raw.split_off(self.head_end + chunks.end());
        self.raw.extend(redactor.head(&trailers, found));
    }

    /// A coded body holds a secret where it cannot be replaced: what is kept is the body
    /// decoded, and a note says so.
    fn uncode(&mut self, redactor: &Redactor, found: &mut Found) {
        let mut body = match self.decoded.take() {
            Some(decoded) if !self.in_pieces => decoded,
            _ => self.decode_again(),
        };
        redactor.body(&mut body, found);
        self.raw.truncate(self.head_end);
        self.raw.extend_from_slice(&body);
        self.marks.retain(|(offset, _)| *offset < self.head_end as u64);
        self.coding = None;
        self.notes.push(
            "a secret stood in a compressed body: the raw body is kept decompressed, the secret \
             replaced"
                .to_owned(),
        );
    }

    fn decode_again(&self) -> Vec<u8> {
        let mut again = Self::default();
        let is_request = self
            .head
            .as_ref()
            .is_some_and(|head| matches!(head.start, crate::observe::http1::Start::Request { .. }));
        let mut decoder = if is_request { Decoder::requests() } else { Decoder::replies() };
        decoder.feed(&self.raw, &mut |event| match event {
            Event::Wire(bytes) => again.wire(bytes, 0),
            Event::Head(head) => again.take_head(head),
            Event::Body(piece) => again.body(piece, |_| {}),
            _ => {}
        });
        again.decoded.unwrap_or_default()
    }

    /// The exact bytes, as the store takes them: secrets in the head replaced.
    pub(super) fn into_raw(self, redactor: &Redactor, found: &mut Found) -> RawMessage {
        let (head, body) = self.raw.split_at(self.head_end.min(self.raw.len()));
        let mut bytes = redactor.head(head, found);
        let moved = bytes.len() as i64 - head.len() as i64;
        bytes.extend_from_slice(body);
        let head_end = head.len() as u64;
        let marks = self.marks.into_iter().map(|(offset, at)| match offset < head_end {
            true => (offset.min(head_end.saturating_add_signed(moved)), at),
            false => (offset.saturating_add_signed(moved), at),
        });
        RawMessage { bytes, marks: marks.collect(), cut: self.cut + self.gap }
    }

    /// Whether a limit or a gap left something out.
    pub(super) fn is_cut(&self) -> bool {
        self.cut > 0 || self.gap > 0
    }

    /// Says what was left out.
    pub(super) fn tell_cuts(&self, which: &str, notes: &mut Vec<String>) {
        if self.cut > 0 {
            notes.push(format!(
                "the {which} is longer than {MESSAGE_BYTES_MAX} bytes: the last {} were not kept",
                self.cut
            ));
        }
        if self.gap > 0 {
            notes.push(format!("{} bytes of the {which} are missing: the tape was full", self.gap));
        }
    }
}

/// When a byte came, in nanoseconds after `start`.
pub(super) fn nanos_since(start: Timestamp, at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond() - start.as_nanosecond()).unwrap_or_default()
}

fn is_coded(codings: &[&str]) -> bool {
    codings
        .iter()
        .flat_map(|line| line.split(','))
        .any(|coding| !coding.trim().is_empty() && !coding.trim().eq_ignore_ascii_case("identity"))
}

fn keep(body: &mut Vec<u8>, piece: &[u8]) {
    let room = MESSAGE_BYTES_MAX.saturating_sub(body.len());
    body.extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or_default());
}
