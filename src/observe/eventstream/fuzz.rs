//! A fuzz body: cut anywhere, a stream gives the same messages.

use super::{Decoder, Fault, Message};

/// A [`Message`] that owns its bytes, or what was wrong.
pub type Seen = Result<(Vec<u8>, Vec<u8>), Fault>;

/// What a decoder makes of `pieces` and the stream's end after them: headers and payload of
/// each message.
pub fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut decoder = Decoder::new();
    let mut seen = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut |found| seen.push(found.map(own)));
    }
    seen.extend(decoder.finish().map_err(Err).err());
    seen
}

fn own(message: Message<'_>) -> (Vec<u8>, Vec<u8>) {
    // A header that is found must be one of all.
    for (name, _) in message.all_headers() {
        message.header(name);
    }
    (message.headers.to_vec(), message.payload.to_vec())
}

/// A message of `headers`, already encoded, and `payload`, its checksums right.
pub fn encode(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let sum = |bytes: &[u8]| crc32fast::hash(bytes).to_be_bytes();
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut bytes = Vec::new();
    bytes.extend(length(16 + headers.len() + payload.len()));
    bytes.extend(length(headers.len()));
    bytes.extend(sum(&bytes));
    bytes.extend(headers);
    bytes.extend(payload);
    bytes.extend(sum(&bytes));
    bytes
}

/// The first byte of `data` is the length of the pieces, the rest is cut at `0xfe`: what comes
/// after an `0xfe` and a length is a message's headers and payload, so that checksums are right
/// here and there.
pub fn run(data: &[u8]) {
    let [piece, rest @ ..] = data else {
        return;
    };
    let mut stream = Vec::new();
    for (index, part) in rest.split(|byte| *byte == 0xfe).enumerate() {
        match part {
            [headers, message @ ..] if index > 0 => {
                let (headers, payload) =
                    message.split_at_checked(usize::from(*headers)).unwrap_or((&[], message));
                stream.extend(encode(headers, payload));
            }
            _ => stream.extend(part),
        }
    }
    let whole = read([stream.as_slice()]);
    assert_eq!(whole, read(stream.chunks(usize::from(*piece).max(1))));
    // No byte is read twice.
    let bytes: usize =
        whole.iter().flatten().map(|(headers, payload)| headers.len() + payload.len() + 16).sum();
    assert!(bytes <= stream.len());
}
