//! A fuzz body: cut anywhere, a body decodes to the same bytes.

use super::{CodingError, Decoder, Limits};

/// What `decoder` makes of `pieces` and the body's end after them.
pub fn read<'a>(
    mut decoder: Decoder,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<(), CodingError>) {
    let mut decoded = Vec::new();
    for piece in pieces {
        if decoder.feed(piece, &mut |bytes| decoded.extend_from_slice(bytes)).is_err() {
            break;
        }
    }
    (decoded, decoder.finish())
}

const CODINGS: [&str; 6] = ["gzip", "deflate", "br", "zstd", "gzip, zstd", "br, gzip"];

/// The first byte of `data` chooses the codings, the second is the length of the pieces.
pub fn run(data: &[u8]) {
    let [choice, piece, body @ ..] = data else {
        return;
    };
    let limits = Limits { decoded_bytes: 1 << 20, bomb_bytes: 1 << 19, bomb_ratio: 100 };
    let coding = CODINGS.iter().cycle().nth(usize::from(*choice)).copied().unwrap_or_default();
    let decode = |piece: usize| {
        let decoder = Decoder::limited(coding, limits);
        decoder.map(|decoder| read(decoder, body.chunks(piece.max(1))))
    };
    let (Ok((whole, whole_end)), Ok((cut, cut_end))) =
        (decode(body.len()), decode(usize::from(*piece)))
    else {
        return;
    };
    assert!(whole.len() as u64 <= limits.decoded_bytes);
    if whole_end == Ok(()) || cut_end == Ok(()) {
        assert_eq!(whole_end, cut_end, "{coding}");
        assert!(whole == cut, "{coding}");
    } else {
        // A decoder may or may not give out what it knew before the damage.
        assert!(whole.starts_with(&cut) || cut.starts_with(&whole), "{coding}");
    }
}
