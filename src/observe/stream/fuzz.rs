//! A fuzz body: what is decided stays so, and cut anywhere a body gives the same pieces.

use super::{BEGINNING_BYTES, Cut, Decoder, Kind, Piece};

/// What a decoder makes of `pieces` and the body's end after them, a line a piece of the body.
pub fn read<'a>(
    kind: Kind,
    message_encoding: Option<&str>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<String> {
    let mut seen = Vec::new();
    let mut decoder = Decoder::new(kind, message_encoding);
    let mut sink = |piece: Piece<'_>| {
        seen.push(match piece {
            Piece::Event(event) => format!("event {} {}", event.name, event.data),
            Piece::Document(text) => format!("document {text}"),
            Piece::Message(message) => format!("message {}", message.payload.escape_ascii()),
            Piece::Envelope(message) => {
                format!("envelope {} {}", message.is_end, message.bytes.escape_ascii())
            }
            Piece::Note(note) => format!("note {note}"),
        });
    };
    for piece in pieces {
        decoder.feed(piece, &mut sink);
    }
    decoder.finish(&mut sink);
    seen
}

/// What is decided of `body`, after every number of bytes the same or nothing yet.
pub fn decide(content_type: &str, expected: Option<Kind>, body: &[u8]) -> Cut {
    let mut decided = Cut::Undecided;
    for end in 0..=body.len().min(2 * BEGINNING_BYTES) {
        let beginning = body.get(..end).unwrap_or_default();
        let found = Kind::of(Some(content_type), expected, beginning);
        if decided != Cut::Undecided {
            assert_eq!(found, decided, "{content_type}, after {end} bytes");
        }
        decided = found;
    }
    assert!(decided != Cut::Undecided || body.len() < BEGINNING_BYTES, "{content_type}");
    decided
}

const TYPES: [&str; 9] = [
    "",
    "text/event-stream",
    "application/x-ndjson",
    "application/json",
    "application/vnd.amazon.eventstream",
    "application/grpc",
    "application/grpc-web-text",
    "application/connect+proto",
    "application/proto",
];

const EXPECTED: [Option<Kind>; 4] =
    [None, Some(Kind::Lines), Some(Kind::Array), Some(Kind::EventStream)];

/// The first byte of `data` chooses the type, the second what was asked for, the third is the
/// length of the pieces.
pub fn run(data: &[u8]) {
    let [kind, expected, piece, body @ ..] = data else {
        return;
    };
    let kind = TYPES.iter().cycle().nth(usize::from(*kind)).copied().unwrap_or_default();
    let expected = EXPECTED.iter().cycle().nth(usize::from(*expected)).copied().flatten();
    if let Cut::Pieces(kind) = decide(kind, expected, body) {
        let whole = read(kind, None, [body]);
        assert_eq!(whole, read(kind, None, body.chunks(usize::from(*piece).max(1))));
    }
}
