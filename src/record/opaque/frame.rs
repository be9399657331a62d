//! What the protocols have in common: a head that tells the length of what follows it.

/// What the bytes of a head say.
pub(super) enum Head {
    /// More are needed.
    Unfinished,
    /// A frame begins; an empty one if its length is 0.
    Whole(Frame),
    /// Such a frame cannot be: its beginning was somewhere else, or this is another protocol.
    Nonsense,
}

/// A frame whose payload is passing.
pub(super) struct Frame {
    pub(super) payload: Payload,
    length: u64,
    /// Bytes of the payload that have passed.
    passed: u64,
    key: Option<[u8; 4]>,
}

/// What becomes of a payload.
#[derive(Clone, Copy)]
pub(super) enum Payload {
    /// It holds no secret, or none that can be seen.
    Stays,
    /// Every byte becomes a star.
    Starred,
    /// It is gone through, together with what else has this number: the stream or the message
    /// of which it is a part.
    Text(u64),
}

impl Frame {
    pub(super) fn new(length: u64, payload: Payload) -> Self {
        Self { payload, length, passed: 0, key: None }
    }

    /// What goes on to the end of the flow.
    pub(super) fn endless(payload: Payload) -> Self {
        Self::new(u64::MAX, payload)
    }

    /// The same, masked with `key` (RFC 6455, section 5.3).
    pub(super) fn masked(self, key: Option<[u8; 4]>) -> Self {
        Self { key, ..self }
    }

    /// Bytes of the payload still to come.
    pub(super) fn left(&self) -> u64 {
        self.length - self.passed
    }

    /// Goes on by `bytes`, at most to the end.
    pub(super) fn pass(&mut self, bytes: u64) {
        self.passed += bytes.min(self.left());
    }

    /// The mask of the next byte and those after it.
    pub(super) fn mask(&self) -> Option<[u8; 4]> {
        let mut key = self.key?;
        key.rotate_left((self.passed % 4) as usize);
        Some(key)
    }
}
