//! What was sent is read, however it is cut.

use proptest::prelude::*;

use super::*;
use crate::observe::websocket::fuzz;

#[test]
fn the_fuzz_body_takes_its_seeds() {
    let mut deflater = Deflater::new(Takeover::Kept, 15);
    let message =
        |text: &[u8], deflater: &mut Deflater| masked(LAST | RSV1 | TEXT, &deflater.message(text));
    for seed in [
        [&b"\x02\x03"[..], &message(b"Hello", &mut deflater), &message(b"Hello", &mut deflater)]
            .concat(),
        [&b"\x00\x01"[..], &masked(TEXT, b"a"), &masked(LAST | PING, b"b"), &masked(LAST, b"c")]
            .concat(),
        [&b"\x07\x05"[..], &frame(LAST | TEXT, b"a"), b"\xff\xff\xff"].concat(),
        Vec::new(),
    ] {
        fuzz::run(&seed);
    }
}

/// What a peer may send, and what is to be read.
#[derive(Clone, Debug)]
struct Sent {
    text: Vec<u8>,
    is_compressed: bool,
    /// Where it is cut into fragments.
    cuts: Vec<prop::sample::Index>,
    length: usize,
    mask: [u8; 4],
    /// Sent after each fragment but the last.
    ping: Option<u8>,
}

fn sent() -> impl Strategy<Value = Sent> {
    let words =
        prop::sample::select(vec!["data", "{\"type\":\"delta\"}", "ü", "🌍", "\0", "abcabcabc"]);
    (
        prop::collection::vec(words, 0..60),
        any::<bool>(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        0..3_usize,
        any::<[u8; 4]>(),
        prop::option::of(any::<u8>()),
    )
        .prop_map(|(words, is_compressed, cuts, length, mask, ping)| Sent {
            text: words.concat().into_bytes(),
            is_compressed,
            cuts,
            length,
            mask,
            ping,
        })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Client,
    Server,
}

impl Sent {
    fn wire(&self, from: From, deflater: &mut Deflater) -> Vec<u8> {
        let payload = match self.is_compressed {
            true => deflater.message(&self.text),
            false => self.text.clone(),
        };
        let length = [Length::Shortest, Length::In16, Length::In64][self.length];
        let mask = (from == From::Client).then_some(self.mask);
        let mut cuts: Vec<usize> =
            self.cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        cuts.sort_unstable();
        let mut wire = Vec::new();
        let mut first = if self.is_compressed { RSV1 | TEXT } else { TEXT };
        let mut begin = 0;
        for cut in cuts {
            wire.extend(frame_of(first, length, mask, &payload[begin..cut]));
            if let Some(ping) = self.ping {
                wire.extend(frame_of(LAST | PING, Length::Shortest, mask, &[ping]));
            }
            (begin, first) = (cut, CONTINUATION);
        }
        wire.extend(frame_of(LAST | first, length, mask, &payload[begin..]));
        wire
    }
}

proptest! {
    #[test]
    fn what_was_sent_is_read(
        messages in prop::collection::vec(sent(), 0..12),
        from in prop::sample::select(vec![From::Client, From::Server]),
        takeover in prop::sample::select(vec![Takeover::Kept, Takeover::Reset]),
        bits in 9..16_u8,
        piece in 1..600_usize,
    ) {
        let mut deflater = Deflater::new(takeover, bits);
        let wire: Vec<u8> =
            messages.iter().flat_map(|sent| sent.wire(from, &mut deflater)).collect();
        let agreed = match takeover {
            Takeover::Kept => "permessage-deflate",
            Takeover::Reset => "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
        };
        let side = match from {
            From::Client => Decoder::client,
            From::Server => Decoder::server,
        };
        let mut decoder = side(&Extensions::agreed(&[agreed]));
        let mut read = Vec::new();
        let mut bytes = Vec::new();
        let mut take = |event: Event<'_>| match event {
            Event::Message { kind, data, is_compressed, ending, cut } => {
                assert_eq!((kind, ending, cut), (Kind::Text, Ending::Whole, 0));
                read.push((data.to_vec(), is_compressed));
            }
            Event::Wire(wire) => bytes.extend_from_slice(wire),
            Event::Ping(_) => {}
            other => panic!("{other:?}"),
        };
        wire.chunks(piece).for_each(|piece| decoder.feed(piece, &mut take));
        decoder.finish(&mut take);
        let expected: Vec<_> =
            messages.into_iter().map(|sent| (sent.text, sent.is_compressed)).collect();
        prop_assert_eq!(read, expected);
        prop_assert_eq!(bytes, wire);
    }

    #[test]
    fn cut_anywhere_the_events_are_the_same(
        choice in any::<u8>(),
        piece in 1..50_u8,
        messages in prop::collection::vec(sent(), 0..6),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut deflater = Deflater::new(Takeover::Kept, 15);
        let from = if choice & 1 == 0 { From::Client } else { From::Server };
        let mut data = vec![choice, piece];
        data.extend(messages.iter().flat_map(|sent| sent.wire(from, &mut deflater)));
        for (at, byte) in damage {
            let at = at.index(data.len());
            data[at] = byte;
        }
        fuzz::run(&data);
    }
}
