//! A fuzz body: cut anywhere, a stream gives the same messages.

use super::{Decoder, Fault};

/// A message that owns its bytes, or what was wrong.
pub type Seen = Result<(bool, Vec<u8>), Fault>;

/// What `decoder` makes of `pieces` and the stream's end after them: of each message whether
/// it is the last, and its bytes.
pub fn read<'a>(mut decoder: Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut seen = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut |found| {
            seen.push(found.map(|message| {
                message.trailers().for_each(drop);
                (message.is_end, message.bytes.to_vec())
            }));
        });
    }
    seen.extend(decoder.finish().map_err(Err).err());
    seen
}

const ENCODINGS: [Option<&str>; 6] =
    [None, Some("gzip"), Some("deflate"), Some("zstd"), Some("identity"), Some("snappy")];

/// The first byte of `data` chooses the encoding and base64, the second is the length of the
/// pieces, the third a limit.
pub fn run(data: &[u8]) {
    let [choice, piece, limit, stream @ ..] = data else {
        return;
    };
    let encoding = ENCODINGS.iter().cycle().nth(usize::from(choice >> 1)).copied().flatten();
    for limit in [usize::from(*limit), 1 << 20] {
        let decoder = || match choice & 1 {
            0 => Decoder::new(encoding).limited(limit),
            _ => Decoder::base64(encoding).limited(limit),
        };
        let whole = read(decoder(), [stream]);
        assert_eq!(whole, read(decoder(), stream.chunks(usize::from(*piece).max(1))));
        for (_, bytes) in whole.iter().flatten() {
            assert!(bytes.len() <= limit);
        }
    }
}
