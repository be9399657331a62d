//! What must be kept to read on after a restart.

use std::fmt;

use super::Pair;
use super::frames::Place;
use super::hpack::Table;

/// All that a reader knows of a connection but its open streams: the HPACK
/// tables, most of all. Some hundred bytes to a few KiB.
///
/// **Credentials are in it**, as they are in the tables: it belongs where the connection's own
/// bytes may be kept. `Debug` shows none.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub(super) sides: Pair<Side>,
}

/// One direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) place: Place,
    /// The longest payload allowed to this side.
    pub(super) length_max: u32,
    /// The highest stream that this side has begun.
    pub(super) highest: u32,
    /// `None` if heads cannot be read any more.
    pub(super) heads: Option<Heads>,
}

/// A dynamic table.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Heads {
    bytes_max: u32,
    /// Oldest first.
    entries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Heads {
    pub(super) fn of(table: &Table) -> Self {
        let entries = table.oldest_first().map(|(name, value)| (name.to_vec(), value.to_vec()));
        Self { bytes_max: table.bytes_max(), entries: entries.collect() }
    }

    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        table.resize(self.bytes_max);
        for (name, value) in &self.entries {
            table.insert(name.clone(), value.clone());
        }
        table
    }
}

/// Without the entries.
impl fmt::Debug for Heads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heads")
            .field("bytes_max", &self.bytes_max)
            .field("entries", &self.entries.len())
            .finish()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("client", &self.sides.client)
            .field("server", &self.sides.server)
            .finish()
    }
}

/// The first byte of a snapshot: the version of what follows.
const VERSION: u8 = 1;

impl Snapshot {
    /// The snapshot as bytes: a version, then both sides, client first. Numbers are 32 bits,
    /// least octet first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for side in [&self.sides.client, &self.sides.server] {
            match side.place {
                Place::Preface => bytes.push(0),
                Place::First => bytes.push(1),
                Place::Head => bytes.push(2),
                Place::Opaque => bytes.push(3),
                Place::Data { stream, flags, left, padding } => {
                    bytes.extend_from_slice(&[4, flags]);
                    push_number(&mut bytes, stream);
                    push_number(&mut bytes, left);
                    push_number(&mut bytes, padding);
                }
            }
            push_number(&mut bytes, side.length_max);
            push_number(&mut bytes, side.highest);
            let Some(heads) = &side.heads else {
                bytes.push(0);
                continue;
            };
            bytes.push(1);
            push_number(&mut bytes, heads.bytes_max);
            push_length(&mut bytes, heads.entries.len());
            for text in heads.entries.iter().flat_map(|(name, value)| [name, value]) {
                push_length(&mut bytes, text.len());
                bytes.extend_from_slice(text);
            }
        }
        bytes
    }

    /// The snapshot of which these are the bytes; `None` if they are those of no snapshot.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        if input.byte()? != VERSION {
            return None;
        }
        let sides = Pair { client: input.side()?, server: input.side()? };
        input.0.is_empty().then_some(Self { sides })
    }
}

fn push_number(bytes: &mut Vec<u8>, number: u32) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

/// Nothing here is longer than a table, which is far below 4 GiB.
fn push_length(bytes: &mut Vec<u8>, length: usize) {
    push_number(bytes, u32::try_from(length).unwrap_or(u32::MAX));
}

/// What is left of a snapshot's bytes.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn side(&mut self) -> Option<Side> {
        let place = match self.byte()? {
            0 => Place::Preface,
            1 => Place::First,
            2 => Place::Head,
            3 => Place::Opaque,
            4 => {
                let (flags, stream) = (self.byte()?, self.number()?);
                Place::Data { stream, flags, left: self.number()?, padding: self.number()? }
            }
            _ => return None,
        };
        let (length_max, highest) = (self.number()?, self.number()?);
        let heads = match self.byte()? {
            0 => None,
            1 => Some(self.heads()?),
            _ => return None,
        };
        Some(Side { place, length_max, highest, heads })
    }

    fn heads(&mut self) -> Option<Heads> {
        let (bytes_max, count) = (self.number()?, self.number()?);
        // Not reserved: the count may be any.
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push((self.text()?, self.text()?));
        }
        Some(Heads { bytes_max, entries })
    }

    fn text(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text.to_vec())
    }

    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number))
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }
}
