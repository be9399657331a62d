//! The fields of one message.

/// The fields of `message`, in the order of the wire, up to where they make no sense.
pub fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

/// Whether every byte of `bytes` belongs to a field. No bytes are a message too.
pub fn is_message(bytes: &[u8]) -> bool {
    let mut fields = fields(bytes);
    fields.by_ref().for_each(drop);
    fields.rest.is_empty()
}

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its number, from 1.
    pub number: u32,
    /// Its value.
    pub value: Value<'a>,
}

/// The value of a field, as far as the wire tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Wire type 0: a number, a boolean or a name from a list.
    Varint(u64),
    /// Wire type 1: a number, maybe a `double`.
    Fixed64(u64),
    /// Wire type 2: a text, bytes, a message or several numbers.
    Bytes(&'a [u8]),
    /// Wire type 5: a number, maybe a `float`.
    Fixed32(u32),
}

impl<'a> Value<'a> {
    /// The bytes of a text or message.
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text, if it is UTF-8.
    pub fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// The number, of any width, its sign and point ignored.
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Varint(number) | Self::Fixed64(number) => Some(number),
            Self::Fixed32(number) => Some(u64::from(number)),
            Self::Bytes(_) => None,
        }
    }
}

/// Reads fields one by one. Groups, which no service has used since 2008, end the reading.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        // `rest` stays where a field makes no sense, so that it does again at the next call.
        let (field, rest) = read(self.rest)?;
        self.rest = rest;
        Some(field)
    }
}

const NUMBER_MAX: u64 = (1 << 29) - 1;

fn read(bytes: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let (key, bytes) = varint(bytes)?;
    let number = u32::try_from(key >> 3).ok()?;
    if number == 0 || u64::from(number) > NUMBER_MAX {
        return None;
    }
    let (value, rest) = match key & 7 {
        0 => varint(bytes).map(|(value, rest)| (Value::Varint(value), rest))?,
        1 => {
            let (value, rest) = bytes.split_first_chunk()?;
            (Value::Fixed64(u64::from_le_bytes(*value)), rest)
        }
        2 => {
            let (length, bytes) = varint(bytes)?;
            let (value, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
            (Value::Bytes(value), rest)
        }
        5 => {
            let (value, rest) = bytes.split_first_chunk()?;
            (Value::Fixed32(u32::from_le_bytes(*value)), rest)
        }
        _ => return None,
    };
    Some((Field { number, value }, rest))
}

/// Seven bits a byte, the lowest first. Bits beyond 64 are dropped, as the parsers do.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    const BYTES_MAX: usize = 10;
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(BYTES_MAX) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..).unwrap_or_default()));
        }
    }
    None
}
