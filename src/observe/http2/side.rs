//! What is kept of one direction of a connection.

use super::frame::Frame;
use super::frames::{Frames, Kept};
use super::hpack::{self, Fault, Table};
use super::{BLOCK_BYTES_MAX, DEBUG_BYTES_MAX, Fields, Note, Peer};

/// One direction.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) frames: Frames,
    /// What field blocks refer to; `None` once one could not be decoded.
    pub(super) table: Option<Table>,
    pub(super) block: Option<Block>,
    pub(super) settings: Settings,
    /// A `GOAWAY` as far as it has come: its fixed fields, then its words.
    pub(super) go_away: Vec<u8>,
    pub(super) told: Told,
}

/// A field block whose end has not come.
#[derive(Debug)]
pub(super) struct Block {
    /// The frame that began it.
    pub(super) frame: Frame,
    /// The stream that it promises, if it does.
    pub(super) promised: u32,
    bytes: Vec<u8>,
    is_too_long: bool,
}

/// What was told already, so as not to tell it with every frame.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The last stream of which something was left out.
    pub(super) left_out: u32,
    pub(super) is_frame_too_long: bool,
}

/// Octets of a `GOAWAY` before its words.
pub(super) const GO_AWAY_FIXED_BYTES: usize = 8;

impl Side {
    pub(super) fn new(from: Peer) -> Self {
        Self::resumed(Frames::new(from), Some(Table::new()))
    }

    pub(super) fn resumed(frames: Frames, table: Option<Table>) -> Self {
        Self {
            frames,
            table,
            block: None,
            settings: Settings::default(),
            go_away: Vec::new(),
            told: Told::default(),
        }
    }

    /// Reads no more, and forgets what was begun.
    pub(super) fn end(&mut self) {
        self.frames.end();
        self.block = None;
        self.go_away = Vec::new();
    }

    /// Keeps the next bytes of a `GOAWAY`'s words.
    pub(super) fn keep_words(&mut self, bytes: &[u8]) {
        let room = (GO_AWAY_FIXED_BYTES + DEBUG_BYTES_MAX).saturating_sub(self.go_away.len());
        self.go_away.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Reads the fields of a block; says why if from this one on they cannot be read.
    pub(super) fn decode(&mut self, block: Block) -> (Fields, Option<Note>) {
        let Some(table) = &mut self.table else {
            return (Fields::unreadable(), None);
        };
        let fault = match block.is_too_long {
            true => Fault::TooLong,
            false => match hpack::decode(table, &block.bytes) {
                Ok(lines) => return (Fields::new(lines), None),
                Err(fault) => fault,
            },
        };
        self.table = None;
        let note = match fault {
            Fault::TooLong => Note::BlockTooLong,
            Fault::Cut | Fault::Integer | Fault::Index | Fault::Huffman => Note::BlockGarbled,
        };
        (Fields::unreadable(), Some(note))
    }
}

impl Block {
    pub(super) fn begin(frame: Frame, promised: u32) -> Self {
        Self { frame, promised, bytes: Vec::new(), is_too_long: false }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        if self.is_too_long || self.bytes.len() + bytes.len() > BLOCK_BYTES_MAX {
            self.is_too_long = true;
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

/// Reads the payload of SETTINGS, of any length.
#[derive(Debug, Default)]
pub(super) struct Settings(Kept);

/// Octets of one setting.
const SETTING_BYTES: usize = 6;

/// `SETTINGS_MAX_FRAME_SIZE`, the only setting that is of use here.
const MAX_FRAME_SIZE: u16 = 5;

impl Settings {
    /// The longest payload that the next bytes of the frame allow, if they say so.
    pub(super) fn max_frame_size(&mut self, mut bytes: &[u8]) -> Option<u32> {
        let mut size = None;
        while let (true, setting) = self.0.fill(SETTING_BYTES, &mut bytes) {
            if let [i0, i1, v0, v1, v2, v3] = *setting
                && u16::from_be_bytes([i0, i1]) == MAX_FRAME_SIZE
            {
                size = size.max(Some(u32::from_be_bytes([v0, v1, v2, v3])));
            }
            self.0 = Kept::default();
        }
        size
    }
}
