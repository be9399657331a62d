//! Bodies of several parts: `multipart/form-data` (RFC 7578) and its kin (RFC 2046).
//!
//! Uploads of sound, pictures and files come so, each setting in a part of its own.
//! [`form::read`] gives a whole body's parts as a list.

mod boundary;
mod decoder;
pub mod form;
#[doc(hidden)]
pub mod fuzz;
mod head;
mod parameters;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use head::Head;

/// Longest head of a part kept, in bytes: those of real parts have some two hundred. Lines
/// beyond it are skipped.
pub const HEAD_BYTES_MAX: usize = 16 << 10;

/// What a decoder tells: `(PartBegin PartData* PartEnd)*`, with notes in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A part begins.
    PartBegin(Head),
    /// The next piece of its content, as it was sent.
    PartData(&'a [u8]),
    /// The part is over.
    PartEnd {
        /// Length of its content, in bytes.
        length: u64,
    },
    /// What the reader of the exchange should know.
    Note(Note),
}

/// Something about a body that is not as it should be. `Display` says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// The body ended before the boundary that closes it.
    #[error("the form ends before its last boundary")]
    Cut,
    /// The boundary of the content type is nowhere in the body.
    #[error("the form has no parts: its boundary is nowhere in it")]
    NoParts,
    /// A head goes beyond [`HEAD_BYTES_MAX`].
    #[error("a part's head has more than {HEAD_BYTES_MAX} bytes: the rest of it was skipped")]
    HeadTooLong,
    /// The part that begins is in base64 or quoted-printable, which nobody has sent in a form
    /// since 2015 (RFC 7578).
    #[error("a part is sent in a transfer encoding: it was taken as it came")]
    TransferEncoded,
}
