//! A fuzz body: cut anywhere, a stream gives the same documents.

use super::{Decoder, Document, Ending};

/// A [`Document`] that owns its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The text.
    pub text: String,
    /// How the document ended.
    pub ending: Ending,
    /// Bytes cut off.
    pub cut: u64,
}

impl From<Document<'_>> for Seen {
    fn from(document: Document<'_>) -> Self {
        Self { text: document.text.to_owned(), ending: document.ending, cut: document.cut }
    }
}

/// What `decoder` makes of `pieces` and the stream's end after them.
pub fn read<'a>(mut decoder: Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut seen = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut |document| seen.push(document.into()));
    }
    decoder.finish(&mut |document| seen.push(document.into()));
    seen
}

/// The first byte of `data` is the length of the pieces, the second a limit.
pub fn run(data: &[u8]) {
    let [piece, limit, stream @ ..] = data else {
        return;
    };
    for decoder in [Decoder::lines, Decoder::array] {
        for limit in [usize::from(*limit).max(1), super::DOCUMENT_BYTES_MAX] {
            let whole = read(decoder().limited(limit), [stream]);
            let pieces = stream.chunks(usize::from(*piece).max(1));
            assert_eq!(whole, read(decoder().limited(limit), pieces));
            for document in &whole {
                // A byte that is not UTF-8 becomes three.
                assert!(document.text.len() <= limit * 3);
            }
        }
    }
}
