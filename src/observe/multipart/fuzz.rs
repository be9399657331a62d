//! A fuzz body: cut anywhere, a body gives the same parts.

use super::{Decoder, Event, Head, Note};

/// What a decoder told, pieces of content joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A part, its content and the length that it was told to have.
    Part(Head, Vec<u8>, u64),
    /// A note.
    Note(Note),
}

/// What a decoder of `content_type` makes of `pieces` and the body's end after them.
pub fn read<'a>(content_type: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let Some(mut decoder) = Decoder::new(content_type) else {
        return Vec::new();
    };
    let mut seen = Vec::new();
    let mut part: Option<(Head, Vec<u8>)> = None;
    let mut sink = |event: Event<'_>| match event {
        Event::PartBegin(head) => {
            assert!(part.is_none(), "a part within a part");
            part = Some((head, Vec::new()));
        }
        Event::PartData(bytes) => {
            assert!(!bytes.is_empty());
            part.iter_mut().for_each(|(_, content)| content.extend_from_slice(bytes));
        }
        Event::PartEnd { length } => {
            let ended = part.take().map(|(head, content)| Seen::Part(head, content, length));
            assert!(ended.is_some(), "an end without a part");
            seen.extend(ended);
        }
        Event::Note(note) => seen.push(Seen::Note(note)),
    };
    for piece in pieces {
        decoder.feed(piece, &mut sink);
    }
    decoder.finish(&mut sink);
    assert!(part.is_none(), "a part without an end");
    seen
}

/// The first byte of `data` is the length of the pieces; its first line is the content type.
pub fn run(data: &[u8]) {
    let [piece, rest @ ..] = data else {
        return;
    };
    let mut lines = rest.splitn(2, |byte| *byte == b'\n');
    let content_type = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let body = lines.next().unwrap_or_default();
    let whole = read(&content_type, [body]);
    assert_eq!(whole, read(&content_type, body.chunks(usize::from(*piece).max(1))));
    let mut bytes = 0;
    for part in &whole {
        if let Seen::Part(_, content, length) = part {
            assert_eq!(content.len() as u64, *length);
            bytes += content.len();
        }
    }
    assert!(bytes <= body.len());
    super::form::read(&content_type, body);
}
