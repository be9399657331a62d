//! The headers of a message.

/// The value of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Types 0 and 1, which have no bytes.
    Bool(bool),
    /// Type 2.
    Byte(i8),
    /// Type 3.
    Short(i16),
    /// Type 4.
    Int(i32),
    /// Type 5.
    Long(i64),
    /// Type 6, and a string that is not UTF-8.
    Bytes(&'a [u8]),
    /// Type 7.
    Text(&'a str),
    /// Type 8: milliseconds since 1970.
    Timestamp(i64),
    /// Type 9, big endian.
    Uuid(u128),
}

/// Reads headers one by one.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Headers<'a> {
    pub(super) fn new(encoded: &'a [u8]) -> Self {
        Self { rest: encoded }
    }

    /// Whether every byte belongs to a header.
    pub(super) fn is_whole(&self) -> bool {
        let mut headers = self.clone();
        headers.by_ref().for_each(drop);
        headers.rest.is_empty()
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        // `rest` stays where a header makes no sense, so that it does again at the next call.
        let (header, rest) = header(self.rest)?;
        self.rest = rest;
        Some(header)
    }
}

type Header<'a> = (&'a str, Value<'a>);

fn header(bytes: &[u8]) -> Option<(Header<'_>, &[u8])> {
    let (&length, bytes) = bytes.split_first()?;
    let (name, bytes) = bytes.split_at_checked(usize::from(length))?;
    let name = std::str::from_utf8(name).ok()?;
    let (&kind, bytes) = bytes.split_first()?;
    let (value, rest) = match kind {
        0 => (Value::Bool(true), bytes),
        1 => (Value::Bool(false), bytes),
        2 => fixed(bytes, |value| Value::Byte(i8::from_be_bytes(value)))?,
        3 => fixed(bytes, |value| Value::Short(i16::from_be_bytes(value)))?,
        4 => fixed(bytes, |value| Value::Int(i32::from_be_bytes(value)))?,
        5 => fixed(bytes, |value| Value::Long(i64::from_be_bytes(value)))?,
        6 => measured(bytes, Value::Bytes)?,
        7 => measured(bytes, |value| {
            std::str::from_utf8(value).map_or(Value::Bytes(value), Value::Text)
        })?,
        8 => fixed(bytes, |value| Value::Timestamp(i64::from_be_bytes(value)))?,
        9 => fixed(bytes, |value| Value::Uuid(u128::from_be_bytes(value)))?,
        _ => return None,
    };
    Some(((name, value), rest))
}

fn fixed<'a, const N: usize>(
    bytes: &'a [u8],
    value: impl FnOnce([u8; N]) -> Value<'a>,
) -> Option<(Value<'a>, &'a [u8])> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((value(*first), rest))
}

fn measured<'a>(
    bytes: &'a [u8],
    value: impl FnOnce(&'a [u8]) -> Value<'a>,
) -> Option<(Value<'a>, &'a [u8])> {
    let (length, bytes) = bytes.split_first_chunk()?;
    let (first, rest) = bytes.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((value(first), rest))
}
