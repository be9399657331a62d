//! The decoder of one stream.

use super::{Fault, HEADERS_BYTES_MAX, Message, PAYLOAD_BYTES_MAX};

/// Whether a body that begins like this is an event stream: its first twelve bytes have the
/// right checksum.
pub fn begins(beginning: &[u8]) -> bool {
    prelude(beginning).is_some_and(|prelude| !prelude.is_too_long())
}

/// Whether a body that begins like this may be an event stream; once there are enough bytes,
/// the same as [`begins`].
pub fn may_begin(beginning: &[u8]) -> bool {
    match beginning.len() < PRELUDE_BYTES {
        true => beginning.iter().zip(PRELUDE_MOST).all(|(byte, most)| *byte <= most),
        false => begins(beginning),
    }
}

/// Reads one event stream.
///
/// A message that lies within the bytes of one [`feed`](Decoder::feed) is not copied.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What came of a message that is not whole yet; while one is looked for, less than a
    /// prelude.
    pub(super) held: Vec<u8>,
    place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before a message, or in one.
    #[default]
    Message,
    /// Looking for the next prelude; so many bytes were none.
    Lost(u64),
    /// In a message that is too long; so many bytes of it are to come.
    Beyond(u64),
}

/// The lengths of a message and their checksum.
const PRELUDE_BYTES: usize = 12;

/// Each byte of the two lengths is no more than this in a message of allowed length: almost
/// any byte that begins no message is told without a checksum.
const PRELUDE_MOST: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0x00, 0x02, 0xff, 0xff];

const CHECKSUM_BYTES: usize = 4;

/// Capacity that is kept from one message to the next, in bytes.
const HELD_BYTES_KEPT: usize = 64 << 10;

/// The lengths that a prelude tells, its checksum right.
#[derive(Clone, Copy)]
struct Prelude {
    /// Length of the whole message, in bytes.
    total: usize,
    /// Length of its headers, in bytes.
    headers: usize,
}

impl Decoder {
    /// Reads a stream from its first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes, cut anywhere, and hands on each message that they complete.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Result<Message<'_>, Fault>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = match self.place {
                Place::Message if self.held.is_empty() => self.begin(rest, sink),
                Place::Message => self.go_on(rest, sink),
                Place::Lost(skipped) => self.look(rest, skipped, sink),
                Place::Beyond(left) => {
                    let skipped = left.min(rest.len() as u64);
                    self.place = match left - skipped {
                        0 => Place::Message,
                        left => Place::Beyond(left),
                    };
                    // Not more than `rest` has.
                    usize::try_from(skipped).unwrap_or(rest.len())
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// The stream is over.
    pub fn finish(&mut self) -> Result<(), Fault> {
        let held = std::mem::take(&mut self.held);
        match std::mem::take(&mut self.place) {
            Place::Message if held.is_empty() => Ok(()),
            Place::Message | Place::Beyond(_) => Err(Fault::Cut),
            Place::Lost(skipped) => Err(Fault::Skipped { bytes: skipped + held.len() as u64 }),
        }
    }

    /// Reads a message from its first byte on; gives the bytes taken.
    fn begin(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Result<Message<'_>, Fault>)) -> usize {
        if bytes.len() < PRELUDE_BYTES {
            self.held.extend_from_slice(bytes);
            return bytes.len();
        }
        let Some(prelude) = prelude(bytes) else {
            self.place = Place::Lost(0);
            return 0;
        };
        if prelude.is_too_long() {
            sink(Err(Fault::TooLong { bytes: prelude.total as u64 }));
            self.place = Place::Beyond(prelude.total as u64);
            return 0;
        }
        match bytes.get(..prelude.total) {
            Some(message) => {
                hand_on(message, prelude, sink);
                prelude.total
            }
            None => {
                self.held.extend_from_slice(bytes);
                bytes.len()
            }
        }
    }

    /// Reads on in a message whose beginning is held.
    fn go_on(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Result<Message<'_>, Fault>)) -> usize {
        let needed = prelude(&self.held).map_or(PRELUDE_BYTES, |prelude| prelude.total);
        let piece = bytes.get(..needed.saturating_sub(self.held.len())).unwrap_or(bytes);
        self.held.extend_from_slice(piece);
        if self.held.len() < needed {
            return piece.len();
        }
        match prelude(&self.held) {
            None => self.place = Place::Lost(0),
            Some(prelude) if prelude.is_too_long() => {
                sink(Err(Fault::TooLong { bytes: prelude.total as u64 }));
                self.place = Place::Beyond((prelude.total - self.held.len()) as u64);
                self.held.clear();
            }
            Some(prelude) if self.held.len() == prelude.total => {
                hand_on(&self.held, prelude, sink);
                self.held.clear();
                self.held.shrink_to(HELD_BYTES_KEPT);
            }
            Some(_) => {}
        }
        piece.len()
    }

    /// Looks for a prelude; gives the bytes taken. Those of `held` come before `bytes`.
    fn look(
        &mut self,
        bytes: &[u8],
        skipped: u64,
        sink: &mut dyn FnMut(Result<Message<'_>, Fault>),
    ) -> usize {
        if self.held.is_empty() {
            let (none, found) = none_before(bytes);
            self.lose(skipped, none, found, sink);
            if found {
                return none;
            }
            self.held.extend_from_slice(bytes.get(none..).unwrap_or_default());
            return bytes.len();
        }
        // As many bytes as tell whether a prelude begins with one of the held ones.
        let begun = self.held.len();
        let piece = bytes.get(..PRELUDE_BYTES - 1).unwrap_or(bytes);
        self.held.extend_from_slice(piece);
        let (none, found) = none_before(&self.held);
        let none = none.min(begun);
        let found = found && none < begun;
        self.lose(skipped, none, found, sink);
        self.held.drain(..none);
        if found || none == begun {
            // What was added is still to come, from `bytes`.
            self.held.truncate(begun - none);
            return 0;
        }
        piece.len()
    }

    /// Counts bytes that are no message's; `found` says whether one comes after them.
    fn lose(
        &mut self,
        skipped: u64,
        more: usize,
        found: bool,
        sink: &mut dyn FnMut(Result<Message<'_>, Fault>),
    ) {
        let bytes = skipped + more as u64;
        self.place = Place::Lost(bytes);
        if found {
            sink(Err(Fault::Skipped { bytes }));
            self.place = Place::Message;
        }
    }
}

impl Prelude {
    fn is_too_long(self) -> bool {
        let payload = self.total - self.headers - PRELUDE_BYTES - CHECKSUM_BYTES;
        self.headers > HEADERS_BYTES_MAX || payload > PAYLOAD_BYTES_MAX
    }
}

/// The prelude that `bytes` begin with, if its checksum is right and its lengths fit together.
fn prelude(bytes: &[u8]) -> Option<Prelude> {
    let (lengths, rest) = bytes.split_first_chunk::<8>()?;
    let (sum, _) = rest.split_first_chunk()?;
    let [a, b, c, d, headers @ ..] = *lengths;
    let total = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    let headers = usize::try_from(u32::from_be_bytes(headers)).ok()?;
    let least = headers.checked_add(PRELUDE_BYTES + CHECKSUM_BYTES)?;
    (total >= least && checksum(lengths) == u32::from_be_bytes(*sum))
        .then_some(Prelude { total, headers })
}

/// How many bytes are not the beginning of a message's prelude, and whether one follows them:
/// if not, too few bytes do to tell.
fn none_before(bytes: &[u8]) -> (usize, bool) {
    for (at, window) in bytes.windows(PRELUDE_BYTES).enumerate() {
        let may_be = window.iter().zip(PRELUDE_MOST).all(|(byte, most)| *byte <= most);
        if may_be && prelude(window).is_some_and(|prelude| !prelude.is_too_long()) {
            return (at, true);
        }
    }
    (bytes.len().saturating_sub(PRELUDE_BYTES - 1), false)
}

/// Hands on a message that is whole.
fn hand_on(bytes: &[u8], prelude: Prelude, sink: &mut dyn FnMut(Result<Message<'_>, Fault>)) {
    let Some((before, sum)) = bytes.split_last_chunk() else { return };
    let Some((_, rest)) = before.split_at_checked(PRELUDE_BYTES) else { return };
    let Some((headers, payload)) = rest.split_at_checked(prelude.headers) else { return };
    if checksum(before) != u32::from_be_bytes(*sum) {
        sink(Err(Fault::Checksum));
    }
    let message = Message { headers, payload };
    if !message.all_headers().is_whole() {
        sink(Err(Fault::Headers));
    }
    sink(Ok(message));
}

/// CRC-32 as in gzip. That of `flate2` is several times slower on messages as short as these.
fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}
