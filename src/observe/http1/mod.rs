//! HTTP/1.x, one direction of a connection, read along the way.
//!
//! The reader is passive: what a strict peer would refuse (bare LF, folded lines, spaces before
//! a colon) may well have been accepted by the one that mattered, so it is read as RFC 9112
//! allows a lenient recipient to. What cannot be read at all is handed on as
//! [`Event::Opaque`], after an [`Event::Note`] that says why.
//!
//! Bytes come out as they come in: nothing is held back but what may still become the preface
//! of HTTP/2 (a connection's first bytes, as long as they spell `PRI`).

mod chunk;
mod decoder;
mod framing;
#[doc(hidden)]
pub mod fuzz;
mod head;
mod lines;
mod note;
#[cfg(test)]
mod tests;

pub use decoder::{Closing, Decoder};
pub use framing::Framing;
pub use head::{Head, Headers, Start};
pub use note::Note;

/// What a decoder tells, in the order of the wire.
///
/// A message is `Interim* Head Body* Trailers? End`, with `Wire` in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The next bytes of the message, exactly as they were on the wire. Every input byte comes
    /// once, as `Wire` or as `Opaque`, before the event it completes; so a head's bytes are
    /// those up to `Head`, a message's those up to `End`. Empty lines before a message are its
    /// own.
    Wire(&'a [u8]),
    /// A reply's head of status 1xx but 101: the reply proper is still to come.
    Interim(Head),
    /// The head of a message.
    Head(Head),
    /// The next piece of the body, chunked coding undone.
    Body(&'a [u8]),
    /// The header lines after a chunked body; not sent if there are none.
    Trailers(Headers),
    /// The message is over.
    End {
        /// Why it is over.
        how: Ending,
    },
    /// Bytes that are not, or no longer, HTTP/1.
    Opaque(&'a [u8]),
    /// What the reader of the exchange should know. Comes after the head it is about, or
    /// before the bytes it makes opaque.
    Note(Note),
}

/// Why a message is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its framing says so.
    Framed,
    /// The connection was closed, which is how this reply is framed.
    CloseDelimited,
    /// The connection ended or lost its framing before the message did.
    Cut,
}

/// Longest head, longest trailers and longest chunk-size line, in bytes: what Go's server takes
/// by default, and more than those of Node, nginx and hyper do.
pub const HEAD_BYTES_MAX: usize = 1 << 20;
