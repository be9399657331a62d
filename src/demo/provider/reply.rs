//! Replies, before hyper sends them.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde_json::Value;

use super::encoding::Encoding;

/// The body type of every response.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A reply.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content: Content,
}

/// What a reply carries.
#[derive(Debug)]
pub(super) enum Content {
    /// One JSON value.
    Json(Value),
    /// A stream of events, each with its empty line.
    Events(Vec<String>, Ending),
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// By its framing.
    Whole,
    /// The connection closes in the middle of it.
    Cut,
}

impl Reply {
    pub(super) fn json(status: u16, value: Value) -> Self {
        Self { status, headers: Vec::new(), content: Content::Json(value) }
    }

    pub(super) fn events(events: Vec<String>, ending: Ending) -> Self {
        Self { status: 200, headers: Vec::new(), content: Content::Events(events, ending) }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// As hyper sends it: its content in `encoding`, its events `pace` apart.
    pub(super) fn into_response(self, mut encoding: Encoding, pace: Duration) -> Response<Body> {
        let mut response = Response::new(Body::default());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        let content_type = match self.content {
            Content::Json(_) => "application/json",
            Content::Events(..) => "text/event-stream; charset=utf-8",
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(coding) = encoding.name() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        *response.body_mut() = match self.content {
            Content::Json(value) => {
                let mut body = encoding.piece(value.to_string().into()).to_vec();
                body.extend(encoding.end());
                Full::from(body).map_err(|never| match never {}).boxed_unsync()
            }
            Content::Events(events, ending) => stream_body(events, ending, encoding, pace),
        };
        response
    }
}

/// Sends each event in a write of its own, and one that has a character of several bytes in
/// two, cut inside the first such character: so do networks, and a client that decodes
/// pieces by themselves breaks.
fn stream_body(events: Vec<String>, ending: Ending, encoding: Encoding, pace: Duration) -> Body {
    let pieces: Vec<_> = events.into_iter().flat_map(cut).collect();
    let state = Some((pieces.into_iter(), encoding));
    let frames = stream::unfold(state, move |state| async move {
        let (mut pieces, mut encoding) = state?;
        let Some((wait, piece)) = pieces.next() else {
            let last = match ending {
                Ending::Whole => Ok(Frame::data(encoding.end())),
                Ending::Cut => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
            };
            return Some((last, None));
        };
        match wait {
            Wait::Pace if !pace.is_zero() => tokio::time::sleep(pace).await,
            // Hyper writes what it has when the body is not ready.
            Wait::Pace | Wait::Write => tokio::task::yield_now().await,
        }
        Some((Ok(Frame::data(encoding.piece(piece))), Some((pieces, encoding))))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// What to wait for before a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// The pace of events.
    Pace,
    /// The piece before, to be written.
    Write,
}

fn cut(event: String) -> Vec<(Wait, Bytes)> {
    let mut bytes = Bytes::from(event);
    match bytes.iter().position(|byte| !byte.is_ascii()) {
        Some(at) => {
            let first = bytes.split_to(at + 1);
            vec![(Wait::Pace, first), (Wait::Write, bytes)]
        }
        None => vec![(Wait::Pace, bytes)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_cut_inside_its_first_long_character() {
        let cut = cut("data: aä\n\n".to_owned());
        let pieces: Vec<_> = cut.iter().map(|(_, piece)| &piece[..]).collect();
        assert_eq!(pieces, [&b"data: a\xc3"[..], b"\xa4\n\n"]);
    }
}
