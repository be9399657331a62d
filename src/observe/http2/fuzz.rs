//! A fuzz body: cut anywhere, a connection gives the same events, each stream in its order, and
//! a snapshot at any boundary is read back as it was.

use std::collections::BTreeMap;

use super::{Connection, Ending, Event, Peer, Snapshot};

/// What a connection told, a line an event, pieces of the same kind joined.
#[derive(Default)]
pub struct Trace {
    /// The events up to the last that is neither `Data` nor `Opaque`.
    pub events: Vec<String>,
    /// `Data` or `Opaque` that may go on, and whose.
    piece: Option<(String, Vec<u8>)>,
    streams: BTreeMap<(u32, &'static str), Told>,
}

/// How far a message was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    Head,
    Trailers,
    End,
}

impl Trace {
    /// Takes an event.
    pub fn add(&mut self, event: &Event<'_>) {
        self.check(event);
        let (kind, bytes) = match event {
            Event::Data { from, stream, bytes } => (format!("Data({from:?}, {stream}, "), *bytes),
            Event::Opaque { from, bytes } => (format!("Opaque({from:?}, "), *bytes),
            _ => {
                self.join();
                self.events.push(format!("{event:?}"));
                return;
            }
        };
        assert!(!bytes.is_empty());
        if self.piece.as_ref().is_none_or(|(before, _)| *before != kind) {
            self.join();
        }
        self.piece.get_or_insert_with(|| (kind, Vec::new())).1.extend_from_slice(bytes);
    }

    /// Ends the list.
    pub fn join(&mut self) {
        if let Some((kind, bytes)) = self.piece.take() {
            self.events.push(format!("{kind}{})", bytes.escape_ascii()));
        }
    }

    /// Whether every message that was begun is over.
    pub fn is_over(&self) -> bool {
        self.streams.values().all(|told| *told == Told::End)
    }

    /// A message is `Interim* Head Data* Trailers* End`, or cut anywhere.
    fn check(&mut self, event: &Event<'_>) {
        let (from, stream) = match event {
            Event::Head { from, stream, .. }
            | Event::Data { from, stream, .. }
            | Event::Trailers { from, stream, .. }
            | Event::End { from, stream, .. } => (*from, *stream),
            Event::Interim { stream, .. } => (Peer::Server, *stream),
            _ => return,
        };
        let key = (stream, if from == Peer::Client { "request" } else { "reply" });
        let told = self.streams.entry(key).or_default();
        let (is_in_order, next) = match event {
            Event::Interim { .. } => (*told == Told::Nothing, Told::Nothing),
            Event::Head { .. } => (*told == Told::Nothing, Told::Head),
            Event::Data { .. } => (matches!(told, Told::Head | Told::Trailers), *told),
            Event::Trailers { .. } => (matches!(told, Told::Head | Told::Trailers), Told::Trailers),
            Event::End { how: Ending::Cut, .. } => (*told != Told::End, Told::End),
            _ => (matches!(told, Told::Head | Told::Trailers), Told::End),
        };
        assert!(is_in_order, "{event:?} after {told:?}");
        *told = next;
    }
}

/// What a connection makes of what its peers sent in turn, cut into pieces of at most `piece`
/// bytes, and of the end of both.
pub fn read<'a>(
    mut connection: Connection,
    sent: impl IntoIterator<Item = (Peer, &'a [u8])>,
    piece: usize,
) -> Trace {
    let mut trace = Trace::default();
    for (from, bytes) in sent {
        for bytes in bytes.chunks(piece.max(1)) {
            connection.feed(from, bytes, &mut |event| trace.add(&event));
        }
        if let Some(snapshot) = connection.snapshot() {
            let kept = Snapshot::from_bytes(&snapshot.to_bytes());
            let again = kept.map(|kept| Connection::resumed(&kept));
            assert!(again.and_then(|again| again.snapshot()) == Some(snapshot));
        }
    }
    for from in [Peer::Client, Peer::Server] {
        connection.close(from, &mut |event| trace.add(&event));
    }
    trace.join();
    trace
}

/// The first byte of `data` chooses how the connection begins, the second is the length of the
/// pieces. Then come turns: whose, and how many bytes, are in a byte before them.
pub fn run(data: &[u8]) {
    let [choice, piece, turns @ ..] = data else {
        return;
    };
    let make = || if choice & 1 == 0 { Connection::new() } else { Connection::upgraded() };
    let mut sent: Vec<(Peer, &[u8])> = Vec::new();
    if choice & 2 == 0 {
        // Most of what a fuzzer makes up would be no preface.
        sent.push((Peer::Client, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"));
        sent.push((Peer::Server, b"\0\0\0\x04\0\0\0\0\0"));
    }
    let mut turns = turns;
    while let Some((turn, rest)) = turns.split_first() {
        let from = if turn & 0x80 == 0 { Peer::Client } else { Peer::Server };
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(turn & 0x7f)));
        sent.push((from, bytes));
        turns = rest;
    }
    let whole = read(make(), sent.iter().copied(), usize::MAX);
    let cut = read(make(), sent.iter().copied(), usize::from(*piece));
    assert_eq!(whole.events, cut.events);
    assert!(whole.is_over(), "each message ends");
}
