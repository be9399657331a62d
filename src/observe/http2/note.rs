//! What the reader of an exchange should know about its connection.

use std::fmt;

use super::{BLOCK_BYTES_MAX, OPEN_STREAMS_MAX};

/// Something about a connection that is not as it should be. `Display` says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The first bytes are not those of HTTP/2.
    NotHttp2,
    /// A frame that cannot be, such as DATA of no stream.
    FrameGarbled,
    /// Another frame came within a field block.
    BlockInterrupted,
    /// A frame is longer than its receiver has allowed; it is read all the same. Told once a
    /// direction.
    FrameTooLong,
    /// The connection ended within a frame, a field block or the preface.
    FrameCut,
    /// A field block goes beyond [`BLOCK_BYTES_MAX`], or what it decodes to beyond four times
    /// that: no head of this direction can be read from here on.
    BlockTooLong,
    /// A field block cannot be decoded: no head of this direction can be read from here on.
    BlockGarbled,
    /// A reply on a stream of which no request, or no promise, was seen.
    Unasked,
    /// A stream that its sender may not begin: not read.
    NotItsStream,
    /// More than [`OPEN_STREAMS_MAX`] streams are open: this one is not read.
    TooManyStreams,
    /// Body or fields after the end of the message, or after a reset: not read.
    Late,
    /// Body before the head: not read.
    Early,
    /// Fields after the head that do not end the message.
    TrailersWithoutEnd,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHttp2 => f.write_str("these bytes are not HTTP/2: not read"),
            Self::FrameGarbled => {
                f.write_str("an HTTP/2 frame makes no sense: not read from here on")
            }
            Self::BlockInterrupted => f.write_str(
                "an HTTP/2 frame came within the header fields of another: not read from here on",
            ),
            Self::FrameTooLong => f.write_str("an HTTP/2 frame is longer than was agreed on"),
            Self::FrameCut => f.write_str("the connection ended within an HTTP/2 frame"),
            Self::BlockTooLong => write!(
                f,
                "header fields of more than {BLOCK_BYTES_MAX} bytes: the headers of this \
                 connection are not read from here on"
            ),
            Self::BlockGarbled => f.write_str(
                "header fields are garbled: the headers of this connection are not read from \
                 here on",
            ),
            Self::Unasked => f.write_str("a reply to a request that was not seen"),
            Self::NotItsStream => f.write_str("an HTTP/2 stream begun by the wrong side: not read"),
            Self::TooManyStreams => {
                write!(f, "more than {OPEN_STREAMS_MAX} open HTTP/2 streams: this one is not read")
            }
            Self::Late => f.write_str("bytes after the end of the message were left out"),
            Self::Early => f.write_str("bytes before the head of the message were left out"),
            Self::TrailersWithoutEnd => f.write_str("trailers that do not end the message"),
        }
    }
}
