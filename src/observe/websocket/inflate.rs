//! Compressed messages: RFC 7692, section 7.2.2.

use flate2::{Decompress, FlushDecompress, Status};

use super::extensions::Takeover;
use super::kept::Kept;
use crate::observe::coding::{BOMB_BYTES_MIN, BOMB_RATIO_MAX};

/// Decompresses one side's messages, one after the other.
#[derive(Debug)]
pub(super) struct Inflater {
    takeover: Takeover,
    /// `None` before the first compressed message: most sockets have none, and it takes 48 KiB.
    stream: Option<Decompress>,
    place: Place,
    /// Compressed bytes of this message so far.
    read_bytes: u64,
    bomb_bytes: u64,
}

/// Why the rest of a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Damaged,
    Bomb,
    /// It needs what an earlier message lost.
    ContextLost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first byte of a message or of a stream: a final block ended the one before.
    Begin,
    Within,
    /// No further byte can be read, until the next message if the window is not kept.
    Lost,
}

/// What a sender leaves out at the end of each message: an empty block.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Room for decompressed bytes that a step makes at least.
const STEP_BYTES: usize = 4 << 10;

/// Compressed bytes after which a message is looked at anew, counted from its first, so that
/// it is a bomb or is none however its bytes are cut.
const LOOK_BYTES: u64 = 4 << 10;

impl Inflater {
    pub(super) fn new(takeover: Takeover) -> Self {
        let (stream, place) = (None, Place::Begin);
        Self { takeover, stream, place, read_bytes: 0, bomb_bytes: BOMB_BYTES_MIN }
    }

    pub(super) fn limit(&mut self, bomb_bytes: u64) {
        self.bomb_bytes = bomb_bytes;
    }

    /// A message begins. An error if nothing of it can be read.
    pub(super) fn begin(&mut self) -> Result<(), Fault> {
        self.read_bytes = 0;
        match (self.takeover, self.place) {
            (Takeover::Kept, Place::Lost) => return Err(Fault::ContextLost),
            (Takeover::Reset, _) => self.reset(),
            (Takeover::Kept, _) => {}
        }
        self.place = Place::Begin;
        Ok(())
    }

    /// Takes the next bytes of a message. After an error, no more of it can be read.
    pub(super) fn feed(&mut self, bytes: &[u8], kept: &mut Kept) -> Result<(), Fault> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let to_look = LOOK_BYTES - self.read_bytes % LOOK_BYTES;
            let most = usize::try_from(to_look).unwrap_or(rest.len());
            let (piece, after) = rest.split_at_checked(most).unwrap_or((rest, &[]));
            rest = after;
            self.read_bytes += piece.len() as u64;
            self.inflate(piece, kept)?;
            let is_look = self.read_bytes.is_multiple_of(LOOK_BYTES);
            let most = self.bomb_bytes.max(self.read_bytes.saturating_mul(BOMB_RATIO_MAX));
            if is_look && kept.len() > most {
                return self.lose(Fault::Bomb);
            }
        }
        Ok(())
    }

    /// The message is over.
    pub(super) fn end(&mut self, kept: &mut Kept) -> Result<(), Fault> {
        match self.place {
            // A message without a byte is empty, and one that ends with a final block needs no
            // other.
            Place::Begin => Ok(()),
            Place::Within => self.inflate(&TAIL, kept),
            Place::Lost => Err(Fault::ContextLost),
        }
    }

    /// The rest of the message never came.
    pub(super) fn cut(&mut self) {
        if self.place == Place::Within {
            self.place = Place::Lost;
        }
    }

    fn inflate(&mut self, bytes: &[u8], kept: &mut Kept) -> Result<(), Fault> {
        if self.place == Place::Lost {
            return Err(Fault::ContextLost);
        }
        let mut rest = bytes;
        loop {
            // The smallest window that zlib reads bare deflate with is not the 8 bits that may
            // be agreed on; the largest reads them all.
            let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
            let (read, written) = (stream.total_in(), stream.total_out());
            let room = kept.room(STEP_BYTES);
            let room_bytes = room.capacity() - room.len();
            let result = stream.decompress_vec(rest, room, FlushDecompress::None);
            let read = stream.total_in() - read;
            let written = stream.total_out() - written;
            kept.settle();
            // Never more than the slice.
            rest = usize::try_from(read).ok().and_then(|read| rest.get(read..)).unwrap_or_default();
            match result {
                Err(_) => return self.lose(Fault::Damaged),
                // Who ends a stream within a message begins another with a new window, as zlib
                // makes them do.
                Ok(Status::StreamEnd) => {
                    self.reset();
                    self.place = Place::Begin;
                    if rest.is_empty() {
                        return Ok(());
                    }
                }
                Ok(Status::Ok | Status::BufError) => {
                    if read > 0 {
                        self.place = Place::Within;
                    }
                    if rest.is_empty() && written < room_bytes as u64 {
                        return Ok(());
                    }
                    if read == 0 && written == 0 {
                        return self.lose(Fault::Damaged);
                    }
                }
            }
        }
    }

    fn reset(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.reset(false);
        }
    }

    fn lose(&mut self, fault: Fault) -> Result<(), Fault> {
        self.place = Place::Lost;
        Err(fault)
    }
}
