//! Amazon event streams (`application/vnd.amazon.eventstream`).
//!
//! A message is `u32 total | u32 headers | u32 crc of those eight bytes | headers | payload |
//! u32 crc of all before`, big endian. What a strict reader refuses is read as far as it goes,
//! after a [`Fault`] that says so: the text of a message whose checksum is wrong is still what
//! the app may have shown.

mod decoder;
#[doc(hidden)]
pub mod fuzz;
mod header;
#[cfg(test)]
mod tests;

pub use decoder::{Decoder, begins, may_begin};
pub use header::{Headers, Value};

/// Longest headers of one message, in bytes: what Amazon allows.
pub const HEADERS_BYTES_MAX: usize = 128 << 10;

/// Longest payload of one message, in bytes: what Amazon allows. A longer message is skipped,
/// not kept.
pub const PAYLOAD_BYTES_MAX: usize = 24 << 20;

/// One message of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The headers, still encoded; [`header`](Message::header) reads one,
    /// [`all_headers`](Message::all_headers) each.
    pub headers: &'a [u8],
    /// The payload, as it came.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The text of the string header `name`, such as `:event-type`; of several, the first.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.all_headers().find(|(had, _)| *had == name).and_then(|(_, value)| match value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    }

    /// Each header and its value, in the order of the wire, up to where they make no sense.
    pub fn all_headers(&self) -> Headers<'a> {
        Headers::new(self.headers)
    }
}

/// What was wrong with the stream. It is told before the message that it is about or that
/// follows it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The stream ended inside a message.
    #[error("the event stream ends inside a message")]
    Cut,
    /// Where a message should begin there is none: it was looked for further on.
    #[error("{bytes} bytes of the event stream are no message: they were skipped")]
    Skipped {
        /// How many.
        bytes: u64,
    },
    /// The next message is not what was sent, or its checksum is not.
    #[error("the checksum of a message of the event stream is wrong: it was read all the same")]
    Checksum,
    /// The next message's headers make no sense from some point on.
    #[error("the headers of a message of the event stream are garbled")]
    Headers,
    /// More than [`HEADERS_BYTES_MAX`] or [`PAYLOAD_BYTES_MAX`].
    #[error("a message of {bytes} bytes is too long for an event stream: it was skipped")]
    TooLong {
        /// Length of the message, in bytes.
        bytes: u64,
    },
}
