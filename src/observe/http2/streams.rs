//! The streams of a connection that are open.

use std::collections::BTreeMap;

use super::{OPEN_STREAMS_MAX, Pair, Peer};

/// The open streams. A stream is forgotten when both of its messages are over: its number is
/// then below the highest that was begun, and not here.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: BTreeMap<u32, Pair<Message>>,
    /// The highest number that a stream begun by this peer has had, 0 if none was.
    highest: Pair<u32>,
    /// Streams up to this number were begun before a snapshot: they are another reader's.
    before: Pair<u32>,
}

/// How far one message of a stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Message {
    /// Its head has not come.
    #[default]
    Awaited,
    /// Its head has come, its end has not.
    Open,
    Over,
}

/// Whether a stream was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    Yes,
    TooMany,
}

impl Streams {
    /// The streams after `highest`.
    pub(super) fn resumed(highest: Pair<u32>) -> Self {
        Self { open: BTreeMap::new(), highest, before: highest }
    }

    pub(super) fn highest(&self) -> Pair<u32> {
        self.highest
    }

    /// Whether `stream` has not been begun yet.
    pub(super) fn is_new(&self, stream: u32) -> bool {
        stream > *self.highest.get(Peer::of(stream))
    }

    /// Whether `stream` is none of this reader's.
    pub(super) fn is_ignored(&self, stream: u32) -> bool {
        stream <= *self.before.get(Peer::of(stream))
    }

    /// Begins a stream whose request is so far.
    pub(super) fn begin(&mut self, stream: u32, request: Message) -> Begun {
        let highest = self.highest.get_mut(Peer::of(stream));
        *highest = stream.max(*highest);
        if self.open.len() >= OPEN_STREAMS_MAX {
            return Begun::TooMany;
        }
        self.open.insert(stream, Pair { client: request, server: Message::Awaited });
        Begun::Yes
    }

    /// How far the message of `from` on `stream` is; `None` if the stream is not open.
    pub(super) fn message(&self, stream: u32, from: Peer) -> Option<Message> {
        self.open.get(&stream).map(|messages| *messages.get(from))
    }

    /// Sets how far the message of `from` on `stream` is, if the stream is open.
    pub(super) fn set(&mut self, stream: u32, from: Peer, message: Message) {
        let Some(messages) = self.open.get_mut(&stream) else {
            return;
        };
        *messages.get_mut(from) = message;
        if messages.client == Message::Over && messages.server == Message::Over {
            self.open.remove(&stream);
        }
    }

    /// The open streams above `last` that `by` began, in order.
    pub(super) fn above(&self, last: u32, by: Peer) -> Vec<u32> {
        let above = self.open.range(last.saturating_add(1)..);
        above.map(|(stream, _)| *stream).filter(|stream| Peer::of(*stream) == by).collect()
    }

    /// All open streams, in order.
    pub(super) fn open(&self) -> Vec<u32> {
        self.open.keys().copied().collect()
    }
}
