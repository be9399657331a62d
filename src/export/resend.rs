//! A request as another program may send it again.

use super::keys::{Keys, Word};
use super::wire::{self, Message};
use super::{ExportError, Item, jsonl};
use crate::store::Side;

/// Headers that are of the connection or of the bytes of the body, not of what is asked: whoever
/// sends the request makes them anew.
const LEFT_OUT: [&str; 16] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is sent.
pub(super) struct Resend {
    /// What the reader should know, a line each.
    pub(super) says: Vec<String>,
    pub(super) method: String,
    pub(super) url: Vec<Word>,
    pub(super) headers: Vec<(String, Vec<Word>)>,
    /// Codings undone.
    pub(super) body: Vec<u8>,
}

impl Resend {
    pub(super) fn of(item: &Item<'_>) -> Result<Self, ExportError> {
        let Item { reader, seq, exchange } = *item;
        let message = Message::read(reader, seq, exchange, Side::Downstream)?.unwrap_or_default();
        let mut keys = Keys::of(exchange);
        let mut says = vec![format!(
            "exchange {}, {}, as {} sent it",
            exchange.id,
            exchange.started_at,
            exchange
                .app
                .user_agent
                .as_deref()
                .or(exchange.app.process.as_deref())
                .unwrap_or("an app"),
        )];
        let host = exchange.origin.split_once("://").map_or("", |(_, host)| host);
        let mut dropped = 0;
        let mut headers = Vec::new();
        for (name, value) in &exchange.request.headers {
            let lower = name.to_ascii_lowercase();
            if LEFT_OUT.contains(&lower.as_str())
                || (lower == "host" && value == host)
                || name.starts_with(':')
            {
                continue;
            }
            match is_token(name) && !value.chars().any(jsonl::steers) {
                true => headers.push((name.clone(), keys.words(value))),
                false => dropped += 1,
            }
        }
        let url = keys.words(&plain_url(&format!("{}{}", exchange.origin, exchange.path)));
        if let Some(coding) = &message.coding {
            says.push(format!("the body was sent as {coding}; here it is decoded"));
        }
        if dropped > 0 {
            says.push(format!("{dropped} headers with control characters are left out"));
        }
        if message.cut > 0 {
            says.push(format!(
                "{} bytes of the body are not kept: this is the beginning",
                message.cut
            ));
        }
        let is_marked = message.text().is_some_and(wire::is_fingerprinted);
        if is_marked {
            says.push("secrets in the body were replaced by <kind:hash..last4>".to_owned());
        }
        if wire::is_turn(exchange) || exchange.status == Some(101) {
            says.push("it was a WebSocket: this is its handshake alone".to_owned());
        }
        if !keys.names().is_empty() {
            says.push(format!("credentials are not kept; set {}", keys.names().join(", ")));
        }
        let says = says.iter().map(|line| one_line(line)).collect();
        let method = Some(exchange.method.clone()).filter(|method| is_token(method));
        let method = method.unwrap_or_else(|| "GET".to_owned());
        Ok(Self { says, method, url, headers, body: message.body })
    }

    /// The body as text, if it can be shown as such: controls of a terminal are no text.
    pub(super) fn text(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.body).ok()?;
        let is_plain = |c: char| matches!(c, '\n' | '\t') || !jsonl::steers(c);
        text.chars().all(is_plain).then_some(text)
    }
}

/// Whether a name is one that HTTP allows (RFC 9110's `token`).
fn is_token(name: &str) -> bool {
    let is_of = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(is_of)
}

/// A URL without blanks and controls: they are written by their codes.
fn plain_url(url: &str) -> String {
    let mut plain = String::with_capacity(url.len());
    for c in url.chars() {
        match c.is_ascii_graphic() {
            true => plain.push(c),
            false => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    plain.push_str(&format!("%{byte:02X}"));
                }
            }
        }
    }
    plain
}

/// A comment's line: what could end it or steer a terminal is left out.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !jsonl::steers(*c)).collect()
}
