//! A fuzz body: cut anywhere, a stream gives the same events.

use super::{Decoder, Dispatch, Ending};

/// A [`Dispatch`] that owns its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The event's name.
    pub name: String,
    /// The event's data.
    pub data: String,
    /// The last id.
    pub id: String,
    /// How the event ended.
    pub ending: Ending,
    /// Bytes cut off.
    pub cut: u64,
}

impl From<Dispatch<'_>> for Seen {
    fn from(dispatch: Dispatch<'_>) -> Self {
        Self {
            name: dispatch.event.name.to_owned(),
            data: dispatch.event.data.to_owned(),
            id: dispatch.id.to_owned(),
            ending: dispatch.ending,
            cut: dispatch.cut,
        }
    }
}

/// What `decoder` makes of `pieces` and the stream's end after them.
pub fn read<'a>(mut decoder: Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut seen = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut |dispatch| seen.push(dispatch.into()));
    }
    decoder.finish(&mut |dispatch| seen.push(dispatch.into()));
    seen
}

/// The first byte of `data` is the length of the pieces, the second a limit.
pub fn run(data: &[u8]) {
    let [piece, limit, stream @ ..] = data else {
        return;
    };
    for limit in [usize::from(*limit).max(1), super::LINE_BYTES_MAX] {
        let whole = read(Decoder::limited(limit), [stream]);
        let cut = read(Decoder::limited(limit), stream.chunks(usize::from(*piece).max(1)));
        assert_eq!(whole, cut);
        for event in &whole {
            // A byte that is not UTF-8 becomes three.
            assert!(event.data.len() <= limit * 3);
        }
    }
}
