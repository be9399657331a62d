//! Messages put together from their fragments.

use super::extensions::Takeover;
use super::frame::{self, Mask};
use super::inflate::{Fault, Inflater};
use super::kept::Kept;
use super::{Ending, Event, Kind, MESSAGE_BYTES_MAX, Note};

/// One side's messages, of which at most one is open.
#[derive(Debug)]
pub(super) struct Messages {
    open: Option<Open>,
    kept: Kept,
    inflater: Inflater,
}

/// A message whose last fragment has not come.
#[derive(Clone, Copy, Debug)]
struct Open {
    kind: Kind,
    coding: Coding,
    /// Told at the message's end.
    fault: Option<Fault>,
}

/// How the wire has a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Deflate,
    /// Compressed, but not with what we know: kept as it is.
    Unknown,
}

/// A message that is over.
pub(super) struct Message<'a> {
    pub(super) event: Event<'a>,
    /// What to tell before it.
    pub(super) note: Option<Note>,
}

/// Bytes that are unmasked at once, on their way to be decompressed.
const UNMASKED_BYTES: usize = 4 << 10;

impl Messages {
    pub(super) fn new(takeover: Takeover) -> Self {
        let kept = Kept::new(MESSAGE_BYTES_MAX);
        Self { open: None, kept, inflater: Inflater::new(takeover) }
    }

    /// The same with small limits, in bytes.
    pub(super) fn limit(&mut self, message_bytes: usize, bomb_bytes: u64) {
        self.kept = Kept::new(message_bytes);
        self.inflater.limit(bomb_bytes);
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// A message begins.
    pub(super) fn begin(&mut self, kind: Kind, coding: Coding) {
        let begun = match coding {
            Coding::Deflate => self.inflater.begin(),
            Coding::Plain | Coding::Unknown => Ok(()),
        };
        self.open = Some(Open { kind, coding, fault: begun.err() });
    }

    /// Adds the next bytes to the open message.
    pub(super) fn add(&mut self, bytes: &[u8], mask: &mut Option<Mask>) {
        let Some(open) = &mut self.open else { return };
        if open.coding != Coding::Deflate {
            frame::undo(mask, self.kept.add(bytes));
            return;
        }
        let mut unmasked = [0; UNMASKED_BYTES];
        for piece in bytes.chunks(UNMASKED_BYTES) {
            if open.fault.is_some() {
                return;
            }
            let plain = match unmasked.get_mut(..piece.len()).filter(|_| mask.is_some()) {
                Some(plain) => {
                    plain.copy_from_slice(piece);
                    frame::undo(mask, plain);
                    plain
                }
                None => piece,
            };
            open.fault = self.inflater.feed(plain, &mut self.kept).err();
        }
    }

    /// Ends the open message, all of which is `bytes`, without a copy. `None` if they must be
    /// decompressed first, or are not all.
    pub(super) fn end_at_once<'a>(&mut self, bytes: &'a [u8]) -> Option<Message<'a>> {
        let is_all = self.kept.is_empty();
        let open = self.open.take_if(|open| is_all && open.coding != Coding::Deflate)?;
        let kept = bytes.get(..self.kept.limit()).unwrap_or(bytes);
        Some(open.message(kept, (bytes.len() - kept.len()) as u64, Ending::Whole))
    }

    /// Ends the open message, if there is one; [`clear`](Self::clear) must follow.
    pub(super) fn end(&mut self, ending: Ending) -> Option<Message<'_>> {
        let mut open = self.open.take()?;
        if open.coding == Coding::Deflate {
            if ending == Ending::Cut {
                self.inflater.cut();
            } else if open.fault.is_none() {
                open.fault = self.inflater.end(&mut self.kept).err();
            }
        }
        let (data, cut) = self.kept.get();
        Some(open.message(data, cut, ending))
    }

    /// Forgets the message that was ended.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }
}

impl Open {
    fn message(self, data: &[u8], cut: u64, ending: Ending) -> Message<'_> {
        let ending = if self.fault.is_some() { Ending::Damaged } else { ending };
        let is_garbled = self.kind == Kind::Text
            && self.coding != Coding::Unknown
            && (ending, cut) == (Ending::Whole, 0)
            && std::str::from_utf8(data).is_err();
        let note = match self.fault {
            Some(Fault::Damaged) => Some(Note::Damaged),
            Some(Fault::Bomb) => Some(Note::Bomb),
            Some(Fault::ContextLost) => Some(Note::ContextLost),
            None => is_garbled.then_some(Note::NotText),
        };
        let is_compressed = self.coding != Coding::Plain;
        Message {
            event: Event::Message { kind: self.kind, data, is_compressed, ending, cut },
            note,
        }
    }
}
