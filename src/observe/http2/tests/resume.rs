//! A connection that is read on from a snapshot, and one that is cut anywhere.

use proptest::prelude::*;

use super::Peer::{Client, Server};
use super::build::*;
use super::*;

/// Something a peer does. Streams are counted from the newest.
#[derive(Clone, Debug)]
enum Step {
    Begin(Vec<Line>, End),
    Fields(Peer, u8, Vec<Line>, End),
    Data(Peer, u8, u8, End),
    Reset(Peer, u8),
    Push(u8, Vec<Line>),
    GoAway(Peer, u8),
    /// The table of a peer's encoder.
    Resize(Peer, u8),
    Settings(Peer),
    /// Bytes that are no frame of that kind, most often.
    Garbage(Peer, Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    No,
    Yes,
}

/// Name and value, both from a few, so that the tables are used.
type Line = (u8, u8);

fn any_step() -> impl Strategy<Value = Step> {
    let peer = || prop_oneof![Just(Client), Just(Server)];
    let end = || prop_oneof![Just(End::No), Just(End::Yes)];
    let lines = || prop::collection::vec((0..12_u8, 0..12_u8), 0..6);
    let stream = || 0..5_u8;
    prop_oneof![
        6 => (lines(), end()).prop_map(|(lines, end)| Step::Begin(lines, end)),
        8 => (peer(), stream(), lines(), end()).prop_map(|(p, s, l, e)| Step::Fields(p, s, l, e)),
        8 => (peer(), stream(), 0..40_u8, end()).prop_map(|(p, s, n, e)| Step::Data(p, s, n, e)),
        1 => (peer(), stream()).prop_map(|(p, s)| Step::Reset(p, s)),
        1 => (stream(), lines()).prop_map(|(s, l)| Step::Push(s, l)),
        1 => (peer(), stream()).prop_map(|(p, s)| Step::GoAway(p, s)),
        1 => (peer(), any::<u8>()).prop_map(|(p, size)| Step::Resize(p, size)),
        1 => peer().prop_map(Step::Settings),
    ]
}

fn any_garbage() -> impl Strategy<Value = Step> {
    let peer = prop_oneof![Just(Client), Just(Server)];
    let frame = (0..12_u8, any::<u8>(), 0..12_u32, prop::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload));
    let bytes = prop_oneof![frame, prop::collection::vec(any::<u8>(), 1..12)];
    (peer, bytes).prop_map(|(peer, bytes)| Step::Garbage(peer, bytes))
}

/// Both peers' encoders, and the streams that were begun.
struct Script {
    encoders: Pair<loona_hpack::Encoder<'static>>,
    resized: Pair<Option<u32>>,
    newest: u32,
    newest_push: u32,
}

impl Script {
    fn turns(steps: &[Step]) -> Turns {
        let mut script = Self {
            encoders: Pair {
                client: loona_hpack::Encoder::new(),
                server: loona_hpack::Encoder::new(),
            },
            resized: Pair::default(),
            newest: 1,
            newest_push: 0,
        };
        let mut turns = hello();
        turns.push((Client, frame(HEADERS, WHOLE, 1, GET)));
        turns.extend(steps.iter().map(|step| script.turn(step)));
        turns
    }

    fn turn(&mut self, step: &Step) -> (Peer, Vec<u8>) {
        let flag = |end: &End| if *end == End::Yes { END } else { NONE };
        match step {
            Step::Begin(lines, end) => {
                self.newest += 2;
                let block = self.block(Client, lines);
                (Client, frame(HEADERS, WHOLE | flag(end), self.newest, &block))
            }
            Step::Fields(from, stream, lines, end) => {
                let block = self.block(*from, lines);
                let stream = self.stream(*stream);
                let (first, second) = block.split_at(block.len() / 2);
                let first = frame(HEADERS, flag(end), stream, first);
                (*from, [first, frame(CONTINUATION, WHOLE, stream, second)].concat())
            }
            Step::Data(from, stream, length, end) => {
                let payload = vec![b'a' + stream; usize::from(*length)];
                (*from, frame(DATA, flag(end), self.stream(*stream), &payload))
            }
            Step::Reset(from, stream) => {
                (*from, frame(RESET, NONE, self.stream(*stream), &[0, 0, 0, 8]))
            }
            Step::Push(stream, lines) => {
                self.newest_push += 2;
                let promised = self.newest_push.to_be_bytes();
                let block = self.block(Server, lines);
                let payload = [&promised[..], &block].concat();
                (Server, frame(PUSH, WHOLE, self.stream(*stream), &payload))
            }
            Step::GoAway(from, stream) => {
                let last = self.stream(*stream).to_be_bytes();
                (*from, frame(GO_AWAY, NONE, 0, &[&last[..], &[0; 4]].concat()))
            }
            Step::Resize(of, size) => {
                let size = u32::from(*size) * 4;
                self.encoders.get_mut(*of).set_max_table_size(size as usize);
                *self.resized.get_mut(*of) = Some(size);
                (*of, frame(PING, NONE, 0, &[0; 8]))
            }
            Step::Settings(from) => {
                (*from, frame(SETTINGS, NONE, 0, b"\0\x01\0\0\0\0\0\x05\0\0\x50\0"))
            }
            Step::Garbage(from, bytes) => (*from, bytes.clone()),
        }
    }

    /// A stream by its distance from the newest; the last of them is a pushed one.
    fn stream(&self, back: u8) -> u32 {
        match back {
            4 if self.newest_push > 0 => self.newest_push,
            back => self.newest.saturating_sub(2 * u32::from(back)).max(1),
        }
    }

    fn block(&mut self, from: Peer, lines: &[Line]) -> Vec<u8> {
        let mut block = Vec::new();
        if let Some(size) = self.resized.get_mut(from).take() {
            loona_hpack::encoder::encode_integer_into(size as usize, 5, 0x20, &mut block).unwrap();
        }
        let status = (b":status".to_vec(), b"103".to_vec());
        let lines = lines.iter().map(|(name, value)| match name {
            0 => status.clone(),
            _ => (format!("name-{name}").into_bytes(), vec![b'v'; usize::from(*value) * 3]),
        });
        for (name, value) in lines {
            self.encoders.get_mut(from).encode_header_into((&name, &value), &mut block).unwrap();
        }
        block
    }
}

/// The events with their streams, but those about what was left out: that is told once for the
/// frames that follow each other, and frames of another's streams are not looked at.
fn told(connection: &mut Connection, turns: &[(Peer, Vec<u8>)]) -> Vec<(Option<u32>, String)> {
    let mut told = Vec::new();
    for (from, bytes) in turns {
        connection.feed(*from, bytes, &mut |event| {
            if !matches!(event, Event::Note { note: Note::Late | Note::Early, .. }) {
                told.push((event.stream(), brief(&event)));
            }
        });
    }
    for from in [Client, Server] {
        connection.close(from, &mut |event| told.push((event.stream(), brief(&event))));
    }
    told
}

proptest! {
    #[test]
    fn after_a_snapshot_the_later_streams_are_told_alike(
        steps in prop::collection::vec(any_step(), 1..60),
        piece in prop_oneof![1..30_usize, Just(usize::MAX)],
        at in any::<prop::sample::Index>(),
    ) {
        let turns = Script::turns(&steps);
        let pieces = turns.iter().flat_map(|(from, bytes)| bytes.chunks(piece).map(|piece| (*from, piece.to_vec())));
        let turns: Turns = pieces.collect();
        let (before, after) = turns.split_at(at.index(turns.len() + 1));
        let mut whole = Connection::new();
        events(&mut whole, &before.to_vec(), usize::MAX);
        let Some(snapshot) = whole.snapshot() else { return Ok(()) };
        let bytes = snapshot.to_bytes();
        let highest = whole.highest_streams();

        let snapshot = Snapshot::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&snapshot.to_bytes(), &bytes);
        let is_later = |stream: Option<u32>| {
            stream.is_none_or(|stream| stream > *highest.get(Peer::of(stream)))
        };
        let mut expected = told(&mut whole, after);
        expected.retain(|(stream, _)| is_later(*stream));
        prop_assert_eq!(told(&mut Connection::resumed(&snapshot), after), expected);
    }

    #[test]
    fn cut_anywhere_the_events_are_the_same(
        steps in prop::collection::vec(prop_oneof![12 => any_step(), 1 => any_garbage()], 0..40),
        piece in 1..30_usize,
    ) {
        let turns = Script::turns(&steps);
        let sent = || turns.iter().map(|(from, bytes)| (*from, &bytes[..]));
        let whole = fuzz::read(Connection::new(), sent(), usize::MAX);
        let cut = fuzz::read(Connection::new(), sent(), piece);
        prop_assert_eq!(&whole.events, &cut.events);
        prop_assert!(whole.is_over());
    }

    #[test]
    fn bytes_that_mean_nothing(data in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::run(&data);
        let _ = Snapshot::from_bytes(&data);
    }

    #[test]
    fn a_snapshot_that_was_damaged_is_none_or_another(
        steps in prop::collection::vec(any_step(), 1..20),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut connection = Connection::new();
        events(&mut connection, &Script::turns(&steps), usize::MAX);
        let mut bytes = connection.snapshot().unwrap().to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Some(snapshot) = Snapshot::from_bytes(&bytes) {
            told(&mut Connection::resumed(&snapshot), &[]);
        }
    }
}

#[test]
fn a_snapshot_is_taken_between_frames_and_within_data() {
    let mut connection = Connection::new();
    let bytes = [
        PREFACE,
        &frame(SETTINGS, NONE, 0, &[0; 6]),
        &frame(HEADERS, END, 1, GET),
        &frame(CONTINUATION, WHOLE, 1, b""),
        &frame(DATA, PADDED, 3, b"\x01ab\0"),
    ]
    .concat();
    let mut boundaries = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        if connection.is_at_boundary() {
            boundaries.push(at);
        }
        assert_eq!(connection.is_at_boundary(), connection.snapshot().is_some());
        connection.feed(Client, &[*byte], &mut |_| ());
    }
    assert_eq!(boundaries, [0, 24, 39, 60, 70, 71, 72]);
    assert!(connection.is_at_boundary());
}

#[test]
fn a_snapshot_does_not_show_credentials() {
    let mut connection = Connection::new();
    let turns =
        [hello(), vec![(Client, frame(HEADERS, WHOLE, 1, &kept("authorization", "fake-key")))]]
            .concat();
    events(&mut connection, &turns, usize::MAX);
    let snapshot = connection.snapshot().unwrap();
    for text in [format!("{snapshot:?}"), format!("{connection:?}")] {
        assert!(!text.contains("fake-key"), "{text}");
        assert!(text.contains("entries: 1"), "{text}");
    }
    let bytes = snapshot.to_bytes();
    for end in 0..bytes.len() {
        assert_eq!(Snapshot::from_bytes(&bytes[..end]), None);
    }
}
