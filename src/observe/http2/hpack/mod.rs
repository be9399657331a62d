//! HPACK (RFC 7541), the reading half.
//!
//! The one who encodes says by the block itself how large the dynamic table is, so what the
//! peers agreed on in SETTINGS, and from which acknowledgement on it holds, need not be known.
//!
//! Of our own making because the table of a decoder must be kept and built again when a
//! connection is read on after a restart, and because a block that is made to grow must be
//! given up in the midst. The tests compare with a crate's decoder.

mod huffman;
mod table;

use std::borrow::Cow;

pub(super) use table::Table;

/// Most bytes of a decoded field list, 32 more a field: four times the longest block, more than
/// Huffman's code can grow. One octet of a block can stand for a whole entry of the table.
pub(super) const LIST_BYTES_MAX: usize = 4 << 20;

/// Why a block could not be read. The table is unknown after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It ends within a field.
    Cut,
    /// An integer beyond 32 bits.
    Integer,
    /// An index that the table does not have.
    Index,
    /// A string that is not Huffman-coded as it says.
    Huffman,
    /// More than [`LIST_BYTES_MAX`].
    TooLong,
}

/// Reads the field list of a block and brings `table` up to date.
pub(super) fn decode(table: &mut Table, block: &[u8]) -> Result<Vec<(String, String)>, Fault> {
    let mut input = Input(block);
    let mut lines = Vec::new();
    let mut room = LIST_BYTES_MAX;
    let mut push = |name: &[u8], value: &[u8]| {
        let size = name.len() + value.len() + table::ENTRY_BYTES;
        room = room.checked_sub(size).ok_or(Fault::TooLong)?;
        lines.push((text(name), text(value)));
        Ok(())
    };
    while let Some(first) = input.0.first() {
        match first {
            0x80.. => {
                let (name, value) = table.get(input.integer(7)?).ok_or(Fault::Index)?;
                push(name, value)?;
            }
            0x40..0x80 => {
                let (name, value) = literal(table, &mut input, 6)?;
                push(&name, &value)?;
                let (name, value) = (name.into_owned(), value.into_owned());
                table.insert(name, value);
            }
            0x20..0x40 => table.resize(input.integer(5)?),
            // With and without "never indexed": that is about those who encode again.
            0..0x20 => {
                let (name, value) = literal(table, &mut input, 4)?;
                push(&name, &value)?;
            }
        }
    }
    Ok(lines)
}

/// A name and a value.
type Literal<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// Reads a literal field, whose name may be that of an entry.
fn literal<'t, 'i: 't>(
    table: &'t Table,
    input: &mut Input<'i>,
    prefix: u32,
) -> Result<Literal<'t>, Fault> {
    let name = match input.integer(prefix)? {
        0 => input.string()?,
        index => Cow::Borrowed(table.get(index).ok_or(Fault::Index)?.0),
    };
    Ok((name, input.string()?))
}

/// What is left of a block.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// Reads an integer whose first bits are the lowest `prefix` of the next octet (§5.1).
    fn integer(&mut self, prefix: u32) -> Result<u32, Fault> {
        let (first, mut rest) = self.0.split_first().ok_or(Fault::Cut)?;
        let mask = (1 << prefix) - 1;
        let mut value = u64::from(*first) & mask;
        let mut is_whole = value < mask;
        let mut shift = 0;
        while !is_whole {
            // Five octets carry 35 bits: zeros may follow the last bit that counts, but not
            // for ever.
            if shift == 35 {
                return Err(Fault::Integer);
            }
            let (octet, after) = rest.split_first().ok_or(Fault::Cut)?;
            value += u64::from(octet & 0x7f) << shift;
            is_whole = octet & 0x80 == 0;
            shift += 7;
            rest = after;
        }
        self.0 = rest;
        u32::try_from(value).map_err(|_| Fault::Integer)
    }

    /// Reads a string (§5.2).
    fn string(&mut self) -> Result<Cow<'a, [u8]>, Fault> {
        let is_coded = self.0.first().is_some_and(|octet| octet & 0x80 != 0);
        let length = usize::try_from(self.integer(7)?).map_err(|_| Fault::Integer)?;
        let (string, rest) = self.0.split_at_checked(length).ok_or(Fault::Cut)?;
        self.0 = rest;
        if is_coded { huffman::decode(string).map(Cow::Owned) } else { Ok(Cow::Borrowed(string)) }
    }
}

/// UTF-8, else Latin-1, as heads of HTTP/1 are read.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests;
