//! Anthropic's messages.
//!
//! Spoken by Anthropic itself, Vertex AI, Bedrock's invoke, Azure, OpenRouter, Copilot,
//! DeepSeek and others.
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - where the app asked for caching stands in the parameters, as `cache_breakpoints`:
//!   `[{"at": "system[1]", "cache_control": {…}}]`; it is no part of what was said;
//! - citations and other fields of a block follow it as an `other` part;
//! - what a server tool found is a tool result, its name that of the tool; results that are
//!   not words are `other` parts in it.

mod blocks;
mod growing;
mod reply;
mod request;
mod usage;
mod wire;

use super::{Asked, Dialect, Reading, may_be_object, path_only};
use reply::MessagesReading;

/// The dialect.
pub(super) struct AnthropicMessages;

impl Dialect for AnthropicMessages {
    fn name(&self) -> &'static str {
        "anthropic.messages"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        let path = path_only(asked.path);
        if asked.method != "POST" || !may_be_object(asked.body) {
            return None;
        }
        let has = |field: &str| memchr::memmem::find(asked.body, field.as_bytes()).is_some();
        let is_vertex = path.contains("/publishers/anthropic/models/");
        let counts = path.ends_with("/messages/count_tokens")
            || is_vertex && path.contains("/count-tokens:");
        // OpenAI's threads have a path that ends with `/messages` as well, with another body.
        let asks = path.ends_with("/v1/messages")
            || is_vertex && (path.ends_with(":rawPredict") || path.ends_with(":streamRawPredict"))
            || path.ends_with("/messages") && has("\"messages\"") && has("\"max_tokens\"");
        match (counts, asks) {
            (true, _) => Some("count_tokens"),
            (false, true) => Some("chat"),
            (false, false) => None,
        }
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        Box::new(MessagesReading::new(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_claims_by_path_and_body() {
        let vertex = "/v1/projects/p/locations/l/publishers/anthropic/models";
        let body = &br#"{"max_tokens":1,"messages":[]}"#[..];
        for (method, path, body, expected) in [
            ("POST", "/v1/messages", body, Some("chat")),
            ("POST", "/v1/messages?beta=true", body, Some("chat")),
            ("POST", "/v1/messages", &[], Some("chat")),
            ("POST", "/api/v1/messages", body, Some("chat")),
            ("POST", "/anthropic/v1/messages", body, Some("chat")),
            ("POST", "/messages", body, Some("chat")),
            ("POST", "/v1/messages/count_tokens", body, Some("count_tokens")),
            ("POST", &format!("{vertex}/m:rawPredict"), body, Some("chat")),
            ("POST", &format!("{vertex}/m:streamRawPredict"), body, Some("chat")),
            ("POST", &format!("{vertex}/count-tokens:rawPredict"), body, Some("count_tokens")),
            ("POST", "/model/m/invoke", br#"{"anthropic_version":"b"}"#, None),
            ("POST", "/model/m/invoke", body, None),
            ("POST", "/v1/threads/t/messages", br#"{"role":"user","content":"x"}"#, None),
            ("POST", "/v1/messages/batches", br#"{"requests":[]}"#, None),
            ("GET", "/v1/messages", &[], None),
        ] {
            let asked = Asked { method, host: "h", path, headers: &vec![], body };
            assert_eq!(AnthropicMessages.claim(&asked), expected, "{method} {path}");
        }
    }
}
