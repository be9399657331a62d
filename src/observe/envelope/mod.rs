//! The length-prefixed messages of gRPC, gRPC-Web and Connect.
//!
//! A message is `u8 flags | u32 length | message`, big endian. Nothing tells a message from
//! garbage but its flags: where they make no sense the reading ends.
//!
//! A compressed message is handed on with what could be decoded of it, be it nothing, after a
//! [`Fault`] if that is not all. So messages can be counted, and what is still compressed is
//! never taken for text.

mod base64;
mod decoder;
#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;

use super::coding::CodingError;

/// Longest message, in bytes, compressed or not: one may hold a picture, and servers of gRPC
/// take 4 MiB if nobody tells them otherwise. A longer one is skipped; what is longer once
/// decompressed is kept up to here.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// One message of the stream, decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Whether it is the last one, which is none of the service's own: Connect's holds
    /// trailers and errors as JSON, gRPC-Web's the [`trailers`](Message::trailers).
    pub is_end: bool,
    /// The message.
    pub bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// The trailers that gRPC-Web sends as the last message, names in the case in which they
    /// were sent; none for any other message.
    pub fn trailers(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let is_text = self.is_end && self.bytes.first() != Some(&b'{');
        let text = if is_text { self.bytes } else { &[] };
        text.split(|byte| *byte == b'\n').filter_map(|line| {
            let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
            Some((name.trim(), value.trim()))
        })
    }
}

/// What was wrong with the stream. It is told before the message that it is about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The stream ended inside a message.
    #[error("the stream of messages ends inside one")]
    Cut,
    /// Flags that neither gRPC nor Connect has: the length after them cannot be trusted.
    #[error("the stream of messages is garbled: not read from here on")]
    Garbled,
    /// More than [`MESSAGE_BYTES_MAX`] on the wire.
    #[error("a message has {bytes} bytes, more than {MESSAGE_BYTES_MAX}: it was skipped")]
    TooLong {
        /// Length of the message, in bytes.
        bytes: u64,
    },
    /// More than [`MESSAGE_BYTES_MAX`] once decompressed.
    #[error("a message has more than {MESSAGE_BYTES_MAX} bytes: it was read up to there")]
    Swollen,
    /// A message is marked as compressed, but nothing tells how: it was taken as it came.
    #[error("a message is compressed and nothing tells how: it was not decompressed")]
    Unnamed,
    /// A message could not be decompressed, or not all of it.
    #[error("a message is not readable: {0}")]
    Coding(#[from] CodingError),
}
