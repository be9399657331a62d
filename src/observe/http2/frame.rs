//! The head of a frame (RFC 9113 §4.1, §6).

/// Octets of a frame's head.
pub(super) const HEAD_BYTES: usize = 9;

/// A frame, as far as its payload's fixed fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Octets of the payload.
    pub(super) length: u32,
    pub(super) kind: Kind,
    pub(super) flags: u8,
    /// 0 for the connection.
    pub(super) stream: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Priority,
    Reset,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// To be ignored, whatever it is.
    Other,
}

impl Frame {
    /// Reads a head.
    pub(super) fn parse(head: [u8; HEAD_BYTES]) -> Self {
        let [l0, l1, l2, kind, flags, stream @ ..] = head;
        let kind = match kind {
            0 => Kind::Data,
            1 => Kind::Headers,
            2 => Kind::Priority,
            3 => Kind::Reset,
            4 => Kind::Settings,
            5 => Kind::PushPromise,
            6 => Kind::Ping,
            7 => Kind::GoAway,
            8 => Kind::WindowUpdate,
            9 => Kind::Continuation,
            _ => Kind::Other,
        };
        let length = u32::from_be_bytes([0, l0, l1, l2]);
        Self { length, kind, flags, stream: stream_id(stream) }
    }

    /// A DATA frame of which the last `length` octets are to come.
    pub(super) fn data(stream: u32, flags: u8, length: u32) -> Self {
        Self { length, kind: Kind::Data, flags, stream }
    }

    /// Whether the sender says no more on the stream after this frame.
    pub(super) fn ends_stream(&self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Headers) && self.flags & 0x1 != 0
    }

    /// Whether a field block ends with this frame.
    pub(super) fn ends_block(&self) -> bool {
        self.flags & 0x4 != 0
    }

    /// Whether this begins or continues a field block.
    pub(super) fn is_of_block(&self) -> bool {
        matches!(self.kind, Kind::Headers | Kind::PushPromise | Kind::Continuation)
    }

    /// Whether the payload begins with the length of the padding at its end.
    pub(super) fn is_padded(&self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Headers | Kind::PushPromise) && self.flags & 0x8 != 0
    }

    /// Octets of the fixed fields that follow the padding's length.
    pub(super) fn fixed_bytes(&self) -> usize {
        match self.kind {
            Kind::Headers if self.flags & 0x20 != 0 => 5,
            Kind::Reset | Kind::PushPromise => 4,
            Kind::GoAway => 8,
            _ => 0,
        }
    }

    /// Whether its receiver may go on with the connection, as far as stream and length tell:
    /// what the RFC calls a connection error is not sound.
    pub(super) fn is_sound(&self) -> bool {
        let is_of_connection = self.stream == 0;
        let stream = match self.kind {
            Kind::Settings | Kind::Ping | Kind::GoAway => is_of_connection,
            Kind::WindowUpdate | Kind::Other => true,
            _ => !is_of_connection,
        };
        let length = match self.kind {
            Kind::Reset | Kind::WindowUpdate => self.length == 4,
            Kind::Ping => self.length == 8,
            Kind::Settings if self.is_acknowledgement() => self.length == 0,
            Kind::Settings => self.length.is_multiple_of(6),
            _ => self.length as usize >= self.fixed_bytes() + usize::from(self.is_padded()),
        };
        stream && length
    }

    /// Whether these SETTINGS are none of the sender's.
    pub(super) fn is_acknowledgement(&self) -> bool {
        self.flags & 0x1 != 0
    }
}

/// Reads a stream's number; the uppermost bit means nothing.
pub(super) fn stream_id(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes) & 0x7fff_ffff
}
