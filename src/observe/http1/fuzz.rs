//! A fuzz body: cut anywhere, a connection gives the same events, and every byte once.

use super::{Closing, Decoder, Event};

/// What a decoder told, a line an event, pieces of the same kind joined.
///
/// `Wire` and `Body` alternate as the input is cut, so each is joined up to the next event of
/// another kind.
#[derive(Default)]
pub struct Trace {
    /// The events up to the last that is neither `Wire`, `Body` nor `Opaque`.
    pub events: Vec<String>,
    wire: Vec<u8>,
    body: Vec<u8>,
    opaque: Vec<u8>,
    /// All bytes that were handed out as `Wire` or `Opaque`.
    pub bytes: Vec<u8>,
}

impl Trace {
    /// Takes an event.
    pub fn add(&mut self, event: &Event<'_>) {
        match event {
            Event::Wire(bytes) => {
                assert!(self.opaque.is_empty(), "nothing is wire after opaque bytes");
                self.wire.extend_from_slice(bytes);
                self.bytes.extend_from_slice(bytes);
            }
            Event::Body(bytes) => self.body.extend_from_slice(bytes),
            Event::Opaque(bytes) => {
                self.opaque.extend_from_slice(bytes);
                self.bytes.extend_from_slice(bytes);
            }
            Event::Interim(_)
            | Event::Head(_)
            | Event::Trailers(_)
            | Event::End { .. }
            | Event::Note(_) => {
                self.join();
                self.events.push(format!("{event:?}"));
            }
        }
    }

    /// Ends the list.
    pub fn join(&mut self) {
        for (kind, bytes) in
            [("Wire", &mut self.wire), ("Body", &mut self.body), ("Opaque", &mut self.opaque)]
        {
            if !bytes.is_empty() {
                self.events.push(format!("{kind}({})", bytes.escape_ascii()));
                bytes.clear();
            }
        }
    }
}

/// What `decoder` makes of `pieces` and a clean end after them.
pub fn read<'a>(mut decoder: Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Trace {
    let mut trace = Trace::default();
    for piece in pieces {
        decoder.feed(piece, &mut |event| trace.add(&event));
    }
    decoder.close(Closing::Clean, &mut |event| trace.add(&event));
    trace.join();
    trace
}

/// The first byte of `data` chooses the side and what was asked, the second is the length of
/// the pieces.
pub fn run(data: &[u8]) {
    let [choice, piece, stream @ ..] = data else {
        return;
    };
    let decoder = || {
        if choice & 1 == 0 {
            return Decoder::requests();
        }
        let mut replies = Decoder::replies();
        for bit in 1..7 {
            replies.asked(if choice >> bit & 1 == 0 { "GET" } else { "HEAD" });
        }
        if choice >> 7 == 1 {
            replies.asked("CONNECT");
        }
        replies
    };
    let whole = read(decoder(), [stream]);
    let cut = read(decoder(), stream.chunks(usize::from(*piece).max(1)));
    assert_eq!(whole.bytes, stream);
    assert_eq!(cut.bytes, stream);
    assert_eq!(whole.events, cut.events);
}
