//! The HTTP/1 head splicer of the base-URL mode.
//!
//! It replaces the target of the request line and the value of `Host` lines, and copies
//! everything else. Where a head ends and where a message ends it asks `observe::http1`: one
//! reading of HTTP/1 framing for the whole product.

use crate::flow::Origin;
use crate::observe::http1::{Decoder, Event, Head, Start};

/// What a request's head asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// An upstream.
    Upstream {
        /// Where to.
        origin: Origin,
        /// Path and query for it.
        target: String,
    },
    /// Not an upstream: us.
    Ours,
}

/// Reads where a request goes.
pub type Router = std::sync::Arc<dyn Fn(&Head) -> Route + Send + Sync>;

/// Edits one connection's requests to one origin, and knows which replies are still to come.
pub struct Splicer {
    router: Router,
    origin: Origin,
    requests: Decoder,
    replies: Decoder,
    /// Bytes of a head that is not complete.
    head: Vec<u8>,
    in_body: bool,
    replies_due: usize,
    /// From the first head that is not for this origin: bytes for whoever serves that one.
    handover: Option<Vec<u8>>,
}

impl Splicer {
    /// For requests to `origin`.
    pub fn new(router: Router, origin: Origin) -> Self {
        Self {
            router,
            origin,
            requests: Decoder::requests(),
            replies: Decoder::replies(),
            head: Vec::new(),
            in_body: false,
            replies_due: 0,
            handover: None,
        }
    }

    /// Takes what the app sent and hands on what goes to the origin.
    pub fn request(&mut self, bytes: &[u8], pass: &mut dyn FnMut(&[u8])) {
        let Self { router, origin, requests, replies, head, in_body, replies_due, handover } = self;
        if let Some(held) = handover {
            held.extend_from_slice(bytes);
            return;
        }
        requests.feed(bytes, &mut |event| {
            if let Some(held) = handover {
                if let Event::Wire(more) | Event::Opaque(more) = event {
                    held.extend_from_slice(more);
                }
                return;
            }
            match event {
                Event::Wire(piece) if *in_body => pass(piece),
                Event::Wire(piece) => head.extend_from_slice(piece),
                Event::Opaque(piece) => pass(piece),
                Event::Head(read) => {
                    let Start::Request { method, target } = &read.start else { return };
                    match router(&read) {
                        Route::Upstream { origin: asked, target: new } if asked == *origin => {
                            replies.asked(method);
                            *replies_due += 1;
                            *in_body = true;
                            pass(&splice(head, target, &new, &host_line(origin)));
                            head.clear();
                        }
                        _ => *handover = Some(std::mem::take(head)),
                    }
                }
                Event::End { .. } => *in_body = false,
                _ => {}
            }
        });
    }

    /// Looks at what the origin sent; it is passed on as it is.
    pub fn reply(&mut self, bytes: &[u8]) {
        let (requests, due) = (&mut self.requests, &mut self.replies_due);
        self.replies.feed(bytes, &mut |event| match event {
            Event::Head(head) if matches!(head.start, Start::Reply { status: 101, .. }) => {
                requests.upgraded();
            }
            Event::End { .. } => *due = due.saturating_sub(1),
            _ => {}
        });
    }

    /// Whether a request for somebody else has come: nothing more is read from the app until
    /// it is handed over.
    pub fn must_hand_over(&self) -> bool {
        self.handover.is_some()
    }

    /// The bytes from that request on, once every reply that is due has come.
    pub fn take_handover(&mut self) -> Option<Vec<u8>> {
        if self.replies_due == 0 { self.handover.take() } else { None }
    }
}

/// `Host` as the origin expects it: the port only where it is not the scheme's own.
fn host_line(origin: &Origin) -> String {
    match origin.port == origin.scheme.default_port() {
        true => origin.host.to_string(),
        false => origin.authority(),
    }
}

/// The head with `target` replaced in its first line and `host` as the value of its `Host`
/// lines.
fn splice(head: &[u8], target: &str, new: &str, host: &str) -> Vec<u8> {
    let mut spliced = Vec::with_capacity(head.len() + new.len() + host.len());
    let mut first = true;
    for line in head.split_inclusive(|b| *b == b'\n') {
        let text = line.trim_ascii();
        if first && !text.is_empty() {
            first = false;
            splice_request_line(line, target, new, &mut spliced);
        } else if let Some(value) = host_value(line) {
            let (before, rest) = line.split_at(value.start);
            let after = rest.get(value.len()..).unwrap_or_default();
            spliced.extend_from_slice(before);
            spliced.extend_from_slice(host.as_bytes());
            spliced.extend_from_slice(after);
        } else {
            spliced.extend_from_slice(line);
        }
    }
    spliced
}

fn splice_request_line(line: &[u8], target: &str, new: &str, spliced: &mut Vec<u8>) {
    // A target is found after the method's space; what the decoder gave is what stands there,
    // unless it holds bytes that are not UTF-8: then the line goes as it is.
    match memchr::memmem::find(line, target.as_bytes()) {
        Some(at) if !target.is_empty() => {
            let (before, rest) = line.split_at(at);
            spliced.extend_from_slice(before);
            spliced.extend_from_slice(new.as_bytes());
            spliced.extend_from_slice(rest.get(target.len()..).unwrap_or_default());
        }
        _ => spliced.extend_from_slice(line),
    }
}

/// Where the value of a `Host` line stands.
fn host_value(line: &[u8]) -> Option<std::ops::Range<usize>> {
    let colon = line.iter().position(|b| *b == b':')?;
    let (name, rest) = line.split_at(colon);
    if !name.trim_ascii().eq_ignore_ascii_case(b"host")
        || name.first().is_none_or(u8::is_ascii_whitespace)
    {
        return None;
    }
    let value = rest.get(1..)?;
    let start = colon + 1 + (value.len() - value.trim_ascii_start().len());
    Some(start..start + value.trim_ascii().len())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::flow::Scheme;

    /// `/a/…` is for `a.example`, `/b/…` for `b.example:8443`, all else is ours.
    fn router() -> Router {
        Arc::new(|head| {
            let Start::Request { target, .. } = &head.start else { return Route::Ours };
            let upstream = |authority: &str, target: &str| Route::Upstream {
                origin: Origin::parse(Scheme::Https, authority).unwrap(),
                target: target.to_owned(),
            };
            match (target.strip_prefix("/a"), target.strip_prefix("/b")) {
                (Some(rest), _) => upstream("a.example", rest),
                (_, Some(rest)) => upstream("b.example:8443", rest),
                _ => Route::Ours,
            }
        })
    }

    fn splicer(authority: &str) -> Splicer {
        Splicer::new(router(), Origin::parse(Scheme::Https, authority).unwrap())
    }

    fn passed<'a>(splicer: &mut Splicer, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let mut out = Vec::new();
        for piece in pieces {
            splicer.request(piece, &mut |bytes| out.extend_from_slice(bytes));
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_the_target_and_host_change() {
        for (rule, origin, sent, expected) in [
            (
                "order, case, duplicates and spaces stay",
                "a.example",
                "POST /a/v1/x?y=/a/ HTTP/1.1\r\nX-B: 1\r\nhOsT:  127.0.0.1:4141 \r\nx-b:2\r\nContent-Length: 4\r\n\r\n/a/v",
                "POST /v1/x?y=/a/ HTTP/1.1\r\nX-B: 1\r\nhOsT:  a.example \r\nx-b:2\r\nContent-Length: 4\r\n\r\n/a/v",
            ),
            (
                "a port that is not the scheme's own",
                "b.example:8443",
                "GET /b/ HTTP/1.1\nHost: x\n\n",
                "GET / HTTP/1.1\nHost: b.example:8443\n\n",
            ),
            (
                "a chunked body with extensions is copied, and the next head is found behind it",
                "a.example",
                "POST /a/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;e=\"f\"\r\nabc\r\n0\r\nT: u\r\n\r\nGET /a/2 HTTP/1.1\r\nHost: x\r\n\r\n",
                "POST /1 HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3;e=\"f\"\r\nabc\r\n0\r\nT: u\r\n\r\nGET /2 HTTP/1.1\r\nHost: a.example\r\n\r\n",
            ),
            (
                "no Host line, none made",
                "a.example",
                "GET /a/ HTTP/1.0\r\n\r\n",
                "GET / HTTP/1.0\r\n\r\n",
            ),
        ] {
            assert_eq!(passed(&mut splicer(origin), [sent.as_bytes()]), expected, "{rule}");
            let bytewise = passed(&mut splicer(origin), sent.as_bytes().chunks(1));
            assert_eq!(bytewise, expected, "{rule}, one byte at a time");
        }
    }

    #[test]
    fn a_request_for_another_origin_waits_for_the_replies_that_are_due() {
        let first = "GET /a/1 HTTP/1.1\r\nHost: x\r\n\r\n";
        let second = "POST /b/2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
        let both = format!("{first}{second}");
        for pieces in [vec![both.as_bytes()], both.as_bytes().chunks(1).collect()] {
            let mut splicer = splicer("a.example");
            let out = passed(&mut splicer, pieces);
            assert_eq!(out, "GET /1 HTTP/1.1\r\nHost: a.example\r\n\r\n");
            assert!(splicer.must_hand_over());
            assert_eq!(splicer.take_handover(), None, "a reply is due");
            splicer.reply(
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no",
            );
            assert_eq!(splicer.take_handover(), None, "it has not ended");
            splicer.reply(b"k");
            assert_eq!(splicer.take_handover().unwrap(), second.as_bytes());
        }
    }

    #[test]
    fn after_an_upgrade_everything_is_copied() {
        let mut splicer = splicer("a.example");
        passed(
            &mut splicer,
            [&b"GET /a/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
                [..]],
        );
        splicer.reply(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
        let frame = "GET /b/ HTTP/1.1\r\n\r\n";
        assert_eq!(passed(&mut splicer, [frame.as_bytes()]), frame);
    }
}
