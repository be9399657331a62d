//! A flow, or what is left of one, that is kept raw: HTTP/2, WebSocket, or nothing we know.

use jiff::Timestamp;

use super::{State, Wire};
use crate::flow::{Ending, FlowId, Opened, Side};
use crate::model::{Exchange, State as ExchangeState};
use crate::observe::http1;
use crate::record::assemble::{Around, raw_exchange};
use crate::record::half::nanos_since;
use crate::record::opaque::Opaque;
use crate::record::secrets::Found;
use crate::record::{Follow, Lexicon, exchange_id};
use crate::store::{Entry, RawChunk, RawMessage, StoredExchange, Texts};

/// Most bytes of one chunk.
pub(super) const CHUNK_BYTES_MAX: usize = 256 << 10;

impl State {
    /// From here on the flow is kept raw: nothing that we can read.
    pub(super) fn become_opaque(&mut self, lexicon: &Lexicon, follow: &mut dyn Follow) {
        if !matches!(self.wire, Wire::Raw(_)) {
            let upgrade = self.upgrade.as_ref().map(|upgrade| upgrade.protocol.as_str());
            let protocol = Protocol::of(self.opened.as_ref(), upgrade);
            let found = std::mem::take(&mut self.found);
            self.become_raw(Raw::new(protocol, found));
        }
        self.end_drafts(http1::Ending::Cut, Timestamp::now(), lexicon, follow);
    }

    pub(super) fn become_raw(&mut self, raw: Raw) {
        self.wire = Wire::Raw(Box::new(raw));
        let words = "kept raw from here on: no HTTP or WebSocket that we can read";
        self.notes.push(words.to_owned());
        self.tell_flow();
    }

    pub(super) fn keep_raw(&mut self, side: Side, at: Timestamp, bytes: &[u8]) {
        if side == Side::Downstream && self.place == 0 && self.raw_exchange.is_none() {
            self.place = 1;
            self.raw_exchange = self.begin_raw_exchange(at, bytes);
            self.tell_raw_exchange();
        }
        if let Wire::Raw(raw) = &mut self.wire {
            raw.keep(side, *side.of(&self.done), at, bytes);
        }
        *side.of_mut(&mut self.done) += bytes.len() as u64;
    }

    /// A flow that never was HTTP/1 is one exchange, whose bytes are the flow's chunks.
    fn begin_raw_exchange(&self, at: Timestamp, bytes: &[u8]) -> Option<Exchange> {
        let opened = self.opened.as_ref()?;
        let around = Around { opened, process: self.process.as_ref() };
        Some(raw_exchange(exchange_id(self.flow, 0, at), at, bytes, &around))
    }

    fn tell_raw_exchange(&mut self) {
        if let Some(exchange) = &self.raw_exchange {
            self.out.push(Entry::Exchange(Box::new(StoredExchange {
                exchange: exchange.clone(),
                place: 0,
                request: RawMessage::default(),
                reply: None,
                texts: Texts::default(),
                leaks: Vec::new(),
                is_open: exchange.duration_ms.is_none(),
            })));
        }
    }

    pub(super) fn end_raw_exchange(&mut self, at: Timestamp) {
        // Who closes in order had what it wanted, however the other side then took it.
        let orderly = self.endings.contains(&Some(Ending::Closed));
        if let Some(exchange) = &mut self.raw_exchange {
            exchange.duration_ms = Some(nanos_since(exchange.started_at, at) as f64 / 1e6);
            exchange.state =
                if orderly { ExchangeState::Complete } else { ExchangeState::Interrupted };
        }
        self.tell_raw_exchange();
    }

    pub(super) fn flush_raw(&mut self, lexicon: &Lexicon) {
        if let Wire::Raw(raw) = &mut self.wire {
            raw.flush(self.flow, lexicon, &mut self.out);
        }
    }
}

/// What the bytes are, as far as secrets stand differently in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http2,
    WebSocket,
    Unknown,
}

impl Protocol {
    /// By what the handshake chose, or by what the upgrade was to.
    pub(super) fn of(opened: Option<&Opened>, upgrade: Option<&str>) -> Self {
        let alpn = opened.and_then(|o| o.tls.as_ref()).and_then(|tls| tls.alpn.as_deref());
        match (alpn, upgrade.map(str::to_ascii_lowercase).as_deref()) {
            (_, Some("websocket")) => Self::WebSocket,
            (Some("h2"), _) | (_, Some("h2c")) => Self::Http2,
            _ => Self::Unknown,
        }
    }
}

/// Bytes that go to the store in chunks, secrets replaced.
pub(super) struct Raw {
    sides: [RawSide; 2],
    found: Found,
}

struct RawSide {
    opaque: Opaque,
    bytes: Vec<u8>,
    /// Offset and time of the first of them.
    begun: Option<(u64, Timestamp)>,
}

impl Raw {
    /// Begins with the first byte after whatever was read as HTTP/1. What the flow's heads
    /// have shown is known.
    pub(super) fn new(protocol: Protocol, found: Found) -> Self {
        let side = |side| {
            let opaque = match protocol {
                Protocol::Http2 => Opaque::http2(side),
                Protocol::WebSocket => Opaque::websocket(side),
                Protocol::Unknown => Opaque::unknown(),
            };
            RawSide { opaque, bytes: Vec::new(), begun: None }
        };
        Self { sides: Side::BOTH.map(side), found }
    }

    /// Goes on where a reader before has stopped, somewhere inside: what stood before is not
    /// known, so what may hold a secret out of sight is starred.
    pub(super) fn resumed(protocol: Protocol, stored: [u64; 2]) -> Self {
        let protocol = match protocol {
            Protocol::Unknown => Protocol::WebSocket,
            known => known,
        };
        let mut raw = Self::new(protocol, Found::default());
        for (side, stored) in raw.sides.iter_mut().zip(stored) {
            side.opaque.gap(stored);
        }
        raw
    }

    /// Takes bytes, of which `offset` went before.
    pub(super) fn keep(&mut self, side: Side, offset: u64, at: Timestamp, bytes: &[u8]) {
        let side = side.of_mut(&mut self.sides);
        side.begun.get_or_insert((offset, at));
        side.bytes.extend_from_slice(bytes);
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self, side: Side, bytes: u64, lexicon: &Lexicon) {
        self.redact(side, lexicon);
        side.of_mut(&mut self.sides).opaque.gap(bytes);
    }

    /// Hands on what was taken.
    pub(super) fn flush(&mut self, flow: FlowId, lexicon: &Lexicon, out: &mut Vec<Entry>) {
        for side in Side::BOTH {
            self.redact(side, lexicon);
            let raw = side.of_mut(&mut self.sides);
            let Some((mut seq, at)) = raw.begun.take() else { continue };
            for piece in std::mem::take(&mut raw.bytes).chunks(CHUNK_BYTES_MAX) {
                let bytes = piece.to_vec();
                out.push(Entry::RawChunk(RawChunk { flow, side, seq, at, bytes }));
                seq += piece.len() as u64;
            }
        }
    }

    fn redact(&mut self, side: Side, lexicon: &Lexicon) {
        let Self { sides, found } = self;
        let raw = side.of_mut(sides);
        raw.opaque.redact(&mut raw.bytes, &lexicon.redactor, found);
    }
}
