//! The handshake of a WebSocket, which is an exchange of its own: refused, it says why.

use jiff::Timestamp;

use super::{Asked, Decoded, Frame, Grown, Reading, failure, lossy, thread};
use crate::model::{Headers, Request};

/// The operation of every handshake.
pub(super) const CONNECT: &str = "connect";

/// Whether `asked` opens a WebSocket: an HTTP/1.1 upgrade (RFC 6455, section 4.1), or an
/// extended `CONNECT` of HTTP/2 (RFC 8441, section 4).
pub(super) fn opens_socket(asked: &Asked<'_>) -> bool {
    let is_websocket = |name: &str| {
        asked.headers.iter().any(|(had, value)| {
            had.eq_ignore_ascii_case(name) && value.trim().eq_ignore_ascii_case("websocket")
        })
    };
    match asked.method {
        "GET" => is_websocket("upgrade"),
        "CONNECT" => is_websocket(":protocol"),
        _ => false,
    }
}

/// A handshake being read: nothing of it is a prompt, and only a refusal is an answer.
pub(super) struct Handshake {
    decoded: Decoded,
    is_done: bool,
}

impl Handshake {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let mut decoded = Decoded::default();
        decoded.thread = thread::thread(asked.headers, &decoded.request.params);
        Self { decoded, is_done: false }
    }
}

impl Reading for Handshake {
    fn prompt(&self) -> &Request {
        &self.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, _: Timestamp, _: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Head { status: 101 | 200, .. } => self.is_done = true,
            Frame::Body { body, status } if status >= 400 => {
                self.decoded.error = Some(failure::of_body(&lossy(body), status));
                self.is_done = true;
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.is_done
    }

    fn finish(self: Box<Self>) -> Decoded {
        self.decoded
    }
}

/// The value of the header `name`.
pub(super) fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(had, _)| had.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
