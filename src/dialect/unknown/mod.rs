//! Whatever nobody claims: JSON, forms and protobuf of APIs that are not known yet.
//!
//! What is named or shaped like something known is taken for it: a list of objects with roles is
//! a conversation, `model` a model, `…_tokens` are counts. All other texts that read as words
//! are kept with where they stood, so that a prompt is found on the first day of a new API.
//!
//! Kept like this:
//! - texts of the request that are named like nothing known are a message of the role `unknown`,
//!   whose last part tells `{"paths": [where each text stood]}`; what is no text is a parameter;
//! - the same goes for a reply in which nothing is named like an answer; if something is, the
//!   other texts are an `other` part `{path: text}` at the end of the answer;
//! - texts of one place in successive events are one text: joined if they are pieces, the last
//!   one if each repeats the ones before;
//! - fields of protobuf have their numbers for names.

mod answer;
mod ask;
mod body;
mod calls;
mod growing;
mod names;
mod parts;
mod reading;
mod socket;
#[cfg(test)]
mod tests;
mod words;

use super::handshake::{CONNECT, Handshake, header, opens_socket};
use super::{Asked, Conversation, Dialect, Reading, grpc, path_only};
use reading::UnknownReading;
pub(super) use reading::named_thread;
use socket::Socket;

/// The dialect.
pub(super) struct Unknown;

impl Dialect for Unknown {
    fn name(&self) -> &'static str {
        "unknown"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        if opens_socket(asked) {
            return Some(CONNECT);
        }
        let sends = matches!(asked.method, "POST" | "PUT" | "PATCH") && !asked.body.is_empty();
        (sends && !is_accounting(asked.path) && is_readable(asked)).then_some("unknown")
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        match opens_socket(asked) {
            true => Box::new(Handshake::new(asked)),
            false => Box::new(UnknownReading::new(asked)),
        }
    }

    fn converse(&self, asked: &Asked<'_>) -> Option<Box<dyn Conversation>> {
        opens_socket(asked).then(|| Box::new(Socket::new(asked)) as Box<dyn Conversation>)
    }
}

/// Whether an app sends there what it counts and logs of itself, which no model answers: such
/// requests are many, and among prompts they are in the way. Their bodies are found as text.
fn is_accounting(path: &str) -> bool {
    const WORDS: [&str; 12] = [
        "analytics",
        "analytics-events",
        "crash",
        "event_logging",
        "eval_sdk",
        "log_event",
        "logs",
        "metrics",
        "rgstr",
        "telemetry",
        "traces",
        "usage_events",
    ];
    path_only(path).split('/').any(|segment| WORDS.contains(&segment))
}

/// Whether there may be words in the body.
fn is_readable(asked: &Asked<'_>) -> bool {
    if grpc::is_call(asked) {
        return true;
    }
    let content_type = header(asked.headers, "content-type").unwrap_or_default();
    let kind = content_type.trim_start().to_ascii_lowercase();
    let is_named = kind.starts_with("application/x-www-form-urlencoded")
        || kind.starts_with("multipart/")
        || kind.starts_with("text/");
    is_named || matches!(asked.body.trim_ascii_start().first(), Some(b'{' | b'['))
}
