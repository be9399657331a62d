//! A row of the corpus, whose README tells the format.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use overhear::dialect::Asked;
use overhear::model::Headers;
use serde::Deserialize;

use crate::golden::replay::{Said, Wire};

/// One recorded exchange.
#[derive(Deserialize)]
pub struct Row {
    pub id: String,
    pub api: String,
    pub method: String,
    url: String,
    pub status: Option<u16>,
    pub req_headers: Headers,
    pub resp_headers: Headers,
    req_body_b64: Option<String>,
    resp_body_b64: Option<String>,
    /// Whether the reply is a stream of events.
    #[serde(default)]
    pub streaming: bool,
    pub req_recorded: Option<bool>,
    pub resp_recorded: Option<bool>,
    /// The content coding that the recorded headers named.
    pub orig_content_encoding: Option<String>,
    resp_wire_b64: Option<String>,
    /// The messages of a WebSocket.
    pub ws_frames: Option<Vec<Frame>>,
}

/// A message of a WebSocket.
#[derive(Deserialize)]
pub struct Frame {
    /// `c2s` or `s2c`.
    dir: String,
    /// `text` or `close`.
    op: String,
    data: String,
}

impl Row {
    /// Host and, if the URL has one, port.
    pub fn authority(&self) -> &str {
        self.authority_and_path().0
    }

    pub fn host(&self) -> &str {
        self.authority().split(':').next().unwrap()
    }

    /// Host and port.
    pub fn address(&self) -> (String, u16) {
        let port = self.authority().split_once(':').map_or(443, |(_, port)| port.parse().unwrap());
        (self.host().to_owned(), port)
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        self.authority_and_path().1
    }

    pub fn is_https(&self) -> bool {
        self.url.starts_with("https://")
    }

    /// The request as a dialect sees it.
    pub fn asked<'a>(&'a self, body: &'a [u8]) -> Asked<'a> {
        Asked {
            method: &self.method,
            host: self.host(),
            path: self.path(),
            headers: &self.req_headers,
            body,
        }
    }

    pub fn request_body(&self) -> Vec<u8> {
        decoded(&self.req_body_b64)
    }

    /// The reply, content coding undone, if it was recorded.
    pub fn reply(&self) -> Option<Wire> {
        (self.resp_recorded != Some(false)).then(|| Wire {
            line: format!("HTTP/1.1 {} -", self.status.unwrap_or(200)),
            headers: self.resp_headers.clone(),
            body: decoded(&self.resp_body_b64),
        })
    }

    /// The reply's body as it was on the wire, if the recorder kept it.
    pub fn encoded_reply(&self) -> Option<Vec<u8>> {
        self.resp_wire_b64.as_ref().map(|base64| BASE64_STANDARD.decode(base64).unwrap())
    }

    /// What was said on a WebSocket; nothing if it is none. Gemini's own server sends its JSON
    /// in binary messages, which the recording does not tell.
    pub fn said(&self) -> Vec<Said> {
        let is_binary = |frame: &Frame| frame.dir == "s2c" && self.api.starts_with("gemini");
        let frames = self.ws_frames.iter().flatten().filter(|frame| frame.op == "text");
        let said = frames.map(|frame| Said {
            from: if frame.dir == "c2s" { "app" } else { "provider" }.to_owned(),
            text: (!is_binary(frame)).then(|| frame.data.clone()),
            binary: is_binary(frame).then(|| frame.data.clone()),
        });
        said.collect()
    }

    fn authority_and_path(&self) -> (&str, &str) {
        let (_, rest) = self.url.split_once("://").unwrap();
        rest.split_at(rest.find('/').unwrap_or(rest.len()))
    }
}

fn decoded(base64: &Option<String>) -> Vec<u8> {
    BASE64_STANDARD.decode(base64.as_deref().unwrap_or_default()).unwrap()
}
