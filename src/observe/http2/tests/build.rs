//! Frames for tests.

use super::Peer;
use super::Peer::{Client, Server};

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RESET: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GO_AWAY: u8 = 7;
pub(super) const WINDOW: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const NONE: u8 = 0;
pub(super) const ACK: u8 = 0x1;
pub(super) const END: u8 = 0x1;
/// The field block ends.
pub(super) const WHOLE: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const WITH_PRIORITY: u8 = 0x20;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `GET /` by `https`.
pub(super) const GET: &[u8] = b"\x82\x84\x87";
/// `POST /` by `https`.
pub(super) const POST: &[u8] = b"\x83\x84\x87";
pub(super) const OK: &[u8] = b"\x88";

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A literal that is not kept in the table.
pub(super) fn plain(name: &str, value: &str) -> Vec<u8> {
    literal(0x00, name, value)
}

/// A literal that is kept in the table.
pub(super) fn kept(name: &str, value: &str) -> Vec<u8> {
    literal(0x40, name, value)
}

fn literal(mark: u8, name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![mark];
    for text in [name, value] {
        assert!(text.len() < 127, "longer needs more octets");
        field.push(text.len() as u8);
        field.extend_from_slice(text.as_bytes());
    }
    field
}

/// Preface and empty SETTINGS of both.
pub(super) fn hello() -> Vec<(Peer, Vec<u8>)> {
    vec![
        (Client, [PREFACE, &frame(SETTINGS, NONE, 0, b"")].concat()),
        (Server, frame(SETTINGS, NONE, 0, b"")),
    ]
}
