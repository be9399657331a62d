//! One direction of a WebSocket, read along the way: RFC 6455, and RFC 7692 for compression.
//!
//! The reader is passive, so it is lenient: what a strict peer would end the connection for
//! (masks on the wrong side, reserved bits, a message that begins within another) is read as
//! far as its length allows to, after an [`Event::Note`]. Only where no frame can be made out
//! any more the rest is [`Event::Opaque`].
//!
//! Nothing is held back: the bytes of a frame come out as they come in, and its message with
//! its last byte.

mod decoder;
mod extensions;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod inflate;
mod kept;
mod message;
mod note;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use extensions::Extensions;
pub use note::Note;

/// What a decoder tells, in the order of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The next bytes, exactly as they were on the wire. Every input byte comes once, as `Wire`
    /// or as `Opaque`, before the event it completes; so a message's bytes are those since the
    /// message before. Control frames between its fragments, and before it, are among them.
    Wire(&'a [u8]),
    /// A message is over.
    Message {
        /// What the peer said it is.
        kind: Kind,
        /// All of its fragments, unmasked and decompressed. Text may turn out not to be UTF-8.
        data: &'a [u8],
        /// Whether the wire has it compressed.
        is_compressed: bool,
        /// Whether `data` is all of it.
        ending: Ending,
        /// Bytes that [`MESSAGE_BYTES_MAX`] cut off; 0 for a message kept whole.
        cut: u64,
    },
    /// A ping, with what it carries.
    Ping(&'a [u8]),
    /// A pong, with what it carries.
    Pong(&'a [u8]),
    /// The peer will say nothing more.
    Close {
        /// Why (RFC 6455, section 7.4); many give none.
        code: Option<u16>,
        /// Why, in words; mostly empty. What was not UTF-8 is replaced.
        reason: &'a str,
    },
    /// What the reader of the exchange should know. Comes before the message, or the opaque
    /// bytes, that it is about; each but once a decoder, as a peer that does one thing wrong
    /// does it in every frame.
    Note(Note),
    /// Bytes that are not, or no longer, a WebSocket's.
    Opaque(&'a [u8]),
}

/// What a message is, by the opcode of its first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, UTF-8.
    Text,
    /// Bytes; Google sends its JSON so.
    Binary,
}

/// How far a message could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// To its end, as it should.
    Whole,
    /// Its last fragment never came.
    Cut,
    /// To where its compression makes no sense; or not at all, if that of a message before it
    /// made none and the two share a window.
    Damaged,
}

/// Longest message kept, decompressed, in bytes: as for an event of a stream
/// ([`LINE_BYTES_MAX`](super::sse::LINE_BYTES_MAX)), an inline image arrives as one message.
/// The rest of a longer one is counted, not kept.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Longest payload of a control frame, in bytes: the standard allows no longer one. The rest
/// of one that is longer all the same is not kept.
pub const CONTROL_BYTES_MAX: usize = 125;

/// Longest frame that is one, in bytes: a length beyond a tebibyte was never a length.
pub const FRAME_BYTES_MAX: u64 = 1 << 40;
