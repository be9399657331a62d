//! HTTP/2 (RFC 9113), a whole connection, read along the way.
//!
//! Both directions are one reader's: what one peer resets or allows is about what the other
//! sends. The reader is passive, so it neither knows when exactly a setting begins to hold nor
//! refuses what a peer may have taken; flow control, priorities and pings do not matter to it.
//!
//! A stream is a request and a reply, told each in its own order:
//! `Interim* Head Data* Trailers? End`. **Each stream that begins gets one `End` from either
//! peer**, without a head before it if none came; a pushed stream's request is its `Push`, and
//! gets none. After a message's `End` nothing more is told of it.
//!
//! What goes wrong goes as far as it must:
//! - One message: it ends [`Ending::Cut`].
//! - The heads of a direction: once a field block could not be decoded, the table that the
//!   others refer to is unknown. The frames are still in step, so bodies and ends go on to be
//!   told, with heads that are [`Fields::is_unreadable`]. What could be read of such a head, the
//!   entries of the static table, is left out: half a head is taken for a whole one.
//! - A direction: when frames make no sense. Its messages end `Cut`, and its bytes are
//!   [`Event::Opaque`] from the frame on that could not be read. The other goes on.
//!
//! ```
//! use overhear::observe::http2::{Connection, Event, Peer};
//!
//! let mut connection = Connection::new();
//! let mut seen = String::new();
//! // The preface, empty SETTINGS, and HEADERS of `GET / HTTP/2` that end stream 1.
//! let bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\
//!               \0\0\x03\x01\x05\0\0\0\x01\x82\x84\x87";
//! connection.feed(Peer::Client, bytes, &mut |event| {
//!     if let Event::Head { fields, .. } = event {
//!         seen = fields.to_text();
//!     }
//! });
//! assert_eq!(seen, "GET / HTTP/2\r\n\r\n");
//! ```

mod connection;
mod fields;
mod frame;
mod frames;
#[doc(hidden)]
pub mod fuzz;
mod hpack;
mod note;
mod side;
mod snapshot;
mod streams;
#[cfg(test)]
mod tests;

use std::fmt;

pub use connection::Connection;
pub use fields::Fields;
pub use note::Note;
pub use snapshot::Snapshot;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// The app.
    Client,
    /// The origin.
    Server,
}

/// What a connection tells, in the order in which it was fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The head of a request, or of a reply that is not of status 1xx.
    Head {
        /// The client for a request.
        from: Peer,
        /// The stream's number.
        stream: u32,
        /// Pseudo-fields included.
        fields: Fields,
    },
    /// The head of a reply of status 1xx: the reply proper is still to come.
    Interim {
        /// The stream's number.
        stream: u32,
        /// Pseudo-fields included.
        fields: Fields,
    },
    /// The next piece of a body, as it came, padding removed; never empty.
    Data {
        /// Whose message it is of.
        from: Peer,
        /// The stream's number.
        stream: u32,
        /// A part of a frame's payload, or all of it.
        bytes: &'a [u8],
    },
    /// The fields after a body.
    Trailers {
        /// Whose message they are of.
        from: Peer,
        /// The stream's number.
        stream: u32,
        /// The fields.
        fields: Fields,
    },
    /// A message is over.
    End {
        /// Whose message it is.
        from: Peer,
        /// The stream's number.
        stream: u32,
        /// Why it is over.
        how: Ending,
    },
    /// A stream was reset while it was open. Comes before the ends that it causes: a server
    /// that has answered resets what it does not want to read of the request, so the request's
    /// `End` alone may follow.
    Reset {
        /// Who reset it.
        from: Peer,
        /// The stream's number.
        stream: u32,
        /// Why.
        code: Code,
    },
    /// The server promises a reply to a request that it makes up itself.
    Push {
        /// The stream on which it says so.
        stream: u32,
        /// The stream on which the reply will come.
        promised: u32,
        /// The head of the request.
        fields: Fields,
    },
    /// A peer will take no more streams. Those above `last_stream` that the other peer has
    /// begun end [`Ending::Cut`] after this, the others go on.
    GoAway {
        /// Who goes.
        from: Peer,
        /// The last stream of the other peer that `from` has looked at or still may.
        last_stream: u32,
        /// Why.
        code: Code,
        /// Words for people, most often none; cut at [`DEBUG_BYTES_MAX`].
        debug: &'a [u8],
    },
    /// What the reader of an exchange should know.
    Note {
        /// Whose bytes it is about.
        from: Peer,
        /// The stream's number, if it is about one.
        stream: Option<u32>,
        /// What it is.
        note: Note,
    },
    /// Nothing more can be read of what this peer sends: its messages end `Cut` after this, and
    /// its bytes come as `Opaque`.
    Desynchronised {
        /// Whose bytes they are.
        from: Peer,
        /// Why.
        note: Note,
    },
    /// Bytes that are not, or no longer, read.
    Opaque {
        /// Who sent them.
        from: Peer,
        /// As they came.
        bytes: &'a [u8],
    },
}

/// Why a message is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its sender said so.
    Framed,
    /// The stream was reset, refused by a `GOAWAY`, or the connection ended or could not be
    /// read any more.
    Cut,
}

/// Why a stream was reset or a connection ended (RFC 9113 §7). `Display` gives the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u32);

impl Code {
    /// Nothing is wrong.
    pub const NO_ERROR: Self = Self(0);
    /// The stream was not looked at: it may be tried again.
    pub const REFUSED_STREAM: Self = Self(7);
    /// The stream is not wanted any more.
    pub const CANCEL: Self = Self(8);
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "NO_ERROR",
            1 => "PROTOCOL_ERROR",
            2 => "INTERNAL_ERROR",
            3 => "FLOW_CONTROL_ERROR",
            4 => "SETTINGS_TIMEOUT",
            5 => "STREAM_CLOSED",
            6 => "FRAME_SIZE_ERROR",
            7 => "REFUSED_STREAM",
            8 => "CANCEL",
            9 => "COMPRESSION_ERROR",
            10 => "CONNECT_ERROR",
            11 => "ENHANCE_YOUR_CALM",
            12 => "INADEQUATE_SECURITY",
            13 => "HTTP_1_1_REQUIRED",
            other => return write!(f, "error {other}"),
        })
    }
}

impl Event<'_> {
    /// The stream that the event is about: of a `Push` the promised one.
    pub fn stream(&self) -> Option<u32> {
        match self {
            Self::Head { stream, .. }
            | Self::Interim { stream, .. }
            | Self::Data { stream, .. }
            | Self::Trailers { stream, .. }
            | Self::End { stream, .. }
            | Self::Reset { stream, .. }
            | Self::Push { promised: stream, .. } => Some(*stream),
            Self::Note { stream, .. } => *stream,
            Self::GoAway { .. } | Self::Desynchronised { .. } | Self::Opaque { .. } => None,
        }
    }
}

impl Peer {
    /// The one at the other end.
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// Who begins streams of such numbers.
    fn of(stream: u32) -> Self {
        if stream % 2 == 1 { Self::Client } else { Self::Server }
    }
}

/// One of each peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pair<T> {
    client: T,
    server: T,
}

impl<T> Pair<T> {
    fn get(&self, peer: Peer) -> &T {
        match peer {
            Peer::Client => &self.client,
            Peer::Server => &self.server,
        }
    }

    fn get_mut(&mut self, peer: Peer) -> &mut T {
        match peer {
            Peer::Client => &mut self.client,
            Peer::Server => &mut self.server,
        }
    }
}

/// Longest field block, in bytes as they are sent, all its frames together: as long as a head of
/// HTTP/1 may be here; servers take 8 to 64 KiB, Go's a MiB.
pub const BLOCK_BYTES_MAX: usize = 1 << 20;

/// Most streams that are open at once: servers allow some hundred. It bounds what a client can
/// have kept by beginning streams and ending none.
pub const OPEN_STREAMS_MAX: usize = 1 << 16;

/// Most bytes of a `GOAWAY`'s words that are told: it is a sentence, if anything.
pub const DEBUG_BYTES_MAX: usize = 4096;
