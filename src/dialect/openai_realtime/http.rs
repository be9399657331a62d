//! Sessions that are created over HTTP, for a browser or a telephone to speak in.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use super::session::Session;
use crate::dialect::handshake::header;
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, failure, lossy, path_only, thread};
use crate::model::Request;

/// What is asked for over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    CreateCall,
    AcceptCall,
    ReferCall,
    RejectCall,
    HangupCall,
    CreateClientSecret,
    CreateSession,
}

impl Operation {
    pub(super) fn of(asked: &Asked<'_>) -> Option<Self> {
        let (before, last) = path_only(asked.path).rsplit_once('/')?;
        let is_of_call =
            before.rsplit_once('/').is_some_and(|(of, _)| of.ends_with("/realtime/calls"));
        let is_ours = before.ends_with("/realtime") || before.ends_with("/realtime/translations");
        if asked.method != "POST" {
            return None;
        }
        match last {
            "realtime" | "realtimertc" => Some(Self::CreateCall),
            "calls" if is_ours => Some(Self::CreateCall),
            "client_secrets" if is_ours => Some(Self::CreateClientSecret),
            "sessions" | "transcription_sessions" if is_ours => Some(Self::CreateSession),
            "accept" if is_of_call => Some(Self::AcceptCall),
            "refer" if is_of_call => Some(Self::ReferCall),
            "reject" if is_of_call => Some(Self::RejectCall),
            "hangup" if is_of_call => Some(Self::HangupCall),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CreateCall => "create_call",
            Self::AcceptCall => "accept_call",
            Self::ReferCall => "refer_call",
            Self::RejectCall => "reject_call",
            Self::HangupCall => "hangup_call",
            Self::CreateClientSecret => "create_client_secret",
            Self::CreateSession => "create_session",
        }
    }
}

/// The creation of a session being read.
pub(super) struct SessionReading {
    decoded: Decoded,
    is_done: bool,
}

impl SessionReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let mut session = Session::at(asked.path);
        let content_type = header(asked.headers, "content-type").unwrap_or_default();
        let body = lossy(asked.body);
        let sent = match boundary(content_type) {
            Some(boundary) => part_of_form(&body, boundary, "session").unwrap_or_default(),
            None => body.trim(),
        };
        let mut decoded = Decoded::default();
        match serde_json::from_str::<&RawValue>(sent) {
            Ok(raw) => session.merge(raw),
            Err(_) if sent.starts_with('{') => {
                decoded.notes.push("the session is not JSON".to_owned());
            }
            // An offer of WebRTC, or nothing.
            Err(_) => {}
        }
        decoded.request = session.ask(Vec::new());
        decoded.thread = thread::thread(asked.headers, &decoded.request.params);
        Self { decoded, is_done: false }
    }

    /// Neither the secret nor the answer of WebRTC is kept.
    fn body(&mut self, body: &[u8], status: u16) {
        let body = lossy(body);
        self.is_done = true;
        if status >= 400 {
            self.decoded.error = Some(failure::of_body(&body, status));
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(&body) else { return };
        let session = value.get("session").unwrap_or(&value);
        let text = |name: &str| session.get(name).and_then(Value::as_str).map(str::to_owned);
        self.decoded.reply.id = text("id").or(self.decoded.reply.id.take());
        self.decoded.reply.model = text("model");
    }
}

impl Reading for SessionReading {
    fn prompt(&self) -> &Request {
        &self.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, _: Timestamp, _: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Head { headers, .. } => {
                let call = header(headers, "location").and_then(|path| {
                    path_only(path).rsplit('/').next().filter(|id| !id.is_empty())
                });
                self.decoded.reply.id = call.map(str::to_owned);
            }
            Frame::Body { body, status } => self.body(body, status),
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

/// The boundary that a form's content type names.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, fields) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut fields = fields.split(';').filter_map(|field| field.trim().split_once('='));
    let (_, boundary) = fields.find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    Some(boundary.trim_matches('"')).filter(|boundary| !boundary.is_empty())
}

/// The part `name` of a form.
fn part_of_form<'a>(body: &'a str, boundary: &str, name: &str) -> Option<&'a str> {
    let mark = format!("--{boundary}");
    let field = format!("name=\"{name}\"");
    body.split(mark.as_str()).find_map(|part| {
        let (head, content) = part.split_once("\r\n\r\n").or_else(|| part.split_once("\n\n"))?;
        head.contains(&field).then(|| content.trim())
    })
}
