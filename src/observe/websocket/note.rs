//! What the reader of an exchange should know about the frames of its socket.

use std::fmt;

/// Something about a socket's frames that is not as it should be. `Display` says it in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Where a frame should begin there is none.
    NotWebSocket,
    /// The client's frames must be masked and the server's must not; these are the other way.
    Mask,
    /// Reserved bits are set that nothing agreed on explains.
    ReservedBits,
    /// Reserved bits are set, and the handshake agreed on an extension that we do not know.
    Extension {
        /// The extension's name as the handshake had it.
        name: String,
    },
    /// Compressed messages, though the handshake did not agree on any.
    CompressionNotAgreed,
    /// Frames of an opcode that has no meaning yet.
    ReservedOpcode,
    /// A fragment that continues nothing.
    NothingToContinue,
    /// A message began before the one before it was over.
    MessageWithoutEnd,
    /// A control frame in fragments, or longer than it may be.
    ControlGarbled,
    /// A close frame of one byte: no room for a code.
    CloseGarbled,
    /// A text that is not UTF-8.
    NotText,
    /// A compressed message makes no sense from some byte on.
    Damaged,
    /// A compressed message swells beyond reason.
    Bomb,
    /// Compressed messages that need what was lost.
    ContextLost,
    /// The connection ended within a frame or a message.
    Cut,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotWebSocket => "these bytes are no WebSocket frames: not read from here on",
            Self::Mask => "frames are masked on the wrong side: read anyway",
            Self::ReservedBits => "frames with reserved bits that mean nothing: read anyway",
            Self::Extension { name } => {
                return write!(
                    f,
                    "the WebSocket extension `{name}` is unknown: its messages are shown as they \
                     came"
                );
            }
            Self::CompressionNotAgreed => {
                "compressed messages that the handshake did not agree on: read anyway"
            }
            Self::ReservedOpcode => "frames of an unknown opcode were not read",
            Self::NothingToContinue => {
                "a fragment that continues no message is shown as a binary message"
            }
            Self::MessageWithoutEnd => "a message ended where the next one began",
            Self::ControlGarbled => "a control frame was not read to its end",
            Self::CloseGarbled => "a close frame has half a code",
            Self::NotText => "a text message is not UTF-8",
            Self::Damaged => "a compressed message is damaged: it was read up to there",
            Self::Bomb => "a compressed message swells beyond reason: it was read up to there",
            Self::ContextLost => {
                "compressed messages after a damaged one cannot be read: see the bytes as sent \
                 with `overhear show --raw`"
            }
            Self::Cut => "the connection ended within a message",
        })
    }
}
