//! Plain-HTTP exchanges that hudsucker's client carries, put on a tape as HTTP/1.1.
//!
//! The layout of the heads is not the app's, and the tape says so ([`Mode::Rewritten`]).

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, header};
use http_body_util::combinators::BoxBody;
use hudsucker::Body;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use jiff::Timestamp;

use crate::flow::{Ending, FlowId, Mode, Opened, Origin, Side, Verdict};
use crate::proxy::in_flight::InFlight;
use crate::proxy::{Engine, process};
use crate::tape::Writer;

/// One exchange being carried.
pub struct Exchange {
    /// Shared by the two bodies, which the same thread carries.
    tape: Arc<Mutex<Tape>>,
}

/// The tape of one exchange.
struct Tape {
    writer: Writer,
    _open: InFlight,
}

impl Exchange {
    /// Begins the tape and puts the request on it as its body is sent.
    pub fn begin(
        engine: &Engine,
        origin: Origin,
        request: Request<Body>,
        addresses: (SocketAddr, SocketAddr),
    ) -> (Arc<Self>, Request<Body>) {
        let opened = Opened {
            flow: FlowId::now(),
            at: Timestamp::now(),
            mode: Mode::Rewritten,
            origin,
            verdict: Verdict::Intercept,
            tls: None,
            connect_user_agent: None,
        };
        let tape = Arc::new(Mutex::new(Tape {
            writer: engine.tapes.open(&opened),
            _open: InFlight::new(&engine.metrics),
        }));
        let (parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let first_line = format!("{} {target} {:?}\r\n", parts.method, parts.version);
        let body = taped(&tape, Side::Downstream, first_line, &parts.headers, body);
        let found = process::look_up(addresses.0, addresses.1);
        let for_process = Arc::clone(&tape);
        tokio::spawn(async move {
            if let Ok(process) = found.await {
                lock(&for_process).writer.process(process);
            }
        });
        (Arc::new(Self { tape }), Request::from_parts(parts, body))
    }

    /// Puts the reply on the tape as its body comes.
    pub fn reply(&self, reply: Response<Body>) -> Response<Body> {
        let (parts, body) = reply.into_parts();
        let reason = parts.status.canonical_reason().unwrap_or_default();
        let first_line = format!("{:?} {} {reason}\r\n", parts.version, parts.status.as_u16());
        let body = taped(&self.tape, Side::Upstream, first_line, &parts.headers, body);
        Response::from_parts(parts, body)
    }
}

fn taped(
    tape: &Arc<Mutex<Tape>>,
    side: Side,
    first_line: String,
    headers: &HeaderMap,
    body: Body,
) -> Body {
    let has_length = headers.contains_key(header::CONTENT_LENGTH);
    let chunked = !has_length && !body.is_end_stream();
    lock(tape).writer.append(side, &head(first_line, headers, chunked));
    let ended = body.is_end_stream();
    let copied = Copied { body, tape: Arc::clone(tape), side, chunked, ended };
    Body::from(BoxBody::new(copied))
}

fn head(first_line: String, headers: &HeaderMap, chunked: bool) -> Vec<u8> {
    let mut head = first_line.into_bytes();
    for (name, value) in headers {
        // The body is put on the tape by its own framing, not by the wire's.
        if *name == header::TRANSFER_ENCODING {
            continue;
        }
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    if chunked {
        head.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// A body whose frames fall onto the tape before they are passed on.
struct Copied {
    body: Body,
    tape: Arc<Mutex<Tape>>,
    side: Side,
    chunked: bool,
    ended: bool,
}

impl HttpBody for Copied {
    type Data = Bytes;
    type Error = hudsucker::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.copy(frame),
            Poll::Ready(None) => self.ended = true,
            _ => {}
        }
        self.ended |= self.body.is_end_stream();
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Copied {
    fn copy(&self, frame: &Frame<Bytes>) {
        let Some(data) = frame.data_ref().filter(|data| !data.is_empty()) else { return };
        let mut tape = lock(&self.tape);
        if self.chunked {
            let mut chunk = BytesMut::from(format!("{:x}\r\n", data.len()).as_bytes());
            chunk.extend_from_slice(data);
            chunk.extend_from_slice(b"\r\n");
            tape.writer.append(self.side, &chunk);
        } else {
            tape.writer.append(self.side, data);
        }
    }
}

impl Drop for Copied {
    /// A body is dropped when it has ended or was given up; which of them, its framing on
    /// the tape shows.
    fn drop(&mut self) {
        let mut tape = lock(&self.tape);
        if self.chunked && self.ended {
            tape.writer.append(self.side, b"0\r\n\r\n");
        }
        tape.writer.ended(self.side, Ending::Closed);
    }
}

fn lock(tape: &Mutex<Tape>) -> MutexGuard<'_, Tape> {
    tape.lock().unwrap_or_else(PoisonError::into_inner)
}
