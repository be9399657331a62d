//! The frames of a WebSocket, as one side sends them (RFC 6455, RFC 7692).

use flate2::{Compress, Compression, FlushCompress};

use crate::support::chance::Chance;

/// What the handshake agrees on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// Nothing.
    None,
    /// Messages are compressed, each with those before as its window.
    Deflate,
    /// Each message is compressed on its own.
    DeflateAlone,
}

impl Extension {
    /// `sec-websocket-extensions`.
    pub fn line(self) -> Option<(String, String)> {
        let words = match self {
            Self::None => return None,
            Self::Deflate => "permessage-deflate",
            Self::DeflateAlone => {
                "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
            }
        };
        Some(("sec-websocket-extensions".to_owned(), words.to_owned()))
    }
}

/// Whether frames are masked: an app's are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    Drawn,
    None,
}

/// The kinds of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
}

/// One side of a socket.
pub struct Encoder {
    chance: Chance,
    mask: Mask,
    extension: Extension,
    compress: Compress,
}

/// What ends a compressed message and is left out (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

impl Encoder {
    pub fn new(seed: u64, mask: Mask, extension: Extension) -> Self {
        let compress = Compress::new(Compression::fast(), false);
        Self { chance: Chance::new(seed), mask, extension, compress }
    }

    /// A message in frames that are cut at random, with pings between.
    pub fn message(&mut self, kind: Kind, message: &[u8]) -> Vec<u8> {
        let is_compressed =
            self.extension != Extension::None && kind != Kind::Close && !self.chance.is_one_of(6);
        let payload = if is_compressed { self.compressed(message) } else { message.to_vec() };
        let longest = match self.chance.of(0..3) {
            _ if kind == Kind::Close => payload.len(),
            0 => payload.len(),
            1 => payload.len() / 3 + 1,
            _ => payload.len() / 10 + 10,
        };
        let mut pieces = self.chance.pieces(&payload, longest);
        if pieces.is_empty() {
            pieces.push(&[]);
        }
        let (mut frames, last) = (Vec::new(), pieces.len() - 1);
        for (at, piece) in pieces.into_iter().enumerate() {
            let rsv1 = if is_compressed && at == 0 { 0x40 } else { 0 };
            let opcode = if at == 0 { kind as u8 } else { 0 };
            let fin = if at == last { 0x80 } else { 0 };
            self.frame(fin | rsv1 | opcode, piece, &mut frames);
            if at != last && self.chance.is_one_of(4) {
                self.frame(0x80 | Kind::Ping as u8, b"still there?", &mut frames);
            }
        }
        frames
    }

    fn compressed(&mut self, message: &[u8]) -> Vec<u8> {
        if self.extension == Extension::DeflateAlone {
            self.compress.reset();
        }
        let mut out = Vec::with_capacity(message.len() + message.len() / 10 + 100);
        let before = self.compress.total_in();
        while self.compress.total_in() - before < message.len() as u64 || !out.ends_with(&TAIL) {
            let done = (self.compress.total_in() - before) as usize;
            out.reserve(100);
            self.compress.compress_vec(&message[done..], &mut out, FlushCompress::Sync).unwrap();
        }
        out.truncate(out.len() - TAIL.len());
        out
    }

    fn frame(&mut self, first: u8, payload: &[u8], frames: &mut Vec<u8>) {
        let masked = if self.mask == Mask::Drawn { 0x80 } else { 0 };
        frames.push(first);
        match payload.len() {
            short @ ..126 => frames.push(masked | short as u8),
            middle @ ..0x1_0000 => {
                frames.push(masked | 126);
                frames.extend_from_slice(&(middle as u16).to_be_bytes());
            }
            long => {
                frames.push(masked | 127);
                frames.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        if self.mask == Mask::None {
            return frames.extend_from_slice(payload);
        }
        let key: [u8; 4] = std::array::from_fn(|_| self.chance.of(0..256) as u8);
        frames.extend_from_slice(&key);
        frames.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    }
}
