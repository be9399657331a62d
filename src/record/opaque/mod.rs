//! Secrets in a flow that is kept raw because nothing decodes it yet.
//!
//! There credentials stand where [`Redactor::body`] cannot see them: header lists are packed
//! (HPACK), messages of an app masked. So the frames are followed, and nothing else: header
//! lists become stars, texts are gone through, and once the frames cannot be followed any
//! more what may hide a secret becomes stars to the end. No byte moves. What stays unseen is
//! in `docs/secrets.md`.

mod frame;
mod http2;
mod text;
mod websocket;

use super::secrets::{Found, Redactor};
use crate::flow::Side;
use frame::{Frame, Head, Payload};
use text::Text;

/// What stands for a byte that may be a secret's.
const STAR: u8 = b'*';

/// Replaces secrets in the bytes of one side of a flow that is kept raw, in place and length
/// for length.
///
/// Stars do not depend on where the bytes are cut; of a secret in a text, what one piece has
/// of it is all that is seen. Compressed WebSocket messages are left as they are, and so are
/// texts with a content coding: the prompt in them is worth keeping.
pub(super) struct Opaque {
    protocol: Protocol,
    /// The bytes of a head that is not whole: at most the 24 of HTTP/2's preface.
    head: Vec<u8>,
    /// The frame whose payload is next.
    frame: Option<Frame>,
}

enum Protocol {
    Http2(http2::Frames),
    WebSocket(websocket::Frames),
    Unknown,
}

impl Opaque {
    /// The bytes of `side` begin with the connection preface (the app's) or the first frame.
    pub(super) fn http2(side: Side) -> Self {
        Self::new(Protocol::Http2(http2::Frames::new(side)), None)
    }

    /// The bytes of `side` begin after the upgrade: the request's head, or that of the 101.
    pub(super) fn websocket(side: Side) -> Self {
        Self::new(Protocol::WebSocket(websocket::Frames::new(side)), None)
    }

    /// No protocol that is known: all is text.
    pub(super) fn unknown() -> Self {
        Self::new(Protocol::Unknown, Some(Frame::endless(Payload::Text(0))))
    }

    fn new(protocol: Protocol, frame: Option<Frame>) -> Self {
        Self { protocol, head: Vec::new(), frame }
    }

    /// The next `bytes` of this side are missing. Told first of all, it says that the reading
    /// begins in the middle.
    pub(super) fn gap(&mut self, bytes: u64) {
        match &mut self.frame {
            _ if bytes == 0 => {}
            Some(frame) if bytes <= frame.left() => self.pass(bytes),
            _ => self.lose(),
        }
    }

    /// Replaces the secrets in the next bytes of this side, which may be cut anywhere.
    ///
    /// `found` is the flow's: what it knows from the head of an upgrade is found here too.
    pub(super) fn redact(&mut self, bytes: &mut [u8], redactor: &Redactor, found: &mut Found) {
        let mut texts = Vec::new();
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            let Some(frame) = &self.frame else {
                self.take_head_byte(byte);
                at += 1;
                continue;
            };
            let left = usize::try_from(frame.left()).unwrap_or(usize::MAX);
            let end = at.saturating_add(left).min(bytes.len());
            match frame.payload {
                Payload::Stays => {}
                Payload::Starred => bytes.get_mut(at..end).unwrap_or_default().fill(STAR),
                Payload::Text(of) => texts.push(Text { of, range: at..end, mask: frame.mask() }),
            }
            self.pass((end - at) as u64);
            at = end;
        }
        text::redact(bytes, texts, redactor, found);
    }

    /// As [`redact`](Opaque::redact), but no payload stays: what is inside cannot be gone
    /// through.
    pub(super) fn star(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            let Some(frame) = &self.frame else {
                self.take_head_byte(byte);
                at += 1;
                continue;
            };
            let left = usize::try_from(frame.left()).unwrap_or(usize::MAX);
            let end = at.saturating_add(left).min(bytes.len());
            bytes.get_mut(at..end).unwrap_or_default().fill(STAR);
            self.pass((end - at) as u64);
            at = end;
        }
    }

    fn take_head_byte(&mut self, byte: u8) {
        self.head.push(byte);
        let head = match &mut self.protocol {
            Protocol::Http2(frames) => frames.read(&self.head),
            Protocol::WebSocket(frames) => frames.read(&self.head),
            Protocol::Unknown => Head::Nonsense,
        };
        match head {
            Head::Unfinished => {}
            Head::Whole(frame) => {
                self.frame = Some(frame).filter(|frame| frame.left() > 0);
                self.head.clear();
            }
            Head::Nonsense => self.lose(),
        }
    }

    /// Goes on by `bytes` of the frame's payload.
    fn pass(&mut self, bytes: u64) {
        if let Some(frame) = &mut self.frame {
            frame.pass(bytes);
            if frame.left() == 0 {
                self.frame = None;
            }
        }
    }

    /// Where the next frame begins is not known, and will not be.
    fn lose(&mut self) {
        let payload = match &self.protocol {
            Protocol::Http2(_) => Payload::Starred,
            Protocol::WebSocket(frames) => frames.lost(),
            Protocol::Unknown => Payload::Text(0),
        };
        self.frame = Some(Frame::endless(payload));
        self.head.clear();
    }
}

#[cfg(test)]
mod tests;
