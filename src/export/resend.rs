//! A request as another program may send it again.

use super::keys::{Keys, Word};
use super::wire::{self, Message};
use super::{ExportError, Item, jsonl};
use crate::model::Exchange;
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
    /// What the reader should know, a line each: words of ours, ids and times. A shell that takes
    /// no comments would run them, so nothing that a shell reads stands in them.
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
        Ok(Self::made(exchange, message))
    }

    fn made(exchange: &Exchange, message: Message) -> Self {
        let mut keys = Keys::of(exchange);
        let mut says = vec![format!("exchange {}, {}", exchange.id, exchange.started_at)];
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
                true => headers.push((name.clone(), keys.header(name, value))),
                false => dropped += 1,
            }
        }
        // A path such as `@example.com/` would make another host of the origin.
        let slash = if exchange.path.starts_with(['/', '?']) { "" } else { "/" };
        let url = format!("{}{slash}{}", exchange.origin, exchange.path);
        let url = keys.words(&plain_url(&url));
        if let Some(coding) = &message.coding {
            says.push(format!("the body was sent as {}, here it is decoded", coding_name(coding)));
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
            says.push("secrets in the body were replaced by their fingerprints".to_owned());
        }
        if wire::is_turn(exchange) || exchange.status == Some(101) {
            says.push("it was a WebSocket: this is its handshake alone".to_owned());
        }
        if !keys.names().is_empty() {
            says.push(format!("credentials are not kept, set {}", keys.names().join(", ")));
        }
        let says = says.iter().map(|line| tame(line)).collect();
        let method = Some(exchange.method.clone()).filter(|method| is_token(method));
        let method = method.unwrap_or_else(|| "GET".to_owned());
        Self { says, method, url, headers, body: message.body }
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

/// Longest name of codings that is told, in characters.
const CODING_CHARS_MAX: usize = 40;

/// The names of content codings, which are the app's words, as far as they are names.
fn coding_name(coding: &str) -> String {
    let lower = coding.chars().map(|c| c.to_ascii_lowercase());
    let named = lower.filter(|c| matches!(c, 'a'..='z' | '0'..='9' | ' ' | ',' | '-'));
    named.take(CODING_CHARS_MAX).collect()
}

/// A comment's line. Interactive zsh takes no comments: to it the line is a command, which is not
/// found. So nothing stands there that would begin another one, fill in or redirect anything.
fn tame(text: &str) -> String {
    text.chars().map(|c| if is_tame(c) { c } else { ' ' }).collect()
}

fn is_tame(c: char) -> bool {
    c.is_ascii_alphanumeric() || " .,:-_/".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{curl, python};
    use crate::store::tests::sample::turn;

    /// What ends a command, begins one, fills in or redirects, and what is a comment to nobody.
    const HOSTILE: &str = "'; `id` $(id) <(id) >a &|!*?[~={}\"\\#\r\n\t\u{1b}]0;\u{202e}天 gzip";

    #[test]
    fn no_shell_reads_anything_in_a_comment() {
        let mut exchange = turn(0);
        exchange.app.user_agent = Some(HOSTILE.to_owned());
        exchange.app.process = Some(HOSTILE.to_owned());
        exchange.status = Some(101);
        exchange.provider = Some(HOSTILE.to_owned());
        exchange.dialect = Some(HOSTILE.to_owned());
        exchange.request.headers = [
            ("authorization", "Bearer <authorization:01234567..abcd>"),
            ("cookie", "<a.cookie-of_mine:11111111..>"),
            ("x-control", HOSTILE),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let message = Message {
            coding: Some(HOSTILE.to_owned()),
            cut: 5,
            body: b"<authorization:01234567..abcd>".to_vec(),
            ..Message::default()
        };
        let resend = Resend::made(&exchange, message);
        assert_eq!(resend.says.len(), 7, "{:?}", resend.says);
        for text in [curl::written(&resend), python::written(&resend)] {
            let comments: Vec<&str> =
                text.lines().map_while(|line| line.strip_prefix("# ")).collect();
            assert!(comments.len() >= resend.says.len(), "{text}");
            for line in comments {
                assert!(line.chars().all(is_tame), "{line}");
                assert!(!line.is_empty());
            }
        }
    }

    #[test]
    fn a_path_makes_no_other_host_of_the_origin() {
        let mut exchange = turn(0);
        exchange.origin = "https://api.openai.com".to_owned();
        for (path, expected) in [
            ("/v1?a=b", "https://api.openai.com/v1?a=b"),
            ("?a", "https://api.openai.com?a"),
            ("@example.com/", "https://api.openai.com/@example.com/"),
            (".example.com/", "https://api.openai.com/.example.com/"),
            ("", "https://api.openai.com/"),
        ] {
            exchange.path = path.to_owned();
            let url = Resend::made(&exchange, Message::default()).url;
            assert_eq!(url, [Word::Text(expected.to_owned())]);
        }
    }
}
