//! A WebSocket being read: each turn of its conversation becomes an exchange.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::raw::CHUNK_BYTES_MAX;
use super::scene::Scene;
use crate::dialect::{Conversation, Decoded, Grown, Progress, Spoken, Turn};
use crate::flow::Side;
use crate::observe::websocket::{Decoder, Ending, Event, Extensions, Kind};
use crate::record::half::{MESSAGE_BYTES_MAX, nanos_since};
use crate::record::opaque::Opaque;
use crate::record::reader::{FALLEN, unwound};
use crate::record::secrets::Found;
use crate::record::turn::{Handshake, Standing, TurnDraft};
use crate::store::{Entry, RawChunk};

/// How often a turn that goes on is stored, in nanoseconds: whoever looks at the capture sees
/// a long one run, and storing costs little of what reading does.
const STORED_EVERY_NANOS: i64 = 2_000_000_000;

/// Most turns that are open at once. No API has more than a few; the oldest are ended.
const TURNS_MAX: usize = 256;

/// What is opened with a handshake that a dialect knows.
pub(super) struct Offer {
    pub(super) handshake: Handshake,
    pub(super) extensions: Extensions,
    pub(super) conversation: Box<dyn Conversation>,
    pub(super) found: Found,
}

/// Where the bytes of a socket's frames are kept.
pub(super) enum Frames {
    /// The flow is this socket: its frames are the flow's chunks, from these offsets on.
    Chunks([u64; 2]),
    /// The socket is one stream of many: what is kept is its messages.
    Nowhere,
}

/// A WebSocket and how far it was read.
pub(super) struct Socket {
    decoders: [Decoder; 2],
    talk: Talk,
}

/// What was said, and what is not stored of it.
struct Talk {
    handshake: Handshake,
    /// `None` once it panicked.
    conversation: Option<Box<dyn Conversation>>,
    turns: BTreeMap<Turn, TurnDraft>,
    sides: [Spoke; 2],
    keeps_frames: bool,
    compresses: bool,
    found: Found,
    /// Whether a side has closed the socket in order.
    is_closed: bool,
}

/// One side's frames.
struct Spoke {
    /// The frames of the message under way.
    wire: Vec<u8>,
    /// Offset of the first of those bytes in the flow, and when it came.
    offset: u64,
    at: Option<Timestamp>,
    opaque: Opaque,
}

impl Socket {
    pub(super) fn new(offer: Offer, frames: Frames) -> Self {
        let Offer { handshake, extensions, conversation, found } = offer;
        let offsets = match frames {
            Frames::Chunks(offsets) => Some(offsets),
            Frames::Nowhere => None,
        };
        let spoke = |side: Side| Spoke {
            wire: Vec::new(),
            offset: offsets.map_or(0, |offsets| *side.of(&offsets)),
            at: None,
            opaque: Opaque::websocket(side),
        };
        Self {
            decoders: [Decoder::client(&extensions), Decoder::server(&extensions)],
            talk: Talk {
                handshake,
                conversation: Some(conversation),
                turns: BTreeMap::new(),
                sides: Side::BOTH.map(spoke),
                keeps_frames: offsets.is_some(),
                compresses: extensions.compresses(),
                found,
                is_closed: false,
            },
        }
    }

    /// Takes the next bytes of a side.
    pub(super) fn take(&mut self, side: Side, at: Timestamp, bytes: &[u8], scene: &mut Scene<'_>) {
        let Self { decoders, talk } = self;
        let fed = unwound(|| {
            side.of_mut(decoders).feed(bytes, &mut |event| talk.event(side, event, at, scene));
        });
        if fed.is_err() {
            scene.note("a fault of Overhear's: the WebSocket decoder panicked");
            talk.fall(scene);
        }
    }

    /// The connection is over.
    pub(super) fn close(&mut self, at: Timestamp, scene: &mut Scene<'_>) {
        let Self { decoders, talk } = self;
        for side in Side::BOTH {
            let decoder = side.of_mut(decoders);
            let ended = unwound(|| {
                decoder.finish(&mut |event| talk.event(side, event, at, scene));
            });
            if ended.is_err() {
                scene.note("a fault of Overhear's: the WebSocket decoder panicked");
            }
            // A message that was cut cannot be looked into if it is compressed.
            let stars = if talk.compresses { Stars::Yes } else { Stars::No };
            talk.flush_wire(side, stars, scene);
        }
        let open: Vec<Turn> = talk.turns.keys().copied().collect();
        for turn in open {
            talk.end_turn(turn, scene);
        }
    }
}

impl Talk {
    fn event(&mut self, side: Side, event: Event<'_>, at: Timestamp, scene: &mut Scene<'_>) {
        match event {
            Event::Wire(bytes) | Event::Opaque(bytes) => self.keep_wire(side, bytes, at, scene),
            Event::Message { kind, data, is_compressed, ending, cut } => {
                let mut data = data.to_vec();
                let (redactor, found) = (&scene.lexicon.redactor, &mut self.found);
                let replaced = match side {
                    Side::Downstream => redactor.prompt(&mut data, found),
                    Side::Upstream => redactor.body(&mut data, found),
                };
                let hides = is_compressed && replaced > 0;
                self.flush_wire(side, if hides { Stars::Yes } else { Stars::No }, scene);
                let turn = self.spoken(side, kind, &data, at, scene);
                if let Some(draft) = turn.and_then(|turn| self.turns.get_mut(&turn)) {
                    match ending {
                        Ending::Whole => {}
                        Ending::Cut => draft.notes.push("a message was cut off".to_owned()),
                        Ending::Damaged => draft.notes.push(
                            "a message cannot be decompressed: it is kept as far as it could be"
                                .to_owned(),
                        ),
                    }
                    if cut > 0 {
                        draft.notes.push(format!("{cut} bytes of a message were not kept"));
                    }
                    if hides {
                        draft.notes.push(STARRED.to_owned());
                    }
                }
                if let Some(turn) = turn {
                    self.settle(turn, at, scene);
                }
            }
            Event::Ping(_) | Event::Pong(_) => self.flush_wire(side, Stars::No, scene),
            Event::Close { code, reason } => {
                self.flush_wire(side, Stars::No, scene);
                self.closed(side, code, reason);
            }
            Event::Note(note) => scene.note(&note.to_string()),
        }
    }

    fn closed(&mut self, side: Side, code: Option<u16>, reason: &str) {
        // RFC 6455, section 7.4.1: 1000 is a normal end, 1001 one that goes away, 1005 none.
        self.is_closed = true;
        if matches!(code, None | Some(1000 | 1001 | 1005)) && reason.is_empty() {
            return;
        }
        let who = match side {
            Side::Downstream => "the app",
            Side::Upstream => "the provider",
        };
        let code = code.map_or_else(String::new, |code| format!(" with code {code}"));
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        for draft in self.turns.values_mut() {
            draft.notes.push(format!("{who} closed the socket{code}{reason}"));
        }
    }

    /// Hands a message to the dialect; gives its turn.
    fn spoken(
        &mut self,
        side: Side,
        kind: Kind,
        data: &[u8],
        at: Timestamp,
        scene: &mut Scene<'_>,
    ) -> Option<Turn> {
        let conversation = self.conversation.as_mut()?;
        let text = String::from_utf8_lossy(data);
        let spoken = match kind {
            Kind::Text => Spoken::Text(&text),
            Kind::Binary => Spoken::Binary(data),
        };
        // What the answer grew by is told once its turn, and so its exchange, is known.
        let mut grown = Vec::new();
        let turn = unwound(|| match side {
            Side::Downstream => conversation.sent(spoken, at),
            Side::Upstream => {
                conversation.received(spoken, at, &mut |piece| grown.push(Owned::of(piece)))
            }
        });
        let Ok(turn) = turn else {
            scene.note("a fault of Overhear's: the dialect panicked, the socket is kept raw");
            self.fall(scene);
            return None;
        };
        let draft = self.turns.entry(turn).or_insert_with(|| {
            let (id, place) = scene.next_exchange(at);
            TurnDraft::new(id, place, at)
        });
        match side {
            Side::Downstream => draft.sent(data, at),
            Side::Upstream => draft.received(data, at),
        }
        let id = draft.id();
        self.tell_asked(turn, scene);
        grown.iter().for_each(|piece| scene.follow.grown(id, piece.borrow()));
        Some(turn)
    }

    fn tell_asked(&mut self, turn: Turn, scene: &mut Scene<'_>) {
        let Some(conversation) = &self.conversation else { return };
        let Some(draft) = self.turns.get_mut(&turn).filter(|draft| !draft.is_followed) else {
            return;
        };
        // A fault here is met again by whatever reads the turn next.
        let told = unwound(|| {
            let prompt = conversation.prompt(turn)?;
            let origin = scene.around.opened.origin.to_string();
            scene.follow.asked(&draft.live(&self.handshake, &origin, Some(prompt)));
            Some(())
        });
        draft.is_followed = matches!(told, Ok(Some(())));
    }

    /// Stores the turn if it is over, or if it was not stored for a while.
    fn settle(&mut self, turn: Turn, at: Timestamp, scene: &mut Scene<'_>) {
        let Some(conversation) = &self.conversation else { return };
        let Some(draft) = self.turns.get_mut(&turn) else { return };
        let progress = unwound(|| conversation.progress(turn));
        if progress == Ok(Progress::Over) {
            return self.end_turn(turn, scene);
        }
        let since = draft.stored_at.map(|stored_at| nanos_since(stored_at, at));
        if draft.is_asked() && since.is_none_or(|since| since >= STORED_EVERY_NANOS) {
            draft.stored_at = Some(at);
            if let Ok(decoded) = unwound(|| conversation.peek(turn)) {
                let (handshake, found) = (&self.handshake, &mut self.found);
                let (around, lexicon) = (&scene.around, scene.lexicon);
                let stored =
                    draft.assemble(decoded, Standing::Open, handshake, around, lexicon, found);
                scene.out.push(Entry::Exchange(Box::new(stored)));
            }
        }
        if self.turns.len() > TURNS_MAX
            && let Some(oldest) = self.turns.keys().next().copied()
        {
            self.end_turn(oldest, scene);
        }
    }

    /// Stores a turn for the last time.
    fn end_turn(&mut self, turn: Turn, scene: &mut Scene<'_>) {
        let Some(mut draft) = self.turns.remove(&turn) else { return };
        let Some(conversation) = &mut self.conversation else { return };
        let finished = unwound(|| {
            let progress = conversation.progress(turn);
            (conversation.finish(turn), progress)
        });
        let fell = finished.is_err();
        let (decoded, standing) = match finished {
            Ok((decoded, Progress::Over)) => (decoded, Standing::Over),
            Ok((decoded, Progress::Preparing)) if self.is_closed => (decoded, Standing::Unasked),
            Ok((decoded, _)) => (decoded, Standing::Cut),
            Err(()) => {
                draft.notes.push(FALLEN.to_owned());
                (Decoded::default(), Standing::Cut)
            }
        };
        if draft.is_asked() || decoded.error.is_some() || !decoded.reply.choices.is_empty() {
            self.store(&draft, decoded, standing, scene);
        }
        self.found.next_exchange();
        if fell {
            self.fall(scene);
        }
    }

    /// The dialect panicked: its turns are stored as they can be, and the rest is frames.
    fn fall(&mut self, scene: &mut Scene<'_>) {
        self.conversation = None;
        for (_, mut draft) in std::mem::take(&mut self.turns) {
            draft.notes.push(FALLEN.to_owned());
            self.store(&draft, Decoded::default(), Standing::Cut, scene);
        }
    }

    fn store(
        &mut self,
        draft: &TurnDraft,
        decoded: Decoded,
        standing: Standing,
        scene: &mut Scene<'_>,
    ) {
        let (handshake, found) = (&self.handshake, &mut self.found);
        let stored =
            draft.assemble(decoded, standing, handshake, &scene.around, scene.lexicon, found);
        scene.out.push(Entry::Exchange(Box::new(stored)));
    }

    fn keep_wire(&mut self, side: Side, bytes: &[u8], at: Timestamp, scene: &mut Scene<'_>) {
        if !self.keeps_frames {
            return;
        }
        let spoke = side.of_mut(&mut self.sides);
        spoke.at.get_or_insert(at);
        spoke.wire.extend_from_slice(bytes);
        if spoke.wire.len() > MESSAGE_BYTES_MAX {
            self.flush_wire(side, Stars::Yes, scene);
        }
    }

    /// Hands on the frames of a message that is whole, one chunk for each message so that a
    /// second reading of the tape writes the same chunks.
    fn flush_wire(&mut self, side: Side, stars: Stars, scene: &mut Scene<'_>) {
        let (spoke, found) = (side.of_mut(&mut self.sides), &mut self.found);
        let mut bytes = std::mem::take(&mut spoke.wire);
        let Some(at) = spoke.at.take() else { return };
        match stars {
            Stars::No => spoke.opaque.redact(&mut bytes, &scene.lexicon.redactor, found),
            Stars::Yes => spoke.opaque.star(&mut bytes),
        }
        for piece in bytes.chunks(CHUNK_BYTES_MAX) {
            let (flow, seq) = (scene.flow, spoke.offset);
            spoke.offset += piece.len() as u64;
            let bytes = piece.to_vec();
            scene.out.push(Entry::RawChunk(RawChunk { flow, side, seq, at, bytes }));
        }
    }
}

/// Whether the payload of frames is replaced as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stars {
    No,
    Yes,
}

/// What a turn says of a message that held a secret where it cannot be replaced.
const STARRED: &str =
    "a secret stood in a compressed message: its frames are kept starred, the message is here";

/// A [`Grown`] of its own: the turn it belongs to is known only when the dialect returns.
enum Owned {
    Text(String),
    Reasoning(String),
    ToolCall(String),
    Arguments(String),
}

impl Owned {
    fn of(grown: Grown<'_>) -> Self {
        match grown {
            Grown::Text(words) => Self::Text(words.to_owned()),
            Grown::Reasoning(words) => Self::Reasoning(words.to_owned()),
            Grown::ToolCall(name) => Self::ToolCall(name.to_owned()),
            Grown::Arguments(piece) => Self::Arguments(piece.to_owned()),
        }
    }

    fn borrow(&self) -> Grown<'_> {
        match self {
            Self::Text(words) => Grown::Text(words),
            Self::Reasoning(words) => Grown::Reasoning(words),
            Self::ToolCall(name) => Grown::ToolCall(name),
            Self::Arguments(piece) => Grown::Arguments(piece),
        }
    }
}
