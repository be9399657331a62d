//! A fuzz body: cut anywhere, a socket gives the same events, and every byte once.

use super::{Decoder, Event, Extensions};

/// What a decoder told, a line an event, pieces of the same kind joined.
#[derive(Default)]
pub struct Trace {
    /// The events up to the last that is neither `Wire` nor `Opaque`.
    pub events: Vec<String>,
    wire: Vec<u8>,
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
            Event::Opaque(bytes) => {
                self.opaque.extend_from_slice(bytes);
                self.bytes.extend_from_slice(bytes);
            }
            Event::Message { kind, data, is_compressed, ending, cut } => {
                let coding = if *is_compressed { ", compressed" } else { "" };
                let (ending, data) = (format!("{ending:?}"), data.escape_ascii());
                let cut = if *cut == 0 { String::new() } else { format!(", {cut} cut") };
                let ending = ending.replace("Whole", "");
                self.tell(format!("{kind:?}({data}{coding}{cut}){ending}"));
            }
            Event::Ping(bytes) => self.tell(format!("Ping({})", bytes.escape_ascii())),
            Event::Pong(bytes) => self.tell(format!("Pong({})", bytes.escape_ascii())),
            Event::Close { code, reason } => self.tell(format!("Close({code:?}, {reason})")),
            Event::Note(note) => self.tell(format!("Note({note:?})")),
        }
    }

    fn tell(&mut self, event: String) {
        self.join();
        self.events.push(event);
    }

    /// Ends the list.
    pub fn join(&mut self) {
        for (kind, bytes) in [("Wire", &mut self.wire), ("Opaque", &mut self.opaque)] {
            if !bytes.is_empty() {
                self.events.push(format!("{kind}({})", bytes.escape_ascii()));
                bytes.clear();
            }
        }
    }
}

/// What `decoder` makes of `pieces` and the end after them.
pub fn read<'a>(mut decoder: Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Trace {
    let mut trace = Trace::default();
    for piece in pieces {
        decoder.feed(piece, &mut |event| trace.add(&event));
    }
    decoder.finish(&mut |event| trace.add(&event));
    trace.join();
    trace
}

const EXTENSIONS: [&str; 4] = [
    "",
    "permessage-deflate",
    "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
    "x-unknown",
];

/// Small enough that a fuzzer finds what is beyond.
const MESSAGE_BYTES: usize = 1 << 10;
const BOMB_BYTES: u64 = 4 << 10;

/// The first byte of `data` chooses the side and the extensions, the second is the length of
/// the pieces.
pub fn run(data: &[u8]) {
    let [choice, piece, stream @ ..] = data else {
        return;
    };
    let extension = EXTENSIONS.iter().cycle().nth(usize::from(choice >> 1)).copied();
    let extensions = Extensions::agreed(&[extension.unwrap_or_default()]);
    let decoder = || {
        let side = if choice & 1 == 0 { Decoder::client } else { Decoder::server };
        side(&extensions).limited(MESSAGE_BYTES, BOMB_BYTES)
    };
    let whole = read(decoder(), [stream]);
    let cut = read(decoder(), stream.chunks(usize::from(*piece).max(1)));
    assert_eq!(whole.bytes, stream);
    assert_eq!(cut.bytes, stream);
    assert_eq!(whole.events, cut.events);
}
