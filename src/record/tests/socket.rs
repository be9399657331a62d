//! WebSockets: what becomes of the messages, whatever the dialect makes of them.

use flate2::{Compress, Compression, FlushCompress};

use super::*;
use crate::dialect::{Conversation, Decoded, Frame, Grown, Progress, Reading, Spoken, Turn};
use crate::model::{Message, Request, State};
use crate::store::RawChunk;

/// A dialect of which every message of the app begins a turn, and `end` ends one.
struct Parrot;

#[derive(Default)]
struct Said {
    turns: Vec<(Request, String, Progress)>,
}

impl Dialect for Parrot {
    fn name(&self) -> &'static str {
        "test.parrot"
    }

    fn claim(&self, _: &Asked<'_>) -> Option<&'static str> {
        Some("connect")
    }

    fn begin(&self, _: &Asked<'_>) -> Box<dyn Reading> {
        Box::new(Connect::default())
    }

    fn converse(&self, _: &Asked<'_>) -> Option<Box<dyn Conversation>> {
        Some(Box::new(Said::default()))
    }
}

#[derive(Default)]
struct Connect(Request);

impl Reading for Connect {
    fn prompt(&self) -> &Request {
        &self.0
    }

    fn reply(&mut self, _: Frame<'_>, _: Timestamp, _: &mut dyn FnMut(Grown<'_>)) {}

    fn is_complete(&self) -> bool {
        true
    }

    fn finish(self: Box<Self>) -> Decoded {
        Decoded::default()
    }
}

impl Conversation for Said {
    fn sent(&mut self, message: Spoken<'_>, _: Timestamp) -> Turn {
        let Spoken::Text(text) = message else { panic!("text") };
        assert_ne!(text, "panic", "as asked");
        let parts = vec![Part::text(text)];
        let messages = vec![Message { role: "user".into(), parts }];
        let request = Request { messages, ..Request::default() };
        self.turns.push((request, String::new(), Progress::Answering));
        Turn(self.turns.len() as u32 - 1)
    }

    fn received(
        &mut self,
        message: Spoken<'_>,
        _: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) -> Turn {
        let Spoken::Text(text) = message else { panic!("text") };
        let last = self.turns.last_mut().unwrap();
        match text {
            "end" => last.2 = Progress::Over,
            _ => {
                last.1.push_str(text);
                grown(Grown::Text(text));
            }
        }
        Turn(self.turns.len() as u32 - 1)
    }

    fn prompt(&self, turn: Turn) -> Option<&Request> {
        Some(&self.turns[turn.0 as usize].0)
    }

    fn progress(&self, turn: Turn) -> Progress {
        self.turns[turn.0 as usize].2
    }

    fn peek(&self, turn: Turn) -> Decoded {
        let (request, answer, _) = &self.turns[turn.0 as usize];
        let mut decoded = Decoded { request: request.clone(), ..Decoded::default() };
        let parts = vec![Part::text(answer.as_str())];
        decoded.reply.choices.push(crate::model::Choice { parts, finish_reason: None });
        decoded
    }

    fn finish(&mut self, turn: Turn) -> Decoded {
        self.peek(turn)
    }
}

fn lexicon() -> Lexicon {
    let mut lexicon = Lexicon::new([7; 32]);
    lexicon.claim = |asked| Parrot.claim(asked).map(|operation| (&Parrot as _, operation));
    lexicon
}

const UPGRADE: &[u8] = b"GET /v1/x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\nUser-Agent: agent/1\r\nAuthorization: Bearer sk-fake-0123456789abcdefghij\r\n\r\n";
const SWITCH: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
const SWITCH_DEFLATE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

/// A frame of text; the app's are masked.
fn frame(side: Side, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    let mask = match side {
        Side::Downstream => Some([1, 2, 3, 4]),
        Side::Upstream => None,
    };
    let masked = if mask.is_some() { 0x80 } else { 0 };
    match payload.len() {
        length @ 0..126 => frame.push(masked | length as u8),
        length => {
            frame.push(masked | 126);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    frame.extend(mask.iter().flatten());
    let mask = mask.unwrap_or_default();
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn text(side: Side, words: &str) -> Vec<u8> {
    frame(side, 0x81, words.as_bytes())
}

fn deflated(words: &str) -> Vec<u8> {
    let mut compress = Compress::new(Compression::default(), false);
    let mut out = Vec::with_capacity(words.len() + 64);
    compress.compress_vec(words.as_bytes(), &mut out, FlushCompress::Sync).unwrap();
    out.truncate(out.len() - 4);
    out
}

const APP: Side = Side::Downstream;
const PROVIDER: Side = Side::Upstream;

fn chunks(entries: &[Entry], of: Side) -> Vec<RawChunk> {
    let chunks = entries.iter().filter_map(|entry| match entry {
        Entry::RawChunk(chunk) if chunk.side == of => Some(chunk.clone()),
        _ => None,
    });
    chunks.collect()
}

#[test]
fn each_turn_is_an_exchange_and_is_there_while_it_runs() {
    let pieces: Vec<(Side, Vec<u8>)> = vec![
        (APP, UPGRADE.to_vec()),
        (PROVIDER, SWITCH.to_vec()),
        (APP, text(APP, "first question")),
        (PROVIDER, text(PROVIDER, "first answer")),
        (PROVIDER, text(PROVIDER, "end")),
        (APP, text(APP, "second question")),
        (PROVIDER, text(PROVIDER, "half an")),
        (PROVIDER, frame(PROVIDER, 0x88, b"\x03\xf3too much")),
    ];
    let whole: Vec<(Side, &[u8])> = pieces.iter().map(|(side, b)| (*side, b.as_slice())).collect();
    let bytewise: Vec<(Side, &[u8])> =
        pieces.iter().flat_map(|(side, b)| b.chunks(1).map(|b| (*side, b))).collect();
    for pieces in [whole, bytewise] {
        let entries = entries(&pieces, &lexicon());
        let stored = exchanges(&entries);
        let handshake = &stored[0].exchange;
        assert_eq!(
            (handshake.status, handshake.operation.as_deref()),
            (Some(101), Some("connect"))
        );
        assert!(stored[1].is_open, "it is stored as soon as it is asked");
        assert_eq!(stored[1].exchange.request.messages.len(), 1);
        let over: Vec<_> = stored.iter().skip(1).filter(|stored| !stored.is_open).collect();
        let told: Vec<_> = over
            .iter()
            .map(|s| (s.place, super::text(s), s.exchange.state, s.exchange.dialect.as_deref()))
            .collect();
        let dialect = Some("test.parrot");
        assert_eq!(
            told,
            [
                (1, "first answer".to_owned(), State::Complete, dialect),
                (2, "half an".to_owned(), State::Interrupted, dialect),
            ]
        );
        assert_eq!(over[0].exchange.id, stored[1].exchange.id, "the later one replaces it");
        assert_eq!(over[0].request.bytes, b"first question\n");
        assert_eq!(over[0].reply.as_ref().unwrap().bytes, b"first answer\nend\n");
        let notes = &over[1].exchange.notes;
        assert_eq!(notes[0], "the provider closed the socket with code 1011: too much");
        assert_eq!(over[1].exchange.app.user_agent.as_deref(), Some("agent/1"));
        let frames: Vec<u8> = chunks(&entries, APP).into_iter().flat_map(|c| c.bytes).collect();
        assert!(frames.ends_with(&text(APP, "second question")), "frames are kept as they came");
    }
}

#[test]
fn a_secret_reaches_neither_turn_nor_frames() {
    let secret = "sk-fake-0123456789abcdefghij";
    let words = format!("my key is {secret}, keep it");
    let plain = text(APP, &words);
    let packed = frame(APP, 0xc1, &deflated(&words));
    for (rule, switch, sent) in
        [("plain", SWITCH, plain), ("compressed", SWITCH_DEFLATE, packed.clone())]
    {
        let pieces = [
            (APP, UPGRADE),
            (PROVIDER, switch),
            (APP, sent.as_slice()),
            (PROVIDER, b"\x81\x03end"),
        ];
        let entries = entries(&pieces, &lexicon());
        let shown = format!("{entries:?}");
        assert!(!shown.contains(secret), "{rule}");
        let turn = exchanges(&entries).pop().unwrap();
        assert!(turn.request.bytes.starts_with(b"my key is <"), "{rule}");
        let frames: Vec<u8> = chunks(&entries, APP).into_iter().flat_map(|c| c.bytes).collect();
        assert_eq!(frames.len(), sent.len(), "{rule}: no byte moves");
        assert_ne!(frames, sent, "{rule}");
        let starred = frames.iter().filter(|byte| **byte == b'*').count();
        assert_eq!(starred > 20, rule == "compressed", "{rule}");
    }
    // Without a secret the compressed frames stay as they are.
    let packed = frame(APP, 0xc1, &deflated("no secret at all"));
    let pieces = [(APP, UPGRADE), (PROVIDER, SWITCH_DEFLATE), (APP, packed.as_slice())];
    let entries = entries(&pieces, &lexicon());
    assert_eq!(chunks(&entries, APP)[0].bytes, packed);
    assert_eq!(exchanges(&entries).pop().unwrap().request.bytes, b"no secret at all\n");
}

#[test]
fn a_panic_costs_the_turns_and_not_the_frames() {
    let sent = text(APP, "panic");
    let more = text(APP, "after");
    let pieces = [
        (APP, UPGRADE),
        (PROVIDER, SWITCH),
        (APP, &text(APP, "fine")),
        (APP, sent.as_slice()),
        (APP, more.as_slice()),
    ];
    let entries = entries(&pieces, &lexicon());
    let turn = exchanges(&entries).pop().unwrap();
    assert!(turn.exchange.notes.iter().any(|note| note.contains("panicked")), "{turn:?}");
    let frames: Vec<u8> = chunks(&entries, APP).into_iter().flat_map(|c| c.bytes).collect();
    assert!(frames.ends_with(&[sent, more].concat()));
}
