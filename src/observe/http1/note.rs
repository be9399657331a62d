//! What the reader of an exchange should know about its framing.

use std::fmt;

use super::HEAD_BYTES_MAX;

/// Something about a message's framing that is not as it should be. `Display` says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Where a message should begin there is no request or status line.
    NotHttp,
    /// A head or its like goes beyond [`HEAD_BYTES_MAX`].
    HeadTooLong,
    /// The connection ended within a head.
    HeadCut,
    /// A chunk of the body has no size, or does not end where its size says.
    ChunkGarbled,
    /// `Content-Length` is no number, or several that differ.
    LengthGarbled,
    /// Both `Content-Length` and `Transfer-Encoding`: the latter holds.
    LengthIgnored,
    /// A request whose last transfer coding is not `chunked`: nothing tells its end.
    EndUnknown,
    /// A transfer coding other than `chunked` was left as it is.
    TransferCoded,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHttp => f.write_str("these bytes are not HTTP/1: not read from here on"),
            Self::HeadTooLong => {
                write!(f, "a head of more than {HEAD_BYTES_MAX} bytes: not read from here on")
            }
            Self::HeadCut => f.write_str("the connection ended within a head"),
            Self::ChunkGarbled => f.write_str("the chunks are garbled: not read from here on"),
            Self::LengthGarbled => f.write_str(
                "`content-length` makes no sense: all up to the connection's end is taken as body",
            ),
            Self::LengthIgnored => {
                f.write_str("`content-length` is ignored because of `transfer-encoding`")
            }
            Self::EndUnknown => f.write_str(
                "nothing tells where the request ends: all up to the connection's end is taken \
                 as body",
            ),
            Self::TransferCoded => {
                f.write_str("a transfer coding other than `chunked` is left in the body")
            }
        }
    }
}
